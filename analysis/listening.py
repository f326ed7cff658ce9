"""Does a cover follow its music? Listeners learn it from real pairs and are asked about artists they never met.

What they tell of real covers is the ceiling: all that there is to find, for these listeners. What they tell of a
generator's covers for the same tracks, as a share of that, is how far the generator let itself be led by the music:
0 for one that does not listen, 1 for one whose covers follow as real ones do, above 1 for one that follows more
plainly.

Folds never share an artist, truths and answers are compared within a fold (each fold's listener has a zero of its own),
and intervals come from drawing artists. Everything is float64 and follows from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from analysis.listeners import KINDS, Eye, Listener, fit_listener
from analysis.probes import LinearProbe, Score, artist_folds, fit_ridge, rows_by_artist, score_correlation, score_sums

FOLDS = 5
LEAST_KNOWN = 0.5
"""The share of tracks that must have an attribute for it to be asked for."""
RETRIEVED = (1, 10)
_MEDIAN_DRAWS = 500


@dataclass(frozen=True)
class Pairs:
    """Covers `x [N, d]` and the conditions `y [N, k]` (called `names`) of the tracks they belong to, by `artists [N]`.

    families: the sizes of x's families of columns (`looks`), None where x shall be taken as it is. rows int64 `[N]`:
    which of the rows given these are. left_out: what was not used, and why, in words.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    artists: np.ndarray
    families: tuple[int, ...] | None
    rows: np.ndarray
    left_out: tuple[str, ...]

    @classmethod
    def of(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        names: Sequence[str],
        artists: Sequence[str] | np.ndarray,
        families: Sequence[int] | None = None,
    ) -> Pairs:
        """The pairs with what cannot be asked left out: attributes that do not vary or that half the tracks lack (NaN),
        then tracks that lack one. Raises `ValueError` where no attribute, fewer than two artists or no cover is
        left."""
        x, y, artists = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np.asarray(artists)
        if x.ndim != 2 or y.ndim != 2 or not len(x) == len(y) == len(artists) or y.shape[1] != len(names):
            raise ValueError(
                f"covers {x.shape}, conditions {y.shape}, {len(names)} names and {len(artists)} artists differ"
            )
        if not np.isfinite(x).all():
            raise ValueError("the covers' descriptors must be finite")
        told, known = [], []
        for column, name in enumerate(names):
            values = y[np.isfinite(y[:, column]), column]
            if len(values) < max(LEAST_KNOWN * len(y), 1):
                told.append(f"{name}: known of {len(values)} tracks of {len(y)} only")
            elif not _varies(values):
                told.append(f"{name}: the same for all tracks")
            else:
                known.append(column)
        rows = np.flatnonzero(np.isfinite(y[:, known]).all(axis=1))
        kept = [column for column in known if _varies(y[rows, column])]
        told += [f"{names[column]}: the same for all tracks that lack none" for column in known if column not in kept]
        if not kept:
            raise ValueError(f"there is nothing to listen for ({'; '.join(told) or 'no attribute was given'})")
        if len(rows) < len(y):
            told.append(f"{len(y) - len(rows)} of {len(y)} tracks lack an attribute")
        if len(np.unique(artists[rows])) < 2:
            raise ValueError(
                f"{len(rows)} tracks of {len(np.unique(artists[rows]))} artists; at least two artists are needed"
            )
        chosen = tuple(names[column] for column in kept)
        return cls(
            x[rows],
            y[rows][:, kept],
            chosen,
            artists[rows],
            tuple(families) if families else None,
            rows,
            tuple(told),
        )


@dataclass(frozen=True)
class _Fold:
    """One fold's listener, the rows that it did not learn from, and what is done to covers and conditions before."""

    held_out: np.ndarray
    eye: Eye | None
    cover_by_confound: LinearProbe | None
    track_by_confound: LinearProbe | None
    listener: Listener

    def cover(self, x: np.ndarray, confound: np.ndarray | None) -> np.ndarray:
        return _beyond(x if self.eye is None else self.eye.see(x), self.cover_by_confound, confound)

    def track(self, y: np.ndarray, confound: np.ndarray | None) -> np.ndarray:
        return _beyond(y, self.track_by_confound, confound)


def _beyond(values: np.ndarray, probe: LinearProbe | None, confound: np.ndarray | None) -> np.ndarray:
    """`values [n, d]` less what the probe tells of them from the confound."""
    return values if probe is None or confound is None else values - probe.answers(confound)


