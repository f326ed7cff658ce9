"""Correlation: known values, an interval that covers as often as it says, chance that is chance."""

import numpy as np
import pytest

from analysis.correlation import correlate


def test_known_correlations():
    x = np.arange(10.0)
    assert correlate(x, 3 * x + 1).r == pytest.approx(1)
    assert correlate(x, -x).r == pytest.approx(-1)
    assert correlate(x, np.ones(10)).r == 0
    assert correlate(np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])).r == pytest.approx(0)


def test_the_interval_covers_the_truth_and_chance_is_exceeded_as_often_as_stated():
    rng = np.random.default_rng(0)
    covered, beyond = 0, 0
    for _ in range(1000):
        a, noise, other = rng.standard_normal((3, 60))
        low, high = correlate(a, 0.6 * a + 0.8 * noise)[1:3]
        covered += low <= 0.6 <= high
        unrelated = correlate(a, other)
        beyond += abs(unrelated.r) > unrelated.chance
    assert covered == pytest.approx(950, abs=25)
    assert beyond == pytest.approx(50, abs=25)


@pytest.mark.parametrize(("a", "b"), [([1, 2, 3], [1, 2, 3]), ([1, 2, 3, 4], [1, 2, 3]), ([1, 2, 3, np.nan], [1] * 4)])
def test_too_few_or_unknown_values_are_refused(a, b):
    with pytest.raises(ValueError, match=r"needed|finite"):
        correlate(np.array(a), np.array(b))
