"""R3GAN's two networks (Huang et al. 2024, "The GAN is dead; long live the GAN!"), for 32 to 512 px.

Plain residual networks: no normalisation, no style, no noise, no minibatch deviation. Each resolution has a stage of
inverted bottlenecks with grouped convolutions between low-pass resamplings; the discriminator is the generator in the
mirror. The published sizes at 64 and 256 px are `base_channels` 24,576, `max_channels` 768 and two `blocks` a stage;
the defaults suit a processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.discriminator import DiscriminatorNetwork, Features
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding, channels_of
from gans.verdict import Verdict

_LOWPASS = (1.0, 3.0, 3.0, 1.0)
_GAIN = math.sqrt(2 / (1 + 0.2**2))  # of a leaky rectifier with slope 0.2 (He et al. 2015)


class Generator(GeneratorNetwork):
    """Latent and condition → image. They meet the picture once, at 4 px: `w` is one style."""

    n_styles = 1

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 64,
        embedding_dim: int = 64,
        base_channels: int = 1024,
        max_channels: int = 256,
        blocks: int = 1,
        expansion: int = 2,
        group_size: int = 16,
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim, self.z_dim = resolution, c_dim, z_dim
        self.embedding = ConditionEmbedding(c_dim, embedding_dim)
        widths = channels_of(resolution, base_channels, max_channels)
        depth = blocks * len(widths)
        transitions = [Start(z_dim + self.embedding.dim, widths[0]), *(Up(*pair) for pair in pairwise(widths))]
        self.parts = nn.ModuleList(
            nn.Sequential(transition, *(ResidualBlock(width, expansion, group_size, depth) for _ in range(blocks)))
            for transition, width in zip(transitions, widths, strict=True)
        )
        self.to_rgb = _scaled(nn.Conv2d(widths[-1], 3, 1, bias=False))

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """The concatenation of the latent and the embedded condition."""
        return torch.cat([z, self.embedding(c)], dim=1)[:, None]

    def synthesize(self, w: Tensor) -> Tensor:
        x = w[:, 0]
        for part in self.parts:
            x = part(x)
        return self.to_rgb(x).float()

    def stages(self) -> Sequence[nn.Module]:
        return [*self.parts, self.to_rgb]


class Discriminator(DiscriminatorNetwork):
    """Image → features; the condition speaks in the verdict, as a dot product with them."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 1024,
        max_channels: int = 256,
        blocks: int = 1,
        expansion: int = 2,
        group_size: int = 16,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim = resolution, c_dim
        widths = channels_of(resolution, base_channels, max_channels)[::-1]
        depth, last = blocks * len(widths), widths[-1]
        self.from_rgb = _scaled(nn.Conv2d(3, widths[0], 1, bias=False))
        end = _scaled(nn.Conv2d(last, last, 4, groups=last, bias=False))  # 4 px → 1 px, each channel by its own basis
        transitions = [*(Down(*pair) for pair in pairwise(widths)), end]
        self.parts = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, expansion, group_size, depth) for _ in range(blocks)), transition)
            for transition, width in zip(transitions, widths, strict=True)
        )
        self.verdict = Verdict(last, c_dim, embedding_dim, condition)
        _scaled(self.verdict.head)

    def features(self, images: Tensor) -> Features:
        x = self.from_rgb(images)
        for part in self.parts:
            x = part(x)
        return Features(x.flatten(1).float())

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_rgb, *self.parts]


class ResidualBlock(nn.Module):
    """x + branch(x), the branch an inverted bottleneck: 1×1 to `expansion` times the channels, 3×3 in groups of
    `group_size` channels, 1×1 back.

    Fix-up (Zhang et al. 2019) instead of a norm: the branch begins as zero, and the two convolutions before its last
    are scaled by L^(−1/4) for L blocks in all, so that one step moves the network as much at any depth.
    """

    def __init__(self, channels: int, expansion: int, group_size: int, depth: int) -> None:
        super().__init__()
        wide = channels * expansion
        gain = _GAIN * depth**-0.25
        self.widen = _scaled(nn.Conv2d(channels, wide, 1), gain)
        self.mix = _scaled(nn.Conv2d(wide, wide, 3, padding=1, groups=wide // math.gcd(wide, group_size)), gain)
        self.narrow = _scaled(nn.Conv2d(wide, channels, 1, bias=False), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.widen(x), 0.2, inplace=True)
        y = F.leaky_relu(self.mix(y), 0.2, inplace=True)
        return x + self.narrow(y)


class Start(nn.Module):
    """`w` `[N, w_dim]` → `[N, C, 4, 4]`: a learned basis map for every channel, times a linear function of `w`."""

    def __init__(self, w_dim: int, channels: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.empty(1, channels, 4, 4))
        if not self.basis.is_meta:
            nn.init.normal_(self.basis)
        self.scale = _scaled(nn.Linear(w_dim, channels, bias=False))

    def forward(self, w: Tensor) -> Tensor:
        return self.basis * self.scale(w).float()[:, :, None, None]


class Up(nn.Module):
    """`[N, C, H, W]` → `[N, C', 2H, 2W]`; channels change first, where there are fewer pixels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.change = _change(before, after)

    def forward(self, x: Tensor) -> Tensor:
        return enlarge(self.change(x))


class Down(nn.Module):
    """`[N, C, 2H, 2W]` → `[N, C', H, W]`."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.change = _change(before, after)

    def forward(self, x: Tensor) -> Tensor:
        return self.change(halve(x))


def enlarge(x: Tensor) -> Tensor:
    """`[N, C, H, W]` → `[N, C, 2H, 2W]`: zeros between the pixels, then the low-pass [1, 3, 3, 1]/4 along both axes.

    Bilinear interpolation that sees zeros around the picture.
    """
    # A processor does this 8 times faster in float32, conversions included.
    with torch.autocast(x.device.type, enabled=False):
        y = F.conv_transpose2d(x.float(), 4 * _lowpass(x), stride=2, padding=1, groups=x.shape[1])
    return y.to(x.dtype)


def halve(x: Tensor) -> Tensor:
    """`[N, C, 2H, 2W]` → `[N, C, H, W]`: the low-pass [1, 3, 3, 1]/8 along both axes, then every second pixel."""
    with torch.autocast(x.device.type, enabled=False):
        y = F.conv2d(x.float(), _lowpass(x), stride=2, padding=1, groups=x.shape[1])
    return y.to(x.dtype)


def _lowpass(x: Tensor) -> Tensor:
    """The kernel `[C, 1, 4, 4]`, summing to 1, for the channels of `x`."""
    taps = torch.tensor(_LOWPASS, device=x.device) / sum(_LOWPASS)
    return torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)


def _change(before: int, after: int) -> nn.Module:
    return nn.Identity() if before == after else _scaled(nn.Conv2d(before, after, 1, bias=False))


def _scaled(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Conv2d | nn.Linear:
    """`layer` with weights of variance gain² / fan-in and biases of zero."""
    if not layer.weight.is_meta:  # there, a normal draw would import torch's compiler, for a second
        nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
