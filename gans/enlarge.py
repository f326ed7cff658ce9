"""A network's few pixels as a larger plan: contours come out sharp and flow as in a painting, nothing is blurred.

At each doubling the picture is smoothed along its contours, sharpened across them, and smoothed along them again: short
line integrals along the minor eigenvector of the structure tensor, a shock filter along the major one (Weickert,
"Coherence-enhancing shock filters", 2003, eq. 8; Kyprianidis & Kang, "Image and video abstraction by
coherence-enhancing filtering", 2011). In the end the plan gets the coarse colours of the network's picture back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from data.colour import luma

COARSE = 16
"""Cells a side whose mean colours are kept."""
FLOW_SIDE = 256
"""The flow is smooth: plans larger than this follow that of this size."""
_PACE, _SURE = np.float32(0.4), np.float32(0.6)


@dataclass(frozen=True)
class Plan:
    """A cover ready to be drawn at any size: `colours` float32 `[3, n, n]` in 0…255, and `tensor` float32 `[3, m, m]`,
    the structure tensor (xx, xy, yy) that its strokes follow.
    """

    colours: np.ndarray
    tensor: np.ndarray


def enlarge(cover: np.ndarray, side: int) -> Plan:
    """The plan of a cover uint8 `[3, h, h]`, `side` pixels wide; wider where the cover is."""
    x = cover.astype(np.float32)
    tensor = structure_tensor(x, 1.5)
    while x.shape[-1] < side:
        x = resize(x, min(2 * x.shape[-1], side))
        fine = x.shape[-1] > FLOW_SIDE
        tensor = tensor if fine else structure_tensor(x, 1.5)
        normal = normals(resize(tensor, x.shape[-1]))
        step = 1.5 if fine else 1.0
        x = smooth_along(x, normal, (step, step))
        x = sharpen_across(x, normal, steps=3 if fine else 4, sigma=step)
        x = smooth_along(x, normal, (step,))  # sharp edges have stairs
    return Plan(with_means(x, cover.astype(np.float32)), tensor)


def plan_side(size: int) -> int:
    """How wide a plan has to be for a cover of `size` pixels: one that is looked at closely needs sharper edges."""
    return 512 if size <= 1024 else 1024


def with_means(picture: np.ndarray, of: np.ndarray) -> np.ndarray:
    """`picture` float32 `[3, n, n]` with the mean colours, cell by cell, of another one, in 0…255."""
    gap = resize(of, COARSE, Image.Resampling.BOX) - resize(picture, COARSE, Image.Resampling.BOX)
    return np.clip(picture + resize(gap, picture.shape[-1]), 0, 255)


def resize(planes: np.ndarray, side: int, method: Image.Resampling = Image.Resampling.BICUBIC) -> np.ndarray:
    """float32 `[k, n, n]` → `[k, side, side]`."""
    return np.stack([np.asarray(Image.fromarray(plane).resize((side, side), method)) for plane in planes])


def blur(planes: np.ndarray, sigma: float) -> np.ndarray:
    """float32 `[..., n, n]` through a Gaussian of `sigma` pixels; beyond an edge, the edge goes on."""
    reach = max(1, round(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    kept = [(0, 0)] * (planes.ndim - 2)
    height, width = planes.shape[-2:]
    padded = np.pad(planes, [*kept, (reach, reach), (0, 0)], mode="edge")
    planes = sum((w * padded[..., i : i + height, :] for i, w in enumerate(weights)), start=np.zeros_like(planes))
    padded = np.pad(planes, [*kept, (0, 0), (reach, reach)], mode="edge")
    return sum((w * padded[..., i : i + width] for i, w in enumerate(weights)), start=np.zeros_like(planes))


def structure_tensor(picture: np.ndarray, rho: float) -> np.ndarray:
    """float32 `[3, n, n]` (xx, xy, yy): products of the gradients of `picture` `[3, n, n]`, summed over its channels
    and smoothed over `rho` pixels.
    """
    y, x = np.gradient(picture, axis=(-2, -1))
    return blur(np.stack([(x * x).sum(0), (x * y).sum(0), (y * y).sum(0)]), rho)


def normals(tensor: np.ndarray) -> np.ndarray:
    """Unit vectors (x, y) `[2, n, n]` across the contours of a structure tensor `[3, n, n]`; the sign means nothing."""
    angle = 0.5 * np.arctan2(2 * tensor[1], tensor[0] - tensor[2])
    return np.stack([np.cos(angle), np.sin(angle)])


def smooth_along(planes: np.ndarray, normal: np.ndarray, steps: Sequence[float]) -> np.ndarray:
    """`planes` float32 `[k, n, n]` smoothed along the contours: at each step of `steps` pixels, half of what is there
    and a quarter of what lies on either side.
    """
    n = planes.shape[-1]
    places = (np.arange(n, dtype=np.float32) + 0.5) * (2 / n) - 1
    here = np.stack(np.broadcast_arrays(places[None, :], places[:, None]), axis=-1)  # [n, n, 2]: x, y in −1…1
    ahead = np.stack([-normal[1], normal[0]], axis=-1) * np.float32(2 / n)
    x = torch.from_numpy(np.ascontiguousarray(planes))[None]
    for step in steps:
        both = torch.from_numpy(np.stack([here + step * ahead, here - step * ahead]))
        sides = functional.grid_sample(x.expand(2, -1, -1, -1), both, padding_mode="border", align_corners=False)
        x = 0.5 * x + 0.25 * (sides[:1] + sides[1:])
    return x[0].numpy()


def sharpen_across(picture: np.ndarray, normal: np.ndarray, steps: int, sigma: float) -> np.ndarray:
    """`picture` float32 `[3, n, n]` in 0…255 through `steps` of a shock filter.

    Where its lightness, smoothed over `sigma` pixels, curves upward along `normal`, colours move toward the darkest
    neighbour, elsewhere toward the brightest: edges grow steep and nothing overshoots.
    """
    xx, xy, yy = normal[0] ** 2, 0.5 * normal[0] * normal[1], normal[1] ** 2
    for _ in range(steps):
        light = np.pad(blur(luma(picture), sigma), 1, mode="edge")
        middle = light[1:-1, 1:-1]
        curve = xx * (light[1:-1, 2:] + light[1:-1, :-2] - 2 * middle)
        curve += yy * (light[2:, 1:-1] + light[:-2, 1:-1] - 2 * middle)
        curve += xy * (light[2:, 2:] + light[:-2, :-2] - light[2:, :-2] - light[:-2, 2:])
        pace = -_PACE * np.tanh(_SURE * curve)
        around = np.pad(picture, ((0, 0), (1, 1), (1, 1)), mode="edge")
        across = _climb(picture, around[:, 1:-1, :-2], around[:, 1:-1, 2:], pace > 0)
        down = _climb(picture, around[:, :-2, 1:-1], around[:, 2:, 1:-1], pace > 0)
        picture = picture + pace * np.sqrt(across**2 + down**2)
    return picture


def _climb(picture: np.ndarray, before: np.ndarray, after: np.ndarray, up: np.ndarray) -> np.ndarray:
    """How far the brighter of two neighbours lies above (where `up`), or the darker one below; never negative."""
    gap = np.where(up, np.maximum(before, after) - picture, picture - np.minimum(before, after))
    return np.maximum(gap, 0, out=gap)
