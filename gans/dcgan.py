"""The DCGAN family: plain convolutional networks for 32 to 256 px, conditional or not.

After Radford et al. 2016, with what has been learned since: the generator resizes and convolves instead of
transposing, and every one of its blocks hears the latent and the condition; the condition enters the
discriminator as a dot product that it cannot ignore (projection, Miyato & Koyama 2018).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.generator import GeneratorNetwork
from gans.layers import (
    NORMS,
    ConditionEmbedding,
    MinibatchDeviation,
    Modulation,
    Noise,
    channels_at,
    keep_variance,
    levels,
    upsample,
)


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
        widths = [channels_at(level, base_channels, max_channels) for level in [4, *levels(resolution)]]
        self.start = nn.Linear(self.w_dim, widths[0] * 4 * 4)
        self.blocks = nn.ModuleList(
            _UpBlock(before, after, self.w_dim, level, noise)
            for (before, after), level in zip(pairwise(widths), levels(resolution), strict=True)
        )
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """`w` is the concatenation of the latent and the embedded condition."""
        return torch.cat([z, self.embedding(c)], dim=1)

    def synthesize(self, w: Tensor) -> Tensor:
        x = self.start(w).reshape(len(w), -1, 4, 4)  # [N, C, 4, 4]
        x = x.contiguous(memory_format=_layout_of(self.to_rgb.weight))
        for block in self.blocks:
            x = block(x, w)
        return torch.tanh(self.to_rgb(x).float())


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


class Discriminator(nn.Module):
    """Image and condition → logit.

    logit = v·h(x) + ⟨e(c), h(x)⟩ / √dim, with h the image's features: the projection discriminator.
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
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is one of {', '.join(NORMS)}, not {norm!r}")
        self.resolution, self.c_dim = resolution, c_dim
        widths = [channels_at(level, base_channels, max_channels) for level in [4, *levels(resolution)]][::-1]
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for before, after in pairwise(widths):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=norm == "none"))
            if norm == "batch":
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2))
        last = widths[-1]
        if minibatch_deviation:
            layers.append(MinibatchDeviation())
        layers += [nn.Conv2d(last + minibatch_deviation, last, 3, padding=1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.features = nn.Linear(last * 4 * 4, last)
        self.head = nn.Linear(last, 1)
        self.embedding = ConditionEmbedding(c_dim, embedding_dim)
        self.projection = nn.Linear(self.embedding.dim, last, bias=False) if c_dim else None
        keep_variance(self)

    def forward(self, images: Tensor, c: Tensor) -> Tensor:
        """Images `[N, 3, H, W]` float −1…1, conditions `[N, c_dim]` → logits `[N]`, positive for real."""
        h = F.leaky_relu(self.features(self.body(images).flatten(1)), 0.2).float()  # [N, last]
        logits = self.head(h).squeeze(1)
        if self.projection is not None:
            direction = self.projection(self.embedding(c)).float()
            logits = logits + (direction * h).sum(dim=1) / h.shape[1] ** 0.5
        return logits.float()


def _layout_of(weight: Tensor) -> torch.memory_format:
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return torch.channels_last if channels_last else torch.contiguous_format
