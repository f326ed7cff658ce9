"""Maps: bad at the random start and good at the end, the same for one seed, and later points find their own kind."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from analysis.maps import METHODS, fit_map, fit_reduction, neighbourhood_hit, sample_rows, trustworthiness

N_KINDS = 5


def clusters(n: int, seed: int = 0, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """`n` points of five kinds in a space of `d` dimensions, and their kinds."""
    centres = 4 * np.random.default_rng(99).standard_normal((N_KINDS, d))
    rng = np.random.default_rng(seed)
    kinds = rng.integers(N_KINDS, size=n)
    return centres[kinds] + rng.standard_normal((n, d)), kinds


def told_apart(points: np.ndarray, kinds: np.ndarray) -> float:
    """Accuracy of a nearest-neighbour classifier on every second point, learnt from the others."""
    known = KNeighborsClassifier(5).fit(points[::2], kinds[::2])
    return float(known.score(points[1::2], kinds[1::2]))


def law_of_a_map(method: str, n: int) -> None:
    x, kinds = clusters(n)
    new, new_kinds = clusters(60, seed=1)
    start = np.random.default_rng(0).standard_normal((n, 2))
    assert told_apart(start, kinds) < 0.4  # chance is 0.2
    fitted = fit_map(x, method)
    assert told_apart(fitted.points, kinds) > 0.95
    placed = fitted.place(new)
    assert KNeighborsClassifier(5).fit(fitted.points, kinds).score(placed, new_kinds) > 0.95
    again = fit_map(x, method)
    assert (again.points == fitted.points).all()
    assert (again.place(new) == placed).all()
    hit, chance = neighbourhood_hit(fitted.points, kinds)
    assert hit > 0.9
    assert 0.15 < chance < 0.25
    assert trustworthiness(x, fitted.points) > 0.85
    assert trustworthiness(x, start) < 0.6


def test_a_map_is_bad_at_its_start_and_good_at_its_end():
    law_of_a_map("tsne", 120)


@pytest.mark.slow
def test_a_large_map_keeps_the_same_laws():
    law_of_a_map("tsne", 2_040)


@pytest.mark.slow
def test_umap_keeps_the_same_laws():
    law_of_a_map("umap", 120)
    assert fit_map(clusters(6)[0], "umap").note.startswith("few points")


def test_few_points_are_mapped_with_a_word():
    fitted = fit_map(clusters(8)[0])
    assert fitted.points.shape == (8, 2)
    assert "perplexity 2.3" in fitted.note
    assert np.isfinite(fitted.place(clusters(3, seed=2)[0])).all()
    assert np.isfinite(fit_map(clusters(4)[0]).place(clusters(1, seed=2)[0])).all()


@pytest.mark.parametrize("method", METHODS)
def test_points_that_are_all_the_same_lie_in_one_place(method):
    fitted = fit_map(np.ones((30, 5)), method)
    assert (fitted.points == 0).all()
    assert fitted.note == "all points are the same"
    assert fitted.place(np.zeros((2, 5))).shape == (2, 2)


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.zeros(9), np.full((9, 2), np.nan), np.zeros((9, 0))])
def test_what_has_no_map_is_refused(x):
    with pytest.raises(ValueError, match="needs"):
        fit_map(x)


def test_an_unknown_map_is_named():
    with pytest.raises(ValueError, match="known: tsne, umap"):
        fit_map(np.eye(5), "isomap")


def test_components_keep_distances_and_say_what_they_leave():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3)) @ rng.standard_normal((3, 20)) + 5
    reduction = fit_reduction(x)
    reduced = reduction(x)
    assert reduced.shape == (40, 3)
    assert reduction.explained == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.norm(reduced[0] - reduced[1]), np.linalg.norm(x[0] - x[1]))
    assert fit_reduction(x, 1).explained < 1


def test_neighbourhood_hit_by_hand():
    points = np.array([[0.0, 0], [1, 0], [10, 0], [11, 0]])
    assert neighbourhood_hit(points, np.array(list("aabb")), k=1) == (1.0, pytest.approx(1 / 3))
    assert neighbourhood_hit(points, np.array(list("abab")), k=1)[0] == 0.0


def test_a_sample_is_all_or_a_draw():
    assert sample_rows(3, 5).tolist() == [0, 1, 2]
    drawn = sample_rows(100, 5)
    assert len(set(drawn)) == 5
    assert (drawn == sample_rows(100, 5)).all()
