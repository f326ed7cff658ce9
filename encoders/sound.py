"""Encoders whose network listens to the log-mel spectrogram itself: their normalisation, windows and state."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch

from data.errors import InputError
from data.files import sha256_bytes
from encoders.base import Encoder
from encoders.features import FEATURES_VERSION, HOP, N_FFT, N_MELS, TOP_DB, one_thread
from encoders.heads import check_tensors
from encoders.networks import SoundNetwork
from encoders.options import Options

WINDOW_FRAMES = 2600
"""Frames (60.4 s) that are heard at once; a longer sound is heard in equal windows and their codes averaged."""

LEAST_FRAMES = 64
"""A shorter sound is repeated to this length (1.5 s), so that no layer is left without input."""

CLIP = 8.0
"""Standardised levels are held within ± this."""

MEL_HASH = sha256_bytes(f"{FEATURES_VERSION} {N_FFT} {HOP} {N_MELS} {TOP_DB}".encode())[:16]
"""What anything fitted to log-mels keeps, so as never to be used on others."""


class SoundEncoder(Encoder):
    """A `SoundNetwork` with what it needs to be used: levels standardised a band, codes standardised a number.

    Codes have mean 0 and deviation 1 over the training tracks. Matrices are kept as 16-bit floats: the network here
    holds just those values, so a stored encoder gives the same codes as the one that was trained.
    """

    hears: Literal["descriptors", "log_mel"] = "log_mel"
    sizes_kind: ClassVar[type[Options]]

    def __init__(
        self, sizes: Options, network: SoundNetwork, level_mean: np.ndarray, level_scale: float, card: Mapping[str, Any]
    ) -> None:
        """`level_mean` `[128]` and `level_scale`, in dB; `card` says how it was trained, as JSON values."""
        self.sizes = sizes
        self.code_dim = int(sizes.code_dim)  # type: ignore[attr-defined]
        self.card = dict(card)
        self.level_mean = np.asarray(level_mean, dtype=np.float32)
        self.level_scale = float(np.float32(level_scale))
        self.code_mean = np.zeros(self.code_dim, dtype=np.float32)
        self.code_scale = np.ones(self.code_dim, dtype=np.float32)
        self._network = network.eval().requires_grad_(False)
        with torch.no_grad():
            for value in self._network.parameters():
                if value.ndim > 1:
                    value.copy_(value.half().float())

    @classmethod
    @abstractmethod
    def build_network(cls, sizes: Any, answers: Mapping[str, int]) -> SoundNetwork:
        """An untrained network of these sizes with these answers."""

    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        """Refused: these are trained step by step, on more than sound, by `encoders.training.train_encoder`."""
        raise InputError(self.name, "is not fitted at once; train it: gatefold train-encoder")

    def standardise_codes(self, codes: np.ndarray) -> None:
        """From now on, codes have mean 0 and deviation 1 over those that are now `codes` `[N, code_dim]`."""
        deviation = codes.std(axis=0)
        self.code_mean = self.code_mean + self.code_scale * codes.mean(axis=0)
        self.code_scale = (self.code_scale * np.where(deviation > 1e-6, deviation, 1)).astype(np.float32)

    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of N log-mels `[128, n_frames]` in dB, each heard by itself."""
        with one_thread(), torch.inference_mode():
            codes = [self._encode_one(np.asarray(log_mel, dtype=np.float32)) for log_mel in heard]
        return np.array(codes, dtype=np.float32).reshape(len(codes), self.code_dim)

    def _encode_one(self, log_mel: np.ndarray) -> np.ndarray:
        if log_mel.ndim != 2 or log_mel.shape[0] != N_MELS or not log_mel.shape[1]:
            raise ValueError(f"log-mels are [{N_MELS}, n_frames], not {log_mel.shape}")
        if log_mel.shape[1] < LEAST_FRAMES:
            log_mel = np.tile(log_mel, math.ceil(LEAST_FRAMES / log_mel.shape[1]))
        windows = np.array_split(log_mel, math.ceil(log_mel.shape[1] / WINDOW_FRAMES), axis=1)
        codes = [self._network.code(torch.from_numpy(self._standardise(window))[None])[0] for window in windows]
        return (torch.stack(codes).mean(dim=0).numpy() - self.code_mean) / self.code_scale

    def _standardise(self, log_mel: np.ndarray) -> np.ndarray:
        return standardise_levels(log_mel, self.level_mean, self.level_scale)

    def config(self) -> dict[str, Any]:
        """Sizes, which log-mels, and how it was trained."""
        return {"sizes": self.sizes.to_json(), "log_mel": MEL_HASH, "card": self.card}

    def tensors(self) -> dict[str, np.ndarray]:
        """`level_mean [128]`, `level_scale [1]`, `code_mean` and `code_scale [code_dim]`, `network/…`."""
        own = {
            "level_mean": self.level_mean,
            "level_scale": np.array([self.level_scale], dtype=np.float32),
            "code_mean": self.code_mean,
            "code_scale": self.code_scale,
        }
        weights = {f"network/{name}": value.numpy() for name, value in _learnt(self._network).items()}
        return own | {name: value.astype(np.float16) if value.ndim > 1 else value for name, value in weights.items()}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The encoder of this state; `InputError` where parts are missing, misshapen or for other log-mels."""
        if not isinstance(config, Mapping) or set(config) != {"sizes", "log_mel", "card"}:
            raise InputError(cls.name, "its configuration does not have the keys card, log_mel, sizes")
        if config["log_mel"] != MEL_HASH:
            raise InputError(cls.name, "was trained on the spectrograms of another version")
        names = {field.name for field in dataclasses.fields(cls.sizes_kind)}
        known = {"bands": 0, **config["sizes"]} if isinstance(config["sizes"], Mapping) else {}  # once there were none
        if set(known) != names:
            raise InputError(cls.name, f"its sizes are not {', '.join(sorted(names))}")
        if not isinstance(config["card"], Mapping):
            raise InputError(cls.name, "its card is not an object")
        sizes: Any = cls.sizes_kind.from_json(known)
        with torch.device("meta"):  # shapes without memory: the sizes are not to be trusted before the tensors fit
            network = cls.build_network(sizes, {})
        own = {"level_mean": (N_MELS,), "level_scale": (1,)}
        own |= {"code_mean": (sizes.code_dim,), "code_scale": (sizes.code_dim,)}
        shapes = {f"network/{name}": tuple(value.shape) for name, value in _learnt(network).items()}
        if set(tensors) != {*own, *shapes}:
            odd = min(set(tensors) ^ {*own, *shapes})
            raise InputError(cls.name, f"its tensors are not those of its sizes: {odd}")
        check_tensors(cls.name, tensors, own | {name: shape for name, shape in shapes.items() if len(shape) < 2})
        halves = {name: shape for name, shape in shapes.items() if len(shape) > 1}
        check_tensors(cls.name, tensors, halves, np.float16)
        if not (tensors["code_scale"] > 0).all() or not (tensors["level_scale"] > 0).all():
            raise InputError(cls.name, "a scale is not above 0")
        weights = {name: torch.from_numpy(tensors[f"network/{name}"].astype(np.float32)) for name in _learnt(network)}
        network = cls.build_network(sizes, {})
        network.load_state_dict(weights, strict=False)
        encoder = cls(sizes, network, tensors["level_mean"], float(tensors["level_scale"][0]), config["card"])
        encoder.code_mean, encoder.code_scale = tensors["code_mean"], tensors["code_scale"]
        return encoder


def standardise_levels(log_mel: np.ndarray, mean: np.ndarray, scale: float) -> np.ndarray:
    """Levels in dB `[128, n_frames]` less each band's mean `[128]`, over one scale, within ± `CLIP`; float32."""
    return np.clip((log_mel - mean[:, None]) / np.float32(scale), -CLIP, CLIP, dtype=np.float32)


def _learnt(network: SoundNetwork) -> dict[str, torch.Tensor]:
    """What a network learnt, by name: all but what it answers and the counters of batch norm."""
    return {
        name: value
        for name, value in network.state_dict().items()
        if value.is_floating_point() and not name.startswith(("answers.", "moments."))
    }
