"""From condition and seed to cover. One seed, one latent, whoever asks and in whatever company.

Truncation moves `w` toward its mean *for this condition*, and strength moves it away from its value
without any condition (the idea of classifier-free guidance, Ho & Salimans 2022, applied to the latent):

    w = w₀(c) + ψ · (w(z, c) − w₀(c)),   w(z, c) = w(z, 0) + strength · (w(z, c) − w(z, 0))

so ψ = 1 and strength 1 are the generator as trained. Truncation to one mean for all would pull every
track to the same cover.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from data.covers import to_uint8
from gans import draws
from gans.generator import GeneratorNetwork

_MEAN_PAIRS = 256


def latent_of_seed(seed: int, z_dim: int) -> Tensor:
    """The latent `[z_dim]` of a seed: standard normal, the same on every device and at every batch size."""
    return torch.randn(z_dim, generator=torch.Generator().manual_seed(seed))


def random_z(n: int, generator: GeneratorNetwork, device: torch.device) -> Tensor:
    """`[n, z_dim]` from torch's own random state: the same normal distribution that sampling draws from."""
    return draws.normal(n, generator.z_dim, device=device)


def generate_cover(
    generator: GeneratorNetwork,
    c: np.ndarray | None,
    seed: int,
    truncation: float = 1.0,
    strength: float = 1.0,
) -> np.ndarray:
    """One cover, uint8 `[3, resolution, resolution]`.

    c: float32 `[c_dim]`, or None for no condition at all (all blocks absent).
    truncation ψ: 1 is the generator as it is, 0 the most typical cover of this condition.
    strength: 0 ignores the condition, 1 is as trained, above 1 exaggerates it.
    """
    return draw(generator, style_of(generator, latent_of_seed(seed, generator.z_dim), c, truncation, strength))


@torch.inference_mode()
def style_of(
    generator: GeneratorNetwork, z: Tensor, c: np.ndarray | None, truncation: float = 1.0, strength: float = 1.0
) -> Tensor:
    """`w` `[1, n_styles, w_dim]` of one latent `[z_dim]` and the rest as for `generate_cover`."""
    generator.eval()
    device = next(generator.parameters()).device
    condition = torch.zeros(generator.c_dim) if c is None else torch.as_tensor(np.asarray(c, np.float32))
    if condition.shape != (generator.c_dim,):
        raise ValueError(f"the generator hears {generator.c_dim} numbers, not {tuple(condition.shape)}")
    condition = condition[None].to(device)
    w = _guided(generator, z[None].to(device), condition, strength)
    if truncation != 1:
        mean = _guided(generator, _antithetic(generator.z_dim, device), condition, strength).mean(0)
        w = torch.lerp(mean[None], w, truncation)
    return w


@torch.inference_mode()
def draw(generator: GeneratorNetwork, w: Tensor) -> np.ndarray:
    """The cover uint8 `[3, resolution, resolution]` of one `w` `[1, n_styles, w_dim]`.

    A network that is still growing draws fewer pixels; each of them is then shown as a square of several.
    """
    cover = to_uint8(generator.synthesize(w)[0].float().cpu()).numpy()
    times = generator.resolution // cover.shape[-1]
    return cover if times == 1 else cover.repeat(times, axis=1).repeat(times, axis=2)


def generate_covers(
    generator: GeneratorNetwork,
    conditions: np.ndarray,
    seeds: Sequence[int],
    truncation: float = 1.0,
    strength: float = 1.0,
) -> np.ndarray:
    """Covers uint8 `[N, 3, H, W]` for conditions `[N, c_dim]` and as many seeds.

    Each is computed on its own, so none depends on its neighbours: convolutions over batches of different
    size differ in their last bits, which rounding would now and then show.
    """
    pairs = zip(conditions, seeds, strict=True)
    return np.stack([generate_cover(generator, c, seed, truncation, strength) for c, seed in pairs])


def _guided(generator: GeneratorNetwork, z: Tensor, c: Tensor, strength: float) -> Tensor:
    """`w` `[N, n_styles, w_dim]` of latents `[N, z_dim]` under one condition `[1, c_dim]`."""
    c = c.expand(len(z), -1)
    w = generator.map(z, c)
    return w if strength == 1 else torch.lerp(generator.map(z, torch.zeros_like(c)), w, strength)


def _antithetic(z_dim: int, device: torch.device) -> Tensor:
    """Fixed latents `[2·pairs, z_dim]` in pairs z, −z: where `w` is linear in z their mean is exact."""
    z = torch.randn(_MEAN_PAIRS, z_dim, generator=torch.Generator().manual_seed(0)).to(device)
    return torch.cat([z, -z])
