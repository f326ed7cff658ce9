"""Palettes: the few colours that a cover, or a set of covers, is made of, with how much of it each makes up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.descriptors import check_images, shrink
from data.colour import rgb_to_lab

COLOURS = 5
_REFINEMENTS = 4
_CHUNK = 32


class Palettes(NamedTuple):
    """`colours` float64 `[N, k, 3]` (CIE L*a*b*, D65) and their `weights [N, k]`: shares that sum to 1, heaviest first.
    Where there are fewer than k colours, the rest weigh nothing and repeat the heaviest."""

    colours: np.ndarray
    weights: np.ndarray


def compute_palettes(images: np.ndarray, count: int = COLOURS) -> Palettes:
    """Palettes of uint8 images `[N, 3, H, W]`, H = W ≥ 16, by `find_palettes`; an image's does not depend on others.

    Images of 128 px and more are averaged down to 64 to 127 px first. Raises `ValueError` for another shape or type.
    """
    check_images(images)
    parts = [_of_images(images[start : start + _CHUNK], count) for start in range(0, len(images), _CHUNK)]
    nothing = Palettes(np.zeros((0, count, 3)), np.zeros((0, count)))
    return Palettes(*(np.concatenate(each) for each in zip(nothing, *parts, strict=True)))


def _of_images(images: np.ndarray, count: int) -> Palettes:
    lab = shrink(rgb_to_lab(images))
    pixels = lab.reshape(len(lab), 3, -1)
    return find_palettes(pixels, np.full(pixels.shape[::2], 1 / pixels.shape[2]), count)


def pool(palettes: Palettes, count: int = COLOURS) -> Palettes:
    """One palette `[1, count]` of all the covers that `palettes` are of, each counting alike."""
    colours = palettes.colours.reshape(1, -1, 3).transpose(0, 2, 1)  # [1, 3, N · k]
    return find_palettes(colours, palettes.weights.reshape(1, -1) / max(len(palettes.weights), 1), count)


def find_palettes(points: np.ndarray, shares: np.ndarray, count: int = COLOURS) -> Palettes:
    """Palettes of colours `points [N, 3, P]` that make up `shares [N, P]`; N = 1 or more, P = 1 or more.

    Points are split `count` − 1 times, each time those that vary most along a principal axis at their mean (Orchard &
    Bouman 1991), and then go four times to the colour that is nearest (Lloyd 1982). There is no chance in it.
    """
    x, w = points.astype(np.float32), shares.astype(np.float32)
    parts = np.zeros(w.shape, dtype=np.int8)
    for found in range(1, count):
        weights, means, scatter = _moments(x, w, parts, found)
        power, axes = np.linalg.eigh(scatter)  # [N, found, 3], [N, found, 3, 3]
        widest = (power[..., -1] * weights).argmax(axis=1)
        rows = np.arange(len(x))
        centre, axis = means[rows, widest], axes[rows, widest, :, -1]
        beyond = np.einsum("nc,ncp->np", axis.astype(np.float32), x) > (axis * centre).sum(axis=1)[:, None]
        parts[beyond & (parts == widest[:, None])] = found
    for _ in range(_REFINEMENTS):
        weights, means, _ = _moments(x, w, parts, count)
        parts = _nearest(x, means, weights)
    weights, means, _ = _moments(points, shares, parts, count)
    order = np.argsort(-weights, axis=1, kind="stable")
    weights, means = np.take_along_axis(weights, order, 1), np.take_along_axis(means, order[..., None], 1)
    return Palettes(np.where(weights[..., None] > 0, means, means[:, :1]), weights)


def _moments(x: np.ndarray, w: np.ndarray, parts: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights `[N, count]`, means `[N, count, 3]` and covariances `[N, count, 3, 3]` of each part of points."""
    members = np.stack([w * (parts == k) for k in range(count)], axis=1)  # [N, count, P]
    weights = members.sum(axis=2, dtype=np.float64)
    safe = np.maximum(weights, 1e-12)[..., None]
    means = (members @ x.transpose(0, 2, 1)).astype(np.float64) / safe
    a, b, c = x.transpose(1, 0, 2)
    squares = np.stack([a * a, a * b, a * c, b * b, b * c, c * c], axis=2)  # [N, P, 6]
    second = (members @ squares)[..., [[0, 1, 2], [1, 3, 4], [2, 4, 5]]] / safe[..., None]
    return weights, means, second - means[..., :, None] * means[..., None, :]


def _nearest(x: np.ndarray, means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each point the colour nearest to it, int8 `[N, P]`; those without weight are nobody's."""
    best = np.full(x.shape[::2], np.inf, dtype=np.float32)
    parts = np.zeros(best.shape, dtype=np.int8)
    half = np.where(weights > 0, (means**2).sum(axis=2) / 2, np.inf).astype(np.float32)
    closeness = means.astype(np.float32) @ x  # [N, count, P]
    for k in range(means.shape[1]):
        distance = half[:, k, None] - closeness[:, k]
        nearer = distance < best
        best[nearer], parts[nearer] = distance[nearer], k
    return parts
