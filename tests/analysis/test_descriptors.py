"""Descriptors of covers: known colours, known edges, and that the synthetic rule is in them."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.descriptors import DESCRIPTOR_NAMES, WEIGHTS, compute_descriptors
from analysis.distances import frechet_distance, kernel_distance
from data.synthetic import draw_tracks, render_cover


def plain(red: int, green: int, blue: int, side: int = 32) -> np.ndarray:
    """One image `[1, 3, side, side]` of one colour."""
    return np.broadcast_to(np.array([red, green, blue], dtype=np.uint8)[None, :, None, None], (1, 3, side, side))


def stripes(horizontal: bool, side: int = 32) -> np.ndarray:
    rows = np.where(np.arange(side) // 4 % 2, 255, 0).astype(np.uint8)
    plane = np.tile(rows[:, None], (1, side)) if horizontal else np.tile(rows, (side, 1))
    return np.stack([plane] * 3)[None]


def number(images: np.ndarray, name: str) -> float:
    """One descriptor of one image, without its weight."""
    column = DESCRIPTOR_NAMES.index(name)
    return float(compute_descriptors(images)[0, column] / WEIGHTS[column])


@pytest.mark.parametrize("side", [16, 30, 32, 64, 100, 128, 256])
def test_shape_at_any_side(side: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, side, side), dtype=np.uint8)
    described = compute_descriptors(images)
    assert described.shape == (3, len(DESCRIPTOR_NAMES))
    assert described.dtype == np.float64
    assert np.isfinite(described).all()
    assert np.abs(described).max() < 6
    assert len(set(DESCRIPTOR_NAMES)) == len(DESCRIPTOR_NAMES)


def test_a_row_does_not_depend_on_the_others() -> None:
    images = np.random.default_rng(0).integers(0, 256, (150, 3, 16, 16), dtype=np.uint8)
    together = compute_descriptors(images)
    np.testing.assert_array_equal(together[140:], compute_descriptors(images[140:]))
    assert compute_descriptors(images[:0]).shape == (0, len(DESCRIPTOR_NAMES))


def test_grey_has_lightness_and_nothing_else() -> None:
    grey = plain(119, 119, 119)
    assert number(grey, "lightness mean") == pytest.approx(0.5003, abs=1e-3)
    assert number(grey, "lightness std") == pytest.approx(0, abs=1e-9)
    assert number(grey, "chroma p90") == pytest.approx(0, abs=1e-4)
    row = dict(zip(DESCRIPTOR_NAMES, compute_descriptors(grey)[0], strict=True))
    flat = [value for name, value in row.items() if name.startswith(("edges", "contrast"))]
    np.testing.assert_allclose(flat, 0, atol=1e-6)


@pytest.mark.parametrize(("horizontal", "angle"), [(True, 90), (False, 0)])
def test_edges_have_their_direction(horizontal: bool, angle: int) -> None:
    """The gradient stands across the stripes. Bins' centres lie half a bin beyond their names."""
    images = stripes(horizontal)
    names = [f"edges top left {180 * k // 8}" for k in range(8)]
    weights = {name: number(images, name) ** 2 for name in names}
    near = {f"edges top left {angle}", f"edges top left {int((angle - 22.5) % 180)}"}
    assert sum(weights[name] for name in near) == pytest.approx(sum(weights.values()), rel=1e-9)
    assert sum(weights.values()) > 0.1


def test_histogram_shares_sum_to_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    described = compute_descriptors(images) / WEIGHTS
    for family in ("lightness bin", "chroma bin"):
        columns = [name.startswith(family) for name in DESCRIPTOR_NAMES]
        np.testing.assert_allclose((described[:, columns] ** 2).sum(axis=1), 1, rtol=1e-9)


def test_layout_knows_where() -> None:
    image = np.zeros((1, 3, 32, 32), dtype=np.uint8)
    image[:, :, :8, 24:] = 255
    bright = [name for name in DESCRIPTOR_NAMES if name.startswith("layout") and name.endswith("L")]
    values = {name: number(image, name) for name in bright}
    assert max(values, key=values.get) == "layout 03 L"
    assert values["layout 03 L"] == pytest.approx(1)
    assert sum(values.values()) == pytest.approx(1)


def test_noise_shows_in_the_finest_contrast() -> None:
    smooth = render_cover(draw_tracks(1, seed=0)[0], 64)[None]
    noisy = np.clip(smooth + np.random.default_rng(0).normal(0, 40, smooth.shape), 0, 255).astype(np.uint8)
    assert number(noisy, "contrast at 1 px") > 1.5 * number(smooth, "contrast at 1 px")


@pytest.fixture(scope="module")
def covers() -> tuple[list, np.ndarray]:
    tracks = draw_tracks(400, seed=0)
    return tracks, np.stack([render_cover(track, 32) for track in tracks])


@pytest.mark.parametrize("truth", ["energy", "brightness", "major"])
def test_the_rule_is_in_the_descriptors(covers, truth: str) -> None:
    """A linear probe on other covers finds what the music decided: R² (chance is 0)."""
    tracks, images = covers
    x = compute_descriptors(images)
    x = np.column_stack([(x - x.mean(axis=0)), np.ones(len(x))])
    y = np.array([t.mode == "major" if truth == "major" else getattr(t, truth) for t in tracks], dtype=float)
    ridge = x[:300].T @ x[:300] + 1e-3 * np.eye(x.shape[1])
    error = y[300:] - x[300:] @ np.linalg.solve(ridge, x[:300].T @ y[:300])
    assert 1 - (error**2).mean() / y[300:].var() > 0.9


def test_distances_order_what_anyone_can_order(covers) -> None:
    """Other covers of the same world are nearer than a duller world, and that nearer than noise."""
    _, images = covers
    real, other = compute_descriptors(images[:200]), compute_descriptors(images[200:])
    dull = compute_descriptors(images[200:] // 2 + 60)
    noise = compute_descriptors(np.random.default_rng(0).integers(0, 256, (200, 3, 32, 32), dtype=np.uint8))
    for distance in (frechet_distance, kernel_distance):
        near, far, farther = (distance(real, some) for some in (other, dull, noise))
        assert near < 0.3 * far
        assert far < farther


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 3, 32, 32)),
        np.zeros((3, 32, 32), dtype=np.uint8),
        np.zeros((2, 1, 32, 32), dtype=np.uint8),
        np.zeros((2, 3, 32, 16), dtype=np.uint8),
        np.zeros((2, 3, 8, 8), dtype=np.uint8),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="needs"):
        compute_descriptors(images)
