"""What every generator is to the rest of the package."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class GeneratorNetwork(nn.Module, ABC):
    """Latent and condition → image, in two halves, so that truncation and guidance can move `w` in between.

    An unconditional generator has `c_dim` 0 and is given conditions `[N, 0]`: no caller needs a special case.
    """

    resolution: int
    c_dim: int
    z_dim: int

    @abstractmethod
    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """Latent `[N, z_dim]`, condition `[N, c_dim]` → `w` `[N, w_dim]`."""

    @abstractmethod
    def synthesize(self, w: Tensor) -> Tensor:
        """`w` `[N, w_dim]` → images `[N, 3, H, W]`, float −1…1."""

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Images `[N, 3, H, W]` of latents and conditions."""
        return self.synthesize(self.map(z, c))
