"""StyleGAN2 (Karras et al. 2020): a generator that hears its style at every place, and a residual discriminator.

The generator's weights, magnitudes and order of styles are those of the published networks with skip connections,
so that theirs can be loaded; the discriminator differs from theirs in how the condition enters (`Verdict`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.discriminator import DiscriminatorNetwork, Features
from gans.equalised import EqualConv2d, EqualLinear, equalise, unit_normal
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding, MinibatchDeviation, channels_of, levels
from gans.modulated import UNBOUNDED, StyledConv, ToRgb
from gans.resample import double, halve_and_convolve
from gans.verdict import Verdict


class Generator(GeneratorNetwork):
    """Latent and condition → image, sized for 64 px on a processor.

    As published: `base_channels` 32768 (16384 at 256 px), `max_channels`, `z_dim`, `w_dim` and `embedding_dim` 512,
    `mapping_layers` 8. Each convolution hears the next of the styles; colours are taken by that of the convolution
    which follows, the last of them by a style of their own. Activations are held within ±`bound`, which half precision
    needs (256 as published); 65536 is no bound. Colours are not squashed: a few lie a little outside −1…1.
    """

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 128,
        w_dim: int = 128,
        mapping_layers: int = 4,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 192,
        noise: bool = True,
        bound: int = UNBOUNDED,
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim, self.z_dim, self.w_dim = resolution, c_dim, z_dim, w_dim
        sizes = [4, *levels(resolution)]
        self.n_styles = 2 * len(sizes)
        self.mapping = Mapping(z_dim, c_dim, w_dim, mapping_layers, embedding_dim)
        widths = channels_of(resolution, base_channels, max_channels)
        self.blocks = nn.ModuleList(
            _SynthesisBlock(before, after, w_dim, size, noise, bound)
            for before, after, size in zip([0, *widths], widths, sizes, strict=False)
        )

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """All styles are the same."""
        return self.mapping(z, c)[:, None].expand(-1, self.n_styles, -1)

    def synthesize(self, w: Tensor) -> Tensor:
        x = image = None
        for place, block in enumerate(self.blocks):
            x, image = block(x, image, w[:, max(2 * place - 1, 0) : 2 * place + 2])
        assert image is not None
        return image

    def stages(self) -> Sequence[nn.Module]:
        return list(self.blocks)


class Mapping(nn.Module):
    """Latent `[N, z_dim]` and condition `[N, c_dim]` → style `[N, w_dim]`, by `layers` that learn at a hundredth of the
    others' speed. Latent and embedded condition are each brought to a mean square of 1, and joined."""

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, layers: int, embedding_dim: int) -> None:
        super().__init__()
        self.embedding = _UnitEmbedding(c_dim, embedding_dim)
        widths = [z_dim + self.embedding.dim, *[w_dim] * layers]
        self.layers = nn.ModuleList(EqualLinear(before, after, lr=0.01) for before, after in pairwise(widths))

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        x = torch.cat([_unit_square(z), self.embedding(c)], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2) * 2**0.5
        return x


class _UnitEmbedding(ConditionEmbedding):
    """A linear function of the condition, brought to a mean square of 1; what it has to say scales it after that."""

    gain: Tensor

    def __init__(self, c_dim: int, dim: int) -> None:
        super().__init__(0, dim)
        self.dim = dim if c_dim else 0
        if c_dim:
            # No condition at all is zeros, where the direction is that of the bias: of none, it would be a steep place.
            self.linear = EqualLinear(c_dim, dim, bias=0.1)
            self.register_buffer("gain", torch.ones(()))

    def forward(self, c: Tensor) -> Tensor:
        if not self.dim:
            return c.new_zeros(len(c), 0)
        return self.say * self.gain * _unit_square(self.linear(c))

    @torch.no_grad()
    def settle(self) -> None:
        if self.dim:
            self.gain.mul_(self.say)
        self.say = 1.0


def _unit_square(x: Tensor) -> Tensor:
    """`[N, F]`, each row divided by the root of its mean square."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class _SynthesisBlock(nn.Module):
    """Maps `[N, before, H, W]` and the image so far `[N, 3, H, W]` → maps `[N, after, 2H, 2W]` and a larger image.

    Hears styles `[N, 3, w_dim]`, of two convolutions and of the colours. With `before` 0 it begins, with a learned
    constant of `size` and one convolution, and hears `[N, 2, w_dim]`.
    """

    def __init__(self, before: int, after: int, w_dim: int, size: int, noise: bool, bound: float) -> None:
        super().__init__()
        place = 2 * size.bit_length()
        self.start = None if before else unit_normal(1, after, size, size)
        self.up = (
            StyledConv(before, after, w_dim, size, place=place, doubles=True, noise=noise, bound=bound)
            if before
            else None
        )
        self.convolution = StyledConv(after, after, w_dim, size, place=place + 1, noise=noise, bound=bound)
        self.to_rgb = ToRgb(after, w_dim, bound=bound)

    def forward(self, x: Tensor | None, image: Tensor | None, w: Tensor) -> tuple[Tensor, Tensor]:
        if self.up is None:
            assert self.start is not None
            x = self.start.expand(len(w), -1, -1, -1)
        else:
            x = self.up(x, w[:, -3])
        x = self.convolution(x, w[:, -2])
        rgb = self.to_rgb(x, w[:, -1])
        return x, rgb if image is None else double(image) + rgb


class Discriminator(DiscriminatorNetwork):
    """Image → features, by residual blocks. As published: `base_channels` as the generator's, `max_channels` 512."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 256,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim = resolution, c_dim
        widths = channels_of(resolution, base_channels, max_channels)[::-1]
        last = widths[-1]
        self.from_rgb = EqualConv2d(3, widths[0], 1, gain=2**0.5)
        self.blocks = nn.ModuleList(_ResidualBlock(before, after) for before, after in pairwise(widths))
        self.deviation = MinibatchDeviation()
        self.end = EqualConv2d(last + 1, last, 3, gain=2**0.5)
        self.compress = EqualLinear(last * 4 * 4, last, gain=2**0.5)
        self.verdict = equalise(Verdict(last, c_dim, embedding_dim, condition))

    def features(self, images: Tensor) -> Features:
        x = F.leaky_relu(self.from_rgb(images), 0.2)
        for block in self.blocks:
            x = block(x)
        x = F.leaky_relu(self.end(self.deviation(x)), 0.2)
        return Features(F.leaky_relu(self.compress(x.flatten(1)), 0.2).float())

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_rgb, *self.blocks, self.end, self.compress]


class _ResidualBlock(nn.Module):
    """`[N, before, 2H, 2W]` → `[N, after, H, W]`: (two convolutions + a straight way) / √2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = EqualConv2d(before, before, 3, gain=2**0.5)
        self.second = EqualConv2d(before, after, 3)  # the rectifier's gain √2 and the sum's 1 / √2
        self.straight = EqualConv2d(before, after, 1, bias=None, gain=0.5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.first(x), 0.2)
        y = F.leaky_relu(halve_and_convolve(y, self.second.scaled_weight, self.second.bias), 0.2)
        return y + halve_and_convolve(x, self.straight.scaled_weight)
