"""Layers of the networks that listen: convolutions in pitch and time, what is pooled of them, and how."""

from __future__ import annotations

import functools
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolution(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, its norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class Block(nn.Module):
    """A 3×3 convolution beside a 1×1 shortcut (He et al. 2016), then the largest of each four neighbours.

    Of what both axes are halved by, a `hasty` block does half by a stride in time, and only the pitches by maxima.
    """

    def __init__(self, before: int, after: int, hasty: bool) -> None:
        super().__init__()
        stride, pool = ((1, 2), (2, 1)) if hasty else ((1, 1), (2, 2))
        self.main = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after)
        )
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))
        self.pool = LargestOf(*pool)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, before, H, W]` → `[B, after, ⌊H/2⌋, about W/2]`."""
        return self.pool(F.relu(self.main(x) + self.shortcut(x)))


class Around(nn.Module):
    """Rows in time, with what a convolution over those `apart` steps before and after adds to each."""

    def __init__(self, channels: int, apart: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=apart, dilation=apart, bias=False), nn.BatchNorm1d(channels)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """`[B, channels, t]` → the same shape."""
        return F.relu(rows + self.main(rows))


class LargestOf(nn.Module):
    """Max-pooling over `rows` × `columns` neighbours by whole slices, which is faster than PyTorch's own here."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.size = (rows, columns)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` → `[B, C, ⌊H/rows⌋, ⌊W/columns⌋]`."""
        rows, columns = self.size
        if self.training:
            return cast(Tensor, _Largest.apply(x, rows, columns))
        high, wide = x.shape[2] // rows * rows, x.shape[3] // columns * columns
        x = functools.reduce(torch.maximum, [x[:, :, k:high:rows] for k in range(rows)])
        return functools.reduce(torch.maximum, [x[..., k:wide:columns] for k in range(columns)])


class _Largest(torch.autograd.Function):
    """Max-pooling with its gradient: all that are largest together get it, which after a ReLU are zeros if not one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: int, columns: int) -> Tensor:
        ctx.places = [
            (..., slice(row, x.shape[2] // rows * rows, rows), slice(column, x.shape[3] // columns * columns, columns))
            for row in range(rows)
            for column in range(columns)
        ]
        largest = functools.reduce(torch.maximum, [x[place] for place in ctx.places])
        ctx.save_for_backward(x, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        x, largest = ctx.saved_tensors
        back = torch.zeros_like(x)
        for place in ctx.places:
            torch.mul(gradient, x[place] == largest, out=back[place])
        return back, None, None


class AttentivePool(nn.Module):
    """Mean and deviation over time, each channel weighing moments for itself (Okabe et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv1d(channels, channels, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """`[B, channels, t]` → `[B, 2 · channels]`."""
        rows = rows.float()  # squares less squares need all the digits there are
        weight = torch.softmax(self.weigh(rows).float(), dim=-1)
        mean = (weight * rows).sum(dim=-1)
        spread = ((weight * rows.square()).sum(dim=-1) - mean.square()).clamp(min=1e-4).sqrt()
        return torch.cat([mean, spread], dim=1)
