"""What every discriminator is to the rest of the package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from gans.verdict import Verdict


class Features(NamedTuple):
    """What a discriminator has seen of images: `vector` float32 `[N, F]`, and maps that only it can read."""

    vector: Tensor
    maps: tuple[Tensor, ...] = ()


class DiscriminatorNetwork(nn.Module, ABC):
    """Images → features, once; features and conditions → logits, as often as one likes.

    Features know no condition: one image judged under two conditions is looked at once. Every network's `verdict`
    is the same small head, and says how the condition enters.
    """

    resolution: int
    c_dim: int
    verdict: Verdict

    @abstractmethod
    def features(self, images: Tensor) -> Features:
        """Images `[N, 3, H, W]` float −1…1 → features."""

    @abstractmethod
    def stages(self) -> Sequence[nn.Module]:
        """The parts that look, from the image inwards: what freezing counts by (FreezeD, Mo et al. 2020)."""

    def judge(self, features: Features, c: Tensor) -> Tensor:
        """Logits float32 `[N]` of features under conditions `[N, c_dim]`, positive for real."""
        return self.verdict(features.vector, c)

    def recognise(self, features: Features) -> Tensor | None:
        """The condition `[N, c_dim]` that features speak of, None where the network was not built to say."""
        return self.verdict.recognise(features.vector)

    def restore(self, features: Features, images: Tensor) -> Tensor | None:
        """A self-supervised loss: how far `images` are from what their features can restore; None without such."""
        return None

    def grow(self, level: float) -> None:
        """Looks at 2^⌈level⌉ px from now on, faded in by the level's fraction; nothing in a network of one size."""

    def look(self, images: Tensor) -> Tensor:
        """Real images `[N, 3, resolution, resolution]` as the generator would have to draw them now."""
        return images

    def forward(self, images: Tensor, c: Tensor) -> Tensor:
        """Logits float32 `[N]` of images `[N, 3, H, W]` under conditions `[N, c_dim]`."""
        # The class's own, never a compiled one in its place (gans/compiling.py): penalties differentiate it twice.
        return self.judge(type(self).features(self, images), c)
