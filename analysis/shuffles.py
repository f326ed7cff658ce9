"""Is there anything to hear at all? Conditions are dealt among artists, and a ridge is taught anew for each deal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.listeners import Eye, correlations
from analysis.listening import FOLDS, Pairs
from analysis.probes import artist_folds

STRENGTHS = (0.1, 1.0, 10.0)
"""Penalties of the ridge, as shares of the mean squared singular value of the covers."""


@dataclass(frozen=True)
class Permuted:
    """The mean r of matched pairs, the mean of it over shuffled ones, and the share of shuffles (the matched pairs
    among them) that reach it: for all attributes together, and `by_attribute [k]`."""

    matched: float
    shuffled: float
    p: float
    by_attribute: np.ndarray


def permute(pairs: Pairs, n_shuffles: int = 999, seed: int = 0) -> Permuted:
    """Whether a ridge tells anything at all, by teaching it anew for each shuffle of conditions among artists.

    Folds and penalties do not depend on conditions (each attribute counts with the best of three penalties, shuffled
    ones too), so answers for artists unseen are one matrix times the conditions, every shuffle has the same due, and p
    is exact (Phipson & Smyth 2010). Reusing one listener for all shuffles would be cheaper, and too sure of itself:
    the folds' listeners have learned from one another's tracks.
    """
    x = pairs.x if pairs.families is None else Eye.fit(pairs.x, pairs.families).see(pairs.x)
    n, k = pairs.y.shape
    n_folds = min(FOLDS, len(np.unique(pairs.artists)))
    folds = artist_folds(pairs.artists, np.zeros(n, dtype=np.int64), n_folds, seed)
    rng = np.random.default_rng(seed)
    deals = np.concatenate([np.arange(n)[None], deal(pairs.artists, n_shuffles, rng)])  # [1 + shuffles, n]
    y = (pairs.y - pairs.y.mean(axis=0)) / pairs.y.std(axis=0)
    dealt = y[deals].transpose(1, 0, 2).reshape(n, -1)  # [n, (1 + shuffles) · k]
    truths = _centred(dealt, folds)
    best = np.full(dealt.shape[1], -np.inf)
    for hat in hats_of(x, folds):
        best = np.maximum(best, correlations(_centred(hat @ dealt, folds), truths))
    r = best.reshape(len(deals), k)
    together = r.mean(axis=1)
    by_attribute = (r >= r[0] - 1e-12).mean(axis=0)
    p = float((together >= together[0] - 1e-12).mean())
    return Permuted(float(together[0]), float(together[1:].mean()), p, by_attribute)


def deal(artists: np.ndarray, times: int, rng: np.random.Generator) -> np.ndarray:
    """Rows int64 `[times, N]` whose conditions each row gets when artists trade theirs at random: an artist's tracks
    get those of one other, in order, and from the first again where that one has fewer."""
    ids = np.unique(artists, return_inverse=True)[1]
    by_artist = np.argsort(ids, kind="stable")
    sizes = np.bincount(ids)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(ids), dtype=np.int64)  # of a row among its artist's
    place[by_artist] = np.arange(len(ids)) - starts[ids[by_artist]]
    givers = np.stack([rng.permutation(len(sizes)) for _ in range(times)])[:, ids]  # [times, N]
    return np.asarray(by_artist[starts[givers] + place % sizes[givers]])


def hats_of(x: np.ndarray, folds: np.ndarray) -> list[np.ndarray]:
    """For each penalty the matrix `[N, N]` that makes out-of-fold ridge answers (but for a constant) of
    conditions."""
    n = len(x)
    hats = [np.zeros((n, n)) for _ in STRENGTHS]
    for fold in range(int(folds.max()) + 1):
        rest, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        mean = x[rest].mean(axis=0)
        u, s, vt = np.linalg.svd(x[rest] - mean, full_matrices=False)
        seen = (x[out] - mean) @ vt.T
        for hat, strength in zip(hats, STRENGTHS, strict=True):
            operator = (seen * (s / (s**2 + strength * max((s**2).mean(), 1e-12)))) @ u.T
            hat[np.ix_(out, rest)] = operator - operator.mean(axis=1, keepdims=True)
    return hats


def _centred(values: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Values `[N, m]` less their mean within each fold."""
    members = np.eye(int(folds.max()) + 1)[folds]  # [N, folds]
    means = members.T @ values / members.sum(axis=0)[:, None]
    return np.asarray(values - means[folds])
