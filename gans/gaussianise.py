"""A map from vectors of any distribution to a standard normal one, fitted to a sample: near points stay near.

Rotation-based iterative Gaussianisation (Laparra, Camps-Valls & Malo 2011): each axis on its own is mapped to N(0, 1)
by its smoothed quantiles, then the axes are turned, and so on until no turned axis is told from a normal one. Here the
first turn is PCA with whitening, to as many axes as the sample supports. Beyond what the sample shows, an axis goes
on like a logarithm: what is heard there lands at the edge of the normal distribution and not far outside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from data.errors import InputError

LEAST_ROWS = 16
ROWS_AN_AXIS = 8
"""Rows that an axis of the whitening must have; with fewer, what it is scaled by would be chance."""
MOST_LAYERS = 6
"""More made the points it was fitted to more normal, and those that it had not seen no longer."""
_LEAST_SHARE = 0.01
"""Of the largest variance: a direction with less is left out, since whitening would make its noise loud."""
_FEWEST_KNOTS, _MOST_KNOTS = 5, 65
_WITHIN = 16
_STEEPEST = 4.0
_LILLIEFORS = 0.886
"""Over √N: the KS distance that a fitted normal sample of N exceeds in one of twenty cases (Lilliefors 1967)."""


class Gaussianiser(nn.Module):
    """`[N, d]` → `[N, k]`: layers of an affine map and a monotone map of each axis.

    `widths` [d, d, k, k, …] are the sizes between layers, `n_knots` the points of each monotone map. Computes with
    float64, so that a point hardly depends on what it is computed beside.
    """

    def __init__(self, widths: Sequence[int], n_knots: int) -> None:
        super().__init__()
        if not 3 <= len(widths) <= MOST_LAYERS + 1 or not all(type(w) is int and 1 <= w <= 2**16 for w in widths):
            raise ValueError(f"widths are sizes, 3 to {MOST_LAYERS + 1} of them")
        if type(n_knots) is not int or not 3 <= n_knots <= _MOST_KNOTS:
            raise ValueError(f"n_knots is not from 3 to {_MOST_KNOTS}")
        self.widths, self.n_knots = list(widths), n_knots
        self.layers = nn.ModuleList(_Layer(before, after, n_knots) for before, after in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        values = x.double()
        for layer in self.layers:
            values = layer(values)
        return values.to(x.dtype)


class _Layer(nn.Module):
    """x → g((x − mean) · matrix), g piecewise linear through (knots, levels) on each axis."""

    mean: Tensor
    matrix: Tensor
    knots: Tensor
    levels: Tensor

    def __init__(self, before: int, after: int, n_knots: int) -> None:
        super().__init__()
        self.n_knots = n_knots
        self.register_buffer("mean", torch.zeros(before))
        self.register_buffer("matrix", torch.zeros(before, after))
        self.register_buffer("knots", torch.zeros(after, n_knots))
        self.register_buffer("levels", torch.zeros(n_knots))

    def forward(self, x: Tensor) -> Tensor:
        return self.bend(self.turn(x))

    def turn(self, x: Tensor) -> Tensor:
        """`[N, before]` → `[N, after]`."""
        return (x - self.mean) @ self.matrix.double()

    def bend(self, x: Tensor) -> Tensor:
        """`[N, after]` → the same, each axis by its own monotone map."""
        values, knots, levels = x.T.contiguous(), self.knots.double(), self.levels.double()  # values: [after, N]
        upper = torch.searchsorted(knots, values).clamp(1, self.n_knots - 1)
        left, right = knots.gather(1, upper - 1), knots.gather(1, upper)
        low, high = levels[upper - 1], levels[upper]
        inside = torch.lerp(low, high, ((values - left) / (right - left).clamp_min(1e-9)).clamp(0, 1))
        # Past the ends: the slope there, and then ever less. log(1 + s·x) has slope s at 0.
        slopes = ((levels[1] - levels[0]) / knots.diff(dim=1).clamp_min(1e-9)).clamp_max(_STEEPEST)
        below = torch.log1p(slopes[:, :1] * (knots[:, :1] - values).clamp_min(0))
        above = torch.log1p(slopes[:, -1:] * (values - knots[:, -1:]).clamp_min(0))
        return (inside - below + above).T


def fit_gaussianiser(rows: np.ndarray, most_axes: int, seed: int = 0) -> Gaussianiser:
    """The map fitted to `rows` `[N, d]`, to at most `most_axes` axes; the same rows and seed give the same one.

    Raises `InputError` in one line: fewer than `LEAST_ROWS` rows, numbers that are not finite, all rows alike.
    """
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InputError("codes", "are not finite vectors of one size")
    n = len(rows)
    if n < LEAST_ROWS:
        raise InputError("codes", f"{n} tracks are too few to align to; at least {LEAST_ROWS} are needed")
    rng = np.random.default_rng(seed)
    deviation = rows.std(axis=0)
    varies = deviation > 1e-6 * np.maximum(np.abs(rows).max(axis=0), 1e-12)
    levels = _levels(n)
    if not varies.any():
        raise InputError("codes", "all tracks have the same code")
    fitted = [
        _fit_layer(rows, rows.mean(axis=0), np.diag(np.where(varies, 1 / np.where(varies, deviation, 1), 0)), levels)
    ]
    x = _through(fitted[0], rows)
    variances, axes = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], -1))
    variances, axes = variances[::-1], axes[:, ::-1]  # the largest first
    supported = int((variances > max(_LEAST_SHARE * variances[0], 1e-9)).sum())
    k = min(supported, max(n // ROWS_AN_AXIS, 2), most_axes)
    matrix = axes[:, :k] / np.sqrt(variances[:k])
    while True:
        fitted.append(_fit_layer(x, x.mean(axis=0), matrix, levels))
        x = _through(fitted[-1], x)
        matrix = random_rotation(k, rng)
        told_apart = normal_distances(x @ matrix) > _LILLIEFORS / np.sqrt(n)
        if told_apart.mean() <= 0.1 or len(fitted) == MOST_LAYERS:
            break
    whole = Gaussianiser([rows.shape[1], *(layer.matrix.shape[1] for layer in fitted)], len(levels))
    whole.layers = nn.ModuleList(fitted)
    return whole


def random_rotation(k: int, rng: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix `[k, k]`, uniform among them (Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.standard_normal((k, k)))
    return q * np.sign(np.diag(r))


def normal_distances(x: np.ndarray) -> np.ndarray:
    """Kolmogorov–Smirnov distance `[k]` of each column of `x` `[N, k]` from N(0, 1)."""
    n = len(x)
    expected = torch.special.ndtr(torch.from_numpy(np.sort(np.asarray(x, np.float64), axis=0))).numpy()
    steps = np.arange(n + 1)[:, None] / n
    return np.maximum(expected - steps[:-1], steps[1:] - expected).max(axis=0)


def _levels(n: int) -> np.ndarray:
    """The normal quantiles `[K]` that knots stand for: evenly spaced, out to where two of `n` rows lie beyond."""
    n_knots = int(np.clip(np.sqrt(n), _FEWEST_KNOTS, _MOST_KNOTS)) | 1  # odd: one stands in the middle
    edge = torch.special.ndtri(torch.tensor(1 - 2 / n, dtype=torch.float64)).item()
    return np.linspace(-edge, edge, n_knots)


def _fit_layer(rows: np.ndarray, mean: np.ndarray, matrix: np.ndarray, levels: np.ndarray) -> _Layer:
    """The layer with this affine map, its knots the quantiles of what that gives, averaged from knot to knot."""
    layer = _Layer(matrix.shape[0], matrix.shape[1], len(levels))
    layer.mean, layer.matrix = torch.from_numpy(mean).float(), torch.from_numpy(matrix).float()
    turned = layer.turn(torch.from_numpy(rows)).numpy()
    gap = levels[1] - levels[0]
    within = levels[:, None] + gap * ((np.arange(_WITHIN) + 0.5) / _WITHIN - 0.5)  # [K, 16]
    shares = torch.special.ndtr(torch.from_numpy(within)).numpy()
    knots = np.quantile(turned, shares.ravel(), axis=0).reshape(*shares.shape, -1).mean(axis=1)  # [K, axes]
    layer.knots = torch.from_numpy(np.stack([_apart(column) for column in knots.T])).float()
    layer.levels = torch.from_numpy(levels).float()
    return layer


def _apart(knots: np.ndarray) -> np.ndarray:
    """Knots `[K]` that rise: where several rows share a value, so that it falls on the middle of its levels."""
    places = np.arange(len(knots))
    _, run = np.unique(np.round(knots, 9), return_inverse=True)
    middle = np.bincount(run, places) / np.bincount(run)
    return np.maximum.accumulate(knots + 1e-4 * (places - middle[run]))


def _through(layer: _Layer, rows: np.ndarray) -> np.ndarray:
    return layer(torch.from_numpy(rows)).numpy()
