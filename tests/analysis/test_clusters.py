"""Clusters: planted ones are found, in planted number, and agreement with labels is as by hand and by chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, v_measure_score

from analysis.agreement import DRAWS, measure_agreement
from analysis.clusters import METHODS, find_clusters
from analysis.descriptors import compute_descriptors
from analysis.traits import compute_traits
from analysis.words import COLOUR_FAMILIES, colour_families, distinguishing


def planted(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Three far kinds of points, of sizes 3 : 2 : 1, in nine dimensions."""
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [n // 2, n // 3, n // 6])
    return 9 * np.eye(3)[kinds] @ rng.standard_normal((3, 9)) + rng.standard_normal((n, 9)), kinds


@pytest.mark.parametrize("method", METHODS)
def test_planted_clusters_are_found_in_their_number(method):
    x, kinds = planted()
    found = find_clusters(x, method)
    assert found.n == 3
    inside = found.labels >= 0
    assert inside.mean() > 0.9
    assert (found.labels == kinds)[inside].mean() > 0.98  # 0 is the largest
    again = find_clusters(x, method)
    assert (again.labels == found.labels).all()
    assert again.curve == found.curve
    if method != "hdbscan":
        best = (max if method == "k-means" else min)(found.curve, key=lambda point: point[1])
        assert best[0] == 3
    typical = found.typical(x, 1, 3)
    assert (found.labels[typical] == 1).all()


@pytest.mark.parametrize("x", [np.ones((30, 4)), np.eye(5), np.zeros((1, 3))])
def test_what_does_not_vary_is_one_cluster_with_a_word(x):
    found = find_clusters(x)
    assert found.n == 1
    assert "too few" in found.note


def test_rows_beyond_those_fitted_join_their_nearest(monkeypatch):
    monkeypatch.setattr("analysis.clusters.MOST_FITTED", 60)
    x, kinds = planted()
    assert (find_clusters(x).labels == kinds).mean() > 0.98


def test_indices_are_scikit_learns():
    rng = np.random.default_rng(1)
    a, b = rng.integers(4, size=80), rng.integers(3, size=80)
    ari, nmi, v = (one.value for one in measure_agreement(a, b, draws=1))
    assert ari == pytest.approx(adjusted_rand_score(b, a))
    assert nmi == pytest.approx(normalized_mutual_info_score(b, a, average_method="geometric"))
    assert v == pytest.approx(v_measure_score(b, a))


def test_agreement_tells_a_link_from_none():
    kinds = np.repeat(np.arange(4), 25)
    for one in measure_agreement(kinds, kinds.astype(str)):
        assert one.value == pytest.approx(1)
        assert one.p == pytest.approx(1 / (DRAWS + 1))
        assert one.chance < 0.1 < one.value
    for one in measure_agreement(kinds, np.full(100, "same"), draws=9):
        assert (one.value, one.p) == (0, 1)


def test_p_values_are_uniform_where_there_is_nothing():
    rng = np.random.default_rng(2)
    pairs = rng.integers(3, size=(200, 2, 40))
    ps = [measure_agreement(*pair, draws=49, seed=k)[0].p for k, pair in enumerate(pairs)]
    assert 0.4 < np.mean(ps) < 0.6
    assert np.mean(np.array(ps) <= 0.1) < 0.16


def test_chance_knows_that_covers_by_one_artist_look_alike():
    """Ten artists, each of one look and one genre, the two unrelated: rows alone would see a link."""
    rng = np.random.default_rng(3)
    naive, fair = [], []
    for draw in range(40):
        artists = np.repeat(np.arange(10), 20)
        looks, genres = rng.integers(3, size=10)[artists], rng.integers(3, size=10)[artists]
        naive.append(measure_agreement(looks, genres, draws=49, seed=draw)[1].p)
        fair.append(measure_agreement(looks, genres, artists, draws=49, seed=draw)[1].p)
    assert np.mean(np.array(naive) <= 0.05) > 0.8
    assert np.mean(np.array(fair) <= 0.05) < 0.2


def test_agreement_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        measure_agreement(np.array([1]), ["a"])


@pytest.mark.parametrize(
    ("colour", "family"),
    [((0, 0, 0), "black"), ((128, 128, 128), "grey"), ((255, 255, 255), "white"), ((220, 20, 30), "red"),
     ((250, 140, 20), "orange"), ((240, 225, 40), "yellow"), ((40, 160, 60), "green"), ((30, 80, 220), "blue"),
     ((130, 40, 170), "purple")],
)  # fmt: skip
def test_a_plain_cover_has_its_colours_name(colour, family):
    cover = np.broadcast_to(np.array(colour, dtype=np.uint8)[None, :, None, None], (1, 3, 32, 32))
    assert family in COLOUR_FAMILIES
    assert colour_families(compute_descriptors(np.ascontiguousarray(cover))).tolist() == [family]


def test_what_sets_a_cluster_apart_is_said_in_words():
    covers = np.full((20, 3, 32, 32), 128, dtype=np.uint8)
    covers += np.random.default_rng(0).integers(0, 9, covers.shape, dtype=np.uint8)
    covers[:8, :, :8] = 255  # a bright band along the top
    members = np.arange(20) < 8
    traits = compute_traits(covers)
    told = distinguishing(traits, members, 6)
    assert any(words.startswith("lighter above than below (top over bottom ") for words, _ in told)
    assert any(words.startswith("lighter (lightness ") and words.endswith(" L*)") for words, _ in told)
    sizes = [abs(apart) for _, apart in told]
    assert sizes == sorted(sizes, reverse=True)
    others = distinguishing(traits, ~members, 6)
    assert [apart for _, apart in others] == pytest.approx([-apart for _, apart in told])
    assert distinguishing(traits, np.ones(20, dtype=bool)) == []
    assert distinguishing({"lightness": np.ones(20)}, members) == []


def test_writing_is_told_of_where_it_is_known():
    text = np.array([1.0, 1, np.nan, 0, 0, 0, 0, 0])
    assert distinguishing({"text": text}, np.arange(8) < 3)[0][0] == "more writing (text 1 against 0)"
