"""Distances against closed forms and sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.distances import frechet_distance, kernel_distance


def gaussian_set(mean: np.ndarray, root: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """`[n, d]` whose mean is `mean` and whose covariance is `root.T @ root`, exactly."""
    d = len(mean)
    z = np.random.default_rng(seed).standard_normal((n, d))
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T).reshape(d, d))).T
    return mean + z @ root


@pytest.mark.parametrize("d", [1, 3, 12])
@pytest.mark.parametrize("n", [40, 3000])
def test_frechet_of_two_gaussians(d: int, n: int) -> None:
    """Diagonal covariances: |μ_a − μ_b|² + Σ (σ_a − σ_b)²."""
    sigma_a, sigma_b = np.linspace(0.5, 2, d), np.linspace(3, 1, d)
    shift = np.linspace(-1, 2, d)
    a = gaussian_set(np.zeros(d), np.diag(sigma_a), n, seed=1)
    b = gaussian_set(shift, np.diag(sigma_b), n + 7, seed=2)
    closed = (shift**2).sum() + ((sigma_a - sigma_b) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(closed, rel=1e-9)


def test_frechet_with_full_covariances_by_the_matrix_root() -> None:
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((500, 6)) @ rng.random((6, 6)), rng.standard_normal((300, 6)) @ rng.random((6, 6)) + 1
    sigma_a, sigma_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(sigma_a @ sigma_b).real
    closed = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sigma_a + sigma_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(50, 4), (10, 40)])
def test_frechet_of_a_set_with_itself_is_zero(n: int, d: int) -> None:
    a = np.random.default_rng(0).standard_normal((n, d))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)


def test_frechet_of_few_rows_equals_that_in_their_own_space() -> None:
    """Fewer rows than dimensions: turning both sets changes nothing, dimensions nobody uses neither."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((8, 5)), rng.standard_normal((9, 5)) + 0.5
    turn = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    wide_a, wide_b = (np.pad(x, ((0, 0), (0, 25))) @ turn for x in (a, b))
    assert frechet_distance(wide_a, wide_b) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_kernel_by_hand() -> None:
    a, b = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (x @ y / 2 + 1) ** 3

    within_a = (k(a[0], a[1]) + k(a[1], a[0])) / 2
    within_b = sum(k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j) / 6
    between = sum(k(x, y) for x in a for y in b) / 6
    assert kernel_distance(a, b) == pytest.approx(within_a + within_b - 2 * between, rel=1e-12)


def test_kernel_is_unbiased() -> None:
    """Two draws from one distribution: zero on average, whatever the number of rows."""
    rng = np.random.default_rng(0)
    for n in (5, 50):
        values = [kernel_distance(rng.standard_normal((n, 3)), rng.standard_normal((n, 3))) for _ in range(400)]
        assert abs(np.mean(values)) < 3 * np.std(values) / 20


def test_kernel_in_blocks_equals_kernel_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis import distances

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((30, 4)), rng.standard_normal((20, 4))
    whole = kernel_distance(a, b)
    monkeypatch.setattr(distances, "_BLOCK", 7)
    assert kernel_distance(a, b) == pytest.approx(whole, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 30), m=st.integers(2, 30), d=st.integers(1, 10))
def test_laws(seed: int, n: int, m: int, d: int) -> None:
    """Symmetric; blind to the order of rows; growing as the sets move apart."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    for distance in (frechet_distance, kernel_distance):
        here = distance(a, b)
        assert distance(b, a) == pytest.approx(here, rel=1e-6, abs=1e-9)
        assert distance(a, rng.permutation(b)) == pytest.approx(here, rel=1e-6, abs=1e-9)
    assert frechet_distance(a, b + 100) > frechet_distance(a, b)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "needs"),
        (np.zeros(3), np.zeros(3), "needs"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "two rows"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "finite"),
    ],
)
def test_what_has_no_distance(distance, a: np.ndarray, b: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        distance(a, b)
