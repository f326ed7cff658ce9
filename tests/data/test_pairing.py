"""Pairing: marginals are kept, the stated associations come out, nothing is invented."""

import numpy as np
import pytest

from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES
from data.pairing import SPREAD, TRAITS, couple, cover_traits, draw_attributes, expected_traits

ENERGY, VALENCE = ATTRIBUTE_NAMES.index("energy"), ATTRIBUTE_NAMES.index("valence")


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(0)
    middle = np.array([(a.low + a.high) / 2 for a in ATTRIBUTES])
    return draw_attributes(np.tile(middle, (400, 1)), rng), rng.random((400, len(TRAITS)))


def test_draws_keep_to_the_scales_and_have_the_stated_spread(population):
    attributes, _ = population
    for place, attribute in enumerate(ATTRIBUTES):
        if attribute.name == "popularity":
            assert np.isnan(attributes[:, place]).all()
        else:
            assert attribute.low <= attributes[:, place].min() <= attributes[:, place].max() <= attribute.high
    assert attributes[:, ENERGY].std() == pytest.approx(SPREAD["energy"], rel=0.1)


def test_every_cover_and_every_draw_is_used_once(population):
    attributes, traits = population
    assert sorted(couple(traits, attributes)) == list(range(400))


def test_the_coupling_follows_the_associations_and_a_random_one_does_not(population):
    attributes, traits = population
    coupled = attributes[couple(traits, attributes)]
    for trait, expected in ((0, VALENCE), (1, VALENCE), (3, ENERGY)):
        assert np.corrcoef(traits[:, trait], coupled[:, expected])[0, 1] > 0.3
        assert abs(np.corrcoef(traits[:, trait], attributes[:, expected])[0, 1]) < 0.2


def test_louder_and_more_energetic_music_expects_more_edges(population):
    attributes, _ = population
    scores = expected_traits(attributes)[:, TRAITS.index("edges")]
    assert np.corrcoef(scores, attributes[:, ENERGY])[0, 1] > 0.7


def test_traits_of_known_pictures():
    picture = np.zeros((4, 3, 8, 8), np.uint8)
    picture[1] = 255  # white
    picture[2, :2] = 255  # pure yellow
    picture[3, :, :, ::2] = 255  # stripes
    black, white, yellow, stripes = cover_traits(picture)
    assert black.tolist() == [0, 0, 0, 0]
    assert white.tolist() == pytest.approx([0, 1, 0, 0])
    assert yellow.tolist() == pytest.approx([1, 0.886, 1, 0])
    assert stripes[3] == pytest.approx(0.5)


def test_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="as many"):
        couple(np.zeros((3, 4)), np.zeros((2, 10)))
