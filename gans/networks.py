"""Networks by name, and what every pair of them has in common.

A generator has `resolution`, `c_dim`, `z_dim`, `map(z, c) -> w`, `synthesize(w) -> images` and
`forward = synthesize ∘ map`; a discriminator is `(images, c) -> logits [N]`. An unconditional model has
`c_dim` 0 and is given conditions `[N, 0]`, so no caller needs a special case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gans import dcgan


class GeneratorLike(Protocol):
    """What sampling needs of a generator."""

    resolution: int
    c_dim: int
    z_dim: int

    def map(self, z: Tensor, c: Tensor) -> Tensor: ...

    def synthesize(self, w: Tensor) -> Tensor: ...


NETWORKS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "dcgan": (dcgan.Generator, dcgan.Discriminator),
}


def build_generator(network: str, options: Mapping[str, Any]) -> nn.Module:
    """The generator `network` with its constructor's `options`."""
    return NETWORKS[network][0](**options)


def build_discriminator(network: str, options: Mapping[str, Any]) -> nn.Module:
    """The discriminator `network` with its constructor's `options`."""
    return NETWORKS[network][1](**options)


def count_parameters(module: nn.Module) -> int:
    """Number of trained scalars."""
    return sum(parameter.numel() for parameter in module.parameters())


def gradient_norm(module: nn.Module) -> Tensor:
    """Euclidean norm of all gradients of `module`, a scalar."""
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)
