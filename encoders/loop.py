"""The one loop that trains encoders: clock, optimiser, averaged weights and the state on disk.

The clock counts steps. All randomness of a step is a function of seed and step, and the state on disk is all there
is: on a CPU, with the same number of threads, a training killed at any moment and started again ends bit for bit as
one that never stopped.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from data.checks import one_of
from data.errors import InputError
from data.training_state import load_state, save_state
from encoders.options import Options, within

STATE_FILE = Path("state") / "latest.pt"
PRECISIONS = ("auto", "fp32", "bf16")

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Pace(Options):
    """How long and how fast a network is trained; lengths and intervals are in steps."""

    steps: int = 800
    batch_size: int = 32
    learning_rate: float = 2e-3  # after the warm-up; from there it falls as half a cosine
    weight_decay: float = 0.1
    warmup_steps: int = 100
    clip_norm: float = 5.0  # longest gradient
    average: float = 0.995  # decay of the averaged weights a step
    precision: str = "auto"
    report_every: int = 20
    examine_every: int = 200
    save_every: int = 100

    def __post_init__(self) -> None:
        one_of("precision", self.precision, PRECISIONS)
        within(self, 1, 1e9, "steps", "report_every", "examine_every", "save_every")
        within(self, 2, 4096, "batch_size")
        within(self, 0, 1, "learning_rate", "weight_decay")
        within(self, 0, 1e9, "warmup_steps")
        within(self, 1e-3, 1e6, "clip_norm")
        within(self, 0, 0.99999, "average")

    def share(self, step: int) -> float:
        """Which share of its highest rate a step has."""
        warm = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        return warm * 0.5 * (1 + math.cos(math.pi * min(step / self.steps, 1.0)))

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.learning_rate * self.share(step)


@dataclass
class Learner(Generic[Network]):
    """All that the loop holds: `network` learns, `averaged` follows it and is what is used; `step` is the clock."""

    network: Network
    averaged: Network
    optimiser: torch.optim.Optimizer
    step: int = 0

    @classmethod
    def begin(cls, network: Network, pace: Pace, optimiser: torch.optim.Optimizer | None = None) -> Learner[Network]:
        """A fresh one; its optimiser is AdamW unless another is given."""
        if optimiser is None:
            optimiser = torch.optim.AdamW(
                network.parameters(), lr=pace.learning_rate, weight_decay=pace.weight_decay, fused=True
            )
        return cls(network, copy.deepcopy(network).eval().requires_grad_(False), optimiser)

    def save(self, folder: Path) -> None:
        """Writes `state/latest.pt` whole or not at all."""
        save_state(folder / STATE_FILE, self._parts(), {"step": self.step})

    def load(self, folder: Path) -> None:
        """Puts everything back as it was saved, bit for bit; `InputError` where the file does not fit."""
        self.step = load_state(folder / STATE_FILE, self._parts(), ("step",), "this encoder")["step"]

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "averaged": self.averaged, "optimiser": self.optimiser}

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Moves the averaged weights and buffers toward the network's, faster in the first steps."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        values = self.network.state_dict()
        for name, average in self.averaged.state_dict().items():
            if average.is_floating_point():
                average.lerp_(values[name], 1 - decay)
            else:
                average.copy_(values[name])


def train_network(
    learner: Learner[Network],
    losses: Callable[[Network, int], Mapping[str, tuple[float, Tensor]]],
    pace: Pace,
    *,
    seed: int,
    device: torch.device,
    folder: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    told: Callable[[int, Mapping[str, float]], None] = lambda step, figures: None,
    examine: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains from where `learner` stands until `pace.steps`, or until `stop` says so, and saves its state.

    `losses(network, step)` gives each loss's weight and value by name; their weighted sum is what falls. `told` gets
    the figures of a step now and then, `examine` is called when it is due, and at the end. Raises `InputError` where
    a loss is not finite.
    """
    precision = resolve_precision(pace.precision, device)
    while learner.step < pace.steps and not stop():
        step = learner.step
        torch.manual_seed(int(np.random.SeedSequence((seed, 2, step)).generate_state(1, np.uint64)[0] >> 1))
        for group in learner.optimiser.param_groups:
            group["lr"] = group.get("peak", pace.learning_rate) * pace.share(step)
        learner.network.train()
        with autocast(precision, device):
            found = losses(learner.network, step)
        loss = torch.stack([weight * value.float() for weight, value in found.values()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(learner.network.parameters(), pace.clip_norm)
        if not loss.isfinite() or not norm.isfinite():
            raise InputError("training", f"the losses are not finite at step {step:,}; lower learning_rate")
        learner.optimiser.step()
        learner.optimiser.zero_grad(set_to_none=True)
        learner.follow(pace.average)
        learner.step += 1
        if learner.step % pace.report_every == 0:
            figures = {f"loss/{name}": float(value.detach()) for name, (_, value) in found.items()}
            told(
                learner.step,
                {"loss": float(loss.detach()), **figures, "gradient_norm": float(norm), "rate": pace.rate(step)},
            )
        if learner.step % pace.examine_every == 0 and learner.step < pace.steps:
            examine(learner.step)
        if folder is not None and learner.step % pace.save_every == 0:
            learner.save(folder)
    examine(learner.step)
    if folder is not None:
        learner.save(folder)


def resolve_precision(precision: str, device: torch.device) -> str:
    """`auto` → "bf16" where the processor computes in it, else "fp32"."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    known = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16" if known else "fp32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """The context in which networks run at `precision`; weights and optimiser state stay float32."""
    return contextlib.nullcontext() if precision == "fp32" else torch.autocast(device.type, dtype=torch.bfloat16)


def has_state(folder: Path) -> bool:
    """Whether a folder holds a training that can go on."""
    return (folder / STATE_FILE).exists()
