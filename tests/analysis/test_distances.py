"""Distances against closed forms and sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.distances import (
    LEAST_IN_CLASS,
    frechet_distance,
    frechet_of_moments,
    intra_frechet,
    kernel_distance,
    kernel_estimate,
    kernel_over_subsets,
)
from analysis.moments import Moments, by_label


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
    from analysis import blocks

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((30, 4)), rng.standard_normal((20, 4))
    whole = kernel_estimate(a, b)
    monkeypatch.setattr(blocks, "BLOCK_NUMBERS", 140)
    apart = kernel_estimate(a, b)
    assert apart.value == kernel_distance(a, b) == pytest.approx(whole.value, rel=1e-12)
    assert apart.interval == pytest.approx(whole.interval, rel=1e-9)


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


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance, kernel_estimate])
@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "needs"),
        (np.zeros(3), np.zeros(3), "needs"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "at least 2 rows"),
        (np.zeros((0, 2)), np.zeros((5, 2)), "at least 2 rows"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "finite"),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), "finite"),
    ],
)
def test_what_has_no_distance(distance, a: np.ndarray, b: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        distance(a, b)


def kernel_closed_form(shift: np.ndarray) -> float:
    """The squared discrepancy of N(0, I) and N(shift, I), kernel (x·y / d + 1)³: E (s + 1)³ of s = x·y / d by hand.

    With x = μ + u and y = ν + v, x·y = μ·ν + (μ·v + u·ν + u·v), whose last part has mean 0, variance
    |μ|² + |ν|² + d and third moment 6 μ·ν.
    """
    d = len(shift)

    def mean(m: np.ndarray, n: np.ndarray) -> float:
        dot, spread = float(m @ n), float(m @ m + n @ n + d)
        first, second, third = dot / d, (dot**2 + spread) / d**2, (dot**3 + 3 * dot * spread + 6 * dot) / d**3
        return third + 3 * second + 3 * first + 1

    zero = np.zeros(d)
    return mean(zero, zero) + mean(shift, shift) - 2 * mean(zero, shift)


@pytest.mark.parametrize("shift", [np.array([1.0, 0, 0]), np.zeros(3)], ids=["apart", "equal"])
def test_kernel_intervals_hold_the_truth_as_often_as_they_say(shift: np.ndarray) -> None:
    """95 % of draws, and more where the two are equal: the jackknife is too wide there. Their mean is the truth."""
    rng, truth = np.random.default_rng(0), kernel_closed_form(shift)
    draws = [(rng.standard_normal((200, 3)), rng.standard_normal((240, 3)) + shift) for _ in range(300)]
    everywhere = [kernel_estimate(a, b) for a, b in draws]
    subsets = [kernel_over_subsets(a, b, size=20) for a, b in draws]
    for estimates, least in ((everywhere, 0.91), (subsets, 0.91)):
        values = np.array([one.value for one in estimates])
        assert abs(values.mean() - truth) < 3 * values.std() / np.sqrt(len(values))
        held = np.mean([one.interval[0] <= truth <= one.interval[1] for one in estimates])
        assert least <= held <= (1 if not shift.any() else 0.99)
    widths = [np.mean([np.ptp(one.interval) for one in estimates]) for estimates in (everywhere, subsets)]
    assert widths[0] < widths[1]


def test_the_jackknife_leaves_each_row_out_once() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((7, 2)), rng.standard_normal((5, 2)) + 1
    spread = 0.0
    for x, of in ((a, lambda rest: kernel_distance(rest, b)), (b, lambda rest: kernel_distance(a, rest))):
        without = np.array([of(np.delete(x, row, axis=0)) for row in range(len(x))])
        spread += (len(x) - 1) / len(x) * ((without - without.mean()) ** 2).sum()
    low, high = kernel_estimate(a, b).interval
    assert (high - low) / 2 == pytest.approx(1.959964 * np.sqrt(spread), rel=1e-9)
    assert kernel_estimate(a[:2], b).interval is None


def blocks_of(x: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """`x` in blocks of any sizes, empty ones too."""
    return np.split(x, np.sort(rng.integers(0, len(x) + 1, size=rng.integers(0, 6))))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 60), d=st.integers(1, 12), far=st.sampled_from([0.0, 1.0, 1e3]))
def test_moments_are_those_of_all_rows_in_any_blocks_order_and_merge(seed: int, n: int, d: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + far
    split = [Moments.of(block) for block in blocks_of(rng.permutation(x), rng)]
    left = Moments(d)
    for part in split:
        left.merge(part)
    right = Moments(d)
    for part in reversed(split):
        part.merge(right)
        right = part
    for found in (Moments.of(blocks_of(x, rng)), left, right):
        assert found.n == n
        np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.covariance, np.cov(x.T).reshape(d, d), rtol=1e-8, atol=1e-10)


def test_moments_far_from_zero_keep_their_digits() -> None:
    """The sum of squares minus the square of the sum has none left here."""
    x = np.random.default_rng(0).standard_normal((1000, 3))
    found = Moments.of(np.split(x + 1e8, 10))
    np.testing.assert_allclose(found.covariance, np.cov(x.T), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(500, 400, 12), (8, 9, 30), (40, 5, 30), (30, 30, 1)])
def test_frechet_of_streams_equals_that_of_arrays(n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)), 2 * rng.standard_normal((m, d)) + 0.5
    of_a, of_b = (Moments.of(blocks_of(x, rng)) for x in (a, b))
    assert frechet_of_moments(of_a, of_b) == pytest.approx(frechet_distance(a, b), rel=1e-8)
    assert frechet_of_moments(of_a, of_a) == pytest.approx(0, abs=1e-9 * np.trace(of_a.covariance))


def test_moments_without_a_sample_have_the_closed_form() -> None:
    """N(0, diag σ²) and N(μ, diag τ²): |μ|² + Σ (σ − τ)²."""
    sigma, tau, shift = np.array([1.0, 2.0, 0.0]), np.array([0.5, 4.0, 1.0]), np.array([1.0, -1.0, 2.0])
    a, b = Moments(3), Moments(3)
    a.n = b.n = 11
    a.scatter, b.scatter, b.mean = 10 * np.diag(sigma**2), 10 * np.diag(tau**2), shift
    assert frechet_of_moments(a, b) == pytest.approx((shift**2).sum() + ((sigma - tau) ** 2).sum(), rel=1e-12)


def test_constant_sets() -> None:
    still, other = np.full((5, 4), 3.0), np.full((6, 4), 5.0)
    assert frechet_distance(still, other) == frechet_of_moments(Moments.of(still), Moments.of(other)) == 16
    assert frechet_distance(still, still) == 0
    assert kernel_distance(still, still) == pytest.approx(0, abs=1e-9)
    assert kernel_estimate(still, still).interval == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: Moments(0), "one column"),
        (lambda: Moments.of([]), "one block"),
        (lambda: Moments(2).update(np.zeros((3, 4))), "rows"),
        (lambda: Moments(2).update(np.zeros(2)), "rows"),
        (lambda: Moments(2).update(np.array([[np.nan, 0]])), "finite"),
        (lambda: Moments(2).merge(Moments(3)), "2 columns"),
        (lambda: frechet_of_moments(Moments.of(np.zeros((1, 2))), Moments.of(np.zeros((3, 2)))), "at least 2 rows"),
        (lambda: frechet_of_moments(Moments(2), Moments(3)), "as many columns"),
        (lambda: kernel_over_subsets(np.zeros((9, 2)), np.zeros((99, 2)), size=10), "at least 10 rows"),
    ],
)
def test_what_has_no_moments_and_no_subsets(call, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call()


def test_subsets_of_a_stream_are_those_of_the_array_in_any_blocks() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((107, 3)), rng.standard_normal((95, 3)) + 0.3
    whole = kernel_over_subsets(a, b, size=20)
    by_hand = [kernel_distance(a[k : k + 20], b[k : k + 20]) for k in range(0, 80, 20)]
    assert whole.value == pytest.approx(np.mean(by_hand), rel=1e-12)
    assert "4 separate subsets of 20 rows" in whole.how
    for _ in range(5):
        assert kernel_over_subsets(iter(blocks_of(a, rng)), iter(blocks_of(b, rng)), size=20) == whole
    assert kernel_over_subsets(a[:25], b, size=20).interval is None


def test_intra_frechet_sees_covers_drawn_for_the_wrong_class() -> None:
    """One distance over all does not; classes with too few rows have none, and rows without a label are no class."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["left", "right", "rare", ""], [80, 80, 5, 40])
    means = {"left": -3.0, "right": 3.0, "rare": 0.0, "": 9.0}
    real, generated = (rng.standard_normal((205, 3)) + [[means[kind]] for kind in kinds] for _ in range(2))
    swapped = {"left": "right", "right": "left", "rare": "rare", "": ""}
    right = intra_frechet(by_label(real, kinds), by_label(generated, kinds))
    wrong = intra_frechet(by_label(real, kinds), by_label(generated, [swapped[kind] for kind in kinds]))
    assert right.left_out == wrong.left_out == ("rare",)
    assert set(right.classes) == {"left", "right"}
    assert right.value == pytest.approx(np.mean(list(right.classes.values())))
    assert right.value < 1
    assert wrong.value > 100
    left = frechet_distance(real[kinds == "left"], generated[kinds == "left"])
    assert right.classes["left"] == pytest.approx(left, rel=1e-8)
    few = by_label(real[:20], kinds[:20])
    assert LEAST_IN_CLASS > 20
    assert intra_frechet(few, few) is None


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_frechet_and_kernel_equal_those_of_torchmetrics() -> None:
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((90, 7)) @ rng.random((7, 7)), rng.standard_normal((90, 7)) * 1.5 + 0.4
    as_it_is = torch.nn.Identity()  # the feature net: arrays go in
    as_it_is.num_features = 7
    theirs = FrechetInceptionDistance(feature=as_it_is).set_dtype(torch.float64)
    kernel = KernelInceptionDistance(feature=as_it_is, subsets=1, subset_size=90)
    for metric in (theirs, kernel):
        metric.update(torch.from_numpy(a), real=True)
        metric.update(torch.from_numpy(b), real=False)
    assert frechet_distance(a, b) == pytest.approx(float(theirs.compute()), rel=1e-6)
    assert frechet_of_moments(Moments.of(a), Moments.of(b)) == pytest.approx(float(theirs.compute()), rel=1e-6)
    assert kernel_distance(a, b) == pytest.approx(float(kernel.compute()[0]), rel=1e-6)
