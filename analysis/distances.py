"""Distances between two sets of vectors, in float64."""

from __future__ import annotations

import numpy as np

_BLOCK = 1024


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance (squared) between the Gaussians fitted to `a [N, d]` and `b [M, d]`, N, M ≥ 2.

    `|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)` (Dowson & Landau 1982; Heusel et al. 2017, eq. 6), with
    covariances over N − 1. The trace of the root is the sum of singular values of `A Bᵀ`, where A and B are the
    centred sets over √(N − 1): so sets smaller than their dimension are no trouble and nothing complex appears.
    Few rows bias it upwards: compare only at equal N and M.
    """
    a, b = _checked(a, b)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    root_a, root_b = _root(a - mean_a), _root(b - mean_b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.sum(root_a**2) + np.sum(root_b**2) - 2 * cross
    return max(float(distance), 0.0)


def _root(centred: np.ndarray) -> np.ndarray:
    """R `[≤ d, d]` with RᵀR the covariance: the triangle of a QR decomposition where that is smaller."""
    scaled = centred / np.sqrt(len(centred) - 1)
    if len(centred) <= centred.shape[1]:
        return scaled
    return np.asarray(np.linalg.qr(scaled, mode="r"))


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy of `a [N, d]` and `b [M, d]`, N, M ≥ 2, kernel `(x·y / d + 1)³`.

    The unbiased estimate (Gretton et al. 2012, eq. 3; Bińkowski et al. 2018): zero on average for two draws
    from one distribution, so it may come out a little below zero.
    """
    a, b = _checked(a, b)
    n, m = len(a), len(b)
    within_a = (_kernel_sum(a, a) - np.sum(_kernel_diagonal(a))) / (n * (n - 1))
    within_b = (_kernel_sum(b, b) - np.sum(_kernel_diagonal(b))) / (m * (m - 1))
    return float(within_a + within_b - 2 * _kernel_sum(a, b) / (n * m))


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of the kernel over all pairs, a block of rows at a time."""
    total = 0.0
    for start in range(0, len(a), _BLOCK):
        total += float(((a[start : start + _BLOCK] @ b.T / a.shape[1] + 1) ** 3).sum())
    return total


def _kernel_diagonal(a: np.ndarray) -> np.ndarray:
    return ((a**2).sum(axis=1) / a.shape[1] + 1) ** 3


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.shape[1]:
        raise ValueError(f"needs [N, d] and [M, d], not {a.shape} and {b.shape}")
    if min(len(a), len(b)) < 2:
        raise ValueError("needs at least two rows on each side")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("needs finite numbers")
    return a, b
