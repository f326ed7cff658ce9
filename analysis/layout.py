"""Where covers lie in a picture: a sprite sheet of them, and a grid that a map is laid onto with the least moving."""

from __future__ import annotations

import math

import numpy as np

MOST_SPRITE_PX = 8192
"""A side of a sprite sheet that TensorBoard and browsers show."""
MOST_ON_GRID = 2500
"""Covers on a grid: assigning them takes the cube of their number."""


def sprite_sheet(covers: np.ndarray, most_px: int = MOST_SPRITE_PX) -> tuple[np.ndarray, int, int]:
    """One picture uint8 `[3, S, S]` of covers uint8 `[N, 3, side, side]` in rows of ⌈√N⌉, with the side in pixels that
    each has there and how many stand in a row. They are shrunk until the sheet is at most `most_px` a side.
    """
    n, side = len(covers), covers.shape[-1]
    columns = max(1, math.ceil(math.sqrt(n)))
    shrink = math.ceil(columns * side / most_px)
    side = side // shrink
    if not side:
        raise ValueError(f"{n} covers do not fit on a sheet of {most_px} px")
    sheet = np.zeros((3, columns * side, columns * side), dtype=np.uint8)
    for place, cover in enumerate(covers):
        top, left = side * (place // columns), side * (place % columns)
        sheet[:, top : top + side, left : left + side] = shrunk(cover, shrink)
    return sheet, side, columns


def shrunk(cover: np.ndarray, factor: int) -> np.ndarray:
    """A cover uint8 `[3, H, H]` averaged over squares of `factor` pixels: `[3, H // factor, H // factor]`."""
    if factor == 1:
        return cover
    side = cover.shape[-1] // factor
    squares = cover[:, : side * factor, : side * factor].reshape(3, side, factor, side, factor)
    return squares.mean(axis=(2, 4)).round().astype(np.uint8)


def assign_grid(points: np.ndarray) -> np.ndarray:
    """A cell `(row, column)` int64 `[N, 2]` of a grid of ⌈√N⌉ columns for each of `points [N, 2]`, N ≤ 2,500, such that
    the sum of squared distances moved is least (Jonker & Volgenant 1987, as in SciPy); row 0 is on top, y grows
    upwards.
    """
    from scipy.optimize import linear_sum_assignment

    points = np.asarray(points, dtype=np.float64)
    n = len(points)
    if not 1 <= n <= MOST_ON_GRID:
        raise ValueError(f"needs 1 to {MOST_ON_GRID} points, not {n}")
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    extent = np.ptp(points, axis=0)
    unit = (points - points.min(axis=0)) / np.where(extent > 0, extent, 1)
    cells = np.array([(row, column) for row in range(rows) for column in range(columns)])
    at = np.stack([(cells[:, 1] + 0.5) / columns, 1 - (cells[:, 0] + 0.5) / rows], axis=1)
    cost = ((unit[:, None] - at[None]) ** 2).sum(axis=2)
    return np.asarray(cells[linear_sum_assignment(cost)[1]])


def spread_out(points: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """int64, ascending: of `points [N, 2]` at most `most` that cover the map evenly: one from each occupied cell of
    ever finer grids, so that crowded places do not take all of them.
    """
    n = len(points)
    if n <= most:
        return np.arange(n)
    extent = np.maximum(np.ptp(points, axis=0), 1e-12)
    unit = (points - points.min(axis=0)) / extent
    order = np.random.default_rng(seed).permutation(n)
    best = order[:1]
    for cells in range(1, 4 * math.ceil(math.sqrt(most))):
        cell = np.minimum((unit[order] * cells).astype(int), cells - 1)
        first = np.unique(cell[:, 0] * cells + cell[:, 1], return_index=True)[1]
        if len(first) > most:
            break
        best = order[first]
    return np.sort(best)
