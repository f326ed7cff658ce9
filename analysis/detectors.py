"""What two sets of covers are compared by: descriptors, the learned embedding, or a network in a TorchScript file.

A TorchScript file holds a network together with its code, in a language of its own whose operators are all that it can
run. Some of those operators write files, so: open only files of people you trust. The public `inception-2015-12-05.pt`
of StyleGAN2-ADA is one (it brings covers to 299 px by itself): with it, distances are the field's own.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.descriptors import compute_descriptors
from analysis.embedding import SIDE, compute_embeddings, to_side
from data.covers import RESIZE_FILTER, read_bounded
from data.errors import InputError

MAX_BYTES = 2**30
OWN = "its own"
"""The filter of a network that brings covers to its side by itself."""
_BATCH = 64
_FEATURES = "return_features"


@dataclass(frozen=True)
class Detector:
    """Covers uint8 `[N, 3, H, W]`, H = W ≥ 16 → features `[N, d]`.

    Covers of other sizes are brought to `side` pixels through `filter`; without a `side` they are seen as they come.
    `name` tells any other features apart: a file's holds the beginning of its SHA-256.
    """

    name: str
    filter: str
    side: int | None
    compute: Callable[[np.ndarray], np.ndarray]

    def how(self, resolution: int) -> str:
        """What features of covers at `resolution` pixels are made with, to stand beside every figure of them."""
        first = f"{self.name} of {resolution} px covers, {RESIZE_FILTER}"
        if self.side is None:
            return first if self.filter == RESIZE_FILTER else f"{first}, then resized by itself"
        return first if self.side == resolution else f"{first}, then {self.filter} to {self.side} px"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self.compute(images if self.side is None else to_side(images, self.side))


DESCRIPTORS = Detector("descriptors", RESIZE_FILTER, None, compute_descriptors)
EMBEDDING = Detector("embedding", RESIZE_FILTER, SIDE, compute_embeddings)
DETECTORS = {detector.name: detector for detector in (DESCRIPTORS, EMBEDDING)}


def open_detector(wish: str | os.PathLike[str]) -> Detector:
    """The detector of that name, else the TorchScript network in the file `wish`; `InputError` where it is neither."""
    text = os.fspath(wish)
    if text in DETECTORS:
        return DETECTORS[text]
    if not Path(text).exists():
        raise InputError(text, f"neither features that are known ({', '.join(DETECTORS)}) nor a TorchScript file")
    return read_detector(text)


def read_detector(path: str | os.PathLike[str]) -> Detector:
    """The network in a TorchScript file, on the CPU; `InputError` where there is none that does as is asked.

    Its `forward` takes uint8 `[N, 3, H, W]` and returns `[N, d]` (or `[N, d, 1, 1]`); where it takes the keyword
    `return_features`, that is set. One with an integer attribute `side` gets covers of that side, any other gets them
    as they are and resizes them itself.
    """
    content, subject = read_bounded(path, max_bytes=MAX_BYTES)
    try:
        with warnings.catch_warnings(action="ignore"):  # the errors below say it in one line
            module = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        keywords = {_FEATURES: True} if _FEATURES in {x.name for x in module.forward.schema.arguments} else {}
    except Exception as error:  # its reader raises almost anything on other files
        raise InputError(subject, "not a TorchScript file, or damaged") from error
    side = getattr(module, "side", None)
    side = side if type(side) is int and side >= 16 else None

    def compute(images: np.ndarray) -> np.ndarray:
        parts = [
            _run(module, images[start : start + _BATCH], keywords, subject) for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts)

    grey = np.full((2, 3, side or SIDE, side or SIDE), 128, dtype=np.uint8)
    compute(grey)
    name = f"{Path(subject).stem} {hashlib.sha256(content).hexdigest()[:12]}"
    return Detector(name, RESIZE_FILTER if side else OWN, side, compute)


def _run(module: Any, images: np.ndarray, keywords: dict[str, bool], subject: str) -> np.ndarray:
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            found = module(torch.from_numpy(np.ascontiguousarray(images)), **keywords)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise InputError(subject, f"cannot see covers uint8 {list(images.shape)} ({reason[0]})") from error
    if not isinstance(found, torch.Tensor) or found.ndim < 2 or len(found) != len(images):
        raise InputError(subject, "does not return features [N, d]")
    if found[0].numel() != found.shape[1] or not found.is_floating_point() or not found.isfinite().all():
        raise InputError(subject, f"does not return finite features [N, d], but {found.dtype} {list(found.shape)}")
    return found.float().flatten(1).numpy()
