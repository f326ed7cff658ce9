"""Palettes: exact where there are few colours, near the best where there are many, never by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans

from analysis.palettes import compute_palettes, find_palettes, pool
from data.colour import lab_to_rgb, rgb_to_lab

RNG = np.random.default_rng(0)


def of_colours(shares: dict[tuple[int, int, int], int], side: int = 16) -> np.ndarray:
    """A cover of these colours, each with so many pixels, in no order."""
    pixels = np.repeat(np.array(list(shares), np.uint8), list(shares.values()), axis=0)
    return RNG.permutation(pixels).T.reshape(3, side, side)


def test_few_colours_are_found_exactly_with_their_weights():
    shares = {(255, 0, 0): 64, (10, 20, 200): 192}
    found = compute_palettes(of_colours(shares)[None])
    assert found.weights[0] == pytest.approx([0.75, 0.25, 0, 0, 0])
    assert (lab_to_rgb(found.colours[0, :2]) * 255).round().tolist() == [[10, 20, 200], [255, 0, 0]]
    assert (found.colours[0, 2:] == found.colours[0, 0]).all()
    shares = {(255, 0, 0): 100, (0, 255, 0): 60, (0, 0, 255): 50, (250, 250, 250): 30, (5, 5, 5): 16}
    found = compute_palettes(of_colours(shares)[None])
    assert found.weights[0] * 256 == pytest.approx(list(shares.values()))
    assert (lab_to_rgb(found.colours[0]) * 255).round().tolist() == [list(colour) for colour in shares]
    one = compute_palettes(np.full((1, 3, 20, 20), 77, np.uint8))
    assert one.weights[0] == pytest.approx([1, 0, 0, 0, 0])


def test_many_colours_are_told_nearly_as_well_as_by_many_tries():
    y, x = np.mgrid[:40, :40] / 40
    for seed in range(6):
        waves = np.random.default_rng(seed).uniform(1, 9, (3, 3))
        image = np.stack([128 + 120 * np.sin(a * x + b * y + c) for a, b, c in waves]).astype(np.uint8)
        lab = rgb_to_lab(image[None]).reshape(3, -1).T
        own = ((lab[:, None] - compute_palettes(image[None]).colours[0]) ** 2).sum(axis=2).min(axis=1).sum()
        assert own < 1.2 * KMeans(5, n_init=10, random_state=0).fit(lab).inertia_


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.integers(16, 30).map(lambda side: (2, 3, side, side)), elements=st.integers(0, 255)))
def test_weights_are_shares_in_order_and_colours_are_in_the_cover(images):
    found = compute_palettes(images)
    assert found.weights.sum(axis=1) == pytest.approx([1, 1])
    assert (np.diff(found.weights, axis=1) <= 0).all()
    lab = rgb_to_lab(images).reshape(2, 3, -1)
    assert (found.colours >= lab.min(axis=2)[:, None] - 1e-6).all()
    assert (found.colours <= lab.max(axis=2)[:, None] + 1e-6).all()
    mean = (found.colours * found.weights[..., None]).sum(axis=1)  # parts of a whole keep its mean
    assert mean == pytest.approx(lab.mean(axis=2), abs=1e-6)


@pytest.mark.parametrize("side", [16, 64, 130])
def test_a_palette_is_the_same_in_any_company(side):
    images = RNG.integers(0, 256, (34, 3, side, side), dtype=np.uint8)  # more than one chunk
    together, alone = compute_palettes(images), compute_palettes(images[33:34])
    assert (together.colours[33] == alone.colours[0]).all()
    assert (together.weights[33] == alone.weights[0]).all()
    again = compute_palettes(images)
    assert (again.colours == together.colours).all()
    assert compute_palettes(images[:0]).weights.shape == (0, 5)


def test_a_set_of_covers_has_a_palette_in_which_each_cover_counts_alike():
    red, blue = of_colours({(255, 0, 0): 256}), of_colours({(255, 0, 0): 64, (0, 0, 255): 192})
    pooled = pool(compute_palettes(np.stack([red, blue])))
    assert pooled.weights[0] == pytest.approx([0.625, 0.375, 0, 0, 0])
    assert (lab_to_rgb(pooled.colours[0, 0]) * 255).round().tolist() == [255, 0, 0]


def test_more_and_fewer_colours_may_be_asked_for():
    points = RNG.normal(50, 20, (2, 3, 500))
    shares = np.full((2, 500), 1 / 500)
    errors = []
    for count in (1, 2, 4, 8):
        found = find_palettes(points, shares, count)
        distance = ((points.transpose(0, 2, 1)[:, :, None] - found.colours[:, None]) ** 2).sum(axis=3).min(axis=2)
        errors.append(distance.mean())
    assert errors == sorted(errors, reverse=True)
    assert find_palettes(points, shares, 1).colours[:, 0] == pytest.approx(points.mean(axis=2))
