"""Traits: closed forms of plain pictures, ranges on any picture, and each cover by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.spreads import Spread, difference, spread_of
from analysis.traits import COMPUTED, TRAITS, compute_layout, compute_traits
from data.colour import rgb_to_lab

RNG = np.random.default_rng(0)
GREY_OF_50 = 119
"""The level whose L* is nearest to 50."""


def plain(*rgb: int, side: int = 64) -> np.ndarray:
    return np.broadcast_to(np.array(rgb, np.uint8)[:, None, None], (3, side, side)).copy()


def grey(plane: np.ndarray) -> np.ndarray:
    return np.repeat(plane.round().clip(0, 255).astype(np.uint8)[None], 3, axis=0)


def traits_of(image: np.ndarray) -> dict[str, float]:
    return {name: float(values[0]) for name, values in compute_traits(image[None]).items()}


def halves(top: int, bottom: int, side: int = 64) -> np.ndarray:
    return grey(np.repeat([top, bottom], side // 2)[:, None] * np.ones((1, side)))


def stripes(right: float, up: float, side: int = 64) -> np.ndarray:
    """Waves of so many cycles to the right and upwards, between two greys."""
    y, x = np.mgrid[:side, :side]
    return grey(128 + 60 * np.cos(2 * np.pi * (right * x - up * y) / side))


def test_every_trait_says_what_it_is():
    assert set(compute_traits(plain(1, 2, 3)[None])) == set(COMPUTED) == set(TRAITS) - {"text"}
    for trait in TRAITS.values():
        assert trait.unit
        assert trait.meaning
        assert trait.low < trait.high
        assert trait.period or (trait.less and trait.more and trait.family)


def test_a_plain_cover():
    told = traits_of(plain(255, 0, 0))
    lab = rgb_to_lab(plain(255, 0, 0)[None])[0, :, 0, 0]
    assert told["lightness"] == pytest.approx(53.24, abs=0.01)  # CIE L*C*h of sRGB red
    assert told["chroma"] == pytest.approx(104.55, abs=0.02)
    assert told["hue"] == pytest.approx(40.0, abs=0.02)
    assert told["warmth"] == pytest.approx(-0.5 + 0.02 * np.hypot(*lab[1:]) ** 1.07 * np.cos(np.deg2rad(-10)), abs=1e-3)
    assert told["saturation"] == 1
    assert told["colourfulness"] == pytest.approx(0.3 * np.hypot(255, 127.5))
    for name in ("contrast", "edges", "edge density", "edge alignment", "entropy", "frequency", "salient area",
                 "top over bottom", "centre over border"):  # fmt: skip
        assert told[name] == pytest.approx(0, abs=1e-9), name
    assert told["luminance ratio"] == pytest.approx(1)
    assert told["symmetry left–right"] == told["symmetry top–bottom"] == 1
    assert told["salient x"] == told["salient y"] == 0.5
    assert np.isnan(told["edge orientation"])
    assert np.isnan(told["spectral slope"])
    assert np.isnan(traits_of(plain(90, 90, 90))["hue"])
    assert traits_of(plain(30, 60, 220))["warmth"] < traits_of(plain(90, 90, 90))["warmth"] < told["warmth"]


def test_two_halves():
    told = traits_of(halves(255, 0))
    assert told["entropy"] == pytest.approx(1)
    assert told["lightness"] == pytest.approx(50)
    assert told["contrast"] == pytest.approx(50)
    assert told["luminance ratio"] == pytest.approx(21)
    assert told["top over bottom"] == pytest.approx(100)
    assert told["centre over border"] == pytest.approx(0)
    assert told["edges"] == pytest.approx(2 * 50 / 64)  # the step is seen from the two rows beside it
    assert told["edge density"] == pytest.approx(2 / 64)
    assert told["edge orientation"] == pytest.approx(0)
    assert told["edge alignment"] == pytest.approx(1)
    assert told["symmetry left–right"] == pytest.approx(1)
    assert told["symmetry top–bottom"] == pytest.approx(-1)


def test_a_square_in_the_middle_is_lighter_than_the_border():
    image = plain(0, 0, 0)
    image[:, 16:48, 16:48] = 255
    assert traits_of(image)["centre over border"] == pytest.approx(100)


def test_colourfulness_is_the_papers_formula():
    image = RNG.integers(0, 256, (3, 20, 20), dtype=np.uint8)
    red, green, blue = image.astype(float)
    rg, yb = red - green, (red + green) / 2 - blue
    by_hand = np.sqrt(rg.std() ** 2 + yb.std() ** 2) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    assert traits_of(image)["colourfulness"] == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("right", "up", "orientation"), [(8, 0, 90), (0, 8, 0), (6, -6, 45), (6, 6, 135), (12, 0, 90), (3, -4, 36.87)]
)
def test_stripes_tell_their_direction_and_their_number(right, up, orientation):
    told = traits_of(stripes(right, up))
    apart = (told["edge orientation"] - orientation + 90) % 180 - 90
    assert apart == pytest.approx(0, abs=2)
    assert told["edge alignment"] > 0.97
    assert told["frequency"] == pytest.approx(np.hypot(right, up), abs=0.15)


def test_a_layout_holds_the_colours_of_the_places():
    image = RNG.integers(0, 256, (3, 4, 4), dtype=np.uint8)
    small = rgb_to_lab(image[None])[0].reshape(3, 16).T
    for side in (16, 64, 256):
        large = image.repeat(side // 4, axis=1).repeat(side // 4, axis=2)
        assert compute_layout(large[None])[0] == pytest.approx(small)
    assert compute_layout(np.zeros((0, 3, 16, 16), np.uint8)).shape == (0, 16, 3)


def test_rings_have_no_direction():
    y, x = np.mgrid[:64, :64] - 31.5
    assert traits_of(grey(128 + 60 * np.cos(np.hypot(x, y))))["edge alignment"] < 0.1


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0])
@pytest.mark.parametrize("side", [64, 100])
def test_noise_has_the_slope_it_is_made_with(exponent, side):
    slopes = []
    for seed in range(8):
        white = np.random.default_rng(seed).standard_normal((side, side))
        radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
        radius[0, 0] = np.inf
        shaped = np.fft.ifft2(np.fft.fft2(white) * radius**exponent).real
        # Steps of 1 are small beside greys that hardly leave the middle, where L* is nearly linear in them.
        slopes.append(traits_of(grey(128 + 20 * shaped / shaped.std()))["spectral slope"])
    assert np.mean(slopes) == pytest.approx(exponent, abs=0.15)


def test_a_mirrored_picture_is_symmetric():
    half = RNG.integers(0, 256, (3, 32, 16), dtype=np.uint8)
    image = np.concatenate([half, half[:, :, ::-1]], axis=2)
    told, turned = traits_of(image), traits_of(image.transpose(0, 2, 1).copy())
    assert told["symmetry left–right"] == pytest.approx(1)
    assert abs(told["symmetry top–bottom"]) < 0.3
    assert turned["symmetry top–bottom"] == pytest.approx(1)
    noise = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert abs(traits_of(noise)["symmetry left–right"]) < 0.1


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.3), (0.75, 0.6), (0.5, 0.8)])
def test_a_spot_is_what_stands_out(x, y):
    down, right = (np.mgrid[:64, :64] + 0.5) / 64
    told = traits_of(grey(np.where(np.hypot(right - x, down - y) < 0.06, 230, 60) + RNG.normal(0, 3, (64, 64))))
    assert told["salient x"] == pytest.approx(x, abs=0.06)
    assert told["salient y"] == pytest.approx(y, abs=0.06)
    assert 0.005 < told["salient area"] < 0.1


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.integers(16, 40).map(lambda side: (2, 3, side, side)), elements=st.integers(0, 255)))
def test_any_picture_keeps_the_ranges(images):
    for name, values in compute_traits(images).items():
        known = values[np.isfinite(values)]
        assert ((known >= TRAITS[name].low) & (known <= TRAITS[name].high)).all(), (name, values)
        assert len(known) == 2 or name in ("hue", "edge orientation", "spectral slope")


def test_the_strongest_colours_keep_the_ranges():
    corners = np.array([plain(r, g, b, side=16) for r in (0, 255) for g in (0, 255) for b in (0, 255)])
    for name, values in compute_traits(corners).items():
        known = values[np.isfinite(values)]
        assert ((known >= TRAITS[name].low) & (known <= TRAITS[name].high)).all(), name


@pytest.mark.parametrize("side", [16, 37, 64, 127, 128, 200])
def test_a_cover_is_the_same_in_any_company_and_of_any_size(side):
    images = RNG.integers(0, 256, (35, 3, side, side), dtype=np.uint8)  # more than one chunk
    together, alone = compute_traits(images), compute_traits(images[33:34])
    for name, values in together.items():
        assert values.shape == (35,)
        assert values.dtype == np.float64
        assert values[33] == pytest.approx(alone[name][0], rel=1e-9, abs=1e-9, nan_ok=True), name


def test_a_cover_twice_as_large_looks_alike():
    image = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    small, large = traits_of(image), traits_of(image.repeat(2, axis=1).repeat(2, axis=2))
    assert large == pytest.approx(small, rel=1e-5, nan_ok=True)


def test_no_covers_have_no_traits_and_what_is_none_is_refused():
    assert all(values.shape == (0,) for values in compute_traits(np.zeros((0, 3, 16, 16), np.uint8)).values())
    with pytest.raises(ValueError, match="needs square"):
        compute_traits(np.zeros((1, 3, 16, 20), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        compute_traits(np.zeros((1, 3, 16, 16)))


def test_means_and_differences_of_lengths_and_of_angles():
    length, angle = TRAITS["lightness"], TRAITS["hue"]
    assert spread_of(np.array([1.0, 3.0, np.nan]), length) == Spread(2.0, 1.0, 2)
    around = spread_of(np.array([350.0, 10.0, np.nan]), angle)
    assert min(around.mean, 360 - around.mean) == pytest.approx(0, abs=1e-6)
    assert around.deviation == pytest.approx(10, rel=0.01)
    assert around.n == 2
    assert spread_of(np.full(3, np.nan), length).n == 0
    apart, reach = difference(Spread(5, 3, 9), Spread(2, 1.5, 25), length)
    assert apart == pytest.approx(2)
    assert reach == pytest.approx(1.959964 * np.sqrt(1 + 0.09) / 1.5)
    assert difference(Spread(10, 1, 9), Spread(350, 10, 9), angle)[0] == pytest.approx(2)
    assert np.isnan(difference(Spread(5, 1, 9), Spread(5, 0, 9), length)[0])
    assert np.isnan(difference(spread_of(np.zeros(0), length), Spread(5, 1, 9), length)[0])
    upright = spread_of(np.array([179.0, 1.0]), TRAITS["edge orientation"])
    assert min(upright.mean, 180 - upright.mean) == pytest.approx(0, abs=1e-6)
