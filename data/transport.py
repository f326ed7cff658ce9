"""Entropic optimal transport (Cuturi, NeurIPS 2013) between two sets: who goes with whom, when all must be used."""

from __future__ import annotations

import numpy as np

from data.rows import squared_distances

TOLERANCE = 1e-6
"""Sinkhorn's iterations end when no column's sum is further off than this share of itself."""


def transport_cost(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What it costs to move each row of `a` `[N, f]` to each of `b` `[M, f]`: |a − b|² float64 `[N, M]`."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    middle = np.concatenate([a, b]).mean(axis=0)  # far from zero the squares would leave no digits for the differences
    return squared_distances(a - middle, b - middle)


def transport_plan(cost: np.ndarray, blur: float = 0.05, iterations: int = 1000) -> np.ndarray:
    """The plan P float64 `[N, M]` that moves mass 1/N from each row to 1/M at each column of `cost` `[N, M]`.

    Minimises Σ P · cost − ε · entropy(P), ε = `blur` times the mean of the cost over its least: without end, every row
    goes everywhere alike; near zero it is the best assignment. Sinkhorn's iterations on logarithms, so that no blur is
    too small for the numbers; what they leave of error at the columns is put right after Altschuler, Weed & Rigollet
    (NeurIPS 2017, algorithm 2), so that both margins are exact. Raises `ValueError` for a cost that is not finite.
    """
    if not cost.size or not np.isfinite(cost).all() or not blur > 0:
        raise ValueError("a plan needs a cost with rows and columns, all finite, and a blur above zero")
    n, m = cost.shape
    scaled = cost - cost.min()
    scaled /= max(blur * scaled.mean(), np.finfo(np.float64).tiny)
    rows, columns = np.zeros(n), np.zeros(m)
    for _ in range(iterations):
        rows = -np.log(n) - _log_sum(columns - scaled, axis=1)
        into = _log_sum(rows[:, None] - scaled, axis=0)
        if np.abs(np.expm1(into + columns + np.log(m))).max() < TOLERANCE:
            break
        columns = -np.log(m) - into
    return _with_margins(np.exp(rows[:, None] + columns - scaled))


def _log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    """log Σ exp(values) along an axis of `[N, M]`, whatever their size; `values` are overwritten."""
    top = values.max(axis=axis, keepdims=True)
    np.exp(np.subtract(values, top, out=values), out=values)
    return np.log(values.sum(axis=axis)) + top.squeeze(axis)


def _with_margins(plan: np.ndarray) -> np.ndarray:
    """The plan with rows of 1/N and columns of 1/M: what is too much is scaled down, what is missing then spread."""
    n, m = plan.shape
    plan = plan * np.minimum(1 / (n * plan.sum(axis=1)), 1)[:, None]
    plan *= np.minimum(1 / (m * np.maximum(plan.sum(axis=0), np.finfo(np.float64).tiny)), 1)
    lacking = np.maximum(1 / n - plan.sum(axis=1), 0)
    into = np.maximum(1 / m - plan.sum(axis=0), 0)
    return plan if not into.sum() else plan + lacking[:, None] * (into / into.sum())
