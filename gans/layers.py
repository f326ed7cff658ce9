"""Building blocks that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans import draws
from gans.parallel import mean_of_all, rows_of_all

NORMS = ("none", "batch")


def channels_at(resolution: int, base: int, most: int) -> int:
    """Channels of the feature maps at `resolution` px: `base / resolution`, at most `most`, at least 8."""
    return max(8, min(most, base // resolution))


def levels(resolution: int) -> list[int]:
    """Resolutions above the 4 px start: 64 → [8, 16, 32, 64]."""
    return [2**k for k in range(3, resolution.bit_length())]


def channels_of(resolution: int, base: int, most: int) -> list[int]:
    """Channels of the feature maps from 4 px up to `resolution`, as `channels_at` has them."""
    return [channels_at(level, base, most) for level in [4, *levels(resolution)]]


class ConditionEmbedding(nn.Module):
    """Condition `[N, c_dim]` → embedding `[N, dim]`, a perceptron with one hidden layer.

    With `c_dim` 0 (an unconditional model) the embedding is `[N, 0]` and nothing is learned. `say` scales the
    embedding: 0 while a network is trained without conditions, 1 when it has turned to them (Shahbazi et al. 2022).
    """

    def __init__(self, c_dim: int, dim: int) -> None:
        super().__init__()
        self.dim = dim if c_dim else 0
        self.say = 1.0
        self.layers = nn.Sequential(nn.Linear(c_dim, dim), nn.LeakyReLU(0.2), nn.Linear(dim, dim)) if c_dim else None

    def forward(self, c: Tensor) -> Tensor:
        if self.layers is None:
            return c.new_zeros(len(c), 0)
        embedded = self.layers(c)
        return embedded if self.say == 1 else self.say * embedded

    @torch.no_grad()
    def settle(self) -> None:
        """Writes `say` into the weights, once and for all."""
        if self.layers is not None:
            for parameter in self.layers[-1].parameters():
                parameter.mul_(self.say)
        self.say = 1.0


class BatchNorm(nn.BatchNorm2d):
    """Batch norm (Ioffe & Szegedy 2015) whose statistics, in training, are those of the whole batch, however many
    processes it is spread over. (Torch's own synchronised one needs GPUs.)"""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or draws.place_and_number()[1] == 1:
            return super().forward(x)
        values = x.float()
        mean = mean_of_all(values.mean(dim=(0, 2, 3)))  # [C]
        # Of what is left: the difference of a mean square and a squared mean would be mostly rounding far from zero.
        values = values - mean[:, None, None]
        variance = mean_of_all(values.square().mean(dim=(0, 2, 3)))
        with torch.no_grad():
            n = values.numel() // values.shape[1] * draws.place_and_number()[1]
            assert self.running_mean is not None
            assert self.running_var is not None
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum or 0.0)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        values = values * scale[:, None, None]
        return (values + self.bias[:, None, None] if self.affine else values).to(x.dtype)


class Modulation(nn.Module):
    """Scales and shifts normalised feature maps `[N, C, H, W]` by a linear function of `w` `[N, w_dim]`.

    The conditional batch norm of Dumoulin et al. 2017 and BigGAN: y = norm(x) · (1 + γ(w)) + β(w).
    """

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, affine=False)
        self.affine = nn.Linear(w_dim, 2 * channels)
        if not self.affine.weight.is_meta:  # there, a normal draw would import torch's compiler, for a second
            nn.init.normal_(self.affine.weight, std=0.05)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.affine(w).to(x.dtype)[:, :, None, None].chunk(2, dim=1)  # each [N, C, 1, 1]
        return torch.addcmul(shift, self.norm(x), 1 + scale)


class Noise(nn.Module):
    """Adds one noise map `[H, W]` times a learned strength per channel (Karras et al. 2019, section 3.2).

    In training the map is drawn anew for each image; in evaluation it is a constant of the network, so
    that a cover is a function of its latent and condition alone.
    """

    constant: Tensor

    def __init__(self, channels: int, resolution: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels))
        fixed = torch.Generator().manual_seed(resolution)
        constant = torch.randn(1, 1, resolution, resolution, generator=fixed, device="cpu")
        self.register_buffer("constant", constant)

    def forward(self, x: Tensor) -> Tensor:
        noise = draws.normal(len(x), 1, *x.shape[2:], device=x.device) if self.training else self.constant
        return torch.addcmul(x, noise.to(x.dtype), self.strength.to(x.dtype)[:, None, None])


class MinibatchDeviation(nn.Module):
    """Appends the deviation across a group of images as one more feature map (Karras et al. 2018, section 3).

    `[N, C, H, W]` → `[N, C + 1, H, W]`. Groups are `size` neighbours; where `size` does not divide the batch, the whole
    of it is one group. They are those of the whole batch, however many processes it is spread over.
    """

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        together = n % self.size == 0  # else groups reach into what other processes have
        images = x.float() if together else rows_of_all(x.float())
        size = self.size if len(images) % self.size == 0 else len(images)
        grouped = images.reshape(len(images) // size, size, -1)  # [groups, size, C·H·W]
        variance = (grouped - grouped.mean(dim=1, keepdim=True)).square().mean(dim=1)  # [groups, C·H·W]
        deviation = (variance + 1e-8).sqrt().mean(dim=1).repeat_interleave(size)  # one for each of `images`
        own = deviation if together else draws.own_rows(deviation)
        return torch.cat([x, own.to(x.dtype)[:, None, None, None].expand(n, 1, height, width)], dim=1)


def keep_variance(network: nn.Module) -> None:
    """Initialises every convolution and linear layer so that leaky rectifiers keep the variance of what passes
    (He et al. 2015). Torch's default shrinks it by half a layer, and a deep critic without norms begins deaf."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=0.2)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def upsample(x: Tensor) -> Tensor:
    """`[N, C, H, W]` → `[N, C, 2H, 2W]`, bilinear. Transposed convolutions leave checkerboards (Odena et al. 2016),
    and nearest neighbour left its blocks visible in flat fields; both cost the same here."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