@dataclass(frozen=True)
class Heard:
    """What listeners tell of one cover for each track: answers and truths `[N, k]`, both centred within folds; ranks
    `[N, 2]` (better, equal) of the right track among a fold's for its cover, and of the right cover for its track;
    agreement `[N]`: how much nearer cover and track lie than the cover and other artists' tracks; sizes `[N]` of
    folds."""

    answers: np.ndarray
    truths: np.ndarray
    to_track: np.ndarray
    to_cover: np.ndarray
    agreement: np.ndarray
    sizes: np.ndarray
    artists: np.ndarray

    def of(self, rows: np.ndarray) -> Heard:
        """What is told of some of the tracks, `rows` of the pairs."""
        return Heard(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Listeners:
    """Listeners taught on pairs, one without each fold of artists; `kinds` are those that validation chose."""

    pairs: Pairs
    folds: tuple[_Fold, ...]
    confound: np.ndarray | None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(fold.listener.kind for fold in self.folds)

    def hear(self, x: np.ndarray | None = None, confound: np.ndarray | None = None) -> Heard:
        """What is told of covers `x [N, d]` for the pairs' tracks in their order (default: the real ones), of those
        tracks that are asked about.

        confound `[N, q]`: what was regressed out, of these covers; default: that of the real ones (right for genre or
        year, which are the tracks')."""
        x = self.pairs.x if x is None else np.asarray(x, dtype=np.float64)
        if x.shape != self.pairs.x.shape or not np.isfinite(x).all():
            raise ValueError(
                f"needs finite descriptors of one cover for each track {self.pairs.x.shape}, not {x.shape}"
            )
        answers, truths = np.empty_like(self.pairs.y), np.empty_like(self.pairs.y)
        to_track, to_cover = np.empty((len(x), 2)), np.empty((len(x), 2))
        agreement, sizes = np.empty(len(x)), np.empty(len(x))
        for fold in self.folds:
            rows = fold.held_out
            own = None if self.confound is None else self.confound[rows]
            theirs = own if confound is None else confound[rows]
            cover, track = fold.cover(x[rows], theirs), fold.track(self.pairs.y[rows], own)
            told = fold.listener.answers(cover)
            answers[rows], truths[rows] = told - told.mean(axis=0), track - track.mean(axis=0)
            nearness = fold.listener.of_covers(cover) @ fold.listener.of_tracks(track).T  # [n covers, n tracks]
            nearness = np.round(nearness, 9)  # tracks with one condition are equally near, to the last bit
            to_track[rows], to_cover[rows] = _ranks(nearness), _ranks(nearness.T)
            others = self.pairs.artists[rows][:, None] != self.pairs.artists[rows]
            agreement[rows] = np.diag(nearness) - (nearness * others).sum(axis=1) / np.maximum(others.sum(axis=1), 1)
            sizes[rows] = len(rows)
        heard = Heard(answers, truths, to_track, to_cover, agreement, sizes, self.pairs.artists)
        return heard.of(np.sort(np.concatenate([fold.held_out for fold in self.folds])))


def _varies(values: np.ndarray) -> bool:
    return bool(len(values)) and bool(np.ptp(values) > 1e-9 * max(abs(values[0]), 1))


def teach(
    pairs: Pairs,
    kinds: Sequence[str] = KINDS,
    confound: np.ndarray | None = None,
    asked: np.ndarray | None = None,
    seed: int = 0,
) -> Listeners:
    """Listeners for `pairs`, each the best of `kinds` by validation, in at most five folds by artist.

    confound `[N, q]`: what is regressed out of covers and conditions before (linearly, as learned from the listener's
    own tracks), so that only what goes beyond it is heard. asked: rows of the pairs that alone are asked about, by one
    listener that learns from the others (those that a generator was trained on). Raises `ValueError` where an artist is
    on both sides, or where fewer than two tracks are on one.
    """
    artists = pairs.artists
    if asked is None:
        n_folds = min(FOLDS, len(np.unique(artists)))
        numbers = artist_folds(artists, np.zeros(len(artists), dtype=np.int64), n_folds, seed)
    else:
        numbers = np.full(len(artists), -1)
        numbers[asked] = 0
        if set(artists[numbers == 0]) & set(artists[numbers != 0]):
            raise ValueError("artists that are asked about were learned from")
        if np.bincount(numbers + 1, minlength=2).min() < 2:
            raise ValueError("needs at least two tracks to learn from and two to ask about")
    folds = []
    for number in range(int(numbers.max()) + 1):
        rest, held_out = np.flatnonzero(numbers != number), np.flatnonzero(numbers == number)
        eye = None if pairs.families is None else Eye.fit(pairs.x[rest], pairs.families)
        x = pairs.x[rest] if eye is None else eye.see(pairs.x[rest])
        y, by_cover, by_track = pairs.y[rest], None, None
        if confound is not None:
            by_cover, by_track = (fit_ridge(confound[rest], values, artists[rest], strength=1.0) for values in (x, y))
            x, y = x - by_cover.answers(confound[rest]), y - by_track.answers(confound[rest])
        folds.append(_Fold(held_out, eye, by_cover, by_track, fit_listener(x, y, artists[rest], kinds, seed)))
    return Listeners(pairs, tuple(folds), confound)


def _ranks(nearness: np.ndarray) -> np.ndarray:
    """For each row of `[n, n]` how many are nearer than the one on the diagonal, and how many (it too) as near."""
    right = np.diag(nearness)[:, None]
    return np.stack([(nearness > right).sum(axis=1), (nearness == right).sum(axis=1)], axis=1)


def score_attributes(heard: Heard, names: Sequence[str]) -> dict[str, Score]:
    """Pearson's r of what is told with what is true, for each attribute and, called `all`, their mean."""
    scores = {
        name: score_correlation(heard.answers[:, [column]], heard.truths[:, [column]], heard.artists)
        for column, name in enumerate(names)
    }
    return {**scores, "all": score_correlation(heard.answers, heard.truths, heard.artists)}


def score_share(drawn: Sequence[Heard], real: Heard) -> Score | None:
    """The share of the ceiling that drawn covers reach, one or several sets: mean r over attributes over that of real
    covers.

    Chance is 0. None where real covers themselves tell nothing (the interval of their mean r holds zero).
    """
    if score_correlation(real.answers, real.truths, real.artists).low <= 0:
        return None
    k = real.truths.shape[1]
    told = np.concatenate([heard.answers for heard in (real, *drawn)], axis=1)  # [N, k (1 + sets)]
    true = np.tile(real.truths, (1, 1 + len(drawn)))
    parts = np.concatenate([told * true, told**2, true**2], axis=1)  # all are centred already

    def ratio(sums: np.ndarray) -> np.ndarray:
        both, a, b = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
        size = np.sqrt(a * b)
        r = np.where(size > 1e-12, both / np.where(size > 1e-12, size, 1), 0)
        ceiling = r[..., :k].mean(axis=-1)
        return np.asarray(r[..., k:].mean(axis=-1) / np.where(np.abs(ceiling) > 1e-9, ceiling, np.nan))

    return score_sums(parts, ratio, real.artists, 0.0)


def score_retrieval(heard: Heard) -> dict[str, Score]:
    """How often the right one of a fold's tracks is among a cover's nearest, the other way round, and its median rank.

    Of equally near ones each may come first. Chance is that of a list in random order.
    """
    scores = {}
    for way, ranks in (("cover → track", heard.to_track), ("track → cover", heard.to_cover)):
        for k in RETRIEVED:
            hits = np.clip((k - ranks[:, 0]) / ranks[:, 1], 0, 1)
            chance = float(np.minimum(k / heard.sizes, 1).mean())
            parts = np.stack([hits, np.ones(len(hits))], axis=1)
            scores[f"{way} R@{k}"] = score_sums(parts, lambda sums: sums[..., 0] / sums[..., 1], heard.artists, chance)
        middle = ranks[:, 0] + (ranks[:, 1] + 1) / 2
        scores[f"{way} median rank"] = _median(middle, heard.artists, float(np.median((heard.sizes + 1) / 2)))
    return scores


def _median(values: np.ndarray, artists: np.ndarray, chance: float) -> Score:
    by_artist = rows_by_artist(artists)
    rng = np.random.default_rng(0)
    draws = rng.integers(len(by_artist), size=(_MEDIAN_DRAWS, len(by_artist)))
    medians = [np.median(values[np.concatenate([by_artist[artist] for artist in draw])]) for draw in draws]
    low, high = np.quantile(medians, (0.025, 0.975))
    return Score(float(np.median(values)), float(low), float(high), chance, len(values))


def score_agreement(heard: Heard) -> Score:
    """The gap: how much nearer (cosine, −1…1) a cover lies to its own track than to those of other artists, on
    average."""
    parts = np.stack([heard.agreement, np.ones(len(heard.agreement))], axis=1)
    return score_sums(parts, lambda sums: sums[..., 0] / sums[..., 1], heard.artists, 0.0)
