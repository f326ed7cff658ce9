"""Distances of rows against the direct formula."""

import numpy as np
import pytest

from data.rows import squared_distances

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_distances_equal_the_direct_formula(dtype):
    a, b = (10 * RNG.normal(size=(5, 3))).astype(dtype), (10 * RNG.normal(size=(7, 3))).astype(dtype)
    direct = np.square(a[:, None].astype(np.float64) - b[None]).sum(axis=2)
    assert squared_distances(a, b) == pytest.approx(direct)
    assert squared_distances(a, b).dtype == np.float64


def test_no_row_is_less_than_nothing_away_from_itself():
    x = RNG.normal(size=(200, 40))
    square = squared_distances(x, x)
    assert square.min() >= 0
    assert np.diag(square) == pytest.approx(0, abs=1e-12)
