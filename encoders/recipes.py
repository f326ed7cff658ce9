"""How each encoder is trained: one table, name → options, whose defaults are what worked best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.checks import one_of
from data.errors import InputError
from encoders.augment import Augmentation
from encoders.autoencoder import AutoencoderOptions
from encoders.features import DESCRIPTOR_NAMES
from encoders.loop import Pace
from encoders.networks import CNNSizes, RNNSizes
from encoders.options import Options, within

MOST_FRAMES = 2**21
"""Frames of a batch (a gigabyte of log-mels, and a few of what networks make of them)."""


@dataclass(frozen=True)
class SoundOptions(Pace, Augmentation):
    """What is asked of a network of sound, and how loudly. A weight of 0: not asked."""

    steps: int = 400
    learning_rate: float = 4e-3
    crop_frames: int = 882
    batch_size: int = 16
    gain_db: float = 1.0
    tilt_db: float = 2.0
    shift_bands: int = 0
    masks: int = 0
    mixup_share: float = 0.0
    warmup_steps: int = 50
    orthogonal_rate: float = 0.06  # of Muon's steps
    weight_teachers: float = 2.0
    weight_moments: float = 2.0  # of what teachers hear in each moment
    weight_genres: float = 0.5
    weight_emotions: float = 1.0
    weight_descriptors: float = 0.5
    weight_future: float = 0.0
    weight_direction: float = 0.0  # of time: some hearings run backward, and the network is to tell
    label_smoothing: float = 0.1
    class_balance: bool = True

    def __post_init__(self) -> None:
        Pace.__post_init__(self)
        Augmentation.__post_init__(self)
        within(self, 0, 1e3, "weight_teachers", "weight_moments", "weight_genres", "weight_emotions")
        within(self, 0, 1e3, "weight_descriptors", "weight_future", "weight_direction")
        within(self, 0, 1, "orthogonal_rate")
        within(self, 0, 0.9, "label_smoothing")
        if self.batch_size * self.crop_frames > MOST_FRAMES:
            asked = f"{self.batch_size:,} hearings of crop_frames={self.crop_frames:,}"
            raise InputError("batch_size", f"{asked} are more than {MOST_FRAMES:,} frames at once")


@dataclass(frozen=True)
class CNNOptions(CNNSizes, SoundOptions):
    """How the spectrogram CNN is trained."""

    def __post_init__(self) -> None:
        CNNSizes.__post_init__(self)
        SoundOptions.__post_init__(self)


@dataclass(frozen=True)
class RNNOptions(RNNSizes, SoundOptions):
    """How the recurrent encoder is trained: it foretells the sound too."""

    precision: str = "fp32"
    orthogonal_rate: float = 0.04
    weight_future: float = 0.3
    weight_direction: float = 0.3

    def __post_init__(self) -> None:
        RNNSizes.__post_init__(self)
        SoundOptions.__post_init__(self)


@dataclass(frozen=True)
class PCAOptions(Options):
    """How the principal components are found."""

    code_dim: int = 32
    whiten: bool = True
    two_modes: bool = True

    def __post_init__(self) -> None:
        within(self, 1, len(DESCRIPTOR_NAMES), "code_dim")


OPTIONS: dict[str, type[Options]] = {
    "pca": PCAOptions,
    "autoencoder": AutoencoderOptions,
    "rnn": RNNOptions,
    "cnn": CNNOptions,
}
"""The options of each encoder's training, by its name."""


def options_of(name: str, settings: Sequence[str] = ()) -> Any:
    """The options of encoder `name` with `settings` (`KEY=VALUE`) in place of its defaults."""
    one_of("encoder", name, OPTIONS)
    return OPTIONS[name]().changed(settings)
