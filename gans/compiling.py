"""Compiled networks, where that helps: what a step runs forward and once backward."""

from __future__ import annotations

import torch

from gans.config import TrainConfig
from gans.discriminator import DiscriminatorNetwork
from gans.generator import GeneratorNetwork


def compile_networks(generator: GeneratorNetwork, discriminator: DiscriminatorNetwork, config: TrainConfig) -> None:
    """Puts compiled `synthesize` and `features` in the place of the networks' own, weights untouched.

    The compiler differentiates once: a generator whose path lengths are regularised stays as it is, and so do both
    where latents are optimised. Growing networks are compiled anew at each size.
    """
    if config.latent_steps:
        return
    if not config.path_length:
        generator.synthesize = torch.compile(generator.synthesize)  # type: ignore[method-assign]
    discriminator.features = torch.compile(discriminator.features)  # type: ignore[method-assign]
