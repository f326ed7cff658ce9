"""What training and sampling do to conditions, knowing only their layout.

A layout is `[(block name, size), …]`; in `c` `[N, c_dim]` each block is its presence bit followed by its
`size` values, so `c_dim = Σ (1 + size)`. An absent block is all zeros, bit included. Dropout and mismatch are done to
the whole batch, before it is spread over processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Layout = Sequence[tuple[str, int]]

CLASSES = ("tags",)
"""Blocks whose values are shares of classes; all others are numbers."""


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


def mismatch(c: Tensor) -> Tensor | None:
    """For each row of `c [N, c_dim]` the condition of another row, drawn among those that differ from its own.

    A mere shift would now and then hand an image its own condition (equal tags, all blocks dropped), which would
    teach that a right pair is wrong. None where all rows are equal.
    """
    differs = (c[:, None] != c[None]).any(dim=2)  # [N, N]
    if not differs.any():
        return None
    return c[torch.multinomial(differs.float(), 1).squeeze(1)]


def recognition_loss(estimate: Tensor, c: Tensor, layout: Layout) -> Tensor:
    """How far an auxiliary head's `estimate [N, c_dim]` is from the condition `c [N, c_dim]`, a mean over images.

    Numbers: squared error, a mean over a block's values; classes: cross-entropy of the estimate as logits with their
    shares (Odena et al. 2017, eq. 3, L_C). Each image averages over the blocks that are present in it.
    """
    total, present = estimate.new_zeros(len(c)), estimate.new_zeros(len(c))
    for name, bit, values in blocks_of(layout):
        wanted, said = c[:, values], estimate[:, values]
        if name in CLASSES:
            shares = wanted.clamp(min=0)
            whole = shares.sum(dim=1)
            loss = -(shares / whole.clamp(min=1e-6)[:, None] * F.log_softmax(said, dim=1)).sum(dim=1)
            here = c[:, bit] * (whole > 0)
        else:
            loss, here = (said - wanted).square().mean(dim=1), c[:, bit]
        total, present = total + here * loss, present + here
    return (total / present.clamp(min=1)).mean()


def blocks_of(layout: Layout) -> Iterator[tuple[str, int, slice]]:
    """Each block's name, the place of its presence bit in `c`, and those of its values."""
    begin = 0
    for name, size in layout:
        yield name, begin, slice(begin + 1, begin + 1 + size)
        begin += 1 + size
