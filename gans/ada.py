"""Adaptive discriminator augmentation (Karras et al. 2020b): both players' images through the same random changes,
each with probability p, and p as high as the discriminator's overconfidence asks.

Below p of about 0.8 the changes do not leak into what the generator draws: every one leaves most images as they are.
These are the paper's most useful three kinds, "bgc" (its appendix B): turns and mirror images, geometry, colour.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gans import draws
from gans.geometry import resample

_AROUND_GREY = ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0))
"""The cross product with (1, 1, 1)."""


def ada(images: Tensor, p: float) -> Tensor:
    """Images `[N, 3, H, H]`, each changed by each of eleven transformations with probability `p`; at 0 none at all."""
    if p <= 0:
        return images
    with torch.autocast(images.device.type, enabled=False):
        n, size, device = len(images), images.shape[2], images.device
        images = turn(images.contiguous(), *_random_turns(n, p, device))
        images = resample(images, _random_geometry(n, p, size, device))
        return recolour(images, _random_colours(n, p, device))


def adapted(p: float, sign: float, target: float, share: float) -> float:
    """p after a step, within 0…1: `share` up where the mean sign of the verdicts on real images is above `target`,
    as it is where the discriminator knows its images by heart, else down (section 3, r_t)."""
    return min(max(p + math.copysign(share, sign - target), 0.0), 1.0)


def turn(images: Tensor, quarters: Tensor, mirrored: Tensor) -> Tensor:
    """Images `[N, 3, H, H]`, mirrored from left to right where `mirrored` `[N]`, then turned to the left by `quarters`
    `[N]` of a full turn, 0 to 3."""
    quarters, mirrored = quarters[:, None, None, None], mirrored[:, None, None, None]
    images = torch.where(mirrored, images.flip(3), images)
    images = torch.where(quarters % 2 == 1, images.transpose(2, 3).flip(2), images)
    return torch.where(quarters >= 2, images.flip(2, 3), images)


def recolour(images: Tensor, matrix: Tensor) -> Tensor:
    """Each pixel of images `[N, 3, H, H]` times its image's `matrix` `[N, 3, 4]`, whose last column is added."""
    matrix = matrix.to(images.dtype)
    return torch.baddbmm(matrix[:, :, 3:], matrix[:, :, :3], images.flatten(2)).view(images.shape)


def _random_turns(n: int, p: float, device: torch.device) -> tuple[Tensor, Tensor]:
    quarters = draws.integers(0, 4, n, 1, device=device)
    mirrored = draws.integers(0, 2, n, 1, device=device)
    return _sometimes(p, quarters, 0)[:, 0], _sometimes(p, mirrored, 0)[:, 0] > 0


def _random_geometry(n: int, p: float, size: int, device: torch.device) -> Tensor:
    """Where each place of the changed image is found in the original, `[N, 2, 3]` as `geometry.resample` has it.

    From the original on: moved by whole pixels, scaled, turned, stretched, turned, moved. Their inverses are multiplied
    in the other order.
    """
    often = 1 - math.sqrt(1 - min(p, 1.0))  # of two turns: one or both with probability p
    steps = _sometimes(p, torch.round((2 * draws.uniform(n, 2, device=device) - 1) * size / 8), 0.0)
    scale = _sometimes(p, torch.exp2(0.2 * draws.normal(n, 1, device=device)), 1.0)
    first = _sometimes(often, math.pi * (2 * draws.uniform(n, 1, device=device) - 1), 0.0)
    stretch = _sometimes(p, torch.exp2(0.2 * draws.normal(n, 1, device=device)), 1.0)
    second = _sometimes(often, math.pi * (2 * draws.uniform(n, 1, device=device) - 1), 0.0)
    moves = _sometimes(p, size / 8 * draws.normal(n, 2, device=device), 0.0)
    matrix = _turns(-first) @ torch.diag_embed(torch.cat([1 / stretch, stretch], dim=1)) @ _turns(-second)
    matrix = matrix / scale[:, :, None]
    return torch.cat([matrix, -steps[:, :, None] - matrix @ moves[:, :, None]], dim=2)


def _random_colours(n: int, p: float, device: torch.device) -> Tensor:
    """Matrices `[N, 3, 4]` as `recolour` has them. From the original on: brighter, more contrast, luma turned over, hue
    turned round, more saturation.

    All but the first are a factor along grey (1, 1, 1) and another, with a turn, across it: they commute.
    """
    brightness = _sometimes(p, 0.2 * draws.normal(n, 1, device=device), 0.0)
    contrast = _sometimes(p, torch.exp2(0.5 * draws.normal(n, 1, device=device)), 1.0)
    luma = _sometimes(p, 1 - 2.0 * draws.integers(0, 2, n, 1, device=device), 1.0)
    hue = _sometimes(p, math.pi * (2 * draws.uniform(n, 1, device=device) - 1), 0.0)
    saturation = _sometimes(p, torch.exp2(draws.normal(n, 1, device=device)), 1.0)
    along = torch.full((3, 3), 1 / 3, device=device)
    across = torch.eye(3, device=device) - along
    turning = torch.tensor(_AROUND_GREY, device=device) / 3**0.5
    angle = hue[:, :, None]
    matrix = luma[:, :, None] * along + saturation[:, :, None] * (angle.cos() * across + angle.sin() * turning)
    matrix = contrast[:, :, None] * matrix
    return torch.cat([matrix, matrix.sum(dim=2, keepdim=True) * brightness[:, :, None]], dim=2)


def _sometimes(p: float, values: Tensor, otherwise: float) -> Tensor:
    """Rows of `values` `[N, ...]`, each with probability `p`, and `otherwise` for the others."""
    return torch.where(draws.uniform(len(values), 1, device=values.device) < p, values, otherwise)


def _turns(angle: Tensor) -> Tensor:
    """Angles `[N, 1]` → matrices `[N, 2, 2]` that turn (1, 0) toward (0, 1)."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.cat([cos, -sin], dim=1), torch.cat([sin, cos], dim=1)], dim=1)
