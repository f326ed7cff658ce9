"""Transport between two sets: all of the mass, at the least cost."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from gans.transport import transport_plan


def test_all_mass_is_moved_and_arrives():
    rng = np.random.default_rng(0)
    plan = transport_plan(rng.normal(size=(30, 4)), 2 + rng.normal(size=(50, 4)))
    assert plan.shape == (30, 50)
    assert (plan >= 0).all()
    assert plan.sum(axis=1) == pytest.approx(np.full(30, 1 / 30))
    assert plan.sum(axis=0) == pytest.approx(np.full(50, 1 / 50), rel=1e-3)


def test_with_little_blur_it_is_the_best_assignment():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(12, 3)), rng.normal(size=(12, 3))
    cost = np.square(a[:, None] - b[None]).sum(axis=2)
    best = cost[linear_sum_assignment(cost)].mean()
    plan = transport_plan(a, b, blur=0.01, iterations=5000)
    assert (plan * cost).sum() == pytest.approx(best, rel=0.03)
    assert (transport_plan(a, b, blur=10.0) * cost).sum() == pytest.approx(cost.mean(), rel=0.2)


def test_far_and_equal_points_stay_finite():
    a = np.array([[0.0], [0.0], [1e6]])
    for b in (a, a + 1e9, np.zeros((3, 1))):
        plan = transport_plan(a, b)
        assert np.isfinite(plan).all()
        assert plan.sum() == pytest.approx(1)
