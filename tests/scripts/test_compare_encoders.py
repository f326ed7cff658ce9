"""`gatefold compare-encoders`, on a world small enough for tests: the whole road, and where it refuses to go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.covers import decode_cover
from data.emotions import EMOTIONS
from data.shards import Dataset, DatasetWriter
from data.synthetic import draw_tracks, write_world
from encoders import ENCODERS
from encoders.features import DESCRIPTOR_NAMES
from encoders.pca import PCAEncoder
from scripts import trials
from scripts.comparison import Answers, Questions
from scripts.trials import Training, Trial, encode_samples, held_out_codes, open_world, world_truths
from scripts.yardsticks import Yardstick, describe_clips, librosa_statistics
from tests.encoders.sounds import SR, sine


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight artists with four tracks each, of 1.5 s; to be read."""
    return write_world(tmp_path_factory.mktemp("small") / "d", 32, seed=3, duration_s=1.5, resolution=16).folder


PCA = ("--encoder", "pca", "--set", "pca.code_dim=8")


def plain(y: np.ndarray, sr: int) -> np.ndarray:
    """A yardstick that takes no time."""
    return np.array([y.std(), np.abs(np.diff(y)).mean()])


@pytest.fixture(autouse=True)
def quick_yardstick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.yardsticks.librosa_statistics", plain)
    monkeypatch.setattr(trials, "TIMED", 1)


def test_the_command_prints_what_was_measured_and_draws_a_map(gatefold, small, tmp_path):
    words = ("compare-encoders", small, *PCA, "--folds", "3", "--out", tmp_path / "kept")
    done = gatefold(*words, "--map", tmp_path / "map.png")
    assert done.code == 0, done.err
    figures = [json.loads(line) for line in done.lines]
    keys = {"name", "subject", "value", "unit", "interval", "chance", "n"}
    assert all(set(figure) == keys for figure in figures)
    found = {(figure["subject"], figure["name"]): figure for figure in figures}
    assert found["pca", "code size"]["value"] == 8
    for encoder in ("pca", "librosa"):
        score = found[encoder, "genre accuracy"]
        assert score["n"] == 32
        assert 0 <= score["interval"][0] <= score["value"] <= score["interval"][1] <= 1
        assert found[encoder, "time"]["value"] > 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    again = [json.loads(line) for line in gatefold(*words).lines]
    assert [f for f in again if f["name"] != "time"] == [f for f in figures if f["name"] != "time"]


