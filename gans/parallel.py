"""Training on several processes, as `torchrun` starts them: the batch is split, gradients are averaged, one writes.

Every process holds the whole state and takes the same decisions; with the randomness of gans/draws.py the weights are
those of one process with the whole batch, up to the order in which numbers are added.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gans.draws import place_and_number

PATIENCE = datetime.timedelta(days=1)
"""How long processes wait for the first one, which may have a large dataset to listen to. (A few minutes are usual.)"""
SETTLE_S = 0.5
"""Gloo's threads need the interpreter to give back the last tensors; one that goes down meanwhile is aborted."""


@contextlib.contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Joins the processes that `torchrun` started (gloo on processors, NCCL on GPUs); alone, does nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    # Told its GPU, NCCL need not guess it from the process's place (and barriers would hang where it guesses wrong).
    gpu = device if device.type == "cuda" and device.index is not None else None
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE, device_id=gpu)
    try:
        yield
    finally:
        time.sleep(SETTLE_S)
        dist.destroy_process_group()


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return place_and_number()[0] == 0


@contextlib.contextmanager
def first_goes_ahead() -> Iterator[None]:
    """What stands in this block is done by the first process, then by all others: they find its work in the cache."""
    if not is_first():
        _wait()
    try:
        yield
    finally:
        if is_first():
            _wait()


def average_gradients(module: nn.Module) -> None:
    """Replaces each gradient by its mean over processes."""
    number = place_and_number()[1]
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    if number == 1 or not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, averaged in zip(gradients, (flat / number).split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(averaged.view_as(gradient))


def average_figures(figures: Mapping[str, Tensor]) -> dict[str, float]:
    """Numbers of scalars, each a mean over processes."""
    number = place_and_number()[1]
    values = torch.stack([value.detach().float() for value in figures.values()]) if figures else torch.zeros(0)
    if number > 1:
        dist.all_reduce(values)
    return dict(zip(figures, (values / number).tolist(), strict=True))


class _Summed(torch.autograd.Function):
    """The sum over processes. Each process's share of a loss grows by what it hands to all of them, so gradients are
    summed likewise, and theirs in turn."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        values = values.clone()
        dist.all_reduce(values)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Summed.apply(gradients[0])


def mean_of_all(values: Tensor) -> Tensor:
    """The mean over processes, which can be differentiated any number of times."""
    number = place_and_number()[1]
    return values if number == 1 else _Summed.apply(values) / number


def rows_of_all(values: Tensor) -> Tensor:
    """The rows of all processes in order, `[n, ...]` → `[n · number, ...]`; can be differentiated likewise."""
    place, number = place_and_number()
    if number == 1:
        return values
    before, after = (
        values.new_zeros(others * len(values), *values.shape[1:]) for others in (place, number - 1 - place)
    )
    return _Summed.apply(torch.cat([before, values, after]))


def agree(answer: bool, device: torch.device) -> bool:
    """The first process's answer, which is everyone's."""
    if place_and_number()[1] == 1:
        return answer
    said = torch.tensor([answer], dtype=torch.uint8, device=device)
    dist.broadcast(said, src=0)
    return bool(said)


def _wait() -> None:
    if place_and_number()[1] > 1:
        dist.barrier()
