"""Colours against the values that their sources give, and there and back."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from data.colour import (
    contrast_ratio,
    hsv_saturation,
    hsv_to_rgb,
    lab_to_rgb,
    lightness_to_luminance,
    luma,
    relative_luminance,
    rgb_to_lab,
)

RNG = np.random.default_rng(0)
BLACK, WHITE, RED, GREEN, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)


def one(rgb: tuple[int, int, int]) -> np.ndarray:
    return np.array(rgb, dtype=np.uint8)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        (WHITE, (100, 0, 0)),
        (BLACK, (0, 0, 0)),
        (RED, (53.24, 80.09, 67.20)),
        (GREEN, (87.73, -86.18, 83.18)),
        (BLUE, (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_lab_of_known_colours(rgb, lab):
    np.testing.assert_allclose(rgb_to_lab(one(rgb)[None])[0], lab, atol=0.02)


def test_colours_come_back_from_lab():
    colours = RNG.integers(0, 256, (2000, 3), dtype=np.uint8)
    np.testing.assert_allclose(255 * lab_to_rgb(rgb_to_lab(colours)), colours, atol=1e-6)
    picture = colours[:64].T.reshape(1, 3, 8, 8)
    back = lab_to_rgb(rgb_to_lab(picture).transpose(0, 2, 3, 1))  # [1, 8, 8, 3]
    np.testing.assert_allclose(255 * back, picture.transpose(0, 2, 3, 1), atol=1e-6)


def test_what_no_screen_shows_is_held_within_the_gamut():
    assert lab_to_rgb(np.array([200.0, 0, 0])) == pytest.approx(1)
    assert lab_to_rgb(np.array([-20.0, 0, 0])) == pytest.approx(0)


@pytest.mark.parametrize(
    ("rgb", "luminance"),
    [
        (WHITE, 1),
        (BLACK, 0),
        (RED, 0.2126),
        (GREEN, 0.7152),
        (BLUE, 0.0722),
        ((188, 188, 188), 0.5029),
        ((10, 10, 10), 10 / 255 / 12.92),
    ],
)
def test_luminance_of_known_colours(rgb, luminance):
    assert relative_luminance(one(rgb)) == pytest.approx(luminance, abs=1e-4)


def test_luminance_is_also_told_by_lightness():
    colours = RNG.integers(0, 256, (500, 3), dtype=np.uint8)
    colours[:20] //= 16  # nearly black, where lightness is a straight line
    told = lightness_to_luminance(rgb_to_lab(colours)[:, 0])
    np.testing.assert_allclose(told, relative_luminance(colours.T), atol=2e-4)


@pytest.mark.parametrize(
    ("rgb", "other", "ratio"),
    [
        (BLACK, WHITE, 21.0),
        ((0x77,) * 3, WHITE, 4.48),
        ((0x76,) * 3, WHITE, 4.54),
        (RED, WHITE, 4.00),
        (BLUE, WHITE, 8.59),
        (WHITE, WHITE, 1.0),
    ],
)
def test_the_contrast_is_that_of_wcag(rgb, other, ratio):
    a, b = relative_luminance(one(rgb)), relative_luminance(one(other))
    assert round(float(contrast_ratio(a, b)), 2) == ratio
    assert contrast_ratio(a, b) == contrast_ratio(b, a)


def test_luma_is_that_of_television():
    picture = RNG.random((3, 4, 5), dtype=np.float32)
    np.testing.assert_allclose(luma(picture), 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2], rtol=1e-6)
    assert luma(np.ones(3, np.float32)) == pytest.approx(1)


def test_hsv_is_that_of_python():
    hue, saturation, value = RNG.random((3, 200))
    rgb = hsv_to_rgb(360 * hue, saturation, value)  # [3, 200]
    for k in range(200):
        assert rgb[:, k] == pytest.approx(colorsys.hsv_to_rgb(hue[k], saturation[k], value[k]))
    bright = hsv_to_rgb(360 * hue, saturation, 0.1 + 0.9 * value)
    assert hsv_saturation(255 * bright[None])[0] == pytest.approx(saturation)
    assert hsv_saturation(np.zeros((1, 3, 2))).tolist() == [[0, 0]]
