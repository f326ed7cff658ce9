"""What a code knows, read off by linear probes: folds that never share an artist, scores with interval and chance.

One artist's tracks sound alike, so tracks are no independent witnesses and artists are: folds keep an artist's
tracks together, regularisation is chosen on artists that the probe was not fitted to, and an interval comes from
drawing artists, not tracks. Everything is float64.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

DRAWS = 2000
INNER_FOLDS = 5
STRENGTHS = 10.0 ** np.arange(-2, 6)
"""Penalties that the ridge chooses from, for standardised codes and the sum of squared errors."""
SOFTNESSES = 10.0 ** np.arange(-4, 2)
"""Inverse penalties that the logistic regression chooses from, for standardised codes and the sum of log losses."""


class Score(NamedTuple):
    """A score of `n` tracks, its 95 % interval, and what somebody who hears nothing gets (`chance`)."""

    value: float
    low: float
    high: float
    chance: float
    n: int


@dataclass(frozen=True)
class LinearProbe:
    """Linear answers from standardised codes: `mean [d]`, `scale [d]`, `weight [d, k]`, `bias [k]`."""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    def answers(self, codes: np.ndarray) -> np.ndarray:
        """Answers float64 `[N, k]` to codes `[N, d]`."""
        return _standardised(codes, self.mean, self.scale) @ self.weight + self.bias


@dataclass(frozen=True)
class ClassProbe:
    """A linear probe with one answer a class; `classes [k]` are the classes' numbers."""

    linear: LinearProbe
    classes: np.ndarray

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """The likeliest class `[N]` of codes `[N, d]`."""
        return self.classes[self.linear.answers(codes).argmax(axis=1)]


