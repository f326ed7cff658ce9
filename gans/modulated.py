"""Convolutions whose input channels a style scales (Karras et al. 2020, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans import draws
from gans.equalised import EqualLinear, unit_normal
from gans.resample import double_and_convolve

UNBOUNDED = 65_536
"""The value of `bound` at which nothing is held back."""


class StyledConv(nn.Module):
    """`[N, channels, H, W]` and `w` `[N, w_dim]` → `[N, out, H', W']`: a 3×3 convolution, noise, a rectifier.

    With `doubles`, H' = 2H. With `noise`, one map `[H', W']` times a learned strength is added to all channels: in
    training drawn anew for every image, in evaluation a constant of the network. `place` makes that of each place
    another one. What leaves is held within ±`bound`.
    """

    constant: Tensor

    def __init__(
        self,
        channels: int,
        out: int,
        w_dim: int,
        resolution: int,
        *,
        place: int,
        doubles: bool = False,
        noise: bool = True,
        bound: float = UNBOUNDED,
    ) -> None:
        super().__init__()
        self.resolution, self.doubles, self.bound = resolution, doubles, bound
        self.affine = EqualLinear(w_dim, channels, bias=1.0)
        self.weight = unit_normal(out, channels, 3, 3)
        self.bias = nn.Parameter(torch.zeros(out))
        self.strength = nn.Parameter(torch.zeros(())) if noise else None
        if noise:
            fixed = torch.Generator().manual_seed(place)
            constant = torch.randn(1, 1, resolution, resolution, generator=fixed, device="cpu")
            self.register_buffer("constant", constant)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = modulated_convolution(x, self.weight, self.affine(w), self.doubles, 2**0.5, self._noise(x))
        # A rectifier may be scaled before or after: its gain √2 is in what comes.
        x = F.leaky_relu(x.add_((2**0.5 * self.bias).to(x.dtype)[:, None, None]), 0.2, inplace=True)
        return x if self.bound >= UNBOUNDED else x.clamp(-self.bound, self.bound)

    def _noise(self, x: Tensor) -> Tensor | None:
        """`[N or 1, 1, H', W']` times its strength."""
        if self.strength is None:
            return None
        size = (self.resolution, self.resolution)
        noise = draws.normal(len(x), 1, *size, device=x.device) if self.training else self.constant
        return noise * (2**0.5 * self.strength)


def modulated_convolution(
    x: Tensor, weight: Tensor, style: Tensor, doubles: bool = False, gain: float = 1.0, shift: Tensor | None = None
) -> Tensor:
    """`x` `[N, I, H, W]`, `weight` `[O, I, 3, 3]`, `style` `[N, I]` → `[N, O, H', W']`, at unit variance times `gain`.

    Every image has weights of its own, w'ₒᵢₖ = sᵢ·wₒᵢₖ / √(Σᵢₖ (sᵢ·wₒᵢₖ)² + ε) (eqs. 1 and 3). To scale by sᵢ is as
    well done to the input, and to divide as well done to the output, so one convolution serves the whole batch.
    With `doubles` H' = 2H, by `resample.double_and_convolve`. `shift` `[N or 1, O or 1, H', W']` is added.
    """
    energy = style.square() @ weight.square().sum(dim=(2, 3)).T  # [N, O]
    scale = (energy.to(weight.dtype) + 1e-8).rsqrt() * (4 * gain if doubles else gain)
    x = x * style.to(x.dtype)[:, :, None, None]
    x = double_and_convolve(x, weight) if doubles else F.conv2d(x, weight, padding=1)
    scale = scale.to(x.dtype)[:, :, None, None]
    return x * scale if shift is None else torch.addcmul(shift.to(x.dtype), x, scale)


class ToRgb(nn.Module):
    """`[N, channels, H, W]` and `w` `[N, w_dim]` → colours `[N, 3, H, W]`: styled, not normalised, no rectifier."""

    def __init__(self, channels: int, w_dim: int, *, bound: float = UNBOUNDED) -> None:
        super().__init__()
        self.bound, self.scale = bound, channels**-0.5
        self.affine = EqualLinear(w_dim, channels, bias=1.0)
        self.weight = unit_normal(3, channels, 1, 1)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = (self.affine(w) * self.scale).to(x.dtype)
        rgb = F.conv2d(x * style[:, :, None, None], self.weight, self.bias).to(self.weight.dtype)
        return rgb if self.bound >= UNBOUNDED else rgb.clamp(-self.bound, self.bound)
