"""Small planes as pictures of any size, a band of rows at a time, so that memory is for one band."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

Rows = Callable[[int, int], np.ndarray]
"""`rows(top, bottom)`: that part of a picture, float32 `[3, bottom - top, size]` in 0…255 and a little beyond."""

_EDGE = 2
_STEP = 8
"""Rows at once: products so small are not handed to threads, which would wait for one another."""


class Stretched:
    """Planes float32 `[k, n, n]` at `size` × `size` pixels (at least n) through the cubic of Keys (1981), a = −½."""

    def __init__(self, planes: np.ndarray, size: int) -> None:
        if size < planes.shape[-1]:
            raise ValueError(f"{planes.shape[-1]} pixels are not stretched to {size}")
        self._size = size
        flat = (Image.fromarray(plane) for plane in planes)
        width = (size, planes.shape[-1])
        wide = np.stack([np.asarray(plane.resize(width, Image.Resampling.BICUBIC)) for plane in flat])
        self._wide = np.pad(wide, ((0, 0), (_EDGE, _EDGE), (0, 0)), mode="edge")  # the edge goes on

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """Rows `top` to `bottom`, float32 `[k, bottom - top, size]`."""
        n = self._wide.shape[1] - 2 * _EDGE
        y = (np.arange(top, bottom) + 0.5) * (n / self._size) - 0.5
        first = np.floor(y).astype(int) - 1
        stretched = np.empty((len(self._wide), bottom - top, self._size), dtype=np.float32)
        for start in range(0, len(y), _STEP):
            part = slice(start, start + _STEP)
            low, high = first[part][0], first[part][-1] + 4
            weights = np.zeros((len(y[part]), high - low), dtype=np.float32)
            for tap in range(4):
                weights[np.arange(len(weights)), first[part] - low + tap] = _cubic(y[part] - first[part] - tap)
            np.matmul(weights, self._wide[:, low + _EDGE : high + _EDGE], out=stretched[:, part])
        return stretched


def pixel_places(start: int, stop: int, size: int) -> np.ndarray:
    """Where the pixels `start` to `stop` of a line of `size` lie on it, float32, 0 to 1."""
    return ((np.arange(start, stop) + 0.5) / size).astype(np.float32)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    return np.where(x <= 1, 1 + x**2 * (1.5 * x - 2.5), 2 + x * (x * (2.5 - 0.5 * x) - 4))
