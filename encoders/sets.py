"""Many into one and one into many: an album's code from its tracks', a track's from its excerpts', and its path.

Everything here is arithmetic on codes or conditions that exist already. Rows that hold a NaN (what could not be
heard) do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.errors import InputError

MOST_WINDOWS = 100_000
_BLOCK = 256


@dataclass(frozen=True)
class SetCode:
    """What N codes have in common: `mean` and `spread` (standard deviation) float32 `[d]`, `typical` the row of
    the most typical one, and how many `count`ed.
    """

    mean: np.ndarray
    spread: np.ndarray
    typical: int
    count: int


def summarise_codes(codes: np.ndarray, name: str = "set") -> SetCode:
    """The set of codes `[N, d]`, such as those of an album's tracks.

    The most typical is the medoid: the one whose distances to the others, in deviations of each number, have
    the smallest sum; the first of several. Raises `InputError` naming the set where none of it can be heard.
    """
    rows, x = _heard(codes, name)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / np.where(spread > 1e-9, spread, np.inf)
    total = np.concatenate([_distances(z[i : i + _BLOCK], z).sum(axis=1) for i in range(0, len(z), _BLOCK)])
    # Distances that differ only by rounding are equal: the order of the tracks decides, not the machine.
    typical = int(np.flatnonzero(total <= total.min() * (1 + 1e-9))[0])
    return SetCode(mean.astype(np.float32), spread.astype(np.float32), int(rows[typical]), len(rows))


def combine_excerpts(codes: np.ndarray, seconds: np.ndarray | None = None, name: str = "track") -> np.ndarray:
    """One code float32 `[d]` of a track from those of its excerpts `[n, d]`, each with the weight of its `seconds`.

    Raises `InputError` naming the track where no excerpt can be heard.
    """
    rows, x = _heard(codes, name)
    weights = np.ones(len(x)) if seconds is None else np.asarray(seconds, dtype=np.float64)[rows]
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise InputError(name, "its excerpts have no positive length")
    return np.average(x, axis=0, weights=weights).astype(np.float32)


def combine_conditions(c: np.ndarray, layout: Sequence[tuple[str, int]], name: str = "set") -> np.ndarray:
    """One condition float32 `[c_dim]` of N `[N, c_dim]`: in each block the mean of the rows that have it.

    `layout` is the schema's. A block is present where any row has it. Raises `InputError` for no rows.
    """
    rows = np.asarray(c, dtype=np.float64)
    if not len(rows):
        raise InputError(name, "holds nothing")
    width = sum(1 + size for _, size in layout)
    if rows.shape[1] != width:
        raise ValueError(f"conditions have {rows.shape[1]} values, their layout {width}")
    combined = np.zeros(width, dtype=np.float32)
    start = 0
    for _, size in layout:
        present = rows[:, start] > 0
        if present.any():
            combined[start : start + 1 + size] = rows[present, start : start + 1 + size].mean(axis=0)
        start += 1 + size
    return combined


def plan_windows(
    duration_s: float, *, window_s: float = 10.0, hop_s: float = 1.0, start_s: float = 0.0, name: str = "track"
) -> np.ndarray:
    """Windows float64 `[n, 2]` (start and stop in seconds) that slide over a track, `hop_s` from one to the next.

    All have the same length and lie within the track; one shorter than a window is a single shorter window.
    Raises `InputError` for what is no length, and where nothing of the track is left.
    """
    if not all(map(math.isfinite, (duration_s, window_s, hop_s, start_s))) or min(window_s, hop_s) <= 0 or start_s < 0:
        raise InputError(name, f"cannot be cut into windows of {window_s:g} s every {hop_s:g} s from {start_s:g} s")
    left_s = duration_s - start_s
    if left_s <= 0:
        raise InputError(name, f"has {duration_s:g} s; nothing is left after {start_s:g} s")
    steps = max(left_s - window_s, 0) / hop_s
    if steps >= MOST_WINDOWS:
        raise InputError(name, f"would be cut into more than {MOST_WINDOWS:,} windows")
    starts = start_s + hop_s * np.arange(math.floor(steps + 1e-9) + 1)
    return np.stack([starts, np.minimum(starts + window_s, duration_s)], axis=1)


def smooth_path(codes: np.ndarray, width: float = 2.0, name: str = "track") -> np.ndarray:
    """A path float32 `[n, d]` without jumps from the codes `[n, d]` of a track's windows, in order.

    Windows that could not be heard lie on the line between their neighbours; then every number is smoothed by a
    Gaussian of `width` windows (its standard deviation; 0 leaves it). Raises `InputError` where none can be heard.
    """
    from scipy.ndimage import gaussian_filter1d

    rows, x = _heard(codes, name)
    if not (math.isfinite(width) and width >= 0):
        raise InputError(name, f"cannot be smoothed over {width:g} windows")
    every = np.arange(len(codes))
    filled = np.stack([np.interp(every, rows, column) for column in x.T], axis=1)
    return (gaussian_filter1d(filled, width, axis=0, mode="nearest") if width else filled).astype(np.float32)


def smooth_conditions(
    c: np.ndarray, layout: Sequence[tuple[str, int]], width: float = 2.0, name: str = "track"
) -> np.ndarray:
    """A path float32 `[n, c_dim]` from the conditions `[n, c_dim]` of a track's windows: `smooth_path` of every block.

    A block is present all along where any window has it: where one lacks it, or could not be heard (NaN), it has what
    lies between its neighbours. So no presence bit is anything but 0 or 1.
    """
    rows = np.asarray(c, dtype=np.float64)
    smooth = np.zeros(rows.shape, dtype=np.float32)
    start = 0
    for _, size in layout:
        present = rows[:, start] > 0
        if present.any():
            smooth[:, start] = 1
            values = np.where(present[:, None], rows[:, start + 1 : start + 1 + size], np.nan)
            smooth[:, start + 1 : start + 1 + size] = smooth_path(values, width, name)
        start += 1 + size
    return smooth


def _heard(codes: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows that hold no NaN, and these codes float64 `[n, d]`."""
    x = np.asarray(codes, dtype=np.float64)
    if x.ndim != 2:
        raise ValueError(f"codes are [N, d], not {x.shape}")
    rows = np.flatnonzero(np.isfinite(x).all(axis=1))
    if not len(rows):
        raise InputError(name, "nothing of it can be heard" if len(x) else "holds nothing")
    return rows, x[rows]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances `[n, m]` between rows `[n, d]` and `[m, d]`."""
    return np.sqrt(np.square(a[:, None, :] - b[None, :, :]).sum(axis=2))
