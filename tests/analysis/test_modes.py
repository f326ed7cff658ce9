"""Counting modes against mixtures whose coverage is known."""

import numpy as np

from analysis.modes import mode_coverage
from scripts.modes import CENTRES, DEVIATION, coverage, even_samples, real_samples

FOUR = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_a_mode_is_reached_by_a_fifth_of_its_due():
    def around(*counts):
        return mode_coverage(np.repeat(FOUR, counts, axis=0), FOUR, deviation=1.0)

    assert around(25, 25, 25, 25) == (4, 1)
    assert around(85, 5, 5, 5) == (4, 1)
    assert around(86, 5, 5, 4) == (3, 1)
    assert around(100, 0, 0, 0) == (1, 1)


def test_near_is_within_three_deviations():
    offsets = np.array([0, 2.99, -2.99, 3.01, 4])
    samples = FOUR[1] + np.stack([offsets, np.zeros(5)], axis=1)
    assert mode_coverage(samples, FOUR, deviation=1.0) == (1, 3 / 5)


def test_the_mixture_itself_reaches_all_and_even_samples_none():
    found, chance = coverage(real_samples()), coverage(even_samples())
    assert found.reached == len(CENTRES) == 25
    assert abs(found.near - (1 - np.exp(-4.5))) < 0.01  # a round Gaussian in the plane, within three deviations
    assert chance.reached == 0
    assert abs(chance.near - 25 * np.pi * (3 * DEVIATION) ** 2 / 10**2) < 0.01


def test_one_sample_a_mode_would_be_too_little_to_ask():
    assert mode_coverage(even_samples(), CENTRES, DEVIATION, least=0.01).reached > 15
