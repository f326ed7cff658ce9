"""The spectrogram CNN encoder: taught to tell genres, and what other teachers know, from a picture of the sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from encoders.networks import CNN, CNNSizes, SoundNetwork
from encoders.sound import SoundEncoder


class CNNEncoder(SoundEncoder):
    """The penultimate layer of a residual CNN on log-mels; its heads tell genres with calibrated probabilities."""

    name: ClassVar[str] = "cnn"
    sizes_kind = CNNSizes

    @classmethod
    def build_network(cls, sizes: CNNSizes, answers: Mapping[str, int]) -> SoundNetwork:
        return CNN(sizes, answers)
