"""A generator without conditions that follows the music after all: each track gets a point in its latent space.

Codes of tracks `[N, d]` are mapped to a standard normal `u` `[N, k]` (`gans.gaussianise`), and this is spread over all
of z: every axis of z hears one direction of u,

    z = √own · A u + √(1 − own) · z(seed),   each row of A of length 1,

so that every axis of z is N(0, 1) over tracks and seeds, as the generator was trained, and |z − z'| grows with
|u − u'|: near tracks lie near. `own` is the track's share: the seed gives variety around a track's point. Left to
itself, A is a stack of random rotations; `pull_to_targets` turns it toward latents whose covers resemble the tracks'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gans.gaussianise import Gaussianiser, fit_gaussianiser, random_rotation
from gans.generator import GeneratorNetwork
from gans.sampling import latent_of_seed

OWN = 0.9
_RIDGE = 1.0


class Alignment(nn.Module):
    """Codes `[N, d]` and seeds' latents `[N, z_dim]` → latents `[N, z_dim]`."""

    spread: Tensor

    def __init__(self, points: Gaussianiser, z_dim: int, own: float = OWN) -> None:
        """own: the track's share of the variance of z; the rest is the seed's."""
        super().__init__()
        if not 0 < own <= 1:
            raise ValueError(f"own is above 0 and at most 1, not {own}")
        self.own = own
        self.points = points
        self.register_buffer("spread", torch.zeros(z_dim, points.widths[-1]))

    def forward(self, codes: Tensor, z: Tensor) -> Tensor:
        return self.own**0.5 * self.points(codes) @ self.spread.T + (1 - self.own) ** 0.5 * z

    def config(self) -> dict[str, Any]:
        """What `described` builds an empty one from, as JSON values."""
        return {"widths": self.points.widths, "n_knots": self.points.n_knots, "own": self.own}

    @classmethod
    def described(cls, config: Mapping[str, Any], z_dim: int) -> Alignment:
        """The alignment of `config`, yet to be given its numbers."""
        return cls(Gaussianiser(config["widths"], config["n_knots"]), z_dim, config["own"])

    def encode(self, codes: np.ndarray, seed: int) -> np.ndarray:
        """Latents float32 `[N, z_dim]` of the codes `[N, d]` of N tracks under one seed."""
        z = latent_of_seed(seed, len(self.spread))
        return self(torch.from_numpy(np.asarray(codes, np.float32)), z.expand(len(codes), -1)).numpy()


def fit_alignment(codes: np.ndarray, z_dim: int, own: float = OWN, seed: int = 0) -> Alignment:
    """Fitted to the codes `[N, d]` of tracks; the same codes and seed give the same. `InputError` as from fitting."""
    alignment = Alignment(fit_gaussianiser(codes, z_dim, seed), z_dim, own)
    k, rng = alignment.spread.shape[1], np.random.default_rng(seed)
    rotations = [random_rotation(k, rng) for _ in range(-(-z_dim // k))]
    alignment.spread = torch.from_numpy(np.concatenate(rotations)[:z_dim]).float()
    return alignment


def pull_to_targets(alignment: Alignment, codes: np.ndarray, targets: np.ndarray) -> None:
    """Turns `alignment` so that tracks with `codes` `[N, d]` come near `targets` `[N, z_dim]`, in place.

    Ridge regression of the targets on u; of its matrix only the turn is kept (the orthogonal factor, as in
    Procrustes' problem), and each row is made 1 long again, so that every axis of z stays N(0, 1).
    """
    u = alignment.points(torch.from_numpy(np.asarray(codes, np.float32))).double().numpy()
    centred = targets - targets.mean(axis=0)
    ridge = np.linalg.solve(u.T @ u + _RIDGE * np.eye(u.shape[1]), u.T @ centred)  # [k, z_dim]
    left, _, right = np.linalg.svd(ridge.T, full_matrices=False)
    turn = left @ right  # [z_dim, k]
    length = np.linalg.norm(turn, axis=1, keepdims=True)
    turned = np.where(length > 1e-6, turn / np.maximum(length, 1e-6), alignment.spread.double().numpy())
    alignment.spread = torch.from_numpy(turned).float()


class AlignedGenerator(GeneratorNetwork):
    """An unconditional `network` behind an alignment: its condition is a track's code with its presence bit.

    Where the code is absent it draws what the seed alone says, as `network` does; so guidance and truncation mean
    here what they mean for any generator with conditions.
    """

    def __init__(self, network: GeneratorNetwork, alignment: Alignment) -> None:
        super().__init__()
        if network.c_dim or len(alignment.spread) != network.z_dim:
            raise ValueError("an alignment is for a generator without conditions, and for its size of z")
        self.network, self.alignment = network, alignment
        self.resolution, self.z_dim, self.n_styles = network.resolution, network.z_dim, network.n_styles
        self.c_dim = 1 + alignment.points.widths[0]

    @classmethod
    def described(cls, network: GeneratorNetwork, config: Mapping[str, Any]) -> AlignedGenerator:
        """`network` behind an alignment of `config`, yet to be given its numbers."""
        return cls(network, Alignment.described(config, network.z_dim))

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        aligned = torch.where(c[:, :1] > 0, self.alignment(c[:, 1:], z), z)
        return self.network.map(aligned, c[:, :0])

    def synthesize(self, w: Tensor) -> Tensor:
        return self.network.synthesize(w)

    def stages(self) -> Sequence[nn.Module]:
        return self.network.stages()

    def grow(self, level: float) -> None:
        self.network.grow(level)
