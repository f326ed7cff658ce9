"""Nearest neighbours: exact, a block at a time, as long as that is quick; approximate beyond, with the recall said."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from analysis.blocks import checked_pair, row_blocks
from data.rows import squared_distances

MOST_PAIRS = 20_000**2
"""Pairs of rows up to which all distances are computed."""
_SAMPLE = 200
_ASKED = 50


class Neighbours(NamedTuple):
    """The nearest of each of N rows, the nearest first: `distance` float64 `[N, k]`, `which` int64 `[N, k]`.

    found: the share of the true neighbours that are among them, 1 where the search was exact, else measured on 200
    rows; one that is as near as the last of the true ones counts as true.
    """

    distance: np.ndarray
    which: np.ndarray
    found: float


class Search:
    """Euclidean nearest neighbours among the rows of `x [N, d]`; the same for one seed.

    exact: by all distances; else by a forest of random projection trees (Dasgupta & Freund 2008; Annoy, as openTSNE
    brings it), which is asked for 50 neighbours at least: the nearest of them are seldom missed.
    """

    def __init__(self, x: np.ndarray, exact: bool = True, seed: int = 0) -> None:
        self.x, _ = checked_pair(x, x)
        self.exact, self.seed = exact, seed

    def within(self, k: int) -> Neighbours:
        """The k nearest others of each row, N > k; a row is not its own neighbour, an equal one may be."""
        if len(self.x) <= k:
            raise ValueError(f"needs more than {k} rows")
        rows = np.arange(len(self.x))
        if self.exact:
            return Neighbours(*self._exact(self.x, k, rows), 1.0)
        asked = min(max(_ASKED, k), len(self.x) - 1)
        near = self._forest[1] if asked == _ASKED else self._forest[0].query(self.x, asked + 1)[0]
        return self._checked(self.x, near, k, rows)

    def among(self, queries: np.ndarray, k: int = 1) -> Neighbours:
        """The k nearest rows of x to each of `queries [M, d]`, N ≥ k."""
        _, queries = checked_pair(self.x, queries)
        if len(self.x) < k:
            raise ValueError(f"needs at least {k} rows")
        if self.exact:
            return Neighbours(*self._exact(queries, k), 1.0)
        return self._checked(queries, self._forest[0].query(queries, min(max(_ASKED, k), len(self.x)))[0], k)

    @cached_property
    def _forest(self) -> tuple[Any, np.ndarray]:
        """The trees, and what they find for each row of x: `[N, 50]`, or all others where there are fewer."""
        from openTSNE.nearest_neighbors import Annoy

        forest = Annoy(self.x, min(_ASKED, len(self.x) - 1), metric="euclidean", n_jobs=1, random_state=self.seed)
        return forest, forest.build()[0]

    def _exact(self, queries: np.ndarray, k: int, own: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices `[M, k]`; `own [M]`: the row of x that each query is and does not find."""
        distance, index = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.int64)
        for rows in row_blocks(len(queries), len(self.x)):
            square = squared_distances(queries[rows], self.x)
            if own is not None:
                square[np.arange(len(square)), own[rows]] = np.inf
            near = np.argpartition(square, k - 1, axis=1)[:, :k] if k > 1 else square.argmin(axis=1)[:, None]
            order, index[rows] = _sorted(np.take_along_axis(square, near, axis=1), near)
            distance[rows] = np.sqrt(order)
        return distance, index

    def _checked(self, queries: np.ndarray, near: np.ndarray, k: int, own: np.ndarray | None = None) -> Neighbours:
        """The k nearest of those found, `near [M, ≥ k]`, by distances in float64, and the share of the true ones that
        they are on a sample."""
        square = np.empty(near.shape)
        for rows in row_blocks(len(queries), near.shape[1] * self.x.shape[1]):
            apart = queries[rows, None] - self.x[near[rows]]  # [n, ·, d]
            square[rows] = np.einsum("nkd,nkd->nk", apart, apart)
        if own is not None:
            square[near == own[:, None]] = np.inf
        square, near = (part[:, :k] for part in _sorted(square, near))
        distance = np.sqrt(square)
        sample = np.sort(np.random.default_rng(self.seed).choice(len(queries), min(_SAMPLE, len(queries)), False))
        true, _ = self._exact(queries[sample], k, None if own is None else own[sample])
        furthest = true[:, -1:] * (1 + 1e-9) + 1e-7 * np.sqrt((self.x**2).sum(axis=1).max())
        return Neighbours(distance, near, float((distance[sample] <= furthest).mean()))


def _sorted(square: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both `[n, k]`, each row by its distances, the least first; of equal ones the first row of x first."""
    order = np.lexsort((index, square), axis=1)
    return np.take_along_axis(square, order, axis=1), np.take_along_axis(index, order, axis=1)
