"""Pairing: every cover and every clip is used, the stated associations come out, chance is left."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from data.associations import MUSIC, TRAITS, expected_traits, pairing_cost
from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES
from data.pairing import (
    SPREAD,
    couple_crossmodal,
    couple_genre,
    couple_true,
    draw_attributes,
    draw_pairs,
    music_of_attributes,
)
from data.transport import transport_plan

ENERGY, VALENCE = ATTRIBUTE_NAMES.index("energy"), ATTRIBUTE_NAMES.index("valence")
MIDDLE = np.array([(a.low + a.high) / 2 for a in ATTRIBUTES])


@pytest.fixture(scope="module")
def traits():
    return np.random.default_rng(1).random((400, len(TRAITS)))


@pytest.fixture(scope="module")
def music():
    return np.random.default_rng(2).random((60, len(MUSIC)))


def test_true_pairs_are_those_of_one_release_clips_by_turns():
    coupled = couple_true(["a", "b", "a", None, "a", "c"], ["b", "a", None, "a"])
    assert coupled.tolist() == [1, 0, 3, -1, 1, -1]


def test_draws_keep_to_the_scales_and_have_the_stated_spread():
    attributes = draw_attributes(np.tile(MIDDLE, (400, 1)), np.random.default_rng(0))
    for place, attribute in enumerate(ATTRIBUTES):
        if attribute.name == "popularity":
            assert np.isnan(attributes[:, place]).all()
        else:
            assert attribute.low <= attributes[:, place].min() <= attributes[:, place].max() <= attribute.high
    assert attributes[:, ENERGY].std() == pytest.approx(SPREAD["energy"], rel=0.1)


def test_covers_of_a_genre_share_its_draws_out_and_none_twice(traits):
    coupled = couple_genre(traits, np.tile(MIDDLE, (400, 1)), np.random.default_rng(0))
    drawn = draw_attributes(np.tile(MIDDLE, (400, 1)), np.random.default_rng(0))
    assert np.array_equal(np.sort(coupled[:, ENERGY]), np.sort(drawn[:, ENERGY]))
    for trait, attribute in (("saturation", ENERGY), ("lightness", VALENCE), ("edges", ENERGY)):
        assert np.corrcoef(traits[:, TRAITS.index(trait)], coupled[:, attribute])[0, 1] > 0.3
        assert abs(np.corrcoef(traits[:, TRAITS.index(trait)], drawn[:, attribute])[0, 1]) < 0.2


def test_attributes_stand_in_their_columns_and_the_rest_is_unknown():
    known = music_of_attributes(np.arange(20.0).reshape(2, 10))
    for place, name in enumerate(MUSIC):
        if name in ATTRIBUTE_NAMES:
            assert known[:, place].tolist() == [ATTRIBUTE_NAMES.index(name), 10 + ATTRIBUTE_NAMES.index(name)]
        else:
            assert np.isnan(known[:, place]).all()


@pytest.mark.parametrize("n", [400, 60, 25])
def test_every_cover_gets_a_clip_and_every_clip_as_many_covers_as_its_turn(traits, music, n):
    coupled = couple_crossmodal(traits[:n], music, np.random.default_rng(0))
    used = np.bincount(coupled, minlength=60)
    assert len(coupled) == n
    assert used.sum() == n
    assert set(used) <= {n // 60, -(-n // 60)}


def test_planted_associations_are_recovered_and_a_random_coupling_has_none(traits, music):
    coupled = couple_crossmodal(traits, music, np.random.default_rng(0))
    shuffled = np.random.default_rng(1).permutation(coupled)
    expected = expected_traits(music)
    for place, trait in enumerate(TRAITS):
        assert np.corrcoef(traits[:, place], expected[coupled, place])[0, 1] > 0.25, trait
        assert abs(np.corrcoef(traits[:, place], expected[shuffled, place])[0, 1]) < 0.15, trait


def test_covers_made_by_the_rule_find_their_music_again(music):
    """Where the covers are what the music expects, down to noise, music and cover find one another."""
    planted = np.repeat(np.arange(60), 5)
    noise = 0.02 * np.random.default_rng(3).normal(size=(300, len(TRAITS)))
    traits = expected_traits(music)[planted] + noise
    coupled = couple_crossmodal(traits, music, np.random.default_rng(0), blur=0.002)
    assert (coupled == planted).mean() > 0.8


def test_without_entropy_it_is_the_best_assignment_and_with_much_of_it_chance(traits, music):
    traits, cost = traits[:60], pairing_cost(traits[:60], music)
    rng = np.random.default_rng(0)
    best = cost[linear_sum_assignment(cost)].mean()
    assert best <= _paid(cost, couple_crossmodal(traits, music, rng, blur=0.001)) < 1.05 * best
    chance = [_paid(cost, couple_crossmodal(traits, music, rng, blur=100.0)) for _ in range(20)]
    assert np.mean(chance) == pytest.approx(cost.mean(), rel=0.03)


def _paid(cost, coupled):
    return cost[np.arange(len(coupled)), coupled].mean()


def test_known_genres_stay_together_as_far_as_the_numbers_allow(traits, music):
    genre_of_clip, genre_of_cover = np.arange(60) % 2, np.arange(400) % 4 // 3  # a half, and a quarter
    apart = (genre_of_cover[:, None] == 1) & (genre_of_clip[None] == 0)
    coupled = couple_crossmodal(traits, music, np.random.default_rng(0), apart.astype(float))
    assert apart[np.arange(400), couple_crossmodal(traits, music, np.random.default_rng(0))].mean() > 0.08
    assert apart[np.arange(400), coupled].mean() < 0.005


def test_drawing_follows_the_plan():
    """Over many draws a row has each column as often as the plan says."""
    cost = np.random.default_rng(0).random((12, 4))
    plan = transport_plan(cost, blur=0.5)
    rng = np.random.default_rng(1)
    drawn = np.stack([draw_pairs(plan, rng) for _ in range(2000)])
    counted = np.stack([(drawn == column).mean(axis=0) for column in range(4)], axis=1)
    assert counted == pytest.approx(12 * plan, abs=0.12)
    assert (np.stack([(drawn == column).sum(axis=1) for column in range(4)]) == 3).all()


def test_the_same_seed_gives_the_same_pairs(traits, music):
    first, again, other = (couple_crossmodal(traits, music, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
