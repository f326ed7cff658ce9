"""How two sets lie among one another: fidelity and diversity, by nearest neighbours, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.blocks import checked_pair, row_blocks
from analysis.search import MOST_PAIRS, Search
from data.rows import squared_distances

REACHED = 10
"""Where neighbours are approximate, a point's balls are looked for among its 10 k nearest."""


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


class Neighbourly(NamedTuple):
    """An overlap, the share of true nearest neighbours that it was made with (1 where all pairs were compared), and
    `how` it was made, in words."""

    shares: Overlap
    found: float
    how: str


def measure_overlap(real: np.ndarray, generated: np.ndarray, k: int = 5) -> Overlap:
    """The overlap of `real [N, d]` and `generated [M, d]`, N, M > k; density 1 is what real covers have on average.

    Of all pairs up to 20,000 × 20,000, by approximate neighbours beyond (`neighbourly_overlap` says how good they are).
    """
    return neighbourly_overlap(real, generated, k).shares


def neighbourly_overlap(
    real: np.ndarray, generated: np.ndarray, k: int = 5, exact: bool | None = None, seed: int = 0
) -> Neighbourly:
    """`measure_overlap` with how many of the neighbours were found; `exact` chooses for it where it is not None."""
    real, generated = checked_pair(real, generated)
    if min(len(real), len(generated)) <= k:
        raise ValueError(f"needs more than {k} rows on each side")
    if exact is None:
        exact = max(len(real), len(generated)) ** 2 <= MOST_PAIRS
    centre = real.mean(axis=0)  # distances from afar would be lost in rounding
    real, generated = real - centre, generated - centre
    searches = Search(real, exact, seed), Search(generated, exact, seed)
    if not exact:
        return _approximate_overlap(*searches, k)
    rounding = 1e-12 * max(float((x**2).sum(axis=1).max()) for x in (real, generated))
    real_reach, generated_reach = (search.within(k).distance[:, -1] ** 2 + rounding for search in searches)
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    balls = np.zeros(len(generated))
    for part in row_blocks(len(real), len(generated)):
        square = squared_distances(real[part], generated)  # [n, M]
        inside = square <= real_reach[part, None]
        covered[part], balls = inside.any(axis=1), balls + inside.sum(axis=0)
        recalled[part] = (square <= generated_reach[None]).any(axis=1)
    return Neighbourly(_shares(balls, recalled, covered, k), 1.0, f"{k} nearest neighbours, exact")


def _approximate_overlap(real: Search, generated: Search, k: int) -> Neighbourly:
    """Each point is asked only whether it lies in the balls of its nearest ones of the other set."""
    around_real, around_generated = real.within(k), generated.within(k)
    new = real.among(generated.x, min(REACHED * k, len(real.x)))
    old = generated.among(real.x, min(REACHED * k, len(generated.x)))
    balls = (new.distance <= around_real.distance[:, -1][new.which]).sum(axis=1)
    recalled = (old.distance <= around_generated.distance[:, -1][old.which]).any(axis=1)
    covered = old.distance[:, 0] <= around_real.distance[:, -1]
    found = min(part.found for part in (around_real, around_generated, new, old))
    how = f"{k} nearest neighbours, approximate: {found:.1%} of them found"
    return Neighbourly(_shares(balls, recalled, covered, k), found, how)


def _shares(balls: np.ndarray, recalled: np.ndarray, covered: np.ndarray, k: int) -> Overlap:
    return Overlap(float((balls > 0).mean()), float(recalled.mean()), float(balls.mean() / k), float(covered.mean()))
