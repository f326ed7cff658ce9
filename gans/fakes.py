"""How a step's generated images come about: latents, perhaps optimised (LOGAN), styles, perhaps mixed, images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gans import draws
from gans.augment import augment
from gans.config import TrainConfig
from gans.discriminator import DiscriminatorNetwork
from gans.generator import GeneratorNetwork
from gans.latent_optimisation import moving_cost, optimise_latents
from gans.sampling import random_z


class Fakes(NamedTuple):
    """Images `[N, 3, H, W]`, and how far their latents were moved (`moving_cost`), None where they were not."""

    images: Tensor
    moved: Tensor | None


def draw_fakes(
    generator: GeneratorNetwork,
    discriminator: DiscriminatorNetwork,
    c: Tensor,
    config: TrainConfig,
    p: float,
    through: bool,
) -> Fakes:
    """Generated images for conditions `c [N, c_dim]`. p: ada's probability, under which latents are optimised.

    through: whether the images' gradients flow to the generator, through the optimised latents too; without, nothing
    has a gradient.
    """
    z, moved = random_z(len(c), generator, c.device), None
    if config.latent_steps:
        first = z
        z = optimise_latents(
            lambda latents: discriminator(augment(generator(latents, c), config.augment, p), c),
            first,
            steps=config.latent_steps,
            rate=config.latent_rate,
            damping=config.latent_damping if config.latent_kind == "natural" else None,
            share=config.latent_share,
            through=through,
        )
        moved = moving_cost(first, z)
    with torch.set_grad_enabled(through):
        w = generator.map(z, c)
        if config.style_mixing and generator.n_styles > 1:
            w = mix_some(w, generator.map(random_z(len(c), generator, c.device), c), config.style_mixing)
        return Fakes(generator.synthesize(w), moved)


def mix_some(w: Tensor, other: Tensor, share: float) -> Tensor:
    """Styles `w [N, n_styles, w_dim]` of which a `share` goes on with `other` from a random place on
    (mixing regularisation, Karras et al. 2019, section 3.1)."""
    n, places = w.shape[:2]
    begin = draws.integers(1, places, n, 1, 1, device=w.device)
    mixed = draws.uniform(n, 1, 1, device=w.device) < share
    later = torch.arange(places, device=w.device)[None, :, None] >= begin
    return torch.where(mixed & later, other, w)
