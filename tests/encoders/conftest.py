"""Tracks of the synthetic world, heard once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from data.synthetic import SyntheticTrack, draw_tracks, synthesize
from encoders.attributes import estimate_attributes
from encoders.features import Features, compute_features

SR = 22050


@dataclass(frozen=True)
class HeardWorld:
    """N tracks, their features and estimated attributes; `x` are the descriptors `[N, d]`."""

    tracks: list[SyntheticTrack]
    features: list[Features]
    attributes: list[dict[str, float]]

    @property
    def x(self) -> np.ndarray:
        return np.stack([features.descriptors for features in self.features])

    def truth(self, name: str) -> np.ndarray:
        """float64 `[N]`: one of `tempo_bpm`, `energy`, `brightness`, or `major` as 0 and 1."""
        return np.array([t.mode == "major" if name == "major" else getattr(t, name) for t in self.tracks], dtype=float)

    def estimated(self, name: str) -> np.ndarray:
        return np.array([attributes[name] for attributes in self.attributes])


@pytest.fixture(scope="session")
def world() -> HeardWorld:
    tracks = draw_tracks(400, seed=1)
    features, attributes = [], []
    for track in tracks:
        y = synthesize(track, duration_s=8.0)
        features.append(compute_features(y, SR))
        attributes.append(estimate_attributes(y, SR, features[-1]))
    return HeardWorld(tracks, features, attributes)
