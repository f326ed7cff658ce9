"""A trait over many covers: where it lies, how far it is spread, and how far one set of covers lies from another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.traits import Trait


class Spread(NamedTuple):
    """A trait's mean and standard deviation (of angles those of directions, in degrees) over `n` covers where it is
    known; NaN where it is known of none."""

    mean: float
    deviation: float
    n: int


def spread_of(values: np.ndarray, trait: Trait) -> Spread:
    """Mean and deviation of a trait's `values [N]`, NaN left out (angles: Mardia & Jupp 2000, eq. 2.3.14)."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Spread(np.nan, np.nan, 0)
    if not trait.period:
        return Spread(float(known.mean()), float(known.std()), len(known))
    turn = 2 * np.pi / trait.period
    together = np.exp(1j * turn * known).mean()
    deviation = np.sqrt(-2 * np.log(min(max(abs(together), 1e-12), 1.0))) / turn
    return Spread(float(np.angle(together) / turn % trait.period), float(deviation), len(known))


def difference(new: Spread, old: Spread, trait: Trait) -> tuple[float, float]:
    """How far `new`'s mean lies from `old`'s in standard deviations of `old`, and how far its 95 % interval reaches to
    either side; NaN where it has none."""
    apart = new.mean - old.mean
    if trait.period:
        apart = (apart + trait.period / 2) % trait.period - trait.period / 2
    if not new.n or not old.deviation > 1e-9:
        return float("nan"), float("nan")
    error = np.sqrt(new.deviation**2 / new.n + old.deviation**2 / old.n)
    return apart / old.deviation, float(1.959964 * error / old.deviation)
