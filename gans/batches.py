"""Which images come when: the order is a function of the clock, so that a resumed run sees what it would have."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.covers import to_float
from gans import draws
from gans.conditions import Layout, drop_blocks, mismatch
from gans.config import TrainConfig


class Part(NamedTuple):
    """What one process computes at once: images float −1…1 `[n, 3, H, W]`, conditions `[n, c_dim]`, and those of other
    images (`wrong`, None where none is wanted or all are equal)."""

    images: Tensor
    c: Tensor
    wrong: Tensor | None


class Batches:
    """Real covers and their conditions, in an order given by the seed and the number of images shown.

    covers: uint8 `[N, 3, H, W]` (a memory map will do); conditions: float32 `[N, c_dim]` with their layout;
    rows: int64 `[M]`, those of the N that training may use. Each pass over the rows is a permutation of its own.
    """

    def __init__(
        self, covers: np.ndarray, conditions: np.ndarray, layout: Layout, rows: np.ndarray, config: TrainConfig
    ) -> None:
        self.covers, self.conditions, self.layout, self.rows = covers, conditions, layout, rows
        self.config = config
        self._order = functools.lru_cache(maxsize=2)(self._draw_order)

    def at(self, shown: int, device: torch.device) -> Iterator[Part]:
        """Images `shown … shown + batch_size − 1` of the endless stream, of each part of them this process's rows.

        What is done to conditions is done to a whole part, whoever computes which rows of it.
        """
        config = self.config
        size = config.batch_size // config.accumulate
        for begin in range(shown, shown + config.batch_size, size):
            picked = self.picked(begin, size)
            c = drop_blocks(torch.from_numpy(self.conditions[picked]), self.layout, config.condition_dropout)
            wrong = mismatch(c) if config.mismatch and c.shape[1] else None
            flipped = torch.rand(size) < 0.5 if config.mirror else torch.zeros(size, dtype=torch.bool)
            own = draws.own_rows(torch.from_numpy(picked)).numpy()
            images = to_float(torch.from_numpy(np.ascontiguousarray(self.covers[own])).to(device))
            images = images.contiguous(memory_format=torch.channels_last)
            flipped = draws.own_rows(flipped).to(device)
            if config.mirror:
                images = torch.where(flipped[:, None, None, None], images.flip(3), images)
            yield Part(
                images,
                draws.own_rows(c).to(device),
                None if wrong is None else draws.own_rows(wrong).to(device),
            )

    def picked(self, shown: int, size: int) -> np.ndarray:
        """The rows int64 `[size]` of images `shown … shown + size − 1`."""
        passes, places = np.divmod(np.arange(shown, shown + size), len(self.rows))
        return np.array([self._order(int(p))[i] for p, i in zip(passes, places, strict=True)])

    def _draw_order(self, pass_number: int) -> np.ndarray:
        return self.rows[np.random.default_rng((self.config.seed, pass_number)).permutation(len(self.rows))]
