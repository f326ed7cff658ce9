"""How far rows of numbers are from one another."""

from __future__ import annotations

import numpy as np


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances float64 `[n, m]` of rows of `a [n, d]` and `b [m, d]`, in one matrix.

    |a|² + |b|² − 2 a·b: rows that are far from zero and near to one another are to be brought to zero beforehand.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    square = a @ b.T
    square *= -2
    square += (a**2).sum(axis=1)[:, None]
    square += (b**2).sum(axis=1)[None]
    return np.maximum(square, 0, out=square)
