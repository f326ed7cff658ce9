"""Transport between two sets: all of the mass, at the least cost, as widely spread as is asked."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp

from data.transport import transport_cost, transport_plan


@pytest.fixture
def cost():
    rng = np.random.default_rng(0)
    return transport_cost(rng.normal(size=(30, 4)), 2 + rng.normal(size=(50, 4)))


def test_distances_equal_the_direct_formula_far_from_zero_too():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    direct = np.square(a[:, None] - b[None]).sum(axis=2)
    assert transport_cost(a, b) == pytest.approx(direct)
    assert transport_cost(a + 1e6, b + 1e6) == pytest.approx(direct, rel=1e-6)


@pytest.mark.parametrize("blur", [1e-4, 0.05, 100.0])
@pytest.mark.parametrize("iterations", [1, 1000])
def test_both_margins_are_exact_however_few_the_iterations(cost, blur, iterations):
    plan = transport_plan(cost, blur, iterations)
    assert plan.shape == (30, 50)
    assert (plan >= 0).all()
    assert plan.sum(axis=1) == pytest.approx(np.full(30, 1 / 30), rel=1e-12)
    assert plan.sum(axis=0) == pytest.approx(np.full(50, 1 / 50), rel=1e-12)


def test_two_by_two_by_hand():
    # [[0, 1], [1, 0]] has the mean 1/2: ε = blur / 2, and the odds of the diagonal are exp(1 / ε).
    plan = transport_plan(np.array([[0.0, 1.0], [1.0, 0.0]]), blur=0.5)
    on, off = np.exp(4.0) / (1 + np.exp(4.0)), 1 / (1 + np.exp(4.0))
    assert plan == pytest.approx(np.array([[on, off], [off, on]]) / 2)


def test_it_is_the_product_of_a_kernel_and_two_potentials(cost):
    """What marks the optimum: log P + cost / ε is a sum of a part of the row and a part of the column."""
    rest = np.log(transport_plan(cost, blur=0.2)) + cost / (0.2 * (cost - cost.min()).mean())
    mixed = rest - rest[:1] - rest[:, :1] + rest[0, 0]
    assert np.abs(mixed).max() < 1e-3
    assert logsumexp(rest - cost / (0.2 * (cost - cost.min()).mean())) == pytest.approx(0, abs=1e-9)


def test_with_much_entropy_everything_goes_everywhere(cost):
    assert transport_plan(cost, blur=1e6) == pytest.approx(np.full((30, 50), 1 / 1500), rel=1e-4)


def test_with_little_entropy_it_is_the_best_assignment():
    cost = np.random.default_rng(1).random((12, 12))
    rows, columns = linear_sum_assignment(cost)
    plan = transport_plan(cost, blur=0.003, iterations=20_000)
    assert (plan.argmax(axis=1) == columns).all()
    assert plan[rows, columns].sum() > 0.98
    assert (plan * cost).sum() == pytest.approx(cost[rows, columns].mean(), rel=0.01)


def test_far_and_equal_points_stay_finite():
    a = np.array([[0.0], [0.0], [1e6]])
    for b in (a, a + 1e9, np.zeros((3, 1))):
        plan = transport_plan(transport_cost(a, b))
        assert np.isfinite(plan).all()
        assert plan.sum() == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array([[np.nan]]), np.array([[np.inf, 0.0]])])
def test_what_is_no_cost_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        transport_plan(bad)
