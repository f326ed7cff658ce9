"""Doubling and halving of feature maps behind the low-pass filter [1, 3, 3, 1] (Karras et al. 2019, section 2).

Positions follow the usual convention of images: a pixel is an area, and what lies outside is zero. All of it is one
depthwise convolution, which keeps up with the memory on a processor, forwards and backwards, as long as its stride
is 1; a stride goes to the convolution that follows.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """`[N, C, H, W]` → `[N, C, H + 2·padding − 3, W + 2·padding − 3]`: filtered, with zeros around, times `gain`."""
    channels = x.shape[1]
    return F.conv2d(x, _kernel(channels, gain, x.dtype, x.device), padding=padding, groups=channels)


def double(x: Tensor) -> Tensor:
    """`[N, C, H, W]` → `[N, C, 2H, 2W]`: zeros between the pixels, filtered, so that a constant stays one."""
    channels = x.shape[1]
    kernel = _kernel(channels, 4.0, x.dtype, x.device)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def double_and_convolve(x: Tensor, weight: Tensor) -> Tensor:
    """`[N, I, H, W]` with `weight` `[O, I, 3, 3]` → `[N, O, 2H, 2W]`, a quarter of what `double` left it to be.

    Convolves what lies between inserted zeros, and filters then: the zeros are never multiplied, and the order does
    not matter. The weight is flipped against `F.conv2d`, and the missing factor 4 is for the caller to merge into
    another one.
    """
    return blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1)


def halve_and_convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`[N, I, 2H, 2W]` with `weight` `[O, I, k, k]` (k odd) → `[N, O, H, W]`: filters, then convolves by 2."""
    return F.conv2d(blur(x, padding=1 + weight.shape[2] // 2), weight, bias, stride=2)


@lru_cache(maxsize=256)
def _kernel(channels: int, gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`[channels, 1, 4, 4]`, the outer product of the taps, of sum `gain`."""
    with torch.inference_mode(False):  # what is kept must serve training too
        taps = torch.tensor(TAPS, dtype=dtype, device=device) / sum(TAPS)
        return (gain * taps[:, None] * taps).expand(channels, 1, 4, 4).contiguous()
