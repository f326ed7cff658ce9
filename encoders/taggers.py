"""Music taggers trained by others on large corpora, frozen: what they hear in a clip is what ours are taught to hear.

The five-layer fully convolutional network of Choi et al. (2016), as published with state dicts of the keys
checked here. Only what a student learns from it is ours to ship.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.errors import InputError
from data.files import sha256_file
from encoders.features import one_thread

RATE = 16_000
N_FFT, HOP, BANDS = 512, 256, 96
WINDOW = 465_600
"""Samples (29.1 s) that a tagger hears at once."""

STEP = 160_000
"""About as many samples (10 s) from one window to the next."""

CODE, TAGS = 64, 50
MOMENT_STEP = 16_384
"""Samples (1.024 s) from one moment of a tagger to the next."""

MOMENT_HOPS = 5
"""Steps (5.12 s) that a moment is long."""

CHANNELS = (1, 64, 128, 128, 128, 64)
POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
LARGEST_BYTES = 64 * 2**20

NAMES: dict[str, tuple[str, ...]] = {
    "fcn-jamendo": (
        "alternative", "ambient", "atmospheric", "chillout", "classical", "dance", "downtempo", "easy listening",
        "electronic", "experimental", "folk", "funk", "hip hop", "house", "indie", "instrumental pop", "jazz", "lounge",
        "metal", "new age", "orchestral", "pop", "pop folk", "pop rock", "reggae", "rock", "soundtrack", "techno",
        "trance", "trip hop", "world", "acoustic guitar", "bass", "computer", "drum machine", "drums",
        "electric guitar", "electric piano", "guitar", "keyboard", "piano", "strings", "synthesizer", "violin", "voice",
        "emotional", "energetic", "film", "happy", "relaxing",
    ),
}  # fmt: skip
"""What the tags of a tagger mean, in the order of its logits: the 50 most frequent of MTG-Jamendo (Bogdanov et al.
2019), genres, then instruments, then moods, each in alphabetical order."""

_NORM = ("weight", "bias", "running_mean", "running_var")


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "spec.spectrogram.window": (N_FFT,),
        "spec.mel_scale.fb": (N_FFT // 2 + 1, BANDS),
        "dense.weight": (TAGS, CODE),
        "dense.bias": (TAGS,),
        **{f"spec_bn.{part}": (1,) for part in _NORM},
    }
    for layer, (before, after) in enumerate(itertools.pairwise(CHANNELS), start=1):
        shapes |= {f"layer{layer}.conv.weight": (after, before, 3, 3), f"layer{layer}.conv.bias": (after,)}
        shapes |= {f"layer{layer}.bn.{part}": (after,) for part in _NORM}
    return shapes


@dataclass(frozen=True)
class Tagger:
    """A frozen tagger: its weights by name, and the SHA-256 of its file."""

    name: str
    fingerprint: str
    weights: dict[str, Tensor]

    def hear(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Codes `[B, 64]` and tag logits `[B, 50]` of windows `[B, 465600]` at 16 kHz."""
        x = self._bands(windows)
        for layer, pool in enumerate(POOLS, start=1):
            x = F.max_pool2d(self._layer(layer, x), pool)
        codes = x[:, :, 0, 0]  # [B, 64, 1, 1] → [B, 64]
        return codes, self.answer(codes)

    def hear_moments(self, y: Tensor) -> Tensor:
        """Codes `[n, 64]` of every 5.12 s of `y [n_samples]`, one each 1.024 s, `n ≥ 1`; a shorter `y` is repeated.

        Before its last pool the network has a code of 5.12 s, and a window's code is the largest of four that follow
        one another. The last pools are made at every place here, and the last convolution reaches as far as it did.
        """
        least = MOMENT_HOPS * MOMENT_STEP
        x = self._bands((y.repeat(-(-least // len(y))) if len(y) < least else y)[None])
        for layer in (1, 2, 3):
            x = F.max_pool2d(self._layer(layer, x), POOLS[layer - 1])
        x = F.max_pool2d(self._layer(4, x), POOLS[3], stride=(POOLS[3][0], 1))  # [1, 128, 4, n]
        x = self._layer(5, x, reach=MOMENT_HOPS)
        return x.amax(dim=2)[0].T  # [1, 64, 4, n] → [n, 64]

    def answer(self, codes: Tensor) -> Tensor:
        """Tag logits `[..., 50]` of codes `[..., 64]`."""
        return codes @ self.weights["dense.weight"].T + self.weights["dense.bias"]

    def _bands(self, sounds: Tensor) -> Tensor:
        """Sounds `[B, n_samples]` → what the first layer sees, `[B, 1, 96, t]`."""
        window = self.weights["spec.spectrogram.window"]
        power = torch.stft(sounds, N_FFT, HOP, window=window, return_complex=True).abs().square()  # [B, 257, t]
        bands = torch.einsum("bft,fm->bmt", power, self.weights["spec.mel_scale.fb"])
        return self._norm("spec_bn", 10 * torch.log10(bands.clamp(min=1e-10))[:, None])

    def _layer(self, layer: int, x: Tensor, reach: int = 1) -> Tensor:
        """Convolution `layer` with its norm, before its pool; it looks `reach` places to either side in time."""
        weight, bias = self.weights[f"layer{layer}.conv.weight"], self.weights[f"layer{layer}.conv.bias"]
        x = F.conv2d(x, weight, bias, padding=(1, reach), dilation=(1, reach))
        return F.relu(self._norm(f"layer{layer}.bn", x))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias, mean, variance = (self.weights[f"{name}.{part}"] for part in _NORM)
        return F.batch_norm(x, mean, variance, weight, bias)


def load_taggers(folder: str | os.PathLike[str]) -> tuple[Tagger, ...]:
    """Every `fcn-*.pth` of a folder, by name; `InputError` where there is none or one is no such tagger."""
    paths = sorted(Path(folder).glob("fcn-*.pth"))
    if not paths:
        raise InputError(folder, "holds no teachers (fcn-*.pth)")
    return tuple(load_tagger(path) for path in paths)


def load_tagger(path: Path) -> Tagger:
    """The tagger of one state dict; nothing in the file is executed. `InputError` where it is something else."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InputError(path, f"larger than {LARGEST_BYTES:,} bytes: no tagger of this kind")
        with warnings.catch_warnings(action="ignore"):  # the error below says it in one line
            content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:
        raise InputError(path, "not the weights of a tagger (damaged, or another kind of file)") from error
    if not isinstance(content, dict):
        raise InputError(path, "not the weights of a tagger: no table of names")
    weights = {}
    for name, shape in _shapes().items():
        value = content.get(name)
        if not isinstance(value, Tensor) or value.dtype != torch.float32 or tuple(value.shape) != shape:
            raise InputError(path, f"not a tagger of this kind: {name} is not float32 {shape}")
        if not value.isfinite().all():
            raise InputError(path, f"{name} is not finite")
        # Subnormal weights (one tagger's dead channels have thousands) tell nothing and take fifteen times as long.
        smallest = torch.finfo(torch.float32).tiny
        weights[name] = torch.where(value.detach().abs() < smallest, 0.0, value.detach())
    return Tagger(path.stem, sha256_file(path), weights)


def window_starts(n_samples: int) -> np.ndarray:
    """Where windows begin int64 `[n_windows]`, evenly from the first sample to the last that leaves a whole one."""
    spare = max(n_samples - WINDOW, 0)
    return np.unique(np.linspace(0, spare, max(1, 1 + round(spare / STEP))).astype(np.int64))


def hear_windows(taggers: Sequence[Tagger], y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(starts [n], codes [n, 64 · taggers], logits [n, 50 · taggers])` of `y` at 16 kHz; a short `y` is repeated."""
    starts = window_starts(len(y))
    sound = np.tile(y, -(-WINDOW // len(y))) if len(y) < WINDOW else y
    codes, logits = [], []
    with one_thread(), torch.inference_mode():
        for start in starts:
            window = torch.from_numpy(np.ascontiguousarray(sound[start : start + WINDOW], dtype=np.float32))[None]
            heard = [tagger.hear(window) for tagger in taggers]
            codes.append(torch.cat([code[0] for code, _ in heard]).numpy())
            logits.append(torch.cat([logit[0] for _, logit in heard]).numpy())
    return starts, np.stack(codes), np.stack(logits)


def tag_columns(taggers: Sequence[Tagger]) -> tuple[tuple[str, ...], list[int]]:
    """The tags whose meaning is known, and the columns of `encoders.moments.Moments.between` that hold their logits."""
    names: list[str] = []
    columns: list[int] = []
    for place, tagger in enumerate(taggers):
        known = NAMES.get(tagger.name, ())
        names += known
        columns += range(CODE * len(taggers) + TAGS * place, CODE * len(taggers) + TAGS * place + len(known))
    return tuple(names), columns
