"""How two sets lie among one another: fidelity, diversity and copying, by nearest neighbours, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BLOCK = 1024


class Overlap(NamedTuple):
    """Shares of two sets' overlap, by the ball of each point that reaches its k-th neighbour within its own set.

    precision: of the generated that lie in some real ball; recall: of the real in some generated ball (Kynkäänniemi
    et al. 2019, eq. 2). density: mean number of real balls a generated one lies in, over k; coverage: of the real
    balls that hold a generated one (Naeem et al. 2020, eqs. 3 and 4).
    """

    precision: float
    recall: float
    density: float
    coverage: float


def measure_overlap(real: np.ndarray, generated: np.ndarray, k: int = 5) -> Overlap:
    """The overlap of `real [N, d]` and `generated [M, d]`, N, M > k; density 1 is what real covers have on average."""
    real, generated = _checked(real, generated)
    if min(len(real), len(generated)) <= k:
        raise ValueError(f"needs more than {k} rows on each side")
    real_reach, generated_reach = (nearest_within(x, k)[:, -1] for x in (real, generated))
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    balls = np.zeros(len(generated))
    for start in range(0, len(real), _BLOCK):
        part = slice(start, start + _BLOCK)
        distance = _distances(real[part], generated)  # [n, M]
        inside = distance <= real_reach[part, None]
        covered[part], balls = inside.any(axis=1), balls + inside.sum(axis=0)
        recalled[part] = (distance <= generated_reach[None]).any(axis=1)
    return Overlap(float((balls > 0).mean()), float(recalled.mean()), float(balls.mean() / k), float(covered.mean()))


def nearest_within(x: np.ndarray, k: int = 1) -> np.ndarray:
    """Distances `[N, k]` of each row of `x [N, d]` to its k nearest others, the nearest first."""
    x = np.asarray(x, dtype=np.float64)
    nearest = np.empty((len(x), k))
    for start in range(0, len(x), _BLOCK):
        distance = _distances(x[start : start + _BLOCK], x)
        distance[np.arange(len(distance)), start + np.arange(len(distance))] = np.inf
        nearest[start : start + _BLOCK] = np.sort(np.partition(distance, k - 1, axis=1)[:, :k], axis=1)
    return nearest


def nearest_among(x: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of `x [N, d]` the distance `[N]` to the nearest of `others [M, d]`, and which that is `[N]`."""
    x, others = _checked(x, others)
    parts = [_distances(x[start : start + _BLOCK], others) for start in range(0, len(x), _BLOCK)]
    return np.concatenate([part.min(axis=1) for part in parts]), np.concatenate([part.argmin(axis=1) for part in parts])


class Copies(NamedTuple):
    """`share` of the generated that lie nearer to a training cover than `threshold`; `chance`: the same share of real
    covers that training never saw. nearest int64 `[M]`: the training cover nearest to each generated one."""

    share: float
    chance: float
    threshold: float
    nearest: np.ndarray


def find_copies(training: np.ndarray, generated: np.ndarray, unseen: np.ndarray, quantile: float = 0.01) -> Copies:
    """Which of `generated [M, d]` are as near to a cover of `training [N, d]` as only near-duplicates are.

    The threshold is the `quantile` of the distances of `unseen [U, d]` real covers to their nearest training cover, so
    about that share of honest covers is flagged too.
    """
    honest, _ = nearest_among(unseen, training)
    distance, nearest = nearest_among(generated, training)
    threshold = float(np.quantile(honest, quantile))
    return Copies(float((distance < threshold).mean()), float((honest < threshold).mean()), threshold, nearest)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances `[n, m]` of rows of `a [n, d]` and `b [m, d]`."""
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0))


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise ValueError(f"needs [N, d] and [M, d], not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("needs finite numbers")
    return a, b
