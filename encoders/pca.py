"""Principal components of the standardised descriptors."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from data.errors import InputError
from encoders.base import Encoder
from encoders.features import DESCRIPTOR_NAMES, DESCRIPTORS_HASH
from encoders.heads import check_tensors

CLIP = 8.0
"""Standardised descriptors are held within ± this, so that one broken file does not turn the axes."""


EMPHASIS = {"folded_bpm": 5.0, "majorness": 5.0}
"""How much louder than the others a standardised descriptor is: tempo and mode are one number each among hundreds of
timbre, and would be left out of the first components."""


_MODE = DESCRIPTOR_NAMES.index("majorness")

STEEPNESS = 3.0
"""How soon a standardised majorness levels off where `two_modes` are told apart: how clearly a track is in major or in
minor matters less than in which of them it is."""


class PCAEncoder(Encoder):
    """Standardises `x [N, d]`, then projects on its first principal components.

    With `whiten` every number of the code has variance one over the training tracks (what a network likes to
    be given); without, it keeps its share of the variance. `explained_variance_ratio` float64 `[code_dim]` is
    that share. two_modes: see `stand_out`; encoders of before it was known are without.
    """

    name: ClassVar[str] = "pca"
    hears: Literal["descriptors", "log_mel"] = "descriptors"

    def __init__(self, code_dim: int = 32, whiten: bool = True, two_modes: bool = True) -> None:
        if not 1 <= code_dim <= len(DESCRIPTOR_NAMES):
            raise InputError("pca", f"code_dim is {code_dim}, not from 1 to {len(DESCRIPTOR_NAMES)}")
        self.code_dim = code_dim
        self.whiten = whiten
        self.two_modes = two_modes
        self.explained_variance_ratio = np.zeros(code_dim)
        self._mean = self._scale = np.zeros(0, dtype=np.float32)
        self._axes = np.zeros((0, code_dim), dtype=np.float32)

    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        """Learns from descriptors `[N, d]`, N above `code_dim`. The same rows give the same axes, sign included."""
        from sklearn.decomposition import PCA  # over a second of import that only fitting pays

        x = np.asarray(heard, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(DESCRIPTOR_NAMES) or not np.isfinite(x).all():
            raise InputError("pca", f"needs finite descriptors [N, {len(DESCRIPTOR_NAMES)}], not {x.shape}")
        if len(x) <= self.code_dim:
            raise InputError("pca", f"{len(x)} tracks are too few for a code of {self.code_dim} numbers")
        self._mean = x.mean(axis=0).astype(np.float32)
        deviation = x.std(axis=0)
        # A descriptor that never changes must not become loud through a division by nearly nothing.
        varies = deviation > 1e-6 * np.maximum(np.abs(self._mean), 1)
        self._scale = np.where(varies, deviation, 0).astype(np.float32)
        pca = PCA(self.code_dim, svd_solver="full").fit(self._standardise(x.astype(np.float32)))
        self.explained_variance_ratio = pca.explained_variance_ratio_
        size = np.sqrt(np.maximum(pca.explained_variance_, 1e-9)) if self.whiten else 1.0
        self._axes = (pca.components_.T / size).astype(np.float32)  # [d, code_dim]
        return self

    def _standardise(self, x: np.ndarray) -> np.ndarray:
        standard = (x - self._mean) / np.where(self._scale > 0, self._scale, np.inf)
        return stand_out(np.clip(standard, -CLIP, CLIP), self.two_modes)

    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of descriptors `[N, d]`; `ValueError` before `fit` or for another `d`."""
        if not len(heard):
            return np.zeros((0, self.code_dim), dtype=np.float32)
        x = np.asarray(heard, dtype=np.float32).reshape(len(heard), -1)
        if x.shape[1] != len(self._mean):
            raise ValueError(f"this encoder was fitted to {len(self._mean)} descriptors, not {x.shape[1]}")
        # Row by row in float64: a matrix product's rounding would depend on what else is in the batch.
        axes = self._axes.astype(np.float64)
        return np.stack([row @ axes for row in self._standardise(x).astype(np.float64)]).astype(np.float32)

    def config(self) -> dict[str, Any]:
        """Code size, whitening, which descriptors, and the explained variance."""
        return {
            "code_dim": self.code_dim,
            "whiten": self.whiten,
            "two_modes": self.two_modes,
            "descriptors": DESCRIPTORS_HASH,
            "explained_variance_ratio": [float(share) for share in self.explained_variance_ratio],
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """`mean [d]`, `scale [d]` (0 where a descriptor never changes) and `axes [d, code_dim]`, float32."""
        return {"mean": self._mean, "scale": self._scale, "axes": self._axes}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The encoder of this state; `InputError` where parts are missing, misshapen or for other descriptors."""
        keys = {"code_dim", "whiten", "two_modes", "descriptors", "explained_variance_ratio"}
        config = {"two_modes": False, **config} if isinstance(config, Mapping) else {}
        if set(config) != keys:
            raise InputError("pca", f"its configuration does not have the keys {', '.join(sorted(keys))}")
        if config["descriptors"] != DESCRIPTORS_HASH:
            raise InputError("pca", "was fitted to the descriptors of another version")
        code_dim, whiten, two_modes = config["code_dim"], config["whiten"], config["two_modes"]
        if type(code_dim) is not int or type(whiten) is not bool or type(two_modes) is not bool:
            raise InputError("pca", "code_dim, whiten or two_modes is of a wrong type")
        encoder = cls(code_dim, whiten, two_modes)
        d = len(DESCRIPTOR_NAMES)
        shapes = {"mean": (d,), "scale": (d,), "axes": (d, code_dim)}
        check_tensors("pca", tensors, shapes)
        try:
            ratio = np.array(config["explained_variance_ratio"], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError("pca", "explained_variance_ratio is not a list of numbers") from error
        if ratio.shape != (code_dim,):
            raise InputError("pca", "explained_variance_ratio has another size than the code")
        encoder.explained_variance_ratio = ratio
        encoder._mean, encoder._scale, encoder._axes = (tensors[name] for name in shapes)
        return encoder


def stand_out(standard: np.ndarray, two_modes: bool) -> np.ndarray:
    """Standardised descriptors `[N, d]`, each as loud as it is to be; with `two_modes` majorness levels off before."""
    if two_modes:
        standard = standard.copy()
        standard[:, _MODE] = np.tanh(STEEPNESS * standard[:, _MODE])
    return standard * emphasis()


@functools.cache
def emphasis() -> np.ndarray:
    """How loud each descriptor is, float32 `[d]`."""
    return np.array([EMPHASIS.get(name, 1.0) for name in DESCRIPTOR_NAMES], dtype=np.float32)
