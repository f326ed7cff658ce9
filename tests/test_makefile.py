"""The make targets hand over what they are given, character by character, and waste no time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPY = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@pytest.fixture
def make(tmp_path):
    """`make(*words)`: the Makefile over an environment whose `gatefold` only prints its arguments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("setup.cfg", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).touch()
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name in ("gatefold", "python"):
        (binaries / name).write_text(SPY)
        (binaries / name).chmod(0o755)
    for stamp in (".created", ".installed", ".installed-dev"):
        (tmp_path / ".venv" / stamp).touch()
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    def run(*words: str, **environment: str) -> list[str]:
        done = subprocess.run(
            ["make", *words], cwd=tmp_path, env=quiet | environment, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


def test_without_a_track_the_demo_runs(make):
    assert make("cover") == ["demo", "--out", "covers"]


@pytest.mark.parametrize(
    "track",
    [
        "song.mp3",
        "my song.mp3",
        'it\'s "quoted".mp3',
        "$HOME $(shell id) `id` ${x} $$.mp3",
        "a;b|c&d>e<f*?.mp3",
        "été 雪.mp3",
        "back\\slash #hash %.mp3",
        "two\nlines.mp3",
        "-rf",
    ],
)
def test_a_track_arrives_as_it_was_given(make, track):
    expected = ["generate", "--titled", "--out", "covers", "--", track]
    assert make("cover", f"TRACK={track}") == expected
    assert make("cover", TRACK=track) == expected


def test_options_and_folders_go_along(make):
    words = make("cover", "TRACK=a.mp3", "OUT=my $ covers", "FLAGS=--count 3 --seed 2")
    assert words == ["generate", "--titled", "--out", "my $ covers", "--count", "3", "--seed", "2", "--", "a.mp3"]
    assert make("board", "RUNS=my runs") == ["board", "--", "my runs"]
    assert make("pretrained", "DATA=my data") == ["-m", "scripts.pretrain", "--", "my data"]


def test_a_second_make_installs_nothing(make, tmp_path):
    make("cover", "TRACK=a.mp3")
    done = subprocess.run(["make", "-n", "cover"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pip" not in done.stdout


def test_what_the_environment_is_made_from_renews_it(make, tmp_path):
    future = time.time() + 60
    os.utime(tmp_path / "requirements.lock", (future, future))
    done = subprocess.run(["make", "-n", "cover"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pip install" in done.stdout


def test_help_lists_the_targets():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"make {name} " in done.stdout for name in ("cover", "test", "board", "lint", "pretrained", "help"))
