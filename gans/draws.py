"""Random numbers with one row an image, for a batch that may be spread over processes.

Every process draws the rows of all and keeps its own, so two processes with half a batch each see what one with the
whole batch would. All randomness of a training step that has an image axis comes from here; what is one for the
whole batch (`torch.randint(…, ())`) is alike everywhere by its seed.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def place_and_number() -> tuple[int, int]:
    """This process's place and the number of processes; (0, 1) where there is only one."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def own_rows(rows: Tensor) -> Tensor:
    """This process's rows of `rows [n · number, ...]`: `[n, ...]`, neighbours staying together."""
    place, number = place_and_number()
    n = len(rows) // number
    return rows[place * n : (place + 1) * n]


def normal(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """Standard normal float32 `[n, *shape]`."""
    return own_rows(torch.randn(n * place_and_number()[1], *shape, device=device))


def uniform(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """Uniform float32 in [0, 1) `[n, *shape]`."""
    return own_rows(torch.rand(n * place_and_number()[1], *shape, device=device))


def integers(low: int, high: int, n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """Whole numbers int64 `[n, *shape]` from `low` to `high` − 1."""
    return own_rows(torch.randint(low, high, (n * place_and_number()[1], *shape), device=device))
