"""`gatefold compare`: recipes for the same time, the same questions, and answers that are known where covers are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.covers import read_png, write_png
from data.errors import InputError
from data.synthetic import draw_tracks, render_cover, write_world
from scripts import contest
from scripts.compare import parse_budget
from scripts.comparison import Measured
from scripts.contest import DRAWS, Gallery, asked_of, score_covers


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "world"
    return write_world(folder, 240, seed=5, duration_s=1.0, resolution=32).folder


def gallery_of(tracks):
    """Synthesised tracks as held-out ones, conditions their tempo, energy and mode."""
    covers = np.stack([render_cover(track, 32) for track in tracks])
    c = np.array([[t.tempo_bpm / 100, t.energy, t.mode == "major"] for t in tracks], dtype=np.float32)
    artists = np.array([track.artist for track in tracks])
    training = np.stack([render_cover(track, 32) for track in draw_tracks(200, seed=1)])
    asked = np.ones(3, dtype=bool)
    return Gallery.of(covers, training, c, artists, asked), covers, training


def test_covers_are_asked_for_what_people_know_and_what_varies():
    c = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    c[:, [0, 3, 5]] = 1  # presence bits, and an attribute that never changes
    assert asked_of(c, [("attributes", 2), ("tags", 1), ("names", 2)]).nonzero()[0].tolist() == [1, 2]
    assert asked_of(c, [("tags", 4), ("names", 2)]).nonzero()[0].tolist() == [1, 2, 4, 6, 7]


def test_covers_of_the_rule_show_their_condition_and_those_of_others_do_not():
    gallery, covers, training = gallery_of(draw_tracks(150, seed=2))
    rng = np.random.default_rng(0)
    right = {m.name: m for m in score_covers("real", [covers] * DRAWS, gallery)}
    shuffled = {m.name: m for m in score_covers("others", [covers[rng.permutation(150)]] * DRAWS, gallery)}
    assert right["distance"].value == pytest.approx(0, abs=1e-6)
    assert right["coverage"].value == right["precision"].value == 1
    assert right["condition shown"].value > 0.7 > 0.3 > shuffled["condition shown"].value
    assert abs(shuffled["condition shown"].value) < shuffled["condition shown"].chance * 1.5
    copied = {m.name: m for m in score_covers("copier", [training[:150]] * DRAWS, gallery)}
    assert copied["copies"].value > 0.9
    assert right["copies"].value == pytest.approx(right["copies"].chance)
    assert copied["copies by hash"].value > 0.9


@pytest.mark.parametrize(("text", "minutes"), [("90s", 1.5), ("20m", 20), ("0.5h", 30)])
def test_budgets(text, minutes):
    assert parse_budget(text) == minutes


@pytest.mark.parametrize("text", ["20", "m", "0m", "-3m", "1d"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="no time such as"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--recipes", "dcgam"), "no such recipe"),
        (("--recipes", "dcgan", "--set", "wgan-gp:batch_size=4"), "no such recipe is compared"),
        (("--recipes", "dcgan", "--set", "dcgan:batch_sise=4"), "did you mean batch_size"),
        (("--recipes", "dcgan", "--also", "elsewhere"), "NAME=FOLDER"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(gatefold, store, tmp_path, words, says):
    done = gatefold("compare", store, "--resolution", "32", "--out", tmp_path / "runs", *words)
    assert done.code == 2
    assert says in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_recipe_that_fails_is_told_and_the_others_go_on(gatefold, store, tmp_path, monkeypatch):
    def trained(name, words, run, minutes):
        if name == "dcgan":
            raise InputError(name, "diverged")
        return name

    drawn = np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    figure = Measured("distance", "wgan", 1.0, "Fréchet", None, None, 40)
    monkeypatch.setattr(contest, "train_row", trained)
    monkeypatch.setattr(contest, "measure_row", lambda row, gallery: ([figure], [drawn]))
    words = ("compare", store, "--resolution", "32", "--encoder", "none", "--out", tmp_path / "runs")
    done = gatefold(*words, "--recipes", "dcgan,wgan", "--sheet", tmp_path / "sheet.png")
    assert done.code == 0
    assert json.loads(done.lines[-1])["subject"] == "wgan"
    assert "dcgan: diverged\n" in done.err
    assert done.err.endswith("1 of 2 skipped, 1 done\n")
    alone = gatefold(*words, "--recipes", "dcgan")
    assert alone.code == 2
    assert alone.err.splitlines()[-1] == "dcgan: diverged"


def test_a_run_that_was_killed_begins_again_since_going_on_would_be_a_second_budget(tmp_path, monkeypatch):
    begun = []

    def process(*command):
        folder = Path(command[-1])
        begun.append(not folder.exists())
        (folder / "snapshots" / "000000008").mkdir(parents=True)
        (folder / "snapshots" / "000000008" / "model.json").write_text("{}")
        if len(begun) == 1:
            raise KeyboardInterrupt
        return 1.0, 100.0

    monkeypatch.setattr(contest, "run_process", process)
    with pytest.raises(KeyboardInterrupt):
        contest.train_row("dcgan", [], tmp_path / "dcgan", 1.0)
    for _ in range(2):
        row = contest.train_row("dcgan", [], tmp_path / "dcgan", 1.0)
    assert begun == [True, True]
    assert row.bundle == tmp_path / "dcgan" / "snapshots" / "000000008"
    with pytest.raises(InputError, match="trained for 1 minutes, not 2"):
        contest.train_row("dcgan", [], tmp_path / "dcgan", 2.0)
    (tmp_path / "own").mkdir()
    with pytest.raises(InputError, match="no finished run of a comparison"):
        contest.train_row("own", [], tmp_path / "own", 1.0)


@pytest.mark.slow
def test_recipes_are_trained_asked_and_pictured_and_what_is_done_is_not_done_again(gatefold, store, tmp_path):
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    for number in range(DRAWS * 40):
        write_png(drawn / f"{number:04}.png", np.full((3, 32, 32), number % 256, dtype=np.uint8))
    words = (
        "compare", store, "--recipes", "dcgan,logistic-r1", "--budget", "1s", "--resolution", "32", "--encoder", "none",
        "--out", tmp_path / "runs", "--set", "batch_size=4", "--set", "precision=fp32",
        "--set", "generator.base_channels=64", "--set", "discriminator.base_channels=64",
        "--set", "logistic-r1:mirror=true", "--also", f"grey={drawn}", "--sheet", tmp_path / "sheet.png",
    )  # fmt: skip
    done = gatefold(*words)
    assert done.code == 0, done.err
    figures = [json.loads(line) for line in done.lines]
    assert [f["subject"] for f in figures if f["name"] == "distance"] == [
        "training covers", "dcgan", "logistic-r1", "grey",
    ]  # fmt: skip
    found = {(f["subject"], f["name"]): f for f in figures}
    assert found["training covers", "distance"]["value"] < found["dcgan", "distance"]["value"]
    assert all(found[name, "images shown"]["value"] > 0 for name in ("dcgan", "logistic-r1"))
    assert 100 < found["dcgan", "peak memory"]["value"] < 4000
    config = json.loads((tmp_path / "runs" / "logistic-r1" / "config.json").read_text())["config"]
    assert config["mirror"]
    assert read_png(tmp_path / "sheet.png")[0].shape[1] > 3 * 200
    again = gatefold(*words, "--table")
    assert again.code == 0, again.err
    assert again.lines[3].startswith("| training covers |")
    shown = found["dcgan", "images shown"]["value"]
    assert f"| {shown:,.0f} |" in next(line for line in again.lines if line.startswith("| dcgan |"))