def test_a_table_with_the_world_s_rule_has_its_columns(gatefold, small, tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "WORLD_S", 1.5)
    words = (*PCA, "--folds", "2", "--world", "24", "--table", "--out", tmp_path / "kept")
    done = gatefold("compare-encoders", small, *words)
    assert done.code == 0, done.err
    head, _, chance, *rows = done.lines
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        "", "genre accuracy", "tempo (R²)", "energy (R²)", "mode (R²)", "moved by reversal (of a distance)",
        "code size", "parameters", "time (ms/track)",
    ]  # fmt: skip
    assert chance.startswith("| *chance* | 0.")
    assert [row.split("|")[1].strip() for row in rows] == ["pca", "librosa"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--encoder", "ears"), "no such encoder: ears"),
        (("--set", "ears.steps=3"), "begins with the name of an encoder"),
        (("--encoder", "pca", "--set", "pca.code_din=3"), "did you mean code_dim?"),
        (("--teachers", "/nowhere"), "holds no teachers"),
        (("--folds", "9"), "of 8 artists, too few for 9 folds"),
        (("--folds", "1"), "greater than or equal to 2"),
    ],
)
def test_mistakes_are_one_line(gatefold, small, tmp_path, words, reason):
    done = gatefold("compare-encoders", small, *words, "--out", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_a_dataset_without_audio_is_refused(gatefold, tmp_path):
    write_world(tmp_path / "d", 8, seed=0, audio=False, resolution=16)
    done = gatefold("compare-encoders", tmp_path / "d")
    assert (done.code, done.out) == (2, "")
    assert "none of its tracks has audio" in done.err


def test_no_encoder_hears_an_artist_that_it_is_asked_about(small, tmp_path, monkeypatch):
    sides = []
    train = trials.carry_out

    def watched(task, *rest):
        sides.append((task.rows, task.held_out))
        return train(task, *rest)

    monkeypatch.setattr(trials, "carry_out", watched)
    trial = Trial.open(Dataset(small), 3, Training(tmp_path, settings=("pca.code_dim=2",)))
    artists = np.array(trial.dataset.read(["artist"]).column(0).to_pylist())
    for fold in range(3):
        answers = trial.answers("pca", fold)
        assert answers.codes.shape == (32, 2)
        rows, held_out = sides[fold]
        assert not set(artists[rows]) & set(artists[held_out])
        assert (held_out == trial.questions.rows[trial.questions.folds == fold]).all()
        assert sorted([*rows, *held_out]) == list(range(32))


def test_a_fold_is_trained_once_and_anew_where_anything_about_it_differs(small, tmp_path, monkeypatch):
    trained = []
    train = trials.carry_out
    monkeypatch.setattr(trials, "carry_out", lambda *task: trained.append(task) or train(*task))
    dataset, rows = Dataset(small), np.arange(28)
    training = Training(tmp_path, settings=("pca.code_dim=2",))
    first = training.fit_on("pca", dataset, rows, np.arange(28, 32))
    again = training.fit_on("pca", dataset, rows, np.arange(28, 32))
    assert len(trained) == 1
    assert again.fingerprint == first.fingerprint
    assert again.heads.genres == first.heads.genres
    replace(training, settings=("pca.code_dim=3",)).fit_on("pca", dataset, rows, np.arange(28, 32))
    replace(training, seed=1).fit_on("pca", dataset, rows, np.arange(28, 32))
    training.fit_on("pca", dataset, rows[:24], np.arange(24, 28))
    assert len(trained) == 4


def test_clips_are_described_once_and_what_cannot_be_heard_is_nan(small, tmp_path):
    with DatasetWriter(tmp_path / "d") as writer:
        for index, row in enumerate(Dataset(small).iter_rows()):
            if index == 1:
                row["audio"] = None
            if index == 2:
                row["audio"] = {"bytes": b"no sound", "path": "clip.wav"}
            if index < 4:
                writer.write(row)
    calls = []

    def counted(y: np.ndarray, sr: int) -> np.ndarray:
        calls.append(len(y))
        return np.array([len(y), sr])

    dataset = Dataset(tmp_path / "d")
    numbers = describe_clips(dataset, Yardstick("counted", counted), tmp_path / "kept")
    assert (np.isfinite(numbers).all(axis=1) == [True, False, False, True]).all()
    assert numbers[0, 1] == SR
    assert len(calls) == 2
    np.testing.assert_array_equal(describe_clips(dataset, Yardstick("counted", counted), tmp_path / "kept"), numbers)
    assert len(calls) == 2


def test_librosa_s_statistics_are_what_they_are_called():
    statistics = librosa_statistics(sine(441.0), SR)
    assert statistics.shape == (86,)
    assert np.isfinite(statistics).all()
    mean, deviation = statistics[:43], statistics[43:]
    assert mean[42] == pytest.approx(2 * 441 / SR, rel=0.02)  # zero crossings
    assert mean[41] == pytest.approx(0.5 / np.sqrt(2), rel=0.02)  # RMS
    assert deviation[42] < 0.1 * mean[42]


def test_encoders_share_one_hearing_and_agree_with_what_they_hear_alone(monkeypatch):
    x = np.random.default_rng(0).standard_normal((20, len(DESCRIPTOR_NAMES)))
    encoders = [PCAEncoder(size).fit(x) for size in (2, 3)]
    heard = []
    compute = trials.compute_features
    monkeypatch.setattr(trials, "compute_features", lambda y, sr: heard.append(len(y)) or compute(y, sr))
    codes = encode_samples(encoders, sine(440.0), SR)
    assert [len(code) for code in codes] == [2, 3]
    assert len(heard) == 1
    np.testing.assert_array_equal(codes[0], encode_samples(encoders[:1], sine(440.0), SR)[0])


def test_a_world_is_made_once_and_tells_the_truth(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "WORLD_S", 1.0)
    world = open_world(tmp_path / "w", 8)
    truths = world_truths(world, np.arange(1, 8))
    tracks = draw_tracks(8, trials.WORLD_SEED)[1:]
    assert truths["tempo"] == pytest.approx([track.tempo_bpm for track in tracks], rel=1e-6)
    assert truths["energy"] == pytest.approx([track.energy for track in tracks], rel=1e-6)
    assert list(truths["mode"]) == [float(track.mode == "major") for track in tracks]
    assert open_world(tmp_path / "w", 8).fingerprint == world.fingerprint


@pytest.mark.parametrize("n_folds", [2, 3])
def test_maps_lay_the_folds_codes_under_the_same_axes(n_folds):
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((60, 5)) * np.arange(1, 6)
    folds = np.arange(60) % n_folds
    answers = [
        Answers((codes + fold) @ np.linalg.qr(rng.standard_normal((5, 5)))[0] if fold else codes)
        for fold in range(n_folds)
    ]
    questions = Questions(np.arange(60), folds, ("a",), folds * 0, np.zeros((60, len(EMOTIONS))), folds)
    np.testing.assert_allclose(held_out_codes(questions, answers), codes, atol=1e-9)


TINY = {
    "pca": ("code_dim=4",),
    "autoencoder": ("code_dim=4", "hidden=8", "steps=4", "batch_size=4"),
    "rnn": ("code_dim=4", "front=4+4+8", "hidden=8", "layers=1", "steps=2", "batch_size=4"),
    "cnn": ("code_dim=4", "channels=4+8", "mixed=8", "steps=2", "batch_size=4"),
}


@pytest.mark.slow
def test_every_encoder_is_compared_and_has_its_map(gatefold, small, tmp_path):
    settings = [word for name in ENCODERS for option in TINY[name] for word in ("--set", f"{name}.{option}")]
    words = ("compare-encoders", small, *settings, "--folds", "2", "--out", tmp_path / "kept")
    done = gatefold(*words, "--map", tmp_path / "map.png")
    assert done.code == 0, done.err
    figures = [json.loads(line) for line in done.lines]
    asked = [figure["subject"] for figure in figures if figure["name"] == "genre accuracy"]
    assert asked == [*ENCODERS, "librosa"]
    assert decode_cover(tmp_path / "map.png").width == 1200
    kept = sorted(card.parent.name.split("-")[0] for card in (tmp_path / "kept").glob("*/encoder.json"))
    assert kept == sorted(2 * list(ENCODERS))
