"""Distances between two sets of vectors, in float64: of arrays, or of streams in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from analysis.blocks import checked_pair, rebatched, row_blocks
from analysis.moments import Moments

SUBSET = 1000
"""Rows of each side in a subset of `kernel_over_subsets`."""
LEAST_IN_CLASS = 50
"""Rows of each side below which a class has no distance of its own: the bias would be most of it."""
_Z95 = 1.959964


class Estimate(NamedTuple):
    """A distance with its 95 % interval (None where too few rows or subsets are there), and `how` both were made."""

    value: float
    interval: tuple[float, float] | None
    how: str


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance (squared) between the Gaussians fitted to `a [N, d]` and `b [M, d]`, N, M ≥ 2.

    `|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)` (Dowson & Landau 1982; Heusel et al. 2017, eq. 6), with
    covariances over N − 1. The trace of the root is the sum of singular values of `A Bᵀ`, where A and B are the
    centred sets over √(N − 1): so sets smaller than their dimension are no trouble and nothing complex appears.
    Few rows bias it upwards: compare only at equal N and M.
    """
    a, b = checked_pair(a, b, least=2)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    return _frechet(mean_a, _root(a - mean_a), mean_b, _root(b - mean_b))


def frechet_of_moments(a: Moments, b: Moments) -> float:
    """`frechet_distance` of two sets of which only the moments are known, such as of streams; n ≥ 2 each."""
    if len(a.mean) != len(b.mean):
        raise ValueError(f"needs moments of as many columns, not {len(a.mean)} and {len(b.mean)}")
    return _frechet(a.mean, _root_of_covariance(a.covariance), b.mean, _root_of_covariance(b.covariance))


class Intra(NamedTuple):
    """`value`: the mean of the `classes`' Fréchet distances; `left_out`: classes with too few rows on a side."""

    value: float
    classes: Mapping[str, float]
    left_out: tuple[str, ...]


def intra_frechet(
    real: Mapping[str, Moments], generated: Mapping[str, Moments], least: int = LEAST_IN_CLASS
) -> Intra | None:
    """Fréchet distance class by class (Miyato & Koyama 2018), of moments by label (`moments.by_label`).

    It sees what one distance over all cannot: a generator that draws the right covers for the wrong condition. Classes
    with fewer than `least` rows on either side are left out; None where no class has enough.
    """
    enough = [name for name in real if name in generated and min(real[name].n, generated[name].n) >= max(least, 2)]
    classes = {name: frechet_of_moments(real[name], generated[name]) for name in enough}
    left_out = tuple(sorted({*real, *generated} - set(classes)))
    return Intra(float(np.mean(list(classes.values()))), classes, left_out) if classes else None


def _frechet(mean_a: np.ndarray, root_a: np.ndarray, mean_b: np.ndarray, root_b: np.ndarray) -> float:
    """Of means `[d]` and of roots `[·, d]` with RᵀR the covariance."""
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum() if len(root_a) and len(root_b) else 0.0
    distance = np.sum((mean_a - mean_b) ** 2) + np.sum(root_a**2) + np.sum(root_b**2) - 2 * cross
    return max(float(distance), 0.0)


def _root(centred: np.ndarray) -> np.ndarray:
    """R `[≤ d, d]` with RᵀR the covariance: the triangle of a QR decomposition where that is smaller."""
    scaled = centred / np.sqrt(len(centred) - 1)
    if len(centred) <= centred.shape[1]:
        return scaled
    return np.asarray(np.linalg.qr(scaled, mode="r"))


def _root_of_covariance(covariance: np.ndarray) -> np.ndarray:
    """R `[≤ d, d]` with RᵀR the covariance `[d, d]`: its scaled eigenvectors, without those that are rounding alone,
    whose roots would be as large as the square root of that."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy of `a [N, d]` and `b [M, d]`, N, M ≥ 2, kernel `(x·y / d + 1)³`.

    The unbiased estimate (Gretton et al. 2012, eq. 3; Bińkowski et al. 2018): zero on average for two draws
    from one distribution, so it may come out a little below zero.
    """
    return _KernelSums.of(*checked_pair(a, b, least=2)).distance()


