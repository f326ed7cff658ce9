"""Muon: steps whose direction is orthogonal, for the weights between sound and code; AdamW for all others.

A gradient's momentum has few large singular values; made equal, the rest is learnt as fast (Jordan et al. 2024). In
the few hundred steps that a training here has, a network comes as far in half as many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.9
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5


class Muon(torch.optim.AdamW):
    """`rate`: how far a step turns a convolution's weights, times √3: their length is kept where a norm follows.

    Each group's `peak` is its rate before warm-up and fall.
    """

    def __init__(self, network: nn.Module, *, rate: float, learning_rate: float, weight_decay: float) -> None:
        modules = list(network.modules())
        turned = [each.weight for each in modules if isinstance(each, nn.Conv1d | nn.Conv2d) and each.bias is None]
        moved = [
            weight for each in modules if isinstance(each, nn.GRU) for weight in each.parameters() if weight.ndim == 2
        ]
        apart = {id(weight) for weight in (*turned, *moved)}
        rest = [weight for weight in network.parameters() if id(weight) not in apart]
        groups: list[dict[str, Any]] = [{"params": rest, "peak": learning_rate, "orthogonal": False, "turns": False}]
        for weights, turns in ((turned, True), (moved, False)):
            if weights:
                groups.append({"params": weights, "peak": rate, "orthogonal": True, "turns": turns})
        super().__init__(groups, lr=learning_rate, weight_decay=weight_decay, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"] if group["orthogonal"] else ():
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:  # AdamW looks for a step where there is any state
                    state |= {"step": torch.tensor(0.0), "momentum": torch.zeros_like(weight)}
                momentum = state["momentum"]
                momentum.mul_(MOMENTUM).add_(weight.grad)
                ahead = (weight.grad + MOMENTUM * momentum).flatten(1)  # [out, in]
                step = orthogonal(ahead) * max(1, ahead.shape[0] / ahead.shape[1]) ** 0.5
                weight.sub_(step.view_as(weight), alpha=group["lr"])
                if group["turns"]:
                    weight.mul_((len(weight) / 3) ** 0.5 / weight.norm())  # as long as it began
                weight.grad = None  # so that AdamW passes it by
        return super().step(closure)


def orthogonal(matrix: Tensor) -> Tensor:
    """About `matrix [m, n]` with all its singular values 1, within 0.7 … 1.2: five rounds of a quintic iteration."""
    a, b, c = _QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide else x.T
