"""The contract: an encoder is given what it says it hears, and its fingerprint is its state's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pytest

from data.synthetic import draw_tracks, synthesize
from encoders import ENCODERS
from encoders.base import Encoder
from encoders.features import compute_features


class Mean(Encoder):
    """Answers with mean and deviation of whatever it hears, less what it learnt."""

    name: ClassVar[str] = "mean"
    code_dim = 2

    def __init__(self) -> None:
        self.offset = np.zeros(2, dtype=np.float32)

    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        self.offset = self.encode_heard(heard).mean(axis=0)
        return self

    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[one.mean(), one.std()] for one in heard], dtype=np.float32) - self.offset

    def config(self) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, np.ndarray]:
        return {"offset": self.offset}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        encoder = cls()
        encoder.offset = tensors["offset"]
        return encoder


class MeanOfDescriptors(Mean):
    hears: ClassVar[Literal["descriptors", "log_mel"]] = "descriptors"


class MeanOfLogMel(Mean):
    hears: ClassVar[Literal["descriptors", "log_mel"]] = "log_mel"


@pytest.mark.parametrize("kind", [MeanOfDescriptors, MeanOfLogMel])
def test_an_encoder_hears_what_it_says(kind: type[Mean]) -> None:
    """Tracks of different lengths included: a log-mel spectrogram is as long as its track."""
    tracks = [
        compute_features(synthesize(track, seconds), 22050)
        for track, seconds in zip(draw_tracks(3, seed=0), (1.0, 1.5, 2.0), strict=True)
    ]
    codes = kind().encode(tracks)
    parts = [getattr(track, kind.hears) for track in tracks]
    np.testing.assert_allclose(codes[:, 0], [part.mean() for part in parts], rtol=1e-5)


def test_a_fingerprint_is_that_of_the_state() -> None:
    a, b = MeanOfLogMel(), MeanOfLogMel()
    assert a.fingerprint == b.fingerprint
    b.fit([np.ones((4, 4))])
    assert a.fingerprint != b.fingerprint
    assert MeanOfLogMel.from_state(b.config(), b.tensors()).fingerprint == b.fingerprint


def test_the_table_is_by_name() -> None:
    assert "pca" in ENCODERS
    for name, kind in ENCODERS.items():
        assert kind.name == name
        assert kind.hears in ("descriptors", "log_mel")


def test_the_contract_is_kept_whole() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Encoder()  # type: ignore[abstract]
