"""Which images come when: the order is a function of the clock, so that a resumed run sees what it would have."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from data.covers import to_float


class Batches:
    """Real covers and their conditions, in an order given by the seed and the number of images shown.

    covers: uint8 `[N, 3, H, W]` (a memory map will do); conditions: float32 `[N, c_dim]`;
    rows: int64 `[M]`, those of the N that training may use. Each pass over the rows is a permutation of its own.
    """

    def __init__(self, covers: np.ndarray, conditions: np.ndarray, rows: np.ndarray, seed: int, mirror: bool) -> None:
        self.covers, self.conditions, self.rows = covers, conditions, rows
        self.seed, self.mirror = seed, mirror
        self._order = functools.lru_cache(maxsize=2)(self._draw_order)

    def at(self, shown: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Images `shown … shown + size − 1` of the endless stream: images float −1…1 `[size, 3, H, W]`, conditions."""
        passes, places = np.divmod(np.arange(shown, shown + size), len(self.rows))
        picked = np.array([self._order(int(p))[i] for p, i in zip(passes, places, strict=True)])
        images = torch.from_numpy(np.ascontiguousarray(self.covers[picked])).to(device)
        images = to_float(images).contiguous(memory_format=torch.channels_last)
        if self.mirror:
            flipped = torch.rand(size, device=device) < 0.5
            images = torch.where(flipped[:, None, None, None], images.flip(3), images)
        return images, torch.from_numpy(self.conditions[picked]).to(device)

    def _draw_order(self, pass_number: int) -> np.ndarray:
        return self.rows[np.random.default_rng((self.seed, pass_number)).permutation(len(self.rows))]
