"""The recurrent encoder: a code of how a sound goes on in time, learnt by foretelling it, from labels, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from encoders.networks import RNN, RNNSizes, SoundNetwork
from encoders.sound import SoundEncoder


class RNNEncoder(SoundEncoder):
    """Pooled states of a GRU that runs forward through the sound: backward, the same sound has another code."""

    name: ClassVar[str] = "rnn"
    sizes_kind = RNNSizes

    @classmethod
    def build_network(cls, sizes: RNNSizes, answers: Mapping[str, int]) -> SoundNetwork:
        return RNN(sizes, answers)
