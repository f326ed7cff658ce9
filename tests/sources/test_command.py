"""`gatefold collect`, `status` and `merge` as people run them; killed at any moment, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.shards import Dataset
from tests.sources.shop import API, FILES, ShopStandIn
from tests.sources.standin import Faults, StandIn

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0


class Command:
    """The command against a stand-in, in processes of its own."""

    def __init__(self, server: StandIn, folder: Path) -> None:
        self._environment = {**os.environ, "GATEFOLD_ROUTE": server.url, "XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, *words: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "tests.sources.command", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(line, cwd=ROOT, env=self._environment, text=True, **pipes)

    def __call__(self, *words: object) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err


def test_a_gathering_from_the_command_line(tmp_path: Path) -> None:
    faults = Faults().once("/album/9", "hours")
    with StandIn(ShopStandIn(albums=12).routes, faults, file_hosts=[FILES]) as server:
        command, store = Command(server, tmp_path), tmp_path / "store"
        code, out, err = command("collect", "shop", store, "shelf=1")
        assert (code, out) == (75, f"{store}\n"), err
        assert "all may be used for tests" in err
        assert "stopped: too many requests; all is saved: give the same command again after 20" in err
        assert "Traceback" not in err
        code, out, err = command("status", store)
        assert code == 0
        lines = [json.loads(line) for line in out.splitlines()]
        assert {line["what"] for line in lines} == {"requests", "shelf", "album", "tracks"}
        assert lines[0]["until"].startswith("20")
        assert command("merge", tmp_path / "merged", store)[:2] == (0, f"{tmp_path / 'merged'}\n")
        assert command("status", tmp_path / "merged", "--table")[1].startswith("| source |")
        code, out, err = command("collect", "shop", store, "shelf=x")
        assert (code, out) == (2, "")
        assert err.splitlines()[-1] == "shelf=x: a shelf has a number"


def test_two_collectors_by_mistake(tmp_path: Path) -> None:
    with StandIn(ShopStandIn(albums=4).routes, Faults().once("/shelf", "timeout"), hang_s=60.0) as server:
        command, store = Command(server, tmp_path), tmp_path / "store"
        first = command.start("collect", "shop", store, "shelf=1")
        deadline = time.monotonic() + START_S
        while not server.log and time.monotonic() < deadline:
            time.sleep(0.02)
        # The first hangs in its first question for some seconds; stopped, it holds on however slow the second is.
        first.send_signal(signal.SIGSTOP)
        code, out, err = command("collect", "shop", store, "shelf=1")
        assert (code, out) == (2, "")
        assert err.splitlines()[1:] == [f"{store}: another collector is at work there"]
        assert command("status", store)[0] == 0
        first.kill()
        first.communicate()
        assert command("merge", store, tmp_path / "none")[0] == 2


def test_an_interruption_ends_at_once_and_keeps_what_was_done(tmp_path: Path) -> None:
    slow = Faults().once("/5.jpg", "timeout", times=99)
    with StandIn(ShopStandIn(albums=12).routes, slow, file_hosts=[FILES], hang_s=2.0) as server:
        command, store = Command(server, tmp_path), tmp_path / "store"
        process = command.start("collect", "shop", store, "shelf=1")
        deadline = time.monotonic() + START_S
        while not server.asked("/5.jpg") and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.splitlines()[-1]) == (130, "interrupted; what was finished stays finished")
        lines = [json.loads(line) for line in command("status", store)[1].splitlines()]
        assert next(line["got"] for line in lines if line["what"] == "shelf") == 2


def killed_and_gathered(folder: Path, albums: int, tracks: int, kills: int, share: float, seed: int) -> int:
    """Gathers undisturbed, and with faults and SIGKILLs; both datasets must be one. How many kills hit.

    Each life ends a moment after so many questions that all of them together are about what the whole needs: as many
    kills fall into the work on a slow machine as on a fast one.
    """
    with StandIn(ShopStandIn(albums, tracks, uses=50).routes, file_hosts=[FILES]) as server:
        assert Command(server, folder)("collect", "shop", folder / "calm", "shelf=1")[0] == 0
        needed = len(server.log)
    moments, hit = random.Random(seed), 0
    with StandIn(ShopStandIn(albums, tracks, uses=3).routes, Faults(share, seed), [FILES], hang_s=3.5) as server:
        command = Command(server, folder)
        for _ in range(kills):
            last = len(server.log) + moments.randint(1, 2 * needed // kills)
            process = command.start("collect", "shop", folder / "store", "shelf=1")
            deadline = time.monotonic() + START_S
            while process.poll() is None and len(server.log) < last and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.1))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                hit += 1
            process.communicate()
        code, _, err = command("collect", "shop", folder / "store", "shelf=1")
        assert code == 0, err
        assert server.most_in_any_window(0.1, API) <= 1_000
    calm, store = Dataset(folder / "calm"), Dataset(folder / "store")
    assert len(calm) == len(store) == albums * tracks, err
    assert all(row == other for row, other in zip(calm.iter_rows(), store.iter_rows(), strict=True))
    assert calm.fingerprint == store.fingerprint
    return hit


def test_killed_a_few_times_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    assert killed_and_gathered(tmp_path, albums=40, tracks=5, kills=3, share=0.2, seed=1) >= 1


@pytest.mark.slow
def test_killed_at_thirty_moments_among_three_faults_in_ten_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    assert killed_and_gathered(tmp_path, albums=200, tracks=10, kills=30, share=0.3, seed=2) >= 20
