"""Do clusters follow a label? Three indices of agreement, each with what chance gives and a permutation p-value.

Covers by one artist look alike and have one genre, so they are no independent witnesses: given the artists, chance
deals each of them the labels of another, and only what is beyond that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

INDICES = ("ARI", "NMI", "V-measure")
DRAWS = 499


class Agreement(NamedTuple):
    """One index of agreement of `n` rows: its value, its mean and 95th percentile by chance, and the p-value, the share
    of DRAWS + 1 that reach it (the observed one counted)."""

    name: str
    value: float
    chance: float
    chance_95: float
    p: float
    n: int


def measure_agreement(
    clusters: np.ndarray,
    labels: Sequence[str] | np.ndarray,
    groups: Sequence[str] | np.ndarray | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Agreement]:
    """ARI, NMI and V-measure of `clusters [N]` with `labels [N]`, N ≥ 2.

    ARI: Hubert & Arabie 1985, eq. 5. NMI: mutual information over the geometric mean of the entropies (Strehl & Ghosh
    2002). V-measure: over their arithmetic mean (Rosenberg & Hirschberg 2007). An index is 0 where either side has
    one kind only. groups `[N]`: rows that are dealt
    their labels together under chance.
    """
    a = np.unique(np.asarray(clusters), return_inverse=True)[1]
    b = np.unique(np.asarray(labels), return_inverse=True)[1]
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"needs as many clusters as labels, at least two, not {len(a)} and {len(b)}")
    rng = np.random.default_rng(seed)
    deal = _Dealer(len(b) if groups is None else np.asarray(groups), rng)
    observed = _indices(a, b)
    by_chance = np.array([_indices(a, b[deal()]) for _ in range(draws)])  # [draws, 3]
    reached = (by_chance >= observed - 1e-12).sum(axis=0)
    return [
        Agreement(
            name,
            float(observed[k]),
            float(by_chance[:, k].mean()),
            float(np.quantile(by_chance[:, k], 0.95)),
            float((1 + reached[k]) / (draws + 1)),
            len(a),
        )
        for k, name in enumerate(INDICES)
    ]


class _Dealer:
    """Permutations of N rows: of single ones, or of groups, each of which takes the labels of another over and over."""

    def __init__(self, groups: int | np.ndarray, rng: np.random.Generator) -> None:
        ids = np.arange(groups) if isinstance(groups, int) else np.unique(groups, return_inverse=True)[1]
        self.rng = rng
        self.order = np.argsort(ids, kind="stable")  # the rows, group by group
        self.sizes = np.bincount(ids)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.group = ids[self.order]
        self.place = np.arange(len(ids)) - self.starts[self.group]

    def __call__(self) -> np.ndarray:
        """For each row the row that it takes its label from, int64 `[N]`."""
        other = self.rng.permutation(len(self.sizes))[self.group]
        taken = np.empty(len(self.order), dtype=np.int64)
        taken[self.order] = self.order[self.starts[other] + self.place % self.sizes[other]]
        return taken


def _indices(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ARI, NMI, V-measure of two labellings by numbers `[N]`."""
    n, k = len(a), int(b.max()) + 1
    table = np.bincount(a * k + b, minlength=(int(a.max()) + 1) * k).reshape(-1, k).astype(np.float64)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    together, in_rows, in_columns = (float((part * (part - 1)).sum() / 2) for part in (table, rows, columns))
    expected = in_rows * in_columns / (n * (n - 1) / 2)
    most = (in_rows + in_columns) / 2
    ari = (together - expected) / (most - expected) if most != expected else 0.0
    entropy_a, entropy_b = _entropy(rows), _entropy(columns)
    shared = max(entropy_a + entropy_b - _entropy(table.ravel()), 0.0)
    if min(entropy_a, entropy_b) <= 0:
        return np.zeros(3)
    return np.array([ari, shared / np.sqrt(entropy_a * entropy_b), 2 * shared / (entropy_a + entropy_b)])


def _entropy(counts: np.ndarray) -> float:
    """In nats."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())
