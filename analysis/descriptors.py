"""What a cover looks like, in numbers that a person can name: colours, where they lie, edges, grain.

No network is asked: the same image gives the same numbers everywhere. Each family of numbers has a fixed weight
with which its variances over 600 net-label covers add up to about one, so that in a distance between two sets
colour, layout, edges and grain count alike.
"""

from __future__ import annotations

import numpy as np

from data.colour import rgb_to_lab

GRID = 4
HUES = 12
LIGHTNESSES = 8
CHROMAS = 6
ORIENTATIONS = 8
SCALES = (1, 2, 4, 8)
LARGEST_SIDE = 64
"""Larger images are averaged down to about this side: composition, not texture, is described."""

_CELLS = [f"{row}{column}" for row in range(GRID) for column in range(GRID)]
_QUARTERS = ("top left", "top right", "bottom left", "bottom right")
DESCRIPTOR_NAMES: tuple[str, ...] = (
    *(f"layout {cell} {channel}" for channel in "Lab" for cell in _CELLS),
    *(f"{what} {statistic}" for what in ("lightness", "chroma") for statistic in ("mean", "std", "p10", "p90")),
    *(f"hue {360 * k // HUES}" for k in range(HUES)),
    *(f"lightness bin {k}" for k in range(LIGHTNESSES)),
    *(f"chroma bin {k}" for k in range(CHROMAS)),
    *(f"edges {quarter} {180 * k // ORIENTATIONS}" for quarter in _QUARTERS for k in range(ORIENTATIONS)),
    *(f"contrast at {scale} px" for scale in SCALES),
)
"""One name for each column of `compute_descriptors`, in order."""

_FAMILY_WEIGHTS = {"layout": 0.67, "lightness": 1.4, "chroma": 1.65, "hue": 2.8, "edges": 4.8, "contrast": 5.9}
WEIGHTS = np.array([_FAMILY_WEIGHTS[name.split()[0]] for name in DESCRIPTOR_NAMES])
"""The weight `[d]` that each column has been multiplied by."""

_CHUNK = 128


def compute_descriptors(images: np.ndarray) -> np.ndarray:
    """Descriptors float64 `[N, d]` of uint8 images `[N, 3, H, W]`, H = W ≥ 16; columns as `DESCRIPTOR_NAMES`.

    An image's row does not depend on the others. Raises `ValueError` for another shape or type.
    """
    check_images(images)
    parts = [_describe(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)]
    return np.concatenate([np.zeros((0, len(DESCRIPTOR_NAMES))), *parts])


def check_images(images: np.ndarray) -> None:
    """Raises `ValueError` for what is not uint8 `[N, 3, H, W]`, H = W ≥ 16."""
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"needs uint8 images [N, 3, H, W], not {images.dtype} {images.shape}")
    if images.shape[2] != images.shape[3] or images.shape[2] < 16:
        raise ValueError(f"needs square images of at least 16 px, not {images.shape[2:]}")


def _describe(images: np.ndarray) -> np.ndarray:
    lab = shrink(rgb_to_lab(images))
    lightness = lab[:, 0] / 100  # [n, H, W], 0…1
    a, b = lab[:, 1] / 100, lab[:, 2] / 100
    chroma = np.hypot(a, b)
    columns = [
        *(cell_means(channel) for channel in (lightness, a, b)),
        _statistics(lightness),
        _statistics(chroma),
        _histogram((np.arctan2(b, a) / (2 * np.pi) % 1.0) * HUES, HUES, weights=chroma),
        _histogram(lightness * LIGHTNESSES, LIGHTNESSES),
        _histogram(chroma * CHROMAS, CHROMAS),
        _edges(lightness),
        _contrasts(lightness),
    ]
    return np.concatenate(columns, axis=1) * WEIGHTS


def shrink(planes: np.ndarray) -> np.ndarray:
    """Planes `[n, 3, H, W]` averaged over squares until the side is under twice `LARGEST_SIDE`."""
    n, channels, side, _ = planes.shape
    factor = max(side // LARGEST_SIDE, 1)
    kept = side - side % factor
    squares = planes[:, :, :kept, :kept].reshape(n, channels, kept // factor, factor, kept // factor, factor)
    return squares.mean(axis=(3, 5))


def cell_means(plane: np.ndarray) -> np.ndarray:
    """Means `[n, 16]` of a 4 × 4 grid over planes `[n, H, W]`."""
    edges = np.linspace(0, plane.shape[1], GRID + 1).round().astype(int)
    size = np.diff(edges)
    sums = np.add.reduceat(np.add.reduceat(plane, edges[:-1], axis=1), edges[:-1], axis=2)
    return (sums / np.outer(size, size)).reshape(len(plane), -1)


def _statistics(plane: np.ndarray) -> np.ndarray:
    flat = plane.reshape(len(plane), -1)
    low, high = np.percentile(flat, (10, 90), axis=1)
    return np.stack([flat.mean(axis=1), flat.std(axis=1), low, high], axis=1)


def _histogram(position: np.ndarray, bins: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Square roots of the weight in each bin `[n, bins]`, of positions 0…bins `[n, H, W]`, shared out linearly
    between the two nearest bins (a colour that drifts a little changes the numbers a little).

    Without `weights` the pixels' shares sum to one and the ends hold; with them the axis is a circle, and the
    sum is the mean weight.
    """
    n, pixels = len(position), position[0].size
    flat = position.reshape(n, -1) - 0.5
    circle = weights is not None
    lower = np.floor(flat)
    upper_share = flat - lower
    weight = np.full((n, pixels), 1 / pixels) if weights is None else weights.reshape(n, -1) / pixels
    totals = np.zeros(n * bins)
    for index, share in ((lower, 1 - upper_share), (lower + 1, upper_share)):
        index = index.astype(np.int64)
        index = index % bins if circle else index.clip(0, bins - 1)
        slot = (index + np.arange(n)[:, None] * bins).ravel()
        totals += np.bincount(slot, (weight * share).ravel(), minlength=n * bins)
    return np.sqrt(np.maximum(totals, 0)).reshape(n, bins)


def _edges(lightness: np.ndarray) -> np.ndarray:
    """Gradient orientations (0…180°) weighted by strength, in four quarters: `[n, 4 · 8]`, square roots."""
    dy, dx = np.gradient(lightness, axis=(1, 2))
    strength = np.hypot(dx, dy)
    position = (np.arctan2(dy, dx) / np.pi % 1.0) * ORIENTATIONS
    half = lightness.shape[1] // 2
    corners = [(slice(None, half), slice(None, half)), (slice(None, half), slice(half, None))]
    corners += [(slice(half, None), slice(None, half)), (slice(half, None), slice(half, None))]
    quarters = [
        _histogram(position[:, rows, columns], ORIENTATIONS, strength[:, rows, columns]) for rows, columns in corners
    ]
    return np.concatenate(quarters, axis=1)


def _contrasts(lightness: np.ndarray) -> np.ndarray:
    """Square root of the mean difference of pixels 1, 2, 4 and 8 apart `[n, 4]`: noise shows at the first."""
    means = [
        np.abs(lightness[:, gap:] - lightness[:, :-gap]).mean(axis=(1, 2))
        + np.abs(lightness[:, :, gap:] - lightness[:, :, :-gap]).mean(axis=(1, 2))
        for gap in SCALES
    ]
    return np.sqrt(np.stack(means, axis=1) / 2)
