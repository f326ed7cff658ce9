"""How far generated covers are from real ones, as numbers of the report, each beside what real covers score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.detectors import DESCRIPTORS
from analysis.distances import (
    LEAST_IN_CLASS,
    frechet_distance,
    intra_frechet,
    kernel_estimate,
    kernel_over_subsets,
)
from analysis.maps import sample_rows
from analysis.moments import by_label
from analysis.neighbours import neighbourly_overlap
from analysis.report import Number
from analysis.search import MOST_PAIRS
from scripts.study import Generated, Study

NEIGHBOURS = 5


def measure_distances(study: Study, drawn: Generated) -> Iterator[Number]:
    """Generated covers against half of the real ones, and the other half in their place, n of each.

    Above 20,000 the kernel distance is that of separate subsets and neighbours are approximate, which `how` says.
    """
    n = min(len(study.rows) // 2, len(drawn.covers))
    order = np.random.default_rng(study.seed).permutation(len(study.rows))
    picked = sample_rows(len(drawn.covers), n, study.seed)
    rows, other_rows = order[:n], order[n : 2 * n]
    if study.detector is DESCRIPTORS:  # these are known already
        real, others, new = study.descriptors[rows], study.descriptors[other_rows], drawn.descriptors[picked]
    else:
        covers = (study.covers[rows], study.covers[other_rows], drawn.covers[picked])
        real, others, new = (study.detector(part) for part in covers)
    how = study.detector.how(study.covers.shape[-1])
    if n >= 2:
        distance, chance = (frechet_distance(real, covers) for covers in (new, others))
        yield Number("Fréchet distance", distance, chance=chance, n=n, how=how)
        estimate = kernel_estimate if n**2 <= MOST_PAIRS else kernel_over_subsets
        found, by_chance = (estimate(real, covers) for covers in (new, others))
        told = f"{how}; {found.how}"
        yield Number("kernel distance", found.value, "", found.interval, by_chance.value, n, how=told)
    if n > NEIGHBOURS:
        overlap, of_others = (
            neighbourly_overlap(real, covers, NEIGHBOURS, seed=study.seed) for covers in (new, others)
        )
        told = f"{how}; {overlap.how}"
        for name, value in overlap.shares._asdict().items():
            yield Number(name, value, chance=getattr(of_others.shares, name), n=n, how=told)
    genres = study.genres(study.rows)
    kinds = dict(zip(study.rows.tolist(), genres.tolist(), strict=True))
    wanted = np.array([kinds.get(int(row), "") for row in drawn.of[picked]], dtype=str)
    sides = (real, genres[rows]), (others, genres[other_rows]), (new, wanted)
    yield from _within_genres(*sides, how)


Labelled = tuple[np.ndarray, np.ndarray]
"""Features `[n, d]` and the genre of each, empty where none is known `[n]`."""


def _within_genres(real: Labelled, others: Labelled, new: Labelled, how: str) -> Iterator[Number]:
    """The mean distance within the genres that covers were drawn for, where enough are there: of equally many generated
    and other real covers in each."""
    new, others = _equally_many(new, others)
    known = by_label(*real)
    found, by_chance = (intra_frechet(known, by_label(*part)) for part in (new, others))
    if found is not None and by_chance is not None:
        count = len(found.classes)
        told = f"{how}; mean over {count} {'genre' if count == 1 else 'genres'} of at least {LEAST_IN_CLASS} covers"
        n = int(np.isin(new[1], list(found.classes)).sum())
        yield Number("Fréchet distance within a genre", found.value, chance=by_chance.value, n=n, how=told)


def _equally_many(a: Labelled, b: Labelled) -> tuple[Labelled, Labelled]:
    """The first rows of each genre on both sides, as many as the side with fewer has."""
    rows_a, rows_b = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for kind in np.unique(a[1]):
        of_a, of_b = (np.flatnonzero(side[1] == kind) for side in (a, b))
        count = min(len(of_a), len(of_b))
        rows_a.append(of_a[:count])
        rows_b.append(of_b[:count])
    (x, kinds_a), (y, kinds_b), at, of = a, b, np.concatenate(rows_a), np.concatenate(rows_b)
    return (x[at], kinds_a[at]), (y[of], kinds_b[of])
