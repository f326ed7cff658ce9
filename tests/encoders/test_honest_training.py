"""What a training may not know, what it says of itself, and that it survives being killed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import InputError
from data.shards import Dataset
from encoders.lessons import Labels, Source, dataset_labels
from encoders.recipes import options_of
from encoders.sound_training import fit_crops
from encoders.task import Examination, Listener, examine
from encoders.training import train_encoder
from tests.encoders.test_training import SMALL, make, source, train

ROWS: list[dict[str, Any]] = [{"genres": [["a", "b"][k % 2]], "emotions": [k / 10] * 9} for k in range(8)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight tracks of as many artists."""
    return make(tmp_path_factory.mktemp("small") / "d", ROWS)


@pytest.mark.parametrize("name", SMALL)
def test_of_held_out_tracks_nothing_reaches_the_codes(name: str, small: Dataset, tmp_path: Path) -> None:
    """With other music, genres and emotions in the held-out rows, all that makes codes is the same to the bit."""
    changed: list[dict[str, Any]] = [{"seconds": 2.5, "genres": ["b"], "emotions": [0.9] * 9}] * 2
    other = make(tmp_path / "d", [*ROWS[:6], *changed])
    asked = {"rows": np.arange(6), "held_out": np.array([6, 7])}
    one, two = (train(name, dataset, **asked).tensors() for dataset in (small, other))
    for key, value in one.items():
        np.testing.assert_array_equal(value, two[key], err_msg=key)
    third = train(name, other, rows=np.arange(2, 8), held_out=np.array([0, 1])).tensors()
    assert any(not np.array_equal(value, third[key]) for key, value in one.items())


class _KilledError(BaseException):
    """What nothing may catch."""


@pytest.mark.parametrize("name", ["autoencoder", "rnn", "cnn"])
def test_killed_between_two_saves_it_ends_as_never_killed(name: str, small: Dataset, tmp_path: Path) -> None:
    def die(step: int, figures: Mapping[str, float]) -> None:
        if step == 5:
            raise _KilledError

    often = ["save_every=2", "report_every=1"]
    with pytest.raises(_KilledError):
        train(name, small, tmp_path, *often, listener=Listener(losses=die))
    assert not (tmp_path / "encoder.json").exists()
    steps: list[int] = []
    again = train(name, small, tmp_path, *often, listener=Listener(losses=lambda step, figures: steps.append(step)))
    assert steps == [5, 6]
    assert again.fingerprint == train(name, small, None, *often).fingerprint


@pytest.mark.parametrize("name", ["pca", "cnn"])
def test_a_genre_of_which_nothing_can_be_heard_is_not_learnt(name: str, tmp_path: Path) -> None:
    silent: list[dict[str, Any]] = [{"genres": ["metal"], "seconds": -1.0}] * 3
    found: list[Examination] = []
    listener = Listener(examined=lambda step, examination: found.append(examination))
    encoder = train(name, make(tmp_path / "d", [*ROWS, *silent]), None, listener=listener)
    assert encoder.heads.genres == found[-1].genres == ("a", "b")


@pytest.mark.parametrize("name", ["pca", "cnn"])
def test_where_there_is_one_genre_nothing_is_scored(name: str, tmp_path: Path) -> None:
    found: list[Examination] = []
    listener = Listener(examined=lambda step, examination: found.append(examination))
    train(name, make(tmp_path / "d", [{"genres": ["rock"]}] * 6), None, listener=listener)
    assert found[-1].figures == {}


def test_also_leaves_out_artists_of_another_split(small: Dataset, tmp_path: Path) -> None:
    asked = {"rows": np.arange(5), "held_out": np.array([5])}  # rows 6 and 7 are kept for a test
    alone = train("cnn", small, **asked)
    for artist, heard in (("artist 7", False), ("Artist-5", False), ("artist 1", True), ("somebody", True)):
        more = make(tmp_path / artist, [{"artist": artist}] * 3)
        assert (train("cnn", small, also=[more], **asked).fingerprint != alone.fingerprint) == heard


def test_chance_is_to_say_the_same_of_every_track() -> None:
    shares = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0], [np.nan, np.nan]])
    labels = Labels(("a", "b"), shares, np.full((5, 9), np.nan), np.array(list("vwxyz"), dtype=object))
    logits = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = examine(np.arange(5), np.zeros((5, 1)), logits, labels, held_out=True)
    assert found.figures["accuracy"] == found.figures["accuracy_by_chance"] == 0.75
    assert found.truth.tolist() == [0, 0, 0, 1, -1]


def test_some_tracks_are_spread_over_all(small: Dataset) -> None:
    everything: Source = source(small)
    assert everything.some(8) is everything
    some = everything.some(3)
    assert some.rows.tolist() == [0, 3, 7]
    np.testing.assert_array_equal(some.clip(1), everything.clip(3))
    np.testing.assert_array_equal(some.labels.emotions, dataset_labels(small, np.arange(8)).emotions[[0, 3, 7]])


def test_a_batch_that_fits_no_memory_is_refused() -> None:
    with pytest.raises(InputError, match=r"batch_size: 4,096 hearings of crop_frames=100,000 are more than"):
        options_of("cnn", ["batch_size=4096", "crop_frames=100000"])


def test_crops_are_no_longer_than_the_longest_clip(small: Dataset) -> None:
    """Eight clips of 1.5 s (65 frames): as many frames a batch as before; where one clip is longer, nothing changes."""
    lessons = [source(small)]
    asked = options_of("cnn", ["crop_frames=650", "batch_size=8"])
    fitted = fit_crops(asked, lessons)
    longest = int(lessons[0].n_frames.max())
    assert fitted.crop_frames == longest
    assert fitted.batch_size == round(8 * 650 / longest)
    assert fitted.mask_frames <= longest // 2
    short = options_of("cnn", ["crop_frames=64", "mask_frames=8"])
    assert fit_crops(short, lessons) is short


def test_what_was_not_heard_is_told_with_the_datasets_name(tmp_path: Path) -> None:
    dataset = make(tmp_path / "quiet", [{"seconds": -1.0}] * 4)
    with pytest.raises(InputError, match=r"quiet: 0 tracks to learn from .*4 × silent"):
        train_encoder("pca", dataset, None, rows=np.arange(4))
