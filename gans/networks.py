"""Networks by name: a generator and the discriminator `(images, c) -> logits [N]` that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gans import dcgan, dcgan2016, progan, quantum, r3gan, small, stylegan2
from gans.discriminator import DiscriminatorNetwork
from gans.generator import GeneratorNetwork

NETWORKS: dict[str, tuple[type[GeneratorNetwork], type[DiscriminatorNetwork]]] = {
    "dcgan": (dcgan.Generator, dcgan.Discriminator),
    "dcgan-2016": (dcgan2016.Generator, dcgan2016.Discriminator),
    "progan": (progan.Generator, progan.Discriminator),
    "stylegan2": (stylegan2.Generator, stylegan2.Discriminator),
    "r3gan": (r3gan.Generator, r3gan.Discriminator),
    "small": (small.Generator, small.Discriminator),
    "quantum": (quantum.Generator, dcgan.Discriminator),
}


def build_generator(network: str, options: Mapping[str, Any]) -> GeneratorNetwork:
    """The generator `network` with its constructor's `options`."""
    return NETWORKS[network][0](**options)


def build_discriminator(network: str, options: Mapping[str, Any]) -> DiscriminatorNetwork:
    """The discriminator `network` with its constructor's `options`."""
    return NETWORKS[network][1](**options)


def count_parameters(module: nn.Module) -> int:
    """Number of trained scalars."""
    return sum(parameter.numel() for parameter in module.parameters())


def gradient_norm(module: nn.Module) -> Tensor:
    """Euclidean norm of all gradients of `module`, a scalar."""
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)
