"""Overlap: what holds for equal sets, dropped modes and added noise; slow formulas."""

import numpy as np
import pytest

from analysis import blocks
from analysis.neighbours import measure_overlap, neighbourly_overlap
from analysis.search import Search


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
    same = np.concatenate([mode + rng.normal(size=(60, 6)) for mode in modes])
    assert min(measure_overlap(real, same)[:2]) > 0.9
    assert measure_overlap(real, few).recall < 0.6
    assert measure_overlap(real, few).coverage < 0.6
    assert measure_overlap(real, few).precision > 0.9
    assert measure_overlap(real, noisy).precision < 0.5


def test_nearest_are_those_of_the_slow_search(rng):
    x, others = rng.normal(size=(1500, 2)), rng.normal(size=(40, 2))
    found = Search(others).among(x[:50])
    slow = np.linalg.norm(x[:50, None] - others[None], axis=2)
    assert np.allclose(found.distance[:, 0], slow.min(axis=1))
    assert np.array_equal(found.which[:, 0], slow.argmin(axis=1))
    one = 1400  # in the second block
    assert np.allclose(Search(x).within(2).distance[one], np.sort(np.linalg.norm(x - x[one], axis=1))[1:3])


def test_senseless_sets_are_refused():
    with pytest.raises(ValueError, match="more than 5 rows"):
        measure_overlap(np.zeros((5, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="finite"):
        Search(np.zeros((2, 2))).among(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="more than 3 rows"):
        Search(np.zeros((3, 2))).within(3)
    with pytest.raises(ValueError, match="at least 4 rows"):
        Search(np.zeros((3, 2))).among(np.zeros((1, 2)), 4)
    with pytest.raises(ValueError, match="needs"):
        measure_overlap(np.zeros((9, 2)), np.zeros((9, 3)))


@pytest.mark.parametrize("d", [1, 7])
def test_overlap_equals_that_of_prdc(rng, d):
    from prdc import compute_prdc

    real, generated = rng.normal(size=(120, d)), rng.normal(0.3, 0.8, size=(90, d))
    assert measure_overlap(real, generated, 5)._asdict() == pytest.approx(compute_prdc(real, generated, 5), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_sets_of_equal_covers_overlap_wholly(value):
    """Distances of zero are within distances of zero, wherever the one point lies."""
    found = measure_overlap(np.full((9, 3), value), np.full((12, 3), value))
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_blocks_and_a_place_far_away_change_nothing(rng, monkeypatch):
    real, generated = rng.normal(size=(90, 4)), rng.normal(0.2, 1, size=(70, 4))
    whole, near = measure_overlap(real, generated), Search(real).within(3).distance
    assert measure_overlap(real + 1e4, generated + 1e4) == whole
    monkeypatch.setattr(blocks, "BLOCK_NUMBERS", 500)
    assert measure_overlap(real, generated) == whole
    assert np.allclose(Search(real).within(3).distance, near)


def test_blocks_are_all_rows_once():
    for n, width in ((0, 5), (1, 10**9), (10, 1_300_000), (3, 0)):
        rows = [row for part in blocks.row_blocks(n, width) for row in range(n)[part]]
        assert rows == list(range(n))


@pytest.mark.slow
def test_approximate_neighbours_say_how_many_they_find_and_change_little(rng):
    """On 2,500 rows that lie, as covers do, on fewer dimensions than they have."""
    turn = rng.normal(size=(8, 40))
    real, generated = (np.tanh(rng.normal(shift, 1, size=(2500, 8)) @ turn / 4) for shift in (0, 0.2))
    exact, approximate = Search(real), Search(real, exact=False)
    for mine, theirs in (
        (approximate.within(5), exact.within(5)),
        (approximate.among(generated, 3), exact.among(generated, 3)),
    ):
        truly = np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(mine.which, theirs.which, strict=True)])
        assert theirs.found == 1
        assert mine.found == pytest.approx(truly, abs=0.04)
        assert mine.found > 0.9
        assert (mine.distance >= theirs.distance - 1e-9).all()
        assert (np.diff(mine.distance) >= 0).all()
    assert not (approximate.within(5).which == np.arange(2500)[:, None]).any()
    again = Search(real, exact=False).within(5)
    assert np.array_equal(again.which, approximate.within(5).which)
    all_pairs = neighbourly_overlap(real, generated)
    fewer = neighbourly_overlap(real, generated, exact=False)
    assert (all_pairs.found, all_pairs.how) == (1, "5 nearest neighbours, exact")
    assert 0.9 < fewer.found < 1
    assert "% of them found" in fewer.how
    assert fewer.shares == pytest.approx(all_pairs.shares, abs=0.02)
