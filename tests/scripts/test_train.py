"""`gatefold train`: a run from a dataset, gone on with by the same command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data.covers import read_png
from data.shards import Dataset, DatasetWriter
from data.synthetic import write_world
from gans.bundle import load_bundle
from gans.config import SCORES
from scripts.pipeline import Listener

SMALL = (
    *("--resolution", "32", "--batch", "8", "--precision", "fp32"),
    *("--set", "generator.base_channels=64", "--set", "discriminator.base_channels=64", "--set", "log_every=16"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return write_world(tmp_path_factory.mktemp("store") / "world", 32, seed=5, duration_s=2.0, resolution=32).folder


def test_a_run_can_be_used_at_once(gatefold, run, songs, tmp_path):
    done = gatefold("generate", "--model", run, "--out", tmp_path, *songs)
    assert done.code == 0, done.err
    assert not np.array_equal(*(read_png(line)[0] for line in done.lines))
    assert gatefold("reproduce", "--model", run, done.lines[0], songs[0]).code == 0


def test_a_run_says_what_it_was_made_from(run):
    config = json.loads((run / "config.json").read_text())
    assert config["config"]["recipe"] == "logistic-r1"
    assert config["data"]["licences"] == {"unknown": 4}
    listener = Listener.open(run)
    assert listener.bundle.model["encoder"] == "pca"
    assert [name for name, _ in listener.bundle.layout] == ["audio", "attributes"]


def test_the_board_shows_scores_beside_those_of_real_covers(gatefold, store, tmp_path):
    out = tmp_path / "run"
    done = gatefold("train", store, "--out", out, "--images", "32", *SMALL, "--recipe", "dcgan")
    assert (done.code, done.lines) == (0, [str(out)]), done.err
    events = EventAccumulator(str(out)).Reload()
    tags = events.Tags()
    assert {"metrics/frechet", "metrics/frechet_of_training_covers", "logits/D(real)"} <= set(tags["scalars"])
    assert len(tags["audio"]) > 1
    assert "panel" in tags["images"]
    model = load_bundle(next((out / "snapshots").iterdir())).model
    metrics = model["metrics"]
    assert set(SCORES) < metrics.keys()
    assert model["metrics_of"] == "descriptors of 32 px covers, lanczos"
    assert 0 < metrics["frechet_of_training_covers"] < metrics["frechet"]


def test_the_same_command_goes_on_and_ends_where_one_run_would(gatefold, store, tmp_path):
    def weights(out: Path, *lengths: str) -> dict:
        for images in lengths:
            done = gatefold("train", store, "--out", out, "--images", images, *SMALL)
            assert done.code == 0, done.err
        return load_bundle(out / "snapshots" / "000000048").generator.state_dict()

    whole, parts = weights(tmp_path / "a", "48"), weights(tmp_path / "b", "16", "48")
    assert all((whole[name] == parts[name]).all() for name in whole)


def test_a_dry_run_writes_the_config_and_stops(gatefold, store, tmp_path):
    out = tmp_path / "run"
    done = gatefold("train", store, "--out", out, "--recipe", "wgan-gp", "--dry-run", *SMALL, "--set", "d_steps=2")
    assert (done.code, done.lines) == (0, [str(out)]), done.err
    config = json.loads((out / "config.json").read_text())["config"]
    assert (config["loss"], config["d_steps"], config["resolution"]) == ("wasserstein", 2, 32)
    assert [path.name for path in out.iterdir()] == ["config.json"]


def test_training_without_the_audio(gatefold, store, tmp_path):
    out = tmp_path / "run"
    done = gatefold("train", store, "--out", out, "--images", "16", "--encoder", "none", *SMALL)
    assert done.code == 0, done.err
    assert Listener.open(out).bundle.model["encoder"] is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--recipe", "dcgun"], "no such recipe"),
        (["--resolution", "65"], "resolution"),
        (["--set", "g_lr=fast"], "g_lr"),
        (["--set", "glr=1"], "glr"),
        (["--set", "g_lr"], "key=value"),
        (["--set", "generator.nonsense=1"], "nonsense"),
        (["--encoder", "ear"], "no such encoder"),
        (["--device", "abacus"], "cannot be used"),
        (["--batch", "1"], "batch_size"),
        (["--images", "0"], "total_images"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_mean_nothing_are_one_line_and_two(gatefold, store, tmp_path, words, reason):
    done = gatefold("train", store, "--out", tmp_path / "run", *words)
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_another_config_on_the_same_folder_is_refused(gatefold, store, tmp_path):
    words = ("train", store, "--out", tmp_path / "run", "--dry-run")
    assert gatefold(*words).code == 0
    done = gatefold(*words, "--set", "g_lr=0.1")
    assert done.code == 2
    assert "began with g_lr" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", ["none", "empty", "file"])
def test_what_is_no_dataset_is_one_line_and_two(gatefold, tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    done = gatefold("train", tmp_path / name, "--out", tmp_path / "run")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{tmp_path / name}: ")
    assert done.err.count("\n") == 1


def test_ctrl_c_keeps_the_state_and_says_so(gatefold, store, tmp_path):
    out = tmp_path / "run"
    words = [sys.executable, "-m", "scripts.train", str(store), "--out", str(out), "--images", "1000000", *SMALL]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(out.glob("samples/*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        stdout, err = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, f"{out}\n"), err
    assert err.endswith("of 1,000,000 images shown\nstopped; the same command goes on from here\n")
    (snapshot,) = (out / "snapshots").iterdir()
    assert load_bundle(snapshot).model["images_shown"] > 0


def test_a_limit_in_minutes_stops_in_between(gatefold, store, tmp_path):
    done = gatefold("train", store, "--out", tmp_path / "run", "--images", "1000000", "--minutes", "0", *SMALL)
    assert (done.code, done.lines) == (0, [str(tmp_path / "run")]), done.err


def test_only_rows_that_meet_a_condition_are_trained_on(gatefold, store, tmp_path):
    words = ("train", store, "--out", tmp_path / "run", "--dry-run", "--encoder", "none")
    done = gatefold(*words, "--where", "energy>=0.5", "--where", "tempo<500")
    assert done.code == 0, done.err
    card = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert card["where"] == ["energy>=0.5", "tempo<500"]
    assert 2 <= card["training"] < card["tracks"]
    refused = gatefold(*words, "--where", "energy>=0.4")
    assert refused.code == 2
    assert "began with other data" in refused.err
    none = gatefold(*words, "--where", "year<1066")
    assert (none.code, none.err.count("\n")) == (2, 1)
    assert "no row meets year<1066" in none.err


def test_a_run_begins_where_another_ended_and_hears_as_it_did(gatefold, store, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert gatefold("train", store, "--out", first, "--images", "16", *SMALL).code == 0
    words = ("train", store, "--out", second, "--images", "16", "--from", first, "--encoder", "none", *SMALL,
             "--where", "energy>=0.4", "--set", "freeze_g=1", "--set", "freeze_d=1")  # fmt: skip
    done = gatefold(*words)
    assert done.code == 0, done.err
    begun, ended = (load_bundle(next((run / "snapshots").iterdir())) for run in (first, second))
    assert ended.model["started_from"] == begun.hash
    assert done.err.count("begins with another's weights: generator: ") == 1
    assert "tensors taken over" in done.err
    assert "tensors taken over" not in gatefold(*words).err  # it goes on
    assert ended.model["condition"] == begun.model["condition"]
    kept = [weights.generator.state_dict()["start.weight"] for weights in (begun, ended)]
    assert (kept[0] == kept[1]).all()
    sized = gatefold("train", store, "--out", tmp_path / "sized", "--from", first, "--resolution", "32", "--dry-run",
                     "--set", "discriminator.base_channels=128")  # fmt: skip
    assert sized.code == 0, sized.err
    config = json.loads((tmp_path / "sized" / "config.json").read_text())["config"]
    assert (config["generator"]["base_channels"], config["discriminator"]["base_channels"]) == (64, 128)
    other = gatefold("train", store, "--out", tmp_path / "third", "--from", first, "--recipe", "progan",
                     "--images", "16", "--resolution", "32", "--batch", "8")  # fmt: skip
    assert other.code == 2
    assert "its network is dcgan, this recipe's progan" in other.err


@pytest.mark.slow
def test_torchrun_trains_on_two_processes_and_one_of_them_writes(store, tmp_path):
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    words = ["scripts.train", str(store), "--out", str(out), "--images", "32", "--encoder", "none", *SMALL]
    done = subprocess.run([*torchrun, *words], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(out)]
    assert load_bundle(out / "snapshots" / "000000032").model["images_shown"] == 32
    assert len({path.name.split(".")[5] for path in out.glob("events.*")}) == 1  # one process number


def test_compiling_needs_a_compiler(gatefold, store, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = gatefold("train", store, "--out", tmp_path / "run", "--compile")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "needs a C++ compiler" in done.err


def test_a_run_that_hears_may_be_gone_on_from_with_covers_that_have_no_sound(gatefold, run, store, tmp_path):
    silent = tmp_path / "silent"
    with DatasetWriter(silent) as writer:
        for row in Dataset(store).iter_rows():
            writer.write({**row, "audio": None})
    out = tmp_path / "out"
    done = gatefold("train", silent, "--out", out, "--from", run, "--images", "8", *SMALL)
    assert done.code == 0, done.err
    assert [name for name, _ in load_bundle(next((out / "snapshots").iterdir())).layout] == ["audio", "attributes"]
