"""Entropic optimal transport (Cuturi 2013) between two sets of vectors: who goes with whom, when all must be used."""

from __future__ import annotations

import numpy as np

_LEAST = -600.0
"""Logarithm below which no entry of the kernel goes: above float64's smallest number, far below all that counts."""


def transport_plan(a: np.ndarray, b: np.ndarray, blur: float = 0.05, iterations: int = 200) -> np.ndarray:
    """The plan float64 `[N, M]` that moves mass 1/N at each of `a` `[N, f]` to 1/M at each of `b` `[M, f]`.

    Minimises Σ P · |a − b|² − ε · entropy(P), ε = `blur` times the mean cost, by Sinkhorn's iterations. Rows sum
    to 1/N exactly, columns to 1/M as near as the iterations came.
    """
    cost = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    cost -= cost.min(axis=1, keepdims=True)  # the same for a whole row changes no plan
    kernel = np.exp(np.maximum(-cost / max(blur * cost.mean(), 1e-300), _LEAST))
    rows, columns = np.ones(len(a)), np.ones(len(b))
    for _ in range(iterations):
        columns = 1 / (len(b) * (rows @ kernel))
        rows = 1 / (len(a) * (kernel @ columns))
    return rows[:, None] * kernel * columns
