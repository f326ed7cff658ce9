"""The contract of every encoder: it hears one thing of a track, learns from many, and answers with a code."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from data.files import sha256_bytes
from encoders.features import Features
from encoders.heads import Heads


class Encoder(ABC):
    """Turns what is heard of tracks into codes float32 `[N, code_dim]` of about unit scale.

    `hears` names the part of `Features` that the encoder listens to: `descriptors` (rows `x [N, d]`) or
    `log_mel` (a sequence of `S [n_mels, n_frames]`, of any lengths). Raw values go in: each encoder keeps its
    own normalisation in its state. The state is JSON (`config`) and arrays (`tensors`), nothing else, and the
    same state gives the same codes, whatever tracks are encoded together. `heads` answer from the codes; they
    travel beside the state (`encoders.encoder_state`), since they change no code.
    """

    name: ClassVar[str]
    hears: Literal["descriptors", "log_mel"]
    code_dim: int
    heads: Heads = Heads()

    @abstractmethod
    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        """Learns from what this encoder hears of the training tracks; `InputError` where that is too little."""

    @abstractmethod
    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of what this encoder hears of N tracks."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Sizes, options and measured figures, as JSON values."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """What was learnt, as named arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The encoder that gave this `config` and these `tensors`; `InputError` where they do not fit."""

    def encode(self, tracks: Sequence[Features]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of the features of N tracks."""
        return self.encode_heard([getattr(track, self.hears) for track in tracks])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the state: encoders with the same codes for everything, and only those, share it."""
        return fingerprint_state(self.name, self.config(), self.tensors())


def fingerprint_state(name: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a state; equal states, and only those, share it."""
    parts = [json.dumps([name, config], sort_keys=True).encode()]
    for key, array in sorted(tensors.items()):
        parts.append(f"{key} {array.dtype.str} {array.shape}".encode())
        parts.append(np.ascontiguousarray(array).tobytes())
    return sha256_bytes(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
