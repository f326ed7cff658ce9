"""Matched rows and traits as pictures: sounds keep their shape, figures are drawn in both themes and twice alike."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from analysis.matched import Match, matched_rows, outline
from analysis.palettes import Palettes, compute_palettes, pool
from analysis.themes import DARK, LIGHT, render
from analysis.trait_charts import difference_bars, layout_tiles, palette_strips
from analysis.traits import compute_layout

RNG = np.random.default_rng(0)
COVERS = RNG.integers(0, 256, (6, 3, 16, 16), dtype=np.uint8)
WAVE = np.sin(np.arange(5000) / 9)


def match(y: np.ndarray | None = WAVE, **attributes: float) -> Match:
    return Match("a $ <b> name", y, attributes, COVERS[0], COVERS[1:4])


DRAWN = {
    "all": matched_rows([match(energy=1.0, tempo=-9.0), match(None, energy=np.nan), match(WAVE[:3], tempo=0.5)]),
    "no sound": matched_rows([match(None, energy=1.0)]),
    "no attributes": matched_rows([match(), match(WAVE * 0)]),
    "covers alone": matched_rows([match(None)]),
    "differences": difference_bars(["hue", "edges"], [0.5, -2.0], [0.1, 0.2]),
    "layouts": layout_tiles(["real", "generated"], list(compute_layout(COVERS[:2]))),
    "palettes": palette_strips(["real", "generated"], [pool(compute_palettes(COVERS)), pool(compute_palettes(COVERS))]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_drawn_in_both_themes(name):
    light, dark = (render(DRAWN[name], theme, 7, 4) for theme in (LIGHT, DARK))
    with Image.open(io.BytesIO(light)) as picture:
        assert min(picture.convert("RGB").getpixel((1, 1))) > 240
    with Image.open(io.BytesIO(dark)) as picture:
        assert max(picture.convert("RGB").getpixel((1, 1))) < 40
    assert render(DRAWN[name], LIGHT, 7, 4) == light


def test_an_outline_holds_every_sample():
    y = RNG.normal(size=1003)
    low, high = outline(y, 100)
    assert len(low) == len(high) == 100
    assert low.min() == y.min() / np.abs(y).max()
    assert high.max() == y.max() / np.abs(y).max()
    assert (low <= high).all()
    assert [len(part) for part in outline(y[:7], 100)] == [7, 7]
    assert np.abs(outline(np.zeros(50))).max() == 0


def test_a_strip_shows_each_colour_as_wide_as_it_weighs():
    palette = Palettes(np.array([[[53.24, 80.09, 67.2], [0.0, 0, 0]]]), np.array([[0.75, 0.25]]))
    png = render(palette_strips([""], [palette]), LIGHT, 6, 2)
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = (np.abs(pixels - [255, 0, 0]) < 12).all(axis=2).sum()
    black = (pixels.max(axis=2) < 12).sum()
    assert red / black == pytest.approx(3, rel=0.1)
