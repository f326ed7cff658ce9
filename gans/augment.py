"""Differentiable augmentation: the discriminator sees real and generated images through the same random
changes, so that a few hundred covers cannot be learned by heart (Zhao et al. 2020, DiffAugment).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gans import draws
from gans.ada import ada


def augment(images: Tensor, policies: Sequence[str], p: float = 0.0) -> Tensor:
    """Applies each policy in turn to images `[N, 3, H, W]`; parameters are drawn anew for every image.

    p: the probability of each of ada's transformations (gans/ada.py), where that is among the policies.
    """
    for policy in policies:
        images = ada(images, p) if policy == ADA else CHANGES[policy](images)
    return images


def colour(images: Tensor) -> Tensor:
    """Brightness moved by up to ±0.5, saturation scaled by 0…2, contrast by 0.5…1.5."""
    brightness, saturation, contrast = draws.uniform(len(images), 3, 1, 1, 1, device=images.device).unbind(1)
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, saturation * 2)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, contrast + 0.5)


def translation(images: Tensor, share: float = 0.125) -> Tensor:
    """Moves each image by up to `share` of its side; what comes in from outside is grey (0)."""
    n, _, height, width = images.shape
    reach_y, reach_x = round(height * share), round(width * share)
    device = images.device
    shift_y = draws.integers(-reach_y, reach_y + 1, n, 1, 1, device=device)
    shift_x = draws.integers(-reach_x, reach_x + 1, n, 1, 1, device=device)
    rows = torch.arange(height, device=device)[None, :, None] + shift_y + reach_y
    columns = torch.arange(width, device=device)[None, None, :] + shift_x + reach_x
    padded = F.pad(images, (reach_x, reach_x, reach_y, reach_y)).permute(0, 2, 3, 1)  # [N, H', W', 3]
    picked = padded[torch.arange(n, device=device)[:, None, None], rows, columns]  # [N, H, W, 3]
    return picked.permute(0, 3, 1, 2)


def cutout(images: Tensor, share: float = 0.5) -> Tensor:
    """Sets one square of `share` of the side to grey (0) in each image; its centre lies anywhere."""
    n, _, height, width = images.shape
    device = images.device
    centre_y = draws.integers(0, height, n, 1, 1, device=device)
    centre_x = draws.integers(0, width, n, 1, 1, device=device)
    rows = torch.arange(height, device=device)[None, :, None]
    columns = torch.arange(width, device=device)[None, None, :]
    inside = ((rows - centre_y).abs() * 2 < height * share) & ((columns - centre_x).abs() * 2 < width * share)
    return images * (~inside)[:, None].to(images.dtype)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}
ADA = "ada"
POLICIES = (*CHANGES, ADA)
