"""Other hearings of a clip: each change does what it says and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.augment import Augmentation, at_speed, draw_mix, hear_otherwise, mask, shift_bands, stretch
from encoders.features import DESCRIPTOR_NAMES
from encoders.tempo import folded

PLAIN = Augmentation(crop_frames=100, stretch=0, shift_bands=0, gain_db=0, tilt_db=0, masks=0, mask_frames=40)


def ramp(n_frames: int) -> np.ndarray:
    """A clip that says of each cell where it is: frame + 1000 · band."""
    return (np.arange(n_frames) + 1000 * np.arange(128)[:, None]).astype(np.float32)


def reader(clip: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda start, stop: clip[:, start:stop]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n_frames=st.integers(101, 600))
def test_without_changes_it_is_a_crop(seed: int, n_frames: int) -> None:
    clip = ramp(n_frames)
    heard = hear_otherwise(reader(clip), n_frames, PLAIN, np.random.default_rng(seed))
    start = int(heard.log_mel[0, 0])
    np.testing.assert_array_equal(heard.log_mel, clip[:, start : start + 100])
    assert heard.start == start
    assert heard.speed == 1


def test_every_part_of_a_clip_is_heard() -> None:
    rng = np.random.default_rng(0)
    starts = {int(hear_otherwise(reader(ramp(110)), 110, PLAIN, rng).log_mel[0, 0]) for _ in range(400)}
    assert starts == set(range(11))


def test_a_short_clip_is_repeated() -> None:
    clip = ramp(43)
    heard = hear_otherwise(reader(clip), 43, PLAIN, np.random.default_rng(0)).log_mel
    np.testing.assert_array_equal(heard, np.tile(clip, 3)[:, :100])


@pytest.mark.parametrize("n_frames", [64, 90, 100, 128, 200])
def test_stretching_keeps_a_line_a_line(n_frames: int) -> None:
    out = stretch(ramp(100), n_frames)
    np.testing.assert_allclose(out[3], 3000 + np.linspace(0, 99, n_frames), rtol=1e-5)


def test_speed_is_what_the_tempo_is_multiplied_by() -> None:
    """A click every 20 frames, heard otherwise, comes every 20 / speed frames; the descriptors follow."""
    clip = np.zeros((128, 2000), dtype=np.float32)
    clip[:, ::20] = 1
    options = Augmentation(crop_frames=500, stretch=0.3, shift_bands=0, gain_db=0, tilt_db=0, masks=0)
    x = np.ones(len(DESCRIPTOR_NAMES))
    tempo, log_tempo = DESCRIPTOR_NAMES.index("tempo_bpm"), DESCRIPTOR_NAMES.index("log2_tempo")
    x[tempo], x[log_tempo], x[DESCRIPTOR_NAMES.index("folded_bpm")] = 120, np.log2(120), 120
    for seed in range(8):
        heard = hear_otherwise(reader(clip), 2000, options, np.random.default_rng(seed))
        rises = np.flatnonzero(np.diff((heard.log_mel[0] > 0.3).astype(int)) == 1)
        assert np.diff(rises).mean() == pytest.approx(20 / heard.speed, rel=0.05)
        faster = at_speed(x, heard.speed)
        assert faster[tempo] == pytest.approx(120 * heard.speed)
        assert faster[log_tempo] == pytest.approx(np.log2(faster[tempo]))
        assert faster[DESCRIPTOR_NAMES.index("folded_bpm")] == pytest.approx(folded(faster[tempo]))
        follows = ("tempo", "log2_t", "folded", "onsets")
        unchanged = [k for k in range(len(x)) if not DESCRIPTOR_NAMES[k].startswith(follows)]
        np.testing.assert_array_equal(faster[unchanged], x[unchanged])


@pytest.mark.parametrize("bands", [-4, 0, 3])
def test_shifting_moves_bands_and_repeats_the_outermost(bands: int) -> None:
    clip = ramp(5)
    moved = shift_bands(clip, bands)
    for band in range(128):
        np.testing.assert_array_equal(moved[band], clip[min(max(band - bands, 0), 127)])


def test_gain_and_tilt_are_a_line_over_the_bands() -> None:
    options = Augmentation(crop_frames=64, stretch=0, shift_bands=0, gain_db=6, tilt_db=4, masks=0, mask_frames=8)
    clip = np.zeros((128, 64), dtype=np.float32)
    heard = hear_otherwise(reader(clip), 64, options, np.random.default_rng(1)).log_mel
    assert np.ptp(heard, axis=1).max() == 0
    np.testing.assert_allclose(np.diff(heard[:, 0]), np.diff(heard[:, 0]).mean(), atol=1e-5)
    assert np.abs(heard[:, 0].mean()) <= 6
    assert 0 < np.abs(heard[-1, 0] - heard[0, 0]) / 2 <= 4


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_masks_change_only_stripes(seed: int) -> None:
    """Cells that changed are 0 and fill at most two stripes of bands and two of frames; the input stays."""
    options = Augmentation(crop_frames=100, masks=2, mask_bands=16, mask_frames=20)
    x = np.random.default_rng(7).standard_normal((128, 100)).astype(np.float32)
    before = x.copy()
    masked = mask(x, options, np.random.default_rng(seed))
    np.testing.assert_array_equal(x, before)
    changed = masked != x
    assert (masked[changed] == 0).all()
    bands, frames = changed.all(axis=1), changed.all(axis=0)
    assert bands.sum() <= 32
    assert frames.sum() <= 40
    assert not changed[np.ix_(~bands, ~frames)].any()


def test_masks_do_mask() -> None:
    x = np.ones((128, 100), dtype=np.float32)
    assert (mask(x, Augmentation(crop_frames=100), np.random.default_rng(0)) == 0).any()


def test_a_mixture_is_a_permutation_and_a_share() -> None:
    rng = np.random.default_rng(0)
    mixes = [draw_mix(6, Augmentation(mixup_share=0.5), rng) for _ in range(400)]
    assert 0.4 < np.mean([mix is not None for mix in mixes]) < 0.6
    for mix in filter(None, mixes):
        assert 0 <= mix.share <= 1
        assert sorted(mix.partner) == list(range(6))
    assert draw_mix(6, Augmentation(mixup_share=0.0), rng) is None
