"""Overlap and copies: what holds for equal sets, dropped modes, added noise and planted copies; slow formulas."""

import numpy as np
import pytest

from analysis.neighbours import find_copies, measure_overlap, nearest_among, nearest_within


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_overlap_equals_the_definitions_point_by_point(rng):
    real, generated, k = rng.normal(size=(40, 3)), rng.normal(0.5, 1.2, size=(30, 3)), 3

    def reach(x):
        return [sorted(np.linalg.norm(x - point, axis=1))[k] for point in x]

    inside = [[np.linalg.norm(g - r) <= radius for g in generated] for r, radius in zip(real, reach(real), strict=True)]
    found = measure_overlap(real, generated, k)
    assert found.precision == np.mean(np.any(inside, axis=0))
    assert found.coverage == np.mean(np.any(inside, axis=1))
    assert found.density == pytest.approx(np.sum(inside) / k / len(generated))
    balls = zip(generated, reach(generated), strict=True)
    within = [[np.linalg.norm(r - g) <= radius for r in real] for g, radius in balls]
    assert found.recall == np.mean(np.any(within, axis=0))


def test_draws_of_one_distribution_overlap_and_far_ones_do_not(rng):
    same = measure_overlap(rng.normal(size=(800, 4)), rng.normal(size=(800, 4)))
    assert min(same.precision, same.recall, same.coverage) > 0.85
    assert same.density == pytest.approx(1, abs=0.1)
    assert measure_overlap(rng.normal(size=(50, 4)), rng.normal(99, 1, size=(50, 4))) == (0, 0, 0, 0)


def test_dropped_modes_lower_recall_and_coverage_and_noise_lowers_precision(rng):
    modes = rng.normal(0, 10, size=(10, 6))
    real = np.concatenate([mode + rng.normal(size=(60, 6)) for mode in modes])
    few = np.concatenate([mode + rng.normal(size=(120, 6)) for mode in modes[:5]])
    noisy = real + rng.normal(0, 2, size=real.shape)
    assert measure_overlap(real, few).recall < 0.6
    assert measure_overlap(real, few).coverage < 0.6
    assert measure_overlap(real, few).precision > 0.9
    assert measure_overlap(real, noisy).precision < 0.5


def test_nearest_are_those_of_the_slow_search(rng):
    x, others = rng.normal(size=(1500, 2)), rng.normal(size=(40, 2))
    distance, which = nearest_among(x[:50], others)
    slow = np.linalg.norm(x[:50, None] - others[None], axis=2)
    assert np.allclose(distance, slow.min(axis=1))
    assert np.array_equal(which, slow.argmin(axis=1))
    one = 1400  # in the second block
    assert np.allclose(nearest_within(x, 2)[one], np.sort(np.linalg.norm(x - x[one], axis=1))[1:3])


def test_planted_copies_are_found_and_honest_covers_flagged_at_the_stated_rate(rng):
    training, unseen = rng.normal(size=(500, 8)), rng.normal(size=(1000, 8))
    planted = training[:50] + rng.normal(0, 0.01, size=(50, 8))
    honest = rng.normal(size=(1000, 8))
    found = find_copies(training, np.concatenate([planted, honest]), unseen)
    assert np.array_equal(found.nearest[:50], np.arange(50))
    assert 50 / 1050 <= found.share <= 50 / 1050 + 0.03
    assert found.chance == pytest.approx(0.01, abs=0.002)


def test_senseless_sets_are_refused():
    with pytest.raises(ValueError, match="more than 5 rows"):
        measure_overlap(np.zeros((5, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="finite"):
        nearest_among(np.full((2, 2), np.nan), np.zeros((2, 2)))
