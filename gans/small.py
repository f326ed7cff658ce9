"""Networks for few covers and little compute, after FastGAN (Liu et al. 2021, "Towards Faster and Stabilized GAN
Training for High-fidelity Few-shot Image Synthesis"), for 32 to 512 px.

Its two ideas are here: coarse maps of the generator switch channels of the fine ones on and off (skip-layer
excitation), and the discriminator has to be able to restore what it has seen, so that a few hundred covers cannot be
told from drawn ones by accidents. What differs: every convolution of the generator hears latent and condition, the
discriminator has no norm (a gradient penalty steadies it) and compares the images of a batch, and restoring is judged
by colours and edges, since a perceptual distance would need another network's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans import dcgan
from gans.discriminator import DiscriminatorNetwork, Features
from gans.layers import MinibatchDeviation, channels_at, channels_of, keep_variance, levels
from gans.verdict import Verdict

_LEAP = 3  # levels from an excitation's coarse map to its fine one, so 4 px to 32 px
_READ_AT = (16, 8)  # px of the maps that a part and the whole are restored from


class Generator(dcgan.Generator):
    """Latent and condition → image: DCGAN's blocks, the fine ones excited by the map three levels coarser."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 128,
        embedding_dim: int = 64,
        base_channels: int = 1024,
        max_channels: int = 192,
        noise: bool = True,
    ) -> None:
        super().__init__(
            resolution=resolution,
            c_dim=c_dim,
            z_dim=z_dim,
            embedding_dim=embedding_dim,
            base_channels=base_channels,
            max_channels=max_channels,
            noise=noise,
        )
        widths = channels_of(resolution, base_channels, max_channels)
        self.excitations = nn.ModuleList(
            Excitation(coarse, fine) for coarse, fine in zip(widths, widths[_LEAP:], strict=False)
        )

    def synthesize(self, w: Tensor) -> Tensor:
        x = self.start(w[:, 0]).reshape(len(w), -1, 4, 4)  # [N, C, 4, 4]
        seen = [x.contiguous(memory_format=torch.channels_last)]
        for place, block in enumerate(self.blocks, start=1):
            x = block(seen[-1], w[:, place])
            if place >= _LEAP:
                x = self.excitations[place - _LEAP](seen[place - _LEAP], x)
            seen.append(x)
        return torch.tanh(self.to_rgb(seen[-1]).float())

    def stages(self) -> Sequence[nn.Module]:
        plain = self.blocks[: _LEAP - 1]
        excited = zip(self.blocks[_LEAP - 1 :], self.excitations, strict=True)
        return [self.start, *plain, *(nn.ModuleList(pair) for pair in excited), self.to_rgb]


class Excitation(nn.Module):
    """y = σ(A · lrelu(B ∗ pool₄(coarse))) · fine (Liu et al. 2021, eq. 2): one weight a channel, from a coarser map.

    coarse `[N, C, h, w]`, fine `[N, C', H, W]` → `[N, C', H, W]`.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(coarse, fine, 4)
        self.weigh = nn.Conv2d(fine, fine, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        seen = F.leaky_relu(self.look(F.adaptive_avg_pool2d(coarse, 4)), 0.2)  # [N, C', 1, 1]
        return fine * torch.sigmoid(self.weigh(seen))


class Discriminator(DiscriminatorNetwork):
    """Image → features, and back: the maps at 16 and 8 px must tell a quarter of the image and the whole of it."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        embedding_dim: int = 64,
        base_channels: int = 1536,
        max_channels: int = 192,
        decoder_channels: int = 16,
        minibatch_deviation: bool = True,
        condition: str = "projection",
    ) -> None:
        super().__init__()
        self.resolution, self.c_dim = resolution, c_dim
        sides = [4, *levels(resolution // 2)][::-1]
        widths = {side: channels_at(side, base_channels, max_channels) for side in sides}
        self.from_rgb = nn.Sequential(nn.Conv2d(3, widths[sides[0]], 4, stride=2, padding=1), nn.LeakyReLU(0.2))
        self.blocks = nn.ModuleList(_DownBlock(widths[fine], widths[coarse]) for fine, coarse in pairwise(sides))
        last = widths[4]
        deviation = [MinibatchDeviation()] if minibatch_deviation else []
        joined = nn.Conv2d(last + minibatch_deviation, last, 3, padding=1)
        self.end = nn.Sequential(*deviation, joined, nn.LeakyReLU(0.2))
        self.compress = nn.Linear(last * 4 * 4, last)
        self.verdict = Verdict(last, c_dim, embedding_dim, condition)
        self.restored = min(64, resolution // 2)
        """Side in px at which images are restored."""
        self.decoders = nn.ModuleList(_decoder(widths[side], decoder_channels, self.restored) for side in _READ_AT)
        keep_variance(self)

    def features(self, images: Tensor) -> Features:
        x = self.from_rgb(images)
        seen = [x]
        for block in self.blocks:
            x = block(x)
            seen.append(x)
        vector = F.leaky_relu(self.compress(self.end(x).flatten(1)), 0.2).float()
        return Features(vector, tuple(map_ for map_ in seen if map_.shape[-1] in _READ_AT))

    def restore(self, features: Features, images: Tensor) -> Tensor:
        """How far a quarter, restored from its place in the 16 px map, and the whole, from the 8 px map, are off.

        Both are asked for at `restored` px; which of the four quarters is drawn once for all images (Liu et al. 2021,
        section 3.2, crop alike).
        """
        fine, coarse = features.maps
        quarter = int(torch.randint(4, ()))
        part = self.decoders[0](_quarter(fine, quarter))
        whole = self.decoders[1](coarse)
        return distance(part, _shrunk(_quarter(images, quarter), self.restored)) + distance(
            whole, _shrunk(images, self.restored)
        )

    def stages(self) -> Sequence[nn.Module]:
        return [self.from_rgb, *self.blocks, self.end, self.compress]


class _DownBlock(nn.Module):
    """`[N, C, 2H, 2W]` → `[N, C', H, W]`: the mean of two paths, one that convolves and one that averages."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolving = nn.Sequential(
            nn.Conv2d(before, after, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(after, after, 3, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.averaging = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1), nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        return (self.convolving(x) + self.averaging(x)) / 2


def distance(restored: Tensor, images: Tensor) -> Tensor:
    """Mean absolute difference of colours, plus that of their steps from pixel to pixel down and across: edges.

    Colours alone would be well enough restored by a blur. Both `[N, 3, H, W]`.
    """
    error = restored.float() - images.float()
    return error.abs().mean() + error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()


def _decoder(channels: int, width: int, side: int) -> nn.Sequential:
    """A map `[N, channels, 8, 8]` → image `[N, 3, side, side]`."""
    layers: list[nn.Module] = []
    for _ in range((side // 8).bit_length() - 1):
        convolution = nn.Conv2d(channels, width, 3, padding=1)
        layers += [nn.Upsample(scale_factor=2, mode="bilinear"), convolution, nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, 3, 3, padding=1))


def _quarter(x: Tensor, which: int) -> Tensor:
    """One of the four quarters of `[N, C, 2H, 2W]`: `[N, C, H, W]`, counted as one reads."""
    down, across = divmod(which, 2)
    height, width = x.shape[2] // 2, x.shape[3] // 2
    return x[..., down * height : (down + 1) * height, across * width : (across + 1) * width]


def _shrunk(images: Tensor, side: int) -> Tensor:
    """Images at `side` px, each pixel the mean of those that it stands for."""
    return images if images.shape[-1] == side else F.adaptive_avg_pool2d(images, side)