def artist_folds(
    artists: Sequence[str] | np.ndarray, classes: Sequence[int] | np.ndarray, n_folds: int = 5, seed: int = 0
) -> np.ndarray:
    """The fold int64 `[N]`, 0 to `n_folds` − 1, of each track: an artist's tracks lie in one fold.

    Each fold gets about its share of every class, as far as artists allow. Raises `ValueError` for fewer artists
    than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    ids = np.unique(np.asarray(artists), return_inverse=True)[1]
    n_artists = int(ids.max(initial=-1)) + 1
    if not 2 <= n_folds <= n_artists:
        raise ValueError(f"{n_artists} artists cannot be split into {n_folds} folds")
    folds = np.full(len(ids), -1)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        if np.unique(classes, return_counts=True)[1].max() < n_folds:
            classes = np.zeros(len(ids), dtype=np.int64)  # too few of every class for any share
        for fold, (_, held_out) in enumerate(splitter.split(ids, np.asarray(classes), ids)):
            folds[held_out] = fold
    return _without_empty_folds(folds, ids, n_folds)


def _without_empty_folds(folds: np.ndarray, ids: np.ndarray, n_folds: int) -> np.ndarray:
    """Folds where those that got no artist take one from the fold with the most artists."""
    fold_of = np.array([folds[ids == artist][0] for artist in range(ids.max() + 1)])  # [n_artists]
    for empty in np.setdiff1d(np.arange(n_folds), fold_of):
        richest = np.bincount(fold_of, minlength=n_folds).argmax()
        fold_of[np.flatnonzero(fold_of == richest)[-1]] = empty
    return fold_of[ids]


def fit_classes(codes: np.ndarray, classes: np.ndarray, artists: Sequence[str] | np.ndarray) -> ClassProbe:
    """Logistic regression from codes `[N, d]` to class numbers `[N]`.

    Its penalty is the one with the least log loss over inner folds of other artists (the middle one where there
    is one artist only). Raises `ValueError` where all tracks are of one class.
    """
    from threadpoolctl import threadpool_limits

    codes, classes = _finite(codes), np.asarray(classes)
    if len(np.unique(classes)) < 2:
        raise ValueError("all tracks are of one class; at least two are needed")
    with threadpool_limits(1):  # products this small are many times slower where threads wait for one another
        return _fit_classes(codes, classes, artists)


def _fit_classes(codes: np.ndarray, classes: np.ndarray, artists: Sequence[str] | np.ndarray) -> ClassProbe:
    losses = np.zeros(len(SOFTNESSES))
    for rest, held_out in _inner_folds(artists, classes):
        if len(np.unique(classes[rest])) < 2:
            continue
        mean, scale = _moments(codes[rest])
        x, x_out = (_standardised(codes[part], mean, scale) for part in (rest, held_out))
        for index, softness in enumerate(SOFTNESSES):
            model = _logistic(x, classes[rest], softness)
            hit = classes[held_out][:, None] == model.classes_  # a class that no other artist has is missed by all
            share = (model.predict_proba(x_out) * hit).sum(axis=1)
            losses[index] -= np.log(np.maximum(share, 1e-6)).sum()
    chosen = SOFTNESSES[losses.argmin()] if losses.any() else SOFTNESSES[len(SOFTNESSES) // 2]
    mean, scale = _moments(codes)
    model = _logistic(_standardised(codes, mean, scale), classes, chosen)
    weight, bias = model.coef_.T, model.intercept_
    if weight.shape[1] == 1:  # two classes: one answer, whose sign decides
        weight, bias = weight * [-1.0, 1.0], bias * [-1.0, 1.0]
    return ClassProbe(LinearProbe(mean, scale, weight, bias), model.classes_)


def _logistic(x: np.ndarray, classes: np.ndarray, softness: float) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=softness, max_iter=3000).fit(x, classes)


def fit_ridge(
    codes: np.ndarray, targets: np.ndarray, artists: Sequence[str] | np.ndarray, strength: float | None = None
) -> LinearProbe:
    """Ridge regression from standardised codes `x [N, d]` to `targets [N, k]`: `(xᵀx + strength · 1)⁻¹ xᵀ targets`.

    Without a `strength` each target has its own: the one with the least squared error over inner folds of other
    artists (the middle one where there is one artist only).
    """
    codes, targets = _finite(codes), _finite(targets)
    if strength is not None:
        return _ridges(codes, targets, np.array([strength]))[0]
    losses = np.zeros((len(STRENGTHS), targets.shape[1]))
    for rest, held_out in _inner_folds(artists, np.zeros(len(codes), dtype=np.int64)):
        for index, probe in enumerate(_ridges(codes[rest], targets[rest], STRENGTHS)):
            losses[index] += ((probe.answers(codes[held_out]) - targets[held_out]) ** 2).sum(axis=0)
    chosen = losses.argmin(axis=0) if losses.any() else np.full(targets.shape[1], len(STRENGTHS) // 2)
    probes = _ridges(codes, targets, STRENGTHS)
    weight = np.stack([probes[index].weight[:, column] for column, index in enumerate(chosen)], axis=1)
    return replace(probes[0], weight=weight)


def _ridges(codes: np.ndarray, targets: np.ndarray, strengths: np.ndarray) -> list[LinearProbe]:
    """One probe a strength, from one singular value decomposition."""
    mean, scale = _moments(codes)
    bias = targets.mean(axis=0)
    u, s, vt = np.linalg.svd(_standardised(codes, mean, scale), full_matrices=False)
    projected = u.T @ (targets - bias)  # [min(N, d), k]
    shrinkage = s / (s**2 + strengths[:, None])  # [n_strengths, min(N, d)]
    return [LinearProbe(mean, scale, vt.T @ (factor[:, None] * projected), bias) for factor in shrinkage]


def _inner_folds(artists: Sequence[str] | np.ndarray, classes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """`(rows to fit, rows held out)` of up to five folds by artist; none for a single artist."""
    n_folds = min(INNER_FOLDS, len(np.unique(np.asarray(artists))))
    if n_folds < 2:
        return []
    folds = artist_folds(artists, classes, n_folds)
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(n_folds)]


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[d]`; a column that does not vary gets infinity, and so counts for nothing."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return mean, np.where(deviation > 1e-9 * np.maximum(np.abs(mean), 1), deviation, np.inf)


def _standardised(codes: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return (np.asarray(codes, dtype=np.float64) - mean) / scale


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"needs finite numbers [N, d], not {values.shape}")
    return values


def score_accuracy(predicted: np.ndarray, truth: np.ndarray, artists: Sequence[str] | np.ndarray) -> Score:
    """The share of tracks whose class `[N]` was predicted; chance is the share of the most frequent class."""
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    hits = np.stack([predicted == truth, np.ones(len(truth))], axis=1)
    chance = float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    return score_sums(hits, lambda sums: sums[..., 0] / sums[..., 1], artists, chance)


def score_correlation(predicted: np.ndarray, truth: np.ndarray, artists: Sequence[str] | np.ndarray) -> Score:
    """Pearson's r of predictions and truths `[N, k]`, column by column, and of those the mean.

    Chance is what 95 % of 1,000 rearrangements stay under, in which each artist's truths are dealt whole to the
    tracks of others. A column that does not vary has r = 0.
    """
    a, b = _finite(predicted), _finite(truth)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)  # sums of squares lose less of numbers about zero

    def mean_r(sums: np.ndarray) -> np.ndarray:
        n, sum_a, sum_b, aa, bb, ab = np.moveaxis(sums.reshape(*sums.shape[:-1], 6, -1), -2, 0)
        size = np.sqrt(np.maximum(aa - sum_a**2 / n, 0) * np.maximum(bb - sum_b**2 / n, 0))
        varies = size > 1e-12 * n
        r: np.ndarray = np.where(varies, (ab - sum_a * sum_b / n) / np.where(varies, size, 1), 0).mean(axis=-1)
        return r

    parts = np.concatenate([np.ones_like(a), a, b, a**2, b**2, a * b], axis=1)
    return score_sums(parts, mean_r, artists, _r_by_chance(a, b, artists))


def _r_by_chance(a: np.ndarray, b: np.ndarray, artists: Sequence[str] | np.ndarray, draws: int = 1000) -> float:
    """What the mean r of centred `a`, `b` `[N, k]` stays under in 95 % of draws with artists' `b` dealt to others."""
    a, b = (x / np.maximum(np.linalg.norm(x, axis=0), 1e-12) for x in (a, b))
    rng = np.random.default_rng(0)
    by_artist = rows_by_artist(artists)
    a = a[np.concatenate(by_artist)]
    dealt = (b[np.concatenate([by_artist[k] for k in rng.permutation(len(by_artist))])] for _ in range(draws))
    return float(np.quantile([np.vdot(a, part) for part in dealt], 0.95)) / a.shape[1]


