"""What every generator is to the rest of the package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn


class GeneratorNetwork(nn.Module, ABC):
    """Latent and condition → image, in two halves, so that truncation, guidance and mixing can move `w` in between.

    `w` `[N, n_styles, w_dim]` holds one style for each place that hears one, from coarse to fine; `map` gives all of
    them the same or its own. An unconditional generator has `c_dim` 0 and is given conditions `[N, 0]`: no caller
    needs a special case.
    """

    resolution: int
    c_dim: int
    z_dim: int
    n_styles: int  # a class that says it itself has as many at every size

    @abstractmethod
    def map(self, z: Tensor, c: Tensor) -> Tensor:
        """Latent `[N, z_dim]`, condition `[N, c_dim]` → `w` `[N, n_styles, w_dim]`."""

    @abstractmethod
    def synthesize(self, w: Tensor) -> Tensor:
        """`w` `[N, n_styles, w_dim]` → images `[N, 3, H, W]`, float −1…1; H = W = `resolution`, less while growing."""

    @abstractmethod
    def stages(self) -> Sequence[nn.Module]:
        """The parts that draw, from coarse to fine: what freezing counts by."""

    def grow(self, level: float) -> None:
        """Draws at 2^⌈level⌉ px from now on, faded in by the level's fraction; nothing in a network of one size."""

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Images `[N, 3, H, W]` of latents and conditions."""
        return self.synthesize(self.map(z, c))