def kernel_estimate(a: np.ndarray, b: np.ndarray) -> Estimate:
    """`kernel_distance` with an interval by the jackknife, one row of one side left out at a time (Arvesen 1969).

    Where the two distributions are equal the jackknife finds about twice the true variance (the estimate is a
    degenerate U-statistic there), so the interval is too wide rather than too narrow. None under three rows.
    """
    sums = _KernelSums.of(*checked_pair(a, b, least=2))
    value = sums.distance()
    if min(len(a), len(b)) < 3:
        return Estimate(value, None, "unbiased, of all pairs")
    without = sums.without_each()
    variance = sum((len(part) - 1) / len(part) * np.sum((part - part.mean()) ** 2) for part in without)
    reach = _Z95 * float(np.sqrt(variance))
    return Estimate(value, (value - reach, value + reach), "unbiased, of all pairs; interval by the jackknife")


def kernel_over_subsets(
    a: np.ndarray | Iterable[np.ndarray], b: np.ndarray | Iterable[np.ndarray], size: int = SUBSET
) -> Estimate:
    """The mean of `kernel_distance` over subsets of `size` rows of two streams of blocks `[·, d]`, in constant memory.

    As Bińkowski et al. (2018) have it, but no row is in two subsets (Zaremba et al. 2013): the subsets' distances are
    independent draws then, and Student's t over them is an interval that holds. Subsets follow the order of the rows:
    the sizes of blocks change nothing; another order, within the interval. Rows at the end that fill no subset of both
    sides do not count. `ValueError` where no subset is full.
    """
    from scipy.stats import t

    values = [kernel_distance(x, y) for x, y in zip(rebatched(a, size), rebatched(b, size), strict=False)]
    if not values:
        raise ValueError(f"needs at least {size} rows on each side")
    mean, count = float(np.mean(values)), len(values)
    if count == 1:
        return Estimate(mean, None, f"unbiased, of one subset of {size} rows")
    reach = float(t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    how = f"unbiased, mean over {count} separate subsets of {size} rows; interval by Student's t over them"
    return Estimate(mean, (mean - reach, mean + reach), how)


class _KernelSums(NamedTuple):
    """The kernel summed for each row: with the others of its own set (`within_a [N]`, `within_b [M]`), and with all of
    the other set (`a_with_b [N]`, `b_with_a [M]`)."""

    within_a: np.ndarray
    within_b: np.ndarray
    a_with_b: np.ndarray
    b_with_a: np.ndarray

    @classmethod
    def of(cls, a: np.ndarray, b: np.ndarray) -> _KernelSums:
        within_a, within_b = (_kernel_sums(x, x)[0] - ((x**2).sum(axis=1) / x.shape[1] + 1) ** 3 for x in (a, b))
        return cls(within_a, within_b, *_kernel_sums(a, b))

    def distance(self) -> float:
        n, m = len(self.within_a), len(self.within_b)
        within = self.within_a.sum() / (n * (n - 1)) + self.within_b.sum() / (m * (m - 1))
        return float(within - 2 * self.a_with_b.sum() / (n * m))

    def without_each(self) -> tuple[np.ndarray, np.ndarray]:
        """The distance without each row of a `[N]`, and without each row of b `[M]`; N, M ≥ 3."""
        parts = []
        sides = ((self.within_a, self.a_with_b, self.within_b), (self.within_b, self.b_with_a, self.within_a))
        for own, across, other in sides:
            n, m = len(own), len(other)
            rest = (own.sum() - 2 * own) / ((n - 1) * (n - 2)) + other.sum() / (m * (m - 1))
            parts.append(rest - 2 * (across.sum() - across) / ((n - 1) * m))
        return parts[0], parts[1]


def _kernel_sums(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's sums over b for each row of a `[N]`, and over a for each row of b `[M]`, a block at a time."""
    of_a, of_b = np.empty(len(a)), np.zeros(len(b))
    for rows in row_blocks(len(a), len(b)):
        kernel = a[rows] @ b.T
        kernel /= a.shape[1]
        kernel += 1
        kernel *= kernel * kernel
        of_a[rows] = kernel.sum(axis=1)
        of_b += kernel.sum(axis=0)
    return of_a, of_b
