"""ProGAN: networks that grow from 4 px to their full size while they learn (Karras et al. 2018).

Each stage doubles the side and has its own way to and from RGB. Only the stages that are in use run, so the early
part of a training costs little. Where a new stage begins it is faded in over the one below, in both networks and in
the real images alike (figure 2). The generator's maps are normalised pixel by pixel (section 4.2), and every layer
learns at one relative speed (section 4.1).

The paper's widths are `base_channels` 16384, `max_channels` 512 and `z_dim` 512 (table 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.discriminator import DiscriminatorNetwork, Features
from gans.equalised import EqualConv2d, EqualLinear, equalise
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding, MinibatchDeviation, channels_of
from gans.verdict import Verdict

_RECTIFIED = 2**0.5
"""He's gain, for layers that a rectifier follows."""


class _Growing(nn.Module):
    """A network's level, kept among its buffers so that it travels with the weights.

    Level 3.4: the stage of 2⁴ = 16 px is drawn over the one of 8 px with α = 0.4. A whole number: that stage alone.
    Levels below 2 (4 px) or beyond the network's resolution are taken as the nearest that there is.
    """

    resolution: int
    level: Tensor

    def _begin(self, resolution: int) -> None:
        """Full size, until someone says otherwise."""
        self.resolution = resolution
        self.register_buffer("level", torch.tensor(math.log2(resolution)))

    def grow(self, level: float) -> None:
        """Works at 2^⌈level⌉ px from now on, faded in by the level's fraction."""
        self.level.fill_(level)

    def _stage(self) -> tuple[int, float]:
        """The stage in use, counted from 0 at 4 px, and its share α in (0, 1]; below 1 only where one is beneath it."""
        level = min(max(float(self.level), 2.0), math.log2(self.resolution))
        stage = math.ceil(level)
        return stage - 2, 1 - (stage - level)


class Generator(_Growing, GeneratorNetwork):
    """Latent and condition → image of 2^⌈level⌉ px, RGB linear as in the paper: nearly within −1…1, where covers lie.

    The latent and the embedded condition are joined and normalised to one vector, which is heard once, at 4 px.
    """

    n_styles = 1

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 128,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 192,
    ) -> None:
        super().__init__()
        self._begin(resolution)
        self.c_dim, self.z_dim = c_dim, z_dim
        self.embedding = ConditionEmbedding(c_dim, embedding_dim)
        self.w_dim = z_dim + self.embedding.dim
        widths = channels_of(resolution, base_channels, max_channels)
        self.blocks = nn.ModuleList(
            _up_block(before, after) if place else _start(self.w_dim, after)
            for place, (before, after) in enumerate(zip([0, *widths], widths, strict=False))
        )
        self.to_rgb = nn.ModuleList(EqualConv2d(width, 3, 1) for width in widths)
        equalise(self)

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """The latent joined with the embedded condition, at a root mean square of 1."""
        return pixel_norm(torch.cat([z, self.embedding(c)], dim=1))[:, None]

    def synthesize(self, w: Tensor) -> Tensor:
        stage, alpha = self._stage()
        x = below = w[:, 0]
        for block in self.blocks[: stage + 1]:
            below, x = x, block(x)
        images = self.to_rgb[stage](x).float()
        if alpha < 1:
            images = torch.lerp(_enlarge(self.to_rgb[stage - 1](below).float()), images, alpha)
        return images

    def stages(self) -> Sequence[nn.Module]:
        return [nn.ModuleList(pair) for pair in zip(self.blocks, self.to_rgb, strict=True)]


class Discriminator(_Growing, DiscriminatorNetwork):
    """Image of 2^⌈level⌉ px → features: the generator mirrored, with average pooling and minibatch deviation."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 192,
        minibatch_deviation: bool = True,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        self._begin(resolution)
        self.c_dim = c_dim
        widths = channels_of(resolution, base_channels, max_channels)
        self.from_rgb = nn.ModuleList(
            nn.Sequential(EqualConv2d(3, width, 1, gain=_RECTIFIED), nn.LeakyReLU(0.2)) for width in widths
        )
        self.blocks = nn.ModuleList(
            _down_block(before, after) if place else _end(before, minibatch_deviation)
            for place, (before, after) in enumerate(zip(widths, [0, *widths], strict=False))
        )
        self.verdict = Verdict(widths[0], c_dim, embedding_dim, condition)
        equalise(self)

    def features(self, images: Tensor) -> Features:
        stage, alpha = self._stage()
        x = self.blocks[stage](self.from_rgb[stage](images))
        if alpha < 1:
            x = torch.lerp(self.from_rgb[stage - 1](F.avg_pool2d(images, 2)), x, alpha)
        for block in reversed(self.blocks[:stage]):
            x = block(x)
        return Features(x.float())

    def look(self, images: Tensor) -> Tensor:
        """Real images `[N, 3, resolution, resolution]` → at 2^⌈level⌉ px, detail faded in as the generator's is."""
        stage, alpha = self._stage()
        images = F.avg_pool2d(images, self.resolution >> (stage + 2))
        return images if alpha == 1 else torch.lerp(_enlarge(F.avg_pool2d(images, 2)), images, alpha)

    def stages(self) -> Sequence[nn.Module]:
        return [nn.ModuleList(pair) for pair in zip(self.from_rgb, self.blocks, strict=True)][::-1]


def pixel_norm(x: Tensor) -> Tensor:
    """`[N, C, ...]` → the same at a root mean square of 1 over C: x / √(mean x² + 10⁻⁸) (section 4.2)."""
    norm = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
    return x * (norm.square() / x.shape[1] + 1e-8).rsqrt().to(x.dtype)


class _PixelNorm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return pixel_norm(x)


def _start(w_dim: int, width: int) -> nn.Sequential:
    """`w [N, w_dim]` → `[N, C, 4, 4]`."""
    joined = EqualLinear(w_dim, width * 4 * 4, gain=_RECTIFIED / 4)
    return nn.Sequential(joined, nn.Unflatten(1, (width, 4, 4)), *_rectify_and_norm(), *_convolve(width, width))


def _up_block(before: int, after: int) -> nn.Sequential:
    """`[N, C, H, W]` → `[N, C', 2H, 2W]`."""
    return nn.Sequential(nn.Upsample(scale_factor=2), *_convolve(before, after), *_convolve(after, after))


def _convolve(before: int, after: int) -> list[nn.Module]:
    return [EqualConv2d(before, after, 3, gain=_RECTIFIED), *_rectify_and_norm()]


def _rectify_and_norm() -> list[nn.Module]:
    return [nn.LeakyReLU(0.2, inplace=True), _PixelNorm()]


def _down_block(before: int, after: int) -> nn.Sequential:
    """`[N, C, 2H, 2W]` → `[N, C', H, W]`."""
    first, second = EqualConv2d(before, before, 3, gain=_RECTIFIED), EqualConv2d(before, after, 3, gain=_RECTIFIED)
    return nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), nn.AvgPool2d(2))


def _end(width: int, minibatch_deviation: bool) -> nn.Sequential:
    """`[N, C, 4, 4]` → `[N, C]`."""
    return nn.Sequential(
        *([MinibatchDeviation()] if minibatch_deviation else []),
        EqualConv2d(width + minibatch_deviation, width, 3, gain=_RECTIFIED),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        EqualLinear(width * 4 * 4, width, gain=_RECTIFIED),
        nn.LeakyReLU(0.2),
    )


def _enlarge(images: Tensor) -> Tensor:
    """`[N, 3, H, W]` → `[N, 3, 2H, 2W]`, each pixel four times."""
    return F.interpolate(images, scale_factor=2)
