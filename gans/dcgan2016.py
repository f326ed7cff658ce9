"""DCGAN as published: transposed convolutions in the generator, strided in the discriminator (Radford et al. 2016).

Batch norm in both (but not where images go in and come out), rectifiers in the generator, leaky ones in the
discriminator, tanh, and N(0, 0.02) at first. A latent is seen as an image of one pixel. With the defaults and 64 px
these are the widths of the authors' code, 512 channels at 4 px to 64 at 32 px; other sizes have more stages.
`gans/dcgan.py` is what has become of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gans.discriminator import DiscriminatorNetwork, Features
from gans.generator import GeneratorNetwork
from gans.layers import BatchNorm, ConditionEmbedding, channels_of
from gans.verdict import Verdict


class Generator(GeneratorNetwork):
    """Latent and condition → image; the two are concatenated and heard once, at the start (Mirza & Osindero 2014)."""

    n_styles = 1

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 100,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 512,
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim, self.z_dim = resolution, c_dim, z_dim
        self.embedding = ConditionEmbedding(c_dim, embedding_dim)
        self.w_dim = z_dim + self.embedding.dim
        widths = _widths(resolution, base_channels, max_channels)
        start = nn.ConvTranspose2d(self.w_dim, widths[0], 4, bias=False)
        self.blocks = nn.ModuleList([nn.Sequential(start, BatchNorm(widths[0]), nn.ReLU())])
        self.blocks.extend(_up_block(before, after) for before, after in pairwise(widths))
        self.to_rgb = nn.ConvTranspose2d(widths[-1], 3, 4, stride=2, padding=1)
        _initialise(self)

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """The one style is the concatenation of the latent and the embedded condition."""
        return torch.cat([z, self.embedding(c)], dim=1)[:, None]

    def synthesize(self, w: Tensor) -> Tensor:
        x = w[:, 0, :, None, None]  # [N, w_dim, 1, 1]
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.to_rgb(x).float())

    def stages(self) -> Sequence[nn.Module]:
        return [*self.blocks, self.to_rgb]


class Discriminator(DiscriminatorNetwork):
    """Image → features.

    As published, the maps of 4×4 px are weighed into one logit. Here that layer is in two, with no rectifier between
    them: a 4×4 convolution to a vector, where conditions can meet it, and the verdict.
    """

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 512,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim = resolution, c_dim
        widths = _widths(resolution, base_channels, max_channels)[::-1]
        from_rgb = nn.Conv2d(3, widths[0], 4, stride=2, padding=1)
        self.blocks = nn.ModuleList([nn.Sequential(from_rgb, nn.LeakyReLU(0.2))])
        self.blocks.extend(_down_block(before, after) for before, after in pairwise(widths))
        self.compress = nn.Conv2d(widths[-1], widths[-1], 4)
        self.verdict = Verdict(widths[-1], c_dim, embedding_dim, condition)
        _initialise(self)

    def features(self, images: Tensor) -> Features:
        x = images
        for block in self.blocks:
            x = block(x)
        return Features(self.compress(x).flatten(1).float())  # [N, F, 1, 1] → [N, F]

    def stages(self) -> Sequence[nn.Module]:
        return [*self.blocks, self.compress]


def _widths(resolution: int, base: int, most: int) -> list[int]:
    """Channels of the feature maps at 4, 8, … px, up to half the image's side."""
    return channels_of(resolution, base, most)[:-1]


def _up_block(before: int, after: int) -> nn.Sequential:
    """`[N, C, H, W]` → `[N, C', 2H, 2W]`."""
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, BatchNorm(after), nn.ReLU())


def _down_block(before: int, after: int) -> nn.Sequential:
    """`[N, C, 2H, 2W]` → `[N, C', H, W]`."""
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, BatchNorm(after), nn.LeakyReLU(0.2))


def _initialise(network: nn.Module) -> None:
    """Convolutions at N(0, 0.02), as published, and norms at N(1, 0.02), as in the authors' code."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | BatchNorm) and not module.weight.is_meta:
            nn.init.normal_(module.weight, float(isinstance(module, BatchNorm)), 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