def score_r2(predicted: np.ndarray, truth: np.ndarray, artists: Sequence[str] | np.ndarray) -> Score:
    """The share of the variance of `truth [N]` that `predicted [N]` explains; chance is 0, that of the mean."""
    truth = np.asarray(truth, dtype=np.float64)
    error = np.asarray(predicted, dtype=np.float64) - truth
    truth = truth - truth.mean()

    def r2(sums: np.ndarray) -> np.ndarray:
        n, sum_y, yy, errors = np.moveaxis(sums, -1, 0)
        return 1 - errors / np.maximum(yy - sum_y**2 / n, 1e-300)

    if not truth.any():
        raise ValueError("all truths are the same number; there is no variance to explain")
    return score_sums(np.stack([np.ones_like(truth), truth, truth**2, error**2], axis=1), r2, artists, 0.0)


def score_sums(
    parts: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    artists: Sequence[str] | np.ndarray,
    chance: float,
) -> Score:
    """The score that `statistic` makes of sums over tracks `[..., m]` of `parts [N, m]`.

    The interval holds the middle 95 % of 2,000 draws of as many artists as there are, with replacement: since the
    score depends on sums alone, all the draws are one product of matrices. Raises `ValueError` for one artist.
    """
    by_artist = rows_by_artist(artists)
    if len(by_artist) < 2:
        raise ValueError("all tracks are of one artist; an interval needs at least two")
    sums = np.stack([parts[rows].sum(axis=0) for rows in by_artist])  # [n_artists, m]
    n = len(sums)
    times = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=DRAWS)  # [draws, n_artists]
    low, high = np.quantile(statistic(times @ sums), (0.025, 0.975))
    return Score(float(statistic(sums.sum(axis=0))), float(low), float(high), chance, len(parts))


def rows_by_artist(artists: Sequence[str] | np.ndarray) -> list[np.ndarray]:
    """The rows of each artist, in order; the artists in alphabetical order."""
    ids = np.unique(np.asarray(artists), return_inverse=True)[1]
    return np.split(np.argsort(ids, kind="stable"), np.cumsum(np.bincount(ids))[:-1])
