"""Moments of taggers: what they are made of, where they lie in a clip, and a cache that resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data.shards import Dataset
from data.synthetic import write_world
from encoders import moments
from encoders.augment import FRAMES_A_SECOND, Augmentation, hear_otherwise
from encoders.lessons import Hearings, Source, dataset_labels, measure_scales
from encoders.moments import MIDDLE_FRAMES, STEP_FRAMES, Moments, dataset_moments, hear_moments
from encoders.recipes import options_of
from encoders.spectrograms import dataset_spectrograms
from encoders.taggers import MOMENT_STEP, POOLS, Tagger, load_taggers
from encoders.task import Listener
from encoders.training import train_encoder
from tests.encoders.test_training import SMALL
from tests.encoders.weights import random_weights


@pytest.fixture(scope="module")
def taggers() -> tuple[Tagger, ...]:
    return tuple(Tagger(name, name, random_weights(seed)) for seed, name in enumerate("ab"))


def noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, n_samples).astype(np.float32)


def made_by_hand(taggers: tuple[Tagger, ...], codes: np.ndarray) -> Moments:
    """Moments of row 3: `codes [n, 64 · n_taggers]`; row 5 cannot be heard."""
    counts = np.array([len(codes), 0])
    return Moments(taggers, np.array([3, 5]), counts, 1, np.array([0, len(codes)]), codes.astype(np.float16))


def test_every_fifth_moment_is_what_the_network_itself_pools(taggers: tuple[Tagger, ...]) -> None:
    """The network's own fifth layer, before its last pool has taken the largest of four moments."""
    tagger, y = taggers[0], torch.from_numpy(noise(30 * 16_000))
    x = tagger._bands(y[None])
    for layer in (1, 2, 3, 4):
        x = F.max_pool2d(tagger._layer(layer, x), POOLS[layer - 1])
    own = tagger._layer(5, x).amax(dim=2)[0].T  # [n, 64], one a 5.12 s
    found = tagger.hear_moments(y)
    torch.testing.assert_close(found[::5][: len(own)], own, rtol=1e-4, atol=1e-5)


def test_a_windows_code_is_the_largest_of_four_moments(taggers: tuple[Tagger, ...]) -> None:
    """But for what its last convolution sees beyond the window, which is silence to the window."""
    tagger, y = taggers[0], torch.from_numpy(noise(465_600))
    window = tagger.hear(y[None])[0][0]
    found = tagger.hear_moments(y)[:20:5].amax(dim=0)
    assert np.corrcoef(window, found)[0, 1] > 0.9


def test_a_later_sound_has_later_moments(taggers: tuple[Tagger, ...]) -> None:
    y = noise(60 * MOMENT_STEP)
    one, later = hear_moments(taggers, y), hear_moments(taggers, y[7 * MOMENT_STEP :])
    np.testing.assert_allclose(one[7 + 8 : -8], later[8:-8], rtol=0.02, atol=1e-3)


def test_moments_of_a_short_sound(taggers: tuple[Tagger, ...]) -> None:
    assert hear_moments(taggers, noise(100)).shape == (1, 128)


def test_where_a_moment_lies() -> None:
    """A change in the sound after 30 s is told by the moments whose middles are about there, in frames."""
    tagger = Tagger("a", "a", random_weights(0))
    y = noise(60 * 16_000)
    y[30 * 16_000 :] *= 0.01
    found = hear_moments([tagger], y).astype(np.float32)
    before, after = found[:20].mean(axis=0), found[-20:].mean(axis=0)
    place = np.clip(((found - before) @ (after - before)) / ((after - before) @ (after - before)), 0, 1)
    crossing = float(np.interp(0.5, np.maximum.accumulate(place), np.arange(len(place))))
    assert (MIDDLE_FRAMES + crossing * STEP_FRAMES) / FRAMES_A_SECOND == pytest.approx(30, abs=3)


def test_between_moments_in_proportion(taggers: tuple[Tagger, ...]) -> None:
    codes = np.arange(10.0)[:, None] * np.ones(128)
    made = made_by_hand(taggers, codes)
    frames = MIDDLE_FRAMES + STEP_FRAMES * np.array([-3, 0, 2.25, 9, 20])
    np.testing.assert_allclose(made.at(3, frames)[:, 0], [0, 0, 2.25, 9, 9], rtol=1e-3)
    for row in (4, 5):
        assert np.isnan(made.at(row, frames)).all()
        assert np.isnan(made.between(row)).all()
        assert made.between(row).shape == (228,)


def test_what_lies_between_two_frames(taggers: tuple[Tagger, ...]) -> None:
    """Moments 10 to 15 lie in the ten seconds after the tenth; a stretch too short for one has the nearest."""
    made = made_by_hand(taggers, np.arange(40.0)[:, None] * np.ones(128))
    start = 10 * STEP_FRAMES
    assert made.between(3, start, start + 10 * STEP_FRAMES)[:128] == pytest.approx(12.5)
    assert made.between(3, start, start + 20)[0] == pytest.approx(8)
    assert made.between(3)[0] == pytest.approx(19.5)


