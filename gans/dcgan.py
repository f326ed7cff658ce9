"""The DCGAN family: plain convolutional networks for 32 to 512 px, conditional or not.

After Radford et al. 2016, with what has been learned since: the generator resizes and convolves instead of
transposing, and every one of its blocks hears the latent and the condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.discriminator import DiscriminatorNetwork, Features
from gans.generator import GeneratorNetwork
from gans.layers import (
    NORMS,
    BatchNorm,
    ConditionEmbedding,
    MinibatchDeviation,
    Modulation,
    Noise,
    channels_of,
    keep_variance,
    levels,
    upsample,
)
from gans.verdict import Verdict


class Generator(GeneratorNetwork):
    """Latent and condition → image.

    `map` joins latent and embedded condition into `w`; `synthesize` draws. The two are apart so that
    truncation and guidance can move `w` between them.
    """

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 128,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 192,
        noise: bool = True,
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim, self.z_dim = resolution, c_dim, z_dim
        self.embedding = ConditionEmbedding(c_dim, embedding_dim)
        self.w_dim = z_dim + self.embedding.dim
        self.n_styles = 1 + len(levels(resolution))
        widths = channels_of(resolution, base_channels, max_channels)
        self.start = nn.Linear(self.w_dim, widths[0] * 4 * 4)
        self.blocks = nn.ModuleList(
            _UpBlock(before, after, self.w_dim, level, noise)
            for (before, after), level in zip(pairwise(widths), levels(resolution), strict=True)
        )
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """Every style is the concatenation of the latent and the embedded condition."""
        return torch.cat([z, self.embedding(c)], dim=1)[:, None].expand(-1, self.n_styles, -1)

    def synthesize(self, w: Tensor) -> Tensor:
        x = self.start(w[:, 0]).reshape(len(w), -1, 4, 4)  # [N, C, 4, 4]
        x = x.contiguous(memory_format=_layout_of(self.to_rgb.weight))
        for place, block in enumerate(self.blocks, start=1):
            x = block(x, w[:, place])
        return torch.tanh(self.to_rgb(x).float())

    def stages(self) -> Sequence[nn.Module]:
        return [self.start, *self.blocks, self.to_rgb]


class _UpBlock(nn.Module):
    """`[N, C, H, W]` → `[N, C', 2H, 2W]`: resize, then two 3×3 convolutions, each modulated by `w`."""

    def __init__(self, before: int, after: int, w_dim: int, resolution: int, noise: bool) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.Conv2d(after, after, 3, padding=1, bias=False)]
        )
        self.modulations = nn.ModuleList(Modulation(after, w_dim) for _ in range(2))
        self.noises = nn.ModuleList(Noise(after, resolution) if noise else nn.Identity() for _ in range(2))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = upsample(x)
        for convolution, modulation, noise in zip(self.convolutions, self.modulations, self.noises, strict=True):
            x = F.leaky_relu(modulation(noise(convolution(x)), w), 0.2, inplace=True)
        return x


class Discriminator(DiscriminatorNetwork):
    """Image → features, by strided 4×4 convolutions.

    `norm` is "batch" as published in 2016, or "none" as gradient penalties ask (Gulrajani et al. 2017,
    section 4: batch norm would make an image's gradient depend on the others).
    """

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 256,
        norm: str = "none",
        minibatch_deviation: bool = True,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is one of {', '.join(NORMS)}, not {norm!r}")
        self.resolution, self.c_dim = resolution, c_dim
        widths = channels_of(resolution, base_channels, max_channels)[::-1]
        self.from_rgb = nn.Sequential(nn.Conv2d(3, widths[0], 3, padding=1), nn.LeakyReLU(0.2))
        self.blocks = nn.ModuleList(_down_block(before, after, norm) for before, after in pairwise(widths))
        last = widths[-1]
        deviation = [MinibatchDeviation()] if minibatch_deviation else []
        joined = nn.Conv2d(last + minibatch_deviation, last, 3, padding=1)
        self.end = nn.Sequential(*deviation, joined, nn.LeakyReLU(0.2))
        self.compress = nn.Linear(last * 4 * 4, last)
        self.verdict = Verdict(last, c_dim, embedding_dim, condition)
        keep_variance(self)

    def features(self, images: Tensor) -> Features:
        x = self.from_rgb(images)
        for block in self.blocks:
            x = block(x)
        return Features(F.leaky_relu(self.compress(self.end(x).flatten(1)), 0.2).float())

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_rgb, *self.blocks, self.end, self.compress]


def _down_block(before: int, after: int, norm: str) -> nn.Sequential:
    """`[N, C, 2H, 2W]` → `[N, C', H, W]`."""
    layers: list[nn.Module] = [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=norm == "none")]
    if norm == "batch":
        layers.append(BatchNorm(after))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))


def _layout_of(weight: Tensor) -> torch.memory_format:
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return torch.channels_last if channels_last else torch.contiguous_format
