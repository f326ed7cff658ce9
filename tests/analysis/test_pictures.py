"""Pictures: covers keep their pixels and places, grids move as little as can be, both themes are the same twice."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from analysis.agreement import measure_agreement
from analysis.charts import agreement_bars, cluster_curves, confusion, density_pair, labelled_points, map_densities
from analysis.clusters import find_clusters
from analysis.layout import assign_grid, spread_out, sprite_sheet
from analysis.pictures import collage, cover_grid, cover_map, cover_rows, small_multiples
from analysis.themes import DARK, LIGHT, render

RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((30, 2))
COVERS = RNG.integers(0, 256, (30, 3, 16, 16), dtype=np.uint8)
MADE = np.arange(30) >= 24
KINDS = np.array(["folk", "<b>jazz</b> $x^2$", "ambient"] * 10)
FOUND = find_clusters(POINTS)

DRAWN = {
    "map": cover_map(POINTS, COVERS, MADE),
    "grid": cover_grid(POINTS, COVERS, MADE),
    "rows": cover_rows([COVERS[:3], COVERS[:5]], ["one $ of two", "two"], ["real"]),
    "multiples": small_multiples(POINTS, KINDS, ["folk", "ambient"]),
    "densities": density_pair(POINTS[:24], POINTS[24:]),
    "curves": cluster_curves([FOUND, find_clusters(POINTS, "mixture"), find_clusters(POINTS, "hdbscan")]),
    "agreement": agreement_bars({"covers – genre": measure_agreement(FOUND.labels, KINDS, draws=9)}),
    "confusion": confusion(np.array([[3, 1], [0, 0]]), ["folk", "jazz"], ["1", "2"], "cluster", "genre"),
    "points": labelled_points(POINTS, KINDS, POINTS[:3]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_drawn_in_both_themes(name):
    light, dark = (render(DRAWN[name], theme, 4, 3) for theme in (LIGHT, DARK))
    with Image.open(io.BytesIO(light)) as picture:
        assert picture.size == (440, 330)
        assert min(picture.convert("RGB").getpixel((1, 1))) > 240
    with Image.open(io.BytesIO(dark)) as picture:
        assert max(picture.convert("RGB").getpixel((1, 1))) < 40
    assert render(DRAWN[name], LIGHT, 4, 3) == light


def test_an_svg_is_the_same_twice():
    first = render(DRAWN["points"], LIGHT, 4, 3, "svg")
    assert first.startswith(b"<?xml")
    assert first == render(DRAWN["points"], LIGHT, 4, 3, "svg")


def test_a_collage_holds_the_covers_pixels():
    places = np.array([[0.0, 0.0], [40.0, 10.0]])
    picture = collage(places, COVERS[:2], np.array([False, True]), 2, (9, 8, 7))
    assert picture.shape == (10 + 16 + 4, 40 + 16 + 4, 4)
    assert (picture[12:28, 42:58, :3].transpose(2, 0, 1) == COVERS[1]).all()
    assert tuple(picture[10, 40]) == (9, 8, 7, 255)
    assert picture[0, 0, 3] == 0


def test_a_grid_moves_as_little_as_any_other_could():
    points = RNG.random((6, 2))
    cells = assign_grid(points)
    assert len({tuple(cell) for cell in cells}) == 6
    unit = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    at = {(row, column): np.array([(column + 0.5) / 3, 1 - (row + 0.5) / 2]) for row in range(2) for column in range(3)}

    def moved(order) -> float:
        return sum(float(((unit[k] - at[tuple(cell)]) ** 2).sum()) for k, cell in enumerate(order))

    assert moved(cells) == pytest.approx(min(moved(order) for order in itertools.permutations(at)))


def test_a_grid_of_points_that_are_all_the_same():
    assert len({tuple(cell) for cell in assign_grid(np.zeros((7, 2)))}) == 7
    with pytest.raises(ValueError, match="needs 1 to"):
        assign_grid(np.zeros((0, 2)))


def test_a_choice_is_spread_over_the_map():
    crowded = np.concatenate([np.zeros((500, 2)) + 0.001 * RNG.random((500, 2)), 10 * RNG.random((50, 2))])
    picked = spread_out(crowded, 40)
    assert 10 <= len(picked) <= 40
    assert (picked < 500).sum() <= 3
    assert spread_out(crowded[:5], 40).tolist() == [0, 1, 2, 3, 4]


def test_sprites_stand_in_order_and_fit():
    sheet, side, columns = sprite_sheet(COVERS)
    assert (side, columns) == (16, 6)
    assert sheet.shape == (3, 96, 96)
    assert (sheet[:, 16:32, 32:48] == COVERS[8]).all()
    small, side, columns = sprite_sheet(COVERS, most_px=50)
    assert side == 8
    assert max(small.shape) <= 50
    with pytest.raises(ValueError, match="do not fit"):
        sprite_sheet(COVERS, most_px=3)


def test_densities_sum_to_one():
    real, new, _ = map_densities(POINTS, POINTS[:4])
    assert real.sum() == pytest.approx(1)
    assert new.sum() == pytest.approx(1)
    real, new, _ = map_densities(np.zeros((3, 2)), np.zeros((2, 2)))
    assert real.sum() == pytest.approx(new.sum())
