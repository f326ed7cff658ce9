"""A finished cover is the network's picture at any size: its colours, their places, one design however large."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

import gans.finish
from analysis.descriptors import compute_descriptors
from data.colour import rgb_to_lab
from data.errors import InputError
from data.synthetic import draw_tracks, render_cover
from gans.enlarge import enlarge, normals, sharpen_across, smooth_along, structure_tensor
from gans.finish import DEFAULT_LOOK, DEFAULT_SIZE, LOOKS, MAX_SIZE, MIN_SIZE, finish
from gans.halftone import _screen, _thresholds
from gans.stretch import Stretched, pixel_places
from scripts import making

MEAN_COLOUR, LAYOUT, LAYOUT_OF_PAPER = 2.0, 4.0, 6.5
"""How far (ΔE of CIE 1976) the mean colour may move, and on average the colour of each of 8 × 8 cells; in paper, which
has six colours, even of pictures that have all there are."""
DRAWN_BY_CHANCE = ("paper", "brush", "grain")


def picture(side: int = 64, seed: int = 0) -> np.ndarray:
    """Like what a network draws: coloured shapes with soft edges and a little texture, uint8 `[3, side, side]`."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 236, (7, 7, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)).astype(float)
    shape = np.asarray(Image.fromarray(rng.random((5, 5)).astype(np.float32)).resize((side, side))) > 0.5
    soft[shape] = 0.3 * soft[shape] + 0.7 * rng.integers(0, 256, 3)
    return np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255).astype(np.uint8).transpose(2, 0, 1)


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 `[3, n, n]` → `[3, side, side]`, by the mean."""
    return np.stack([np.asarray(Image.fromarray(c).resize((side, side), Image.Resampling.BOX)) for c in image])


def cells(image: np.ndarray, count: int) -> np.ndarray:
    """Mean colours L*a*b* `[3, count, count]` of an image's cells."""
    lab = rgb_to_lab(shrink(image, 64)[None])[0]
    return lab.reshape(3, count, 64 // count, count, 64 // count).mean(axis=(2, 4))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("cover", [picture(64), picture(128, 1), render_cover(draw_tracks(1, seed=3)[0], 64)])
def test_colours_and_their_places_stay(look, cover):
    done = finish(cover, 512, look)
    assert np.linalg.norm(cells(done, 1) - cells(cover, 1)) < MEAN_COLOUR
    assert np.linalg.norm(cells(done, 8) - cells(cover, 8), axis=0).mean() < (
        LAYOUT_OF_PAPER if look == "paper" else LAYOUT
    )


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_one_design_at_every_size(look):
    """A larger cover made smaller is nearer to the small one than a tenth of the way to another cover."""
    small, large = finish(picture(), 1024, look, 5), finish(picture(), 1500, look, 5)
    other = finish(picture(seed=1), 1024, look, 5)
    a, b, c = compute_descriptors(np.stack([shrink(image, 256) for image in (small, large, other)]))
    assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(a - c)
    assert np.abs(shrink(small, 128).astype(int) - shrink(large, 128)).mean() < 2


@pytest.mark.parametrize("look", LOOKS)
def test_one_seed_is_one_cover_and_another_is_another_where_chance_has_a_part(look):
    first, again, other = (finish(picture(), 1024, look, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (look not in DRAWN_BY_CHANCE)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("size", [MIN_SIZE, 100, 999, 1030])
def test_any_size_and_any_network(look, size):
    cover = picture({MIN_SIZE: 32, 100: 256, 999: 1024, 1030: 64}[size])
    done = finish(cover, size, look)
    assert (done.shape, done.dtype) == ((3, size, size), np.uint8)
    assert np.linalg.norm(cells(done, 1) - cells(cover, 1)) < MEAN_COLOUR


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 40, 90)])
def test_one_colour_stays_that_colour(look, colour):
    cover = np.empty((3, 64, 64), np.uint8)
    cover[:] = np.array(colour)[:, None, None]
    assert np.abs(shrink(finish(cover, 1024, look), 8).astype(int) - cover[:, :8, :8]).max() <= 4


