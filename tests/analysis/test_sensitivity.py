"""A generator made by hand: what its one knob does is known, and so is what does nothing."""

import numpy as np
import pytest

from analysis.sensitivity import LOOKS, measure_changes, measure_indifference, measure_sensitivity


def draw(c: np.ndarray, seed: int) -> np.ndarray:
    """Grey covers as light as the first condition says, with a seam where the seed says; the second does nothing."""
    images = np.repeat((c[:, 0] * 100).round()[:, None, None, None], 3, axis=1) * np.ones((1, 1, 32, 32))
    images[:, :, :, int(np.random.default_rng(seed).integers(4, 28)) :] += 20
    return images.astype(np.uint8)


def test_only_what_is_moved_changes_and_only_where_it_acts() -> None:
    c = np.random.default_rng(0).uniform(0.5, 1, size=(12, 2))
    up, aside = c + np.array([1.0, 0.0]), c + np.array([0.0, 1.0])
    table = measure_sensitivity(draw, {"first": (c, up), "second": (c, aside)})
    assert set(table["first"]) == set(LOOKS)
    assert table["first"]["lightness"].low > 20
    assert table["first"]["saturation"].value == 0
    for look in LOOKS:
        assert table["second"][look].value == 0
    assert table["second"]["layout"].by_seed > 0


def test_changes_of_plain_colours_are_those_of_the_colours() -> None:
    red, blue = np.zeros((1, 3, 16, 16), np.uint8), np.zeros((1, 3, 16, 16), np.uint8)
    red[:, 0], blue[:, 2] = 255, 255
    change = measure_changes(red, blue)
    assert change["lightness"][0] == pytest.approx(32.30 - 53.24, abs=0.02)  # CIE L* of the sRGB primaries
    assert change["hue"][0] == pytest.approx(306.29 - 40.00 - 360, abs=0.05)  # and their hue angles
    assert change["saturation"][0] == change["edges"][0] == 0
    assert change["layout"][0] == pytest.approx(0, abs=1e-9)
    back = measure_changes(blue, red)
    assert all(back[look][0] == pytest.approx(-change[look][0], abs=1e-9) for look in LOOKS if look != "layout")


def test_what_must_not_matter_is_told_by_how_much_it_does() -> None:
    c = np.random.default_rng(0).uniform(0.5, 1.5, size=(20, 2))
    assert measure_indifference(draw, c, c + np.array([0.0, 9.0])).value == 0
    other = measure_indifference(draw, c, np.roll(c, 1, axis=0))
    assert 0.5 < other.value < 1.5
    assert measure_indifference(lambda c, seed: np.zeros((len(c), 3, 16, 16), np.uint8), c, c + 1).value == 0


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        measure_sensitivity(draw, {"first": (np.ones((1, 2)), np.ones((1, 2)))})
    with pytest.raises(ValueError, match="two"):
        measure_indifference(draw, np.ones((1, 2)), np.ones((1, 2)))