def test_logits_are_those_of_the_windows(taggers: tuple[Tagger, ...]) -> None:
    codes = np.sqrt(np.random.default_rng(0).uniform(0, 4, (16, 128))).astype(np.float16).astype(np.float32)
    found = made_by_hand(taggers, codes).between(3)[128:]
    largest = np.square(codes[[0, 5, 10, 15]].max(axis=0))
    expected = [taggers[k].answer(torch.from_numpy(largest[64 * k : 64 * (k + 1)])).numpy() for k in range(2)]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-4, atol=1e-5)


def test_hints_are_of_what_is_heard(tmp_path: Path, taggers: tuple[Tagger, ...]) -> None:
    """Codes that tell the time since the clip's begin come as the times of the hearing; backward, none."""
    world = write_world(tmp_path / "world", 2, seed=0, duration_s=8.0, resolution=16)
    rows, ticks = np.arange(2), np.arange(4.0)[:, None] * np.ones(128)
    told = Moments(
        taggers, rows, np.array([4, 4]), 0, np.array([0, 4]), np.concatenate([ticks, ticks]).astype(np.float16)
    )
    lesson = Source(dataset_spectrograms(world), rows, dataset_labels(world, rows), np.full((2, 3), np.nan), told)
    scales = measure_scales([lesson])
    mean, deviation = scales.answers["moments"]
    assert mean[0] == pytest.approx(1.5)
    places = np.arange(4) * 16 + 7.5
    options = Augmentation(crop_frames=200, stretch=0.1, masks=0, mixup_share=0)
    hearings = Hearings([lesson], scales, ("moments", "direction"), options, 0, places)
    batch = hearings.at(0, 64)
    backward = batch.targets["direction"][:, 0] < 0
    assert 0 < backward.sum() < 64
    np.testing.assert_array_equal(batch.known["moments"], ~backward)
    assert batch.targets["moments"].shape == (64, 4, 128)
    for seed in range(20):
        hearing = hear_otherwise(
            lambda start, stop: lesson.clip(0, start, stop),
            int(lesson.n_frames[0]), options, np.random.default_rng(seed),
        )  # fmt: skip
        targets = hearings._hear(lesson, 0, np.random.default_rng(seed))[1]["moments"]
        if np.isfinite(targets).all():  # forward
            frames = hearing.start + places * hearing.speed
            expected = np.clip((frames - MIDDLE_FRAMES) / STEP_FRAMES, 0, 3)
            np.testing.assert_allclose(targets[:, 0] * deviation[0] + mean[0], expected, atol=0.01)


def test_a_dataset_is_heard_once_and_a_killed_hearing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taggers: tuple[Tagger, ...]
) -> None:
    dataset = write_world(tmp_path / "world", 3, seed=0, duration_s=1.2, resolution=16)
    heard: list[str] = []

    def quick(asked: Any, y: np.ndarray) -> np.ndarray:
        heard.append("one")
        if len(heard) == 2:
            raise KeyboardInterrupt
        return np.full((2, 128), 2, dtype=np.float16)

    monkeypatch.setattr(moments, "hear_moments", quick)
    with pytest.raises(KeyboardInterrupt):
        dataset_moments(dataset, taggers)
    found = dataset_moments(dataset, taggers)
    assert found.rows.tolist() == [0, 1, 2]
    assert found.n_moments.tolist() == [2, 2, 2]
    codes = found.codes(2)
    assert codes is not None
    assert (codes == 2).all()
    times = len(heard)
    again = dataset_moments(Dataset(dataset.folder), taggers).codes(1)
    assert again is not None
    assert len(heard) == times
    dataset_moments(dataset, [Tagger("other", "other", taggers[0].weights)] * 2)
    assert len(heard) == times + 3  # other teachers: heard anew


@pytest.mark.parametrize("name", ["rnn", "cnn"])
def test_without_teachers_there_are_no_hints_and_none_are_stored(name: str, tmp_path: Path) -> None:
    world = write_world(tmp_path / "world", 6, seed=1, duration_s=2.0, resolution=16)
    asked: dict[str, Any] = {"rows": np.arange(6), "config": options_of(name, SMALL[name])}
    folder = tmp_path / "teachers"
    folder.mkdir()
    torch.save(random_weights(0), folder / "fcn-a.pth")
    told: list[set[str]] = []
    for teachers in (None, folder):
        listener = Listener(losses=lambda step, figures: told.append(set(figures)))
        encoder = train_encoder(name, world, None, teachers=teachers, listener=listener, **asked)
        assert not any("moments" in key for key in encoder.tensors())
    assert "loss/moments" not in told[0]
    assert "loss/moments" in told[-1]


def test_load_gives_the_same_moments(tmp_path: Path, taggers: tuple[Tagger, ...]) -> None:
    torch.save(taggers[0].weights, tmp_path / "fcn-a.pth")
    y = noise(200_000)
    np.testing.assert_array_equal(hear_moments(load_taggers(tmp_path), y), hear_moments(taggers[:1], y))
