"""Images under affine maps, sampled without jags or loss: what is not moved stays itself.

Sampling is done at twice the resolution, between the two halves of an orthogonal wavelet (Daubechies' symlet of 12
taps, as in Karras et al. 2020b, appendix B): going up and down again gives the image back, and so does every shift by
whole pixels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

SYMLET = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
MARGIN = 3
"""Pixels beyond the image's edge that the filter reaches."""


_BESIDE = (5.5 - sum(k * tap for k, tap in enumerate(SYMLET)) / sum(SYMLET)) / 2
"""Pixels by which the filter's centre of mass lies before the middle of its taps."""


def resample(images: Tensor, source: Tensor) -> Tensor:
    """Images `[N, C, H, H]` whose every place is found in the original at `source` `[N, 2, 3]` · (x, y, 1).

    x to the right and y down, in pixels from the centre. What lies outside the original is its mirror image, about the
    middle of the outermost pixels; beyond that, its edge.
    """
    wider, narrower = _ways(images.shape[2], images.dtype, images.device)
    places = _places(source.to(images.dtype), images.shape[2])
    sampled: Any = _Sample.apply(wider @ images @ wider.T, places)  # [N, C, L, L]
    return narrower @ sampled @ narrower.T


@torch.no_grad()
def _places(source: Tensor, size: int) -> Tensor:
    """Where on the wide lattice each of its own places is found, `[N, L, L, 2]`, −1…1 from edge to edge."""
    length = 2 * (size + 2 * MARGIN)
    reach, edge = length / 4, (size - 1) / 2
    along = (torch.arange(length, device=source.device, dtype=source.dtype) - (length - 1) / 2) / 2 + _BESIDE  # pixels
    x, y, one = source[..., None, None].unbind(2)  # each [N, 2, 1, 1]
    found = x * along + (y * along[:, None] + one)  # [N, 2, L, L]; `F.affine_grid` takes a hundred times as long
    far = found.abs()
    # The lattice has a mirrored margin of its own, filtered like all the rest.
    mirrored = torch.where(far <= reach, far, 2 * edge - far).copysign(found)
    return (mirrored - _BESIDE).div_(reach).permute(0, 2, 3, 1)


@lru_cache(maxsize=32)
def _ways(size: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Filters along an axis as matrices, up to the wide lattice `[L, H]` and back `[H, L]`; L = 2·(H + 2·margin).

    Pixel q lies between places 2·(q + margin) and the next of the lattice. The way back is the transposed way up,
    without the margin's mirror images.
    """
    length, outside = 2 * (size + 2 * MARGIN), 2 * MARGIN
    every = torch.zeros(length, size + 2 * outside, dtype=torch.float64)  # all pixels that the lattice hears
    for column in range(every.shape[1]):
        first = 2 * (column - outside + MARGIN) - 5
        for tap, value in enumerate(SYMLET):
            if 0 <= first + tap < length:
                every[first + tap, column] = value
    folds = torch.zeros(size + 2 * outside, size, dtype=torch.float64)
    for row in range(len(folds)):
        inside = (row - outside) % (2 * size - 2)
        folds[row, min(inside, 2 * size - 2 - inside)] = 1
    up, back = every @ folds, every[:, outside:-outside].T
    with torch.inference_mode(False):  # what is kept must serve training too
        return up.to(device, dtype).clone(), back.to(device, dtype).clone()


class _Sample(torch.autograd.Function):
    """Bilinear sampling, which torch cannot differentiate twice: linear in the images, so its backward is too."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.shape = images.shape
        return F.grid_sample(images, places, padding_mode="border", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, None]:
        (places,) = ctx.saved_tensors
        return _Spread.apply(gradients[0], places, ctx.shape), None


class _Spread(torch.autograd.Function):
    """The transposed of `_Sample`: adds each sample's number to the places that it was read from."""

    @staticmethod
    def forward(ctx: Any, samples: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(places)
        images = samples.new_empty(shape)  # only its shape is read
        bilinear, border = 0, 1
        return torch.ops.aten.grid_sampler_2d_backward(samples, images, places, bilinear, border, False, (True, False))[
            0
        ]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, None, None]:
        (places,) = ctx.saved_tensors
        return _Sample.apply(gradients[0], places), None, None
