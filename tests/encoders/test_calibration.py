"""The fitting of curves: what it maps where, and the interval beside a correlation."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.calibration import QUANTILES, correlation, fit_curve


def test_quantiles_meet() -> None:
    """A fitted curve takes a distribution to the other, whatever monotone bend lies between them."""
    rng = np.random.default_rng(0)
    index = rng.normal(3, 2, 5000)
    share = 1 / (1 + np.exp(-rng.normal(0, 1, 4000)))
    x, y = fit_curve(index, share)
    mapped = np.interp(index, x, y)
    np.testing.assert_allclose(np.quantile(mapped, QUANTILES), np.quantile(share, QUANTILES), atol=2e-3)


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 95 % intervals around a true r of 0.4, about 95 % hold it."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        a = rng.standard_normal(60)
        b = 0.4 * a + np.sqrt(1 - 0.16) * rng.standard_normal(60)
        _, low, high = correlation(a, b)
        held += low <= 0.4 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.04)
