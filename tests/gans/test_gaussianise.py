"""Gaussianisation: whatever the distribution was, axes are normal after, for points it was not fitted to, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data.errors import InputError
from gans.gaussianise import fit_gaussianiser, normal_distances, random_rotation

N, HELD_OUT, D = 1000, 1000, 8
BOUND = 0.09
"""KS distance that no axis of 1,000 held-out points may exceed; of normal ones, 8 axes reach about 0.04."""


def lognormal(rng, n):
    return np.exp(rng.normal(size=(n, D)))


def heavy_tailed(rng, n):
    return rng.standard_t(3, size=(n, D))


def clustered(rng, n):
    return 3 * np.eye(D)[rng.integers(0, 3, n)] + 0.5 * rng.normal(size=(n, D))


def curved(rng, n):
    x = rng.normal(size=(n, 4))
    return np.concatenate([x, x**2 + 0.3 * rng.normal(size=(n, 4))], axis=1)


def discrete(rng, n):
    return np.concatenate([rng.normal(size=(n, D - 1)), np.zeros((n, 1))], axis=1)


def points(fitted, x):
    return fitted(torch.from_numpy(x).float()).double().numpy()


def sample(toy, seed):
    mixing = np.random.default_rng(9).normal(size=(D, D))
    return toy(np.random.default_rng(seed), N) @ mixing


@pytest.mark.parametrize("toy", [lognormal, heavy_tailed, clustered, curved])
def test_every_axis_of_unseen_points_is_normal(toy):
    x, unseen = sample(toy, 0), sample(toy, 1)
    fitted = fit_gaussianiser(x, D)
    u = points(fitted, unseen)
    turned = u @ random_rotation(u.shape[1], np.random.default_rng(5))
    before = normal_distances((unseen - x.mean(axis=0)) / x.std(axis=0))
    for axes in (u, turned):
        assert normal_distances(axes).max() < BOUND
        assert np.abs(axes.mean(axis=0)).max() < 0.15
        assert np.abs(axes.var(axis=0) - 1).max() < 0.35
        kurtosis = ((axes - axes.mean(axis=0)) ** 4).mean(axis=0) / axes.var(axis=0) ** 2
        assert np.abs(kurtosis - 3).max() < 2.5
        assert np.abs(np.corrcoef(axes.T) - np.eye(axes.shape[1])).max() < 0.2
    assert normal_distances(u).mean() < 0.6 * before.mean()


def test_a_normal_distribution_is_hardly_bent():
    x = np.random.default_rng(0).normal(size=(2000, 4)) * [1, 2, 3, 4]
    fitted = fit_gaussianiser(x, 4)
    assert len(fitted.layers) == 2
    u = points(fitted, x)
    residual = np.linalg.lstsq(np.column_stack([x, np.ones(2000)]), u, rcond=None)[1]
    assert (residual / 2000 < 0.01).all()


def test_the_map_of_each_axis_is_monotone_far_beyond_the_sample():
    x = np.random.default_rng(0).standard_t(2, size=(200, 1))
    fitted = fit_gaussianiser(x, 1)
    line = points(fitted, np.linspace(-1e6, 1e6, 10_001)[:, None])[:, 0]
    rises = np.diff(line) * np.sign(line[-1] - line[0])
    assert (rises >= 0).all()
    assert np.abs(line).max() < 40  # a million deviations away, and still no number that a network chokes on


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    from scipy import stats

    x = np.random.default_rng(0).exponential(size=(57, 3))
    assert normal_distances(x) == pytest.approx([stats.kstest(column, "norm").statistic for column in x.T])


def test_the_same_points_and_seed_give_the_same_map():
    x = sample(lognormal, 0)
    first, again, other = (fit_gaussianiser(x, D, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first if name in other)


def test_axes_are_as_many_as_the_points_support():
    rng = np.random.default_rng(0)
    assert fit_gaussianiser(rng.normal(size=(40, 30)), 30).widths[-1] == 5  # one for every eight
    assert fit_gaussianiser(rng.normal(size=(16, 30)), 30).widths[-1] == 2
    assert fit_gaussianiser(rng.normal(size=(900, 30)), 6).widths[-1] == 6
    flat = rng.normal(size=(900, 3)) @ rng.normal(size=(3, 30))
    assert fit_gaussianiser(flat, 30).widths[-1] <= 4  # what is bent is no longer quite flat


def test_constant_axes_and_points_that_come_twice_do_no_harm():
    x = np.repeat(discrete(np.random.default_rng(0), 300), 3, axis=0)
    u = points(fit_gaussianiser(x, D), x)
    assert np.isfinite(u).all()
    assert np.allclose(u[0::3], u[1::3], atol=1e-5)
    assert normal_distances(u).max() < 0.08
    assert normal_distances(points(fit_gaussianiser(np.round(2 * x), D), np.round(2 * x))).max() < 0.2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((15, 3)), "15 tracks are too few"),
        (np.zeros((0, 3)), "0 tracks are too few"),
        (np.ones((50, 3)), "all tracks have the same code"),
        (np.full((50, 3), np.nan), "not finite"),
        (np.r_[np.zeros((49, 3)), [[0, np.inf, 0]]], "not finite"),
        (np.zeros(50), "of one size"),
    ],
)
def test_what_cannot_be_fitted_to_is_one_line(rows, says):
    with pytest.raises(InputError, match=says):
        fit_gaussianiser(rows, 3)
