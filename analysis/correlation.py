"""Does one number follow another? A correlation with the interval it is known to, and what chance would give."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

_Z95 = 1.959964


class Correlation(NamedTuple):
    """Pearson's r of `n` pairs, its 95 % interval, and the |r| that 95 % of unrelated pairs stay under."""

    r: float
    low: float
    high: float
    chance: float
    n: int


def correlate(a: np.ndarray, b: np.ndarray) -> Correlation:
    """Pearson correlation of `a` `[n]` and `b` `[n]`, pairs independent of one another.

    The interval is Fisher's: artanh r ± 1.96 / √(n − 3); `chance` is tanh(1.96 / √(n − 3)). Where either does not
    vary, r is 0. Raises `ValueError` for fewer than four pairs or values that are not finite.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 4:
        raise ValueError(f"at least four pairs are needed, not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values must be finite")
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    r = float(a @ b) / size if size > 0 else 0.0
    reach = _Z95 / math.sqrt(len(a) - 3)
    middle = math.atanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return Correlation(r, math.tanh(middle - reach), math.tanh(middle + reach), math.tanh(reach), len(a))
