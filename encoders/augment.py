"""Other hearings of the same music, made on its log-mel spectrogram: what a label should not depend on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from encoders.features import DESCRIPTOR_NAMES, N_MELS
from encoders.options import Options, within
from encoders.tempo import folded

FRAMES_A_SECOND = 22050 / 512

Read = Callable[[int, int], np.ndarray]
"""Frames start to stop of a clip, `[128, stop − start]` in dB."""


@dataclass(frozen=True)
class Augmentation(Options):
    """How far a hearing may be from the clip itself; all zeros: a crop, nothing else."""

    crop_frames: int = 430
    stretch: float = 0.03  # natural logarithm of the most that time is stretched by, either way
    shift_bands: int = 1  # mel bands up or down, most
    gain_db: float = 4.0
    tilt_db: float = 4.0  # at the highest band; the opposite at the lowest
    masks: int = 2  # of bands and as many of time (SpecAugment, Park et al. 2019)
    mask_bands: int = 16  # widest
    mask_frames: int = 40
    mixup_share: float = 0.1  # of the batches
    mixup_alpha: float = 0.3  # of the beta distribution that shares are drawn from (Zhang et al. 2018)

    def __post_init__(self) -> None:
        within(self, 64, 100_000, "crop_frames")
        within(self, 0, 0.5, "stretch")
        within(self, 0, 32, "shift_bands")
        within(self, 0, 60, "gain_db", "tilt_db")
        within(self, 0, 16, "masks")
        within(self, 0, N_MELS // 2, "mask_bands")
        within(self, 0, self.crop_frames // 2, "mask_frames")
        within(self, 0, 1, "mixup_share")
        within(self, 0.01, 10, "mixup_alpha")


class Hearing(NamedTuple):
    """One hearing: log_mel float32 `[128, crop_frames]` in dB, the frame of the clip that it begins with, and how many
    times faster than the clip it runs."""

    log_mel: np.ndarray
    start: int
    speed: float


def hear_otherwise(read: Read, n_frames: int, options: Augmentation, rng: np.random.Generator) -> Hearing:
    """A random crop of a clip of `n_frames`, its time stretched, its bands shifted, its level and tilt changed.

    A clip shorter than the crop is repeated.
    """
    length = round(options.crop_frames * math.exp(rng.uniform(-options.stretch, options.stretch)))
    start = int(rng.integers(0, max(1, n_frames - length + 1)))
    log_mel = read(start, min(start + length, n_frames))
    if log_mel.shape[1] < length:
        log_mel = np.tile(log_mel, math.ceil(length / log_mel.shape[1]))[:, :length]
    log_mel = shift_bands(
        stretch(log_mel, options.crop_frames), int(rng.integers(-options.shift_bands, options.shift_bands + 1))
    )
    gain, tilt = rng.uniform(-options.gain_db, options.gain_db), rng.uniform(-options.tilt_db, options.tilt_db)
    slope = np.float32(gain) + np.float32(tilt) * np.linspace(-1, 1, N_MELS, dtype=np.float32)
    return Hearing(log_mel + slope[:, None], start, length / options.crop_frames)


def stretch(log_mel: np.ndarray, n_frames: int) -> np.ndarray:
    """The same rows `[128, m]` in `n_frames` frames, linearly between neighbours; first and last stay."""
    m = log_mel.shape[1]
    if m == n_frames:
        return log_mel
    place = np.linspace(0, m - 1, n_frames)
    before = place.astype(int)
    share = (place - before).astype(np.float32)
    return log_mel[:, before] * (1 - share) + log_mel[:, np.minimum(before + 1, m - 1)] * share


def shift_bands(log_mel: np.ndarray, bands: int) -> np.ndarray:
    """Every row `bands` higher (lower where negative); the rows that are left without sound repeat the outermost."""
    return log_mel[np.clip(np.arange(N_MELS) - bands, 0, N_MELS - 1)]


def mask(x: np.ndarray, options: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """A copy of standardised `x [128, n_frames]` with stripes of bands and of frames at 0, their mean."""
    masked = x.copy()
    for _ in range(options.masks):
        width = int(rng.integers(0, options.mask_bands + 1))
        first = int(rng.integers(0, N_MELS - width + 1))
        masked[first : first + width] = 0
        width = int(rng.integers(0, options.mask_frames + 1))
        first = int(rng.integers(0, x.shape[1] - width + 1))
        masked[:, first : first + width] = 0
    return masked


class Mix(NamedTuple):
    """A mixture of each of B rows with a partner `[B]` of the same batch; `share` is its own."""

    share: float
    partner: np.ndarray


def draw_mix(size: int, options: Augmentation, rng: np.random.Generator) -> Mix | None:
    """The mixture of one batch, None where it stays unmixed."""
    if rng.random() >= options.mixup_share:
        return None
    return Mix(float(rng.beta(options.mixup_alpha, options.mixup_alpha)), rng.permutation(size))


_FASTER: Mapping[str, Callable[[float, float], float]] = {
    "tempo_bpm": lambda value, speed: value * speed,
    "log2_tempo": lambda value, speed: value + math.log2(speed),
    "folded_bpm": lambda value, speed: folded(value * speed),
    "onsets_per_s": lambda value, speed: value * speed,
}


def at_speed(descriptors: np.ndarray, speed: float) -> np.ndarray:
    """A copy of raw descriptors `[d]` with tempo and onsets as they are at `speed` times the clip's."""
    faster = descriptors.copy()
    for name, change in _FASTER.items():
        place = DESCRIPTOR_NAMES.index(name)
        faster[place] = change(faster[place], speed)
    return faster
