"""What training and sampling do to conditions, knowing only their layout.

A layout is `[(block name, size), …]`; in `c` `[N, c_dim]` each block is its presence bit followed by its
`size` values, so `c_dim = Σ (1 + size)`. An absent block is all zeros, bit included.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Layout = Sequence[tuple[str, int]]


def layout_dim(layout: Layout) -> int:
    """c_dim of a layout."""
    return sum(1 + size for _, size in layout)


def drop_blocks(c: Tensor, layout: Layout, probability: float) -> Tensor:
    """Condition dropout: for each row, each block is made absent with `probability`, on its own.

    What guidance and "any mix of blocks will do" rest on. Returns `c` itself where nothing can be dropped.
    """
    if not probability or not layout:
        return c
    sizes = torch.tensor([1 + size for _, size in layout], device=c.device)
    kept = torch.rand(len(c), len(layout), device=c.device) >= probability  # [N, blocks]
    return c * kept.to(c.dtype).repeat_interleave(sizes, dim=1, output_size=c.shape[1])


def mismatch(c: Tensor) -> Tensor:
    """Conditions handed to other rows: a cyclic shift by 1…N−1, the same for all, so none keeps its own."""
    if len(c) < 2:
        raise ValueError("a batch of one has no mismatched pairs")
    return c.roll(int(torch.randint(1, len(c), ())), dims=0)