@pytest.mark.parametrize("look", LOOKS)
def test_bands_do_not_show(look, monkeypatch):
    cover, band = picture(), finish(picture(), 1030, look)
    monkeypatch.setattr(gans.finish, "_BAND", 1030)
    whole = finish(cover, 1030, look)
    assert np.abs(whole.astype(int) - band).max() <= 1
    assert (whole != band).mean() < 1e-4


@pytest.mark.parametrize("look", LOOKS)
def test_the_largest_covers_need_little_memory(look):
    tracemalloc.start()
    finish(picture(), 3000, look)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.parametrize(
    ("size", "look"), [(MIN_SIZE - 1, "plain"), (MAX_SIZE + 1, "plain"), (64, "papr"), (64, "raw")]
)
def test_what_is_no_size_or_no_look_is_one_clear_error(size, look):
    with pytest.raises(InputError, match=r"^--(size|finish): "):
        finish(picture(), size, look)


def test_the_command_line_knows_the_same_looks_and_sizes():
    assert (tuple(LOOKS), DEFAULT_LOOK) == (making.LOOKS, making.DEFAULT_LOOK)
    sizes = making.MIN_SIZE, making.MAX_SIZE, making.DEFAULT_SIZE
    assert sizes == (MIN_SIZE, MAX_SIZE, DEFAULT_SIZE)


def test_blocks_are_the_pixels_themselves():
    np.testing.assert_array_equal(finish(picture(), 1024, "blocks")[:, 8::16, 8::16], picture())


def test_stretching_is_a_cubic_band_by_band():
    planes = np.random.default_rng(0).normal(size=(2, 40, 40)).astype(np.float32)
    stretched = Stretched(planes, 123)
    size = (123, 123)
    whole = np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BICUBIC)) for p in planes])
    inner = slice(8, -8)  # at the edges Pillow leaves out what lies beyond, and here the edge goes on
    np.testing.assert_allclose(stretched.rows(0, 123)[:, inner], whole[:, inner], atol=1e-5)
    bands = [stretched.rows(top, min(top + 10, 123)) for top in range(0, 123, 10)]
    np.testing.assert_allclose(np.concatenate(bands, axis=1), stretched.rows(0, 123), atol=1e-6)
    with pytest.raises(ValueError, match="not stretched"):
        Stretched(planes, 39)


def test_a_turned_picture_gives_a_turned_plan():
    turned = enlarge(np.ascontiguousarray(np.rot90(picture(), axes=(1, 2))), 256).colours
    np.testing.assert_allclose(turned, np.rot90(enlarge(picture(), 256).colours, axes=(1, 2)), atol=0.5)


def test_edges_grow_steep_and_nothing_overshoots():
    ramp = np.clip((np.arange(64) - 24) * 16.0, 0, 255).astype(np.float32)
    soft = np.broadcast_to(ramp, (3, 64, 64)).copy()
    normal = normals(structure_tensor(soft, 1.5))
    sharp = sharpen_across(soft, normal, steps=10, sigma=1.0)
    assert np.abs(np.diff(sharp[0, 32])).max() > 2 * np.abs(np.diff(ramp)).max()
    assert (sharp.min(), sharp.max()) == (soft.min(), soft.max())


def test_smoothing_goes_along_contours_and_not_across():
    stripes = np.broadcast_to(np.where(np.arange(64) // 8 % 2, 200.0, 50.0).astype(np.float32), (1, 64, 64))
    noisy = (stripes + np.random.default_rng(0).normal(0, 10, stripes.shape)).astype(np.float32)
    normal = np.stack([np.ones((64, 64)), np.zeros((64, 64))]).astype(np.float32)  # the stripes stand upright
    smooth = smooth_along(noisy, normal, (1.0, 1.0, 2.0))
    np.testing.assert_allclose(smooth_along(stripes.copy(), normal, (1.0, 3.0)), stripes, atol=1e-3)
    assert (smooth - stripes).std() < 0.6 * (noisy - stripes).std()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.5, 0.8, 1.0])
def test_dots_cover_what_the_colour_asks_for(share):
    places = pixel_places(0, 1200, 1200)
    screen = _screen(places, places[:, None], 2 * np.pi * 110, np.deg2rad(15))
    threshold = _thresholds()[round(share * (len(_thresholds()) - 1))]
    assert (screen < threshold).mean() == pytest.approx(share, abs=0.01)
