"""Steps: what rises is told from what does not, chance is one order of all, and the picture is drawn in both themes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from analysis.steps import TOLD, measure_monotony, measure_steps, step_rows
from analysis.themes import DARK, LIGHT, render
from analysis.traits import compute_traits

RNG = np.random.default_rng(0)


def test_only_what_rises_at_every_step_counts():
    values = np.array([[1, 2, 3, 4, 5], [1, 2, 2, 3, 4], [5, 4, 3, 2, 1], [1, 2, 3, 5, np.nan]], dtype=float)
    rising, falling = measure_monotony(values), measure_monotony(values, falling=True)
    assert rising.value == falling.value == 0.25
    assert rising.chance == pytest.approx(1 / 120)
    assert measure_monotony(values[:, :3]).chance == pytest.approx(1 / 6)
    assert rising.n == 4
    with pytest.raises(ValueError, match="two steps"):
        measure_monotony(values[:, :1])
    with pytest.raises(ValueError, match="a row"):
        measure_monotony(values[:0])


def test_any_order_rises_as_often_as_chance_says():
    score = measure_monotony(RNG.random((100_000, 4)))
    assert score.chance == pytest.approx(1 / 24)
    assert score.low < 1 / 24 < score.high
    assert score.value == pytest.approx(1 / 24, rel=0.05)


def test_the_interval_is_wilsons():
    values = np.tile(np.arange(3.0), (10, 1))
    score = measure_monotony(values)
    assert score.value == 1
    assert score.high == pytest.approx(1)
    assert score.low == pytest.approx(10 / (10 + 1.959964**2))  # n / (n + z²), his interval's end where all rise
    values[:5] *= -1
    half = measure_monotony(values)
    assert half.low + half.high == pytest.approx(1)
    assert half.low == pytest.approx(0.2366, abs=1e-4)  # 5 of 10, from a table


def test_traits_stand_by_latent_and_step():
    covers = RNG.integers(0, 256, (3, 4, 3, 16, 16), dtype=np.uint8)
    told = measure_steps(covers)
    assert set(told) == set(TOLD)
    assert told["lightness"].shape == (4, 3)
    assert told["lightness"][2, 1] == pytest.approx(compute_traits(covers[1, 2:3])["lightness"][0])


def test_the_picture_is_drawn_in_both_themes_and_the_same_twice():
    covers = RNG.integers(0, 256, (5, 6, 3, 16, 16), dtype=np.uint8)
    names = ("energy\n0 to 1", "tempo <b> $x$")
    figure = step_rows(
        {name: covers[:, k] for k, name in enumerate(names)},
        {name: measure_steps(covers) for name in names},
        ["low", "", "", "", "high"],
    )
    light, dark = (render(figure, theme, 8, 3) for theme in (LIGHT, DARK))
    with Image.open(io.BytesIO(light)) as picture:
        assert min(picture.convert("RGB").getpixel((1, 1))) > 240
    with Image.open(io.BytesIO(dark)) as picture:
        assert max(picture.convert("RGB").getpixel((1, 1))) < 40
    assert render(figure, LIGHT, 8, 3) == light
