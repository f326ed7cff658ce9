"""Associations between music and pictures: traits of known pictures, and what music expects of covers."""

import numpy as np
import pytest

from data.associations import (
    ASSOCIATIONS,
    GENRE_WEIGHT,
    MUSIC,
    TRAIT_WEIGHTS,
    TRAITS,
    cover_traits,
    expected_traits,
    pairing_cost,
    plainness,
)


def music(n=200, seed=0):
    return np.random.default_rng(seed).random((n, len(MUSIC)))


def test_the_tables_name_what_there_is_and_shares_add_up():
    assert ASSOCIATIONS.keys() == TRAIT_WEIGHTS.keys() == set(TRAITS)
    for shares in ASSOCIATIONS.values():
        assert shares.keys() <= set(MUSIC)
        assert sum(shares.values()) == pytest.approx(1)


def test_traits_of_known_pictures():
    picture = np.zeros((5, 3, 8, 8), np.uint8)
    picture[1] = 255  # white
    picture[2, :2] = 255  # pure yellow
    picture[3, :, :, ::2] = 255  # stripes
    picture[4, 0, :4], picture[4, 1, :, :4] = 255, 255  # black, red, green and yellow, a quarter each
    black, white, yellow, stripes, quarters = cover_traits(picture)
    assert black.tolist() == [0, 0, 0, 0, 0, 0]
    assert white.tolist() == pytest.approx([0, 1, 0, 0, 0, 0], abs=1e-6)
    assert yellow.tolist() == pytest.approx([1, 0.886, 1, 0, 0, 0], abs=1e-6)
    assert stripes.tolist() == pytest.approx([0, 0.5, 0, 0.5, 1, np.log(2) / np.log(64)], abs=1e-6)
    assert quarters[TRAITS.index("complexity")] == pytest.approx(np.log(4) / np.log(64))
    assert plainness(picture).tolist() == [1, 1, 1, 0.5, 0.25]
    assert cover_traits(picture[:0]).shape == (0, len(TRAITS))


@pytest.mark.parametrize("trait", TRAITS)
def test_what_a_trait_goes_with_raises_what_is_expected_of_it_and_nothing_else_does(trait):
    known, place = music(), TRAITS.index(trait)
    for name in MUSIC:
        more = known.copy()
        more[0, MUSIC.index(name)] = 2.0
        gain = expected_traits(more)[0, place] - expected_traits(known)[0, place]
        assert (gain > 0) == (name in ASSOCIATIONS[trait])


def test_no_unit_matters():
    known = music()
    other = known.copy()
    other[:, MUSIC.index("tempo")] = 60 + 120 * known[:, MUSIC.index("tempo")] ** 3
    assert expected_traits(other) == pytest.approx(expected_traits(known))


def test_what_is_unknown_is_left_out_by_hand():
    known = np.full((2, len(MUSIC)), np.nan)
    known[:, MUSIC.index("energy")] = 0.2, 0.8
    known[0, MUSIC.index("onsets")] = 3.0
    expected = expected_traits(known)
    edges = expected[:, TRAITS.index("edges")]
    # Ranks of two are 1/4 and 3/4; the one known number of onsets is in the middle of itself.
    assert edges == pytest.approx([(0.5 * 0.25 + 0.3 * 0.5) / 0.8, 0.75])
    assert expected[:, TRAITS.index("complexity")].tolist() == [0.5, 0.5]


def test_the_cost_by_hand():
    traits = np.tile(np.array([[1.0], [2.0]]), (1, len(TRAITS)))  # the second cover has more of everything
    tracks = np.tile(np.array([[1.0], [2.0]]), (1, len(MUSIC)))
    apart = np.array([[0.0, 0.0], [1.0, 0.0]])
    wrong = sum(TRAIT_WEIGHTS.values()) * 0.5**2
    assert pairing_cost(traits, tracks) == pytest.approx(np.array([[0, wrong], [wrong, 0]]))
    assert pairing_cost(traits, tracks, apart)[1, 0] == pytest.approx(wrong + GENRE_WEIGHT)
