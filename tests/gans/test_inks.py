"""The colours of a picture, and inks that can be read on it."""

import numpy as np
import pytest

from data.colour import contrast_ratio, lab_to_rgb
from gans.inks import BLACK, WHITE, Ground, Inks, choose_ink, luminance_of, palette


def test_a_ground_s_contrast_is_the_one_that_all_but_one_in_fifty_pixels_have():
    rng = np.random.default_rng(0)
    luminances = rng.uniform(0, 1, 5000)
    direct = np.sort(contrast_ratio(luminance_of((240, 240, 255)), luminances))
    assert Ground(luminances).contrast((240, 240, 255)) == pytest.approx(direct[100], rel=0.01)
    few, many = np.full(1000, 0.0), np.full(1000, 0.0)
    few[:19], many[:21] = 0.9, 0.9
    assert Ground(few).reads(WHITE)
    assert not Ground(many).reads(WHITE)


def test_black_or_white_reads_on_any_one_colour():
    for grey in range(256):
        assert choose_ink((WHITE, BLACK), [Ground.flat((grey, grey, grey))]) is not None


def test_a_palette_is_the_colours_of_a_picture_the_most_frequent_first():
    colours = np.array([[200, 30, 30], [20, 60, 160], [240, 230, 200]], dtype=np.uint8)
    pixels = np.repeat(colours, [500, 300, 200], axis=0)[np.random.default_rng(2).permutation(1000)]
    np.testing.assert_array_equal(np.rint(255 * lab_to_rgb(palette(pixels))), colours)
    np.testing.assert_array_equal(palette(pixels), palette(pixels))
    assert len(palette(np.full((50, 3), 128, dtype=np.uint8))) == 1


def test_inks_are_the_picture_s_own_before_any_other():
    pixels = np.repeat(np.array([[200, 30, 30], [250, 240, 220]], dtype=np.uint8), 50, axis=0)
    inks = Inks.of(palette(pixels))
    assert choose_ink(inks.all, [Ground.flat((250, 240, 220))]) == (200, 30, 30)
    assert set(inks.own) == {(200, 30, 30), (250, 240, 220)}
    assert luminance_of(inks.tint) > 0.8
    assert luminance_of(inks.shade) < 0.03
