"""Equalised learning rate (Karras et al. 2018, section 4.1): weights are kept at unit variance and scaled when used.

Adam moves every weight by about its learning rate, whatever the weight's size. Where all are kept N(0, 1), and He's
constant is multiplied in at each use, all layers learn at one relative speed. A layer's multiplier `lr` makes it
learn that much slower than the others, and changes nothing of what it computes at first: its weights are kept 1 / lr
as large and used times lr (Karras et al. 2019, section 2).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Module = TypeVar("Module", bound=nn.Module)


class EqualLinear(nn.Module):
    """`[..., features]` → `[..., out]`: y = gain / √features · W x + b, with W ~ N(0, 1) and b = `bias` at first.

    `bias` None: no bias. `gain` is √2 where a rectifier follows that does not give it back itself.
    """

    def __init__(
        self, features: int, out: int, *, bias: float | None = 0.0, gain: float = 1.0, lr: float = 1.0
    ) -> None:
        super().__init__()
        self.lr, self.scale = lr, gain * lr / features**0.5
        self.weight = unit_normal(out, features, lr=lr)
        self.bias = None if bias is None else nn.Parameter(torch.full((out,), bias / lr))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, _times(self.bias, self.lr))


class EqualConv2d(nn.Module):
    """`[N, channels, H, W]` → `[N, out, H', W']`: y = gain / √(channels · size²) · (W ∗ x) + b, with W ~ N(0, 1).

    `bias` None: no bias. `padding` None keeps the size of the maps where `size` is odd.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        size: int,
        *,
        padding: int | None = None,
        bias: float | None = 0.0,
        gain: float = 1.0,
        lr: float = 1.0,
    ) -> None:
        super().__init__()
        self.lr, self.scale = lr, gain * lr / (channels * size * size) ** 0.5
        self.padding = size // 2 if padding is None else padding
        self.weight = unit_normal(out, channels, size, size, lr=lr)
        self.bias = None if bias is None else nn.Parameter(torch.full((out,), bias / lr))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.scaled_weight, _times(self.bias, self.lr), padding=self.padding)

    @property
    def scaled_weight(self) -> Tensor:
        """The weight as it is used, `[out, channels, size, size]`."""
        return self.weight * self.scale


def equalise(module: Module) -> Module:
    """`module`, each of its linear layers replaced by an equalised one with a bias of 0 where there was any."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            bias = None if child.bias is None else 0.0
            setattr(module, name, EqualLinear(child.in_features, child.out_features, bias=bias))
        else:
            equalise(child)
    return module


def unit_normal(*shape: int, lr: float = 1.0) -> nn.Parameter:
    """Weights of `shape`, N(0, 1 / lr²)."""
    weight = torch.empty(*shape)
    if not weight.is_meta:  # there, a normal draw would import torch's compiler, for a second
        nn.init.normal_(weight, std=1 / lr)
    return nn.Parameter(weight)


def _times(bias: Tensor | None, lr: float) -> Tensor | None:
    return bias if bias is None or lr == 1 else bias * lr
