"""The one training loop. It owns the clock, the optimisers, the average and the disk; recipes differ in their config.

The clock is images shown. Each step's randomness is a function of the seed and the clock, the order of the data
too, and the state on disk is all there is: on a CPU, with the same number of threads, a run killed at any moment and
started again ends bit for bit as one that never stopped. (A GPU adds up in an order of its own: there it is close.)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.covers import to_uint8
from data.errors import InputError
from gans.batches import Batches
from gans.board import Board, Panel
from gans.bundle import write_bundle
from gans.conditions import Layout, drop_blocks, layout_dim
from gans.config import TrainConfig
from gans.generator import GeneratorNetwork
from gans.networks import count_parameters, gradient_norm
from gans.precision import keep_large_blocks
from gans.run import begin_run, only_one
from gans.sampling import random_z
from gans.state import TrainState, has_state
from gans.steps import discriminator_step, generator_step, penalty_due

logger = logging.getLogger(__name__)

MOST_RETRIES = 3
MOST_EVALUATED = 512
_EVALUATION_SEED = 1_000_000

Evaluate = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from.

    covers uint8 `[N, 3, H, W]`; conditions float32 `[N, c_dim]` with their layout (`[N, 0]` and `[]`: unconditional);
    rows and held_out: int64, which of the N to train on and which to be scored on; card: where all this comes
    from, with a `fingerprint`.
    """

    covers: np.ndarray
    conditions: np.ndarray
    layout: Layout
    rows: np.ndarray
    held_out: np.ndarray
    card: Mapping[str, Any]


@dataclass(frozen=True)
class Surroundings:
    """What the loop hands on without looking inside.

    evaluate: (generated covers uint8 `[M, 3, H, W]`, their conditions `[M, c_dim]`) → named figures.
    model: what model.json says beside the loop's own part; encoder_tensors: the bundle's fitted encoders.
    progress: called with (images shown, latest figures) now and then. stop: asked after each step.
    """

    panel: Panel | None = None
    evaluate: Evaluate | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    encoder_tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    progress: Callable[[int, Mapping[str, float]], None] = lambda shown, figures: None
    stop: Callable[[], bool] = lambda: False


class DivergedError(RuntimeError):
    """Training met numbers that are not finite, again and again."""


def train(
    config: TrainConfig,
    data: TrainingData,
    out: Path,
    surroundings: Surroundings | None = None,
    device: torch.device | str = "cpu",
) -> Path:
    """Trains until `config.total_images` have been shown or `stop` says so; on an existing run, goes on.

    Returns the newest snapshot, a bundle of the averaged generator. Raises `InputError` where `out` holds a
    run of another config or other data, `DivergedError` where losses stay non-finite after going back.
    """
    around = surroundings or Surroundings()
    device = torch.device(device)
    _check(config, data)
    keep_large_blocks()
    with only_one(out):
        config = begin_run(out, config, data.card, device)
        state = TrainState.build(config, layout_dim(data.layout), device)
        if has_state(out):
            state.load(out)
        else:
            state.save(out)
        return _Loop(config, data, out, around, device, state).run()


def _check(config: TrainConfig, data: TrainingData) -> None:
    resolution, c_dim = data.covers.shape[2], data.conditions.shape[1]
    if len(data.rows) < 2:
        raise InputError("dataset", f"{len(data.rows)} covers to train on; at least 2 are needed")
    if resolution != config.resolution:
        raise InputError("dataset", f"its covers are {resolution} px and the config says {config.resolution}")
    if c_dim != layout_dim(data.layout):
        raise InputError("dataset", f"conditions of {c_dim} numbers do not fit their layout")


class _Loop:
    """One process's run through the loop."""

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        out: Path,
        around: Surroundings,
        device: torch.device,
        state: TrainState,
    ) -> None:
        self.config, self.data, self.out, self.around = config, data, out, around
        self.device, self.state = device, state
        self.batches = Batches(data.covers, data.conditions, data.rows, config.seed, config.mirror)
        self.board = Board(out, state.shown)
        self.clock = (time.monotonic(), state.shown)
        self.figures: dict[str, float] = {}
        self.metrics: dict[str, float] = {}

    def run(self) -> Path:
        config, state, panel = self.config, self.state, self.around.panel
        try:
            if panel is not None and not state.shown:
                self.board.introduce(panel, 0)
                self.board.draw(panel, state.averaged, 0)
            while state.shown < config.total_images and not self.around.stop():
                before = state.shown
                losses = self._step()
                if not all(np.isfinite(value) for value in losses.values()):
                    self._go_back()
                    continue
                self._keep_up(before, losses)
            self._save()
            snapshot = self._snapshot()
            if state.shown >= config.total_images:
                figures = {"images_shown": float(state.shown), **self.metrics}
                self.board.finish(config.to_json(), figures, state.shown)
            return snapshot
        finally:
            self.board.close()

    def _step(self) -> dict[str, float]:
        """`d_steps` discriminator steps and one of the generator; returns named losses and gradient norms."""
        config, state = self.config, self.state
        state.generator.train()
        state.discriminator.train()
        torch.manual_seed(_seed_of(config.seed, state.shown, state.retries))
        figures: dict[str, torch.Tensor] = {}
        for _ in range(config.d_steps):
            images, c = self.batches.at(state.shown, config.batch_size, self.device)
            c = drop_blocks(c, self.data.layout, config.condition_dropout)
            penalise = penalty_due(config, state.shown)
            figures |= discriminator_step(state.generator, state.discriminator, images, c, config, penalise)
            figures["gradient_norm/d"] = gradient_norm(state.discriminator)
            _move(state.d_optimiser)
            state.shown += config.batch_size
        figures |= generator_step(state.generator, state.discriminator, c, config)
        figures["gradient_norm/g"] = gradient_norm(state.generator)
        _move(state.g_optimiser)
        state.average.follow(state.generator, config.batch_size * config.d_steps, state.shown)
        return {name: float(value) for name, value in figures.items()}

    def _keep_up(self, before: int, losses: Mapping[str, float]) -> None:
        """Writes what is due between `before` and now: points, panel, snapshot, state."""
        config, state = self.config, self.state
        self.figures |= losses
        if self._due(config.log_every, before):
            seconds, shown = time.monotonic() - self.clock[0], state.shown - self.clock[1]
            self.clock = (time.monotonic(), state.shown)
            self.figures["speed/images_per_second"] = shown / max(seconds, 1e-9)
            rates = {"lr/g": config.g_lr, "lr/d": config.d_lr, "ema/decay": state.average.decay}
            self.board.scalars({**self.figures, **rates}, state.shown)
            self.around.progress(state.shown, self.figures)
        if self.around.panel is not None and self._due(config.panel_every, before):
            self.board.draw(self.around.panel, state.averaged, state.shown)
        if self._due(config.snapshot_every, before):
            self._snapshot()
        if self._due(config.state_every, before):
            state.retries = 0
            self._save()

    def _save(self) -> None:
        """The state, after the events that lead up to it: a resumed run draws no point twice and misses none."""
        self.board.flush()
        self.state.save(self.out)

    def _due(self, every: int, before: int) -> bool:
        return before // every != self.state.shown // every

    def _go_back(self) -> None:
        """Returns to the last good state with other random numbers; gives up after `MOST_RETRIES`."""
        at, retries = self.state.shown, self.state.retries + 1
        if retries > MOST_RETRIES:
            raise DivergedError(
                f"losses were not finite at {at:,} images and again after {MOST_RETRIES} returns to the last good "
                "state; lower g_lr and d_lr or use --precision fp32"
            )
        self.state.load(self.out)
        self.state.retries = retries
        self.board.close()
        self.board = Board(self.out, self.state.shown)
        self.clock = (time.monotonic(), self.state.shown)
        for optimiser in (self.state.g_optimiser, self.state.d_optimiser):
            optimiser.zero_grad(set_to_none=True)
        logger.warning("losses were not finite at %s images: back to the state at %s, return %d of %d",
                       f"{at:,}", f"{self.state.shown:,}", retries, MOST_RETRIES)

    def _snapshot(self) -> Path:
        """A bundle of the averaged generator as it is now, scored where an evaluation was given."""
        state, generator = self.state, self.state.averaged
        folder = self.out / "snapshots" / f"{state.shown:09d}"
        self.metrics = self._evaluate()
        self.board.scalars({f"metrics/{name}": value for name, value in self.metrics.items()}, state.shown)
        model = {
            "recipe": self.config.recipe,
            "network": self.config.network,
            "resolution": self.config.resolution,
            "generator": {
                "resolution": self.config.resolution,
                "c_dim": self.data.conditions.shape[1],
                **self.config.generator,
            },
            "layout": [list(block) for block in self.data.layout],
            "images_shown": state.shown,
            "parameters": count_parameters(generator),
            "config": self.config.to_json(),
            "data": dict(self.data.card),
            "metrics": self.metrics,
        }
        return write_bundle(folder, generator, {**self.around.model, **model}, self.around.encoder_tensors)

    def _evaluate(self) -> dict[str, float]:
        """The evaluation's figures on covers generated for held-out tracks, whose music training never saw."""
        if self.around.evaluate is None or len(self.data.held_out) < 2:
            return {}
        c = self.data.conditions[self.data.held_out[:MOST_EVALUATED]]
        covers = _draw_many(self.state.averaged, c, self.device)
        return {name: float(value) for name, value in self.around.evaluate(covers, c).items()}


def _seed_of(*numbers: int) -> int:
    """One seed of several numbers, well mixed, so that neighbouring steps have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _move(optimiser: torch.optim.Optimizer) -> None:
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


@torch.inference_mode()
def _draw_many(generator: GeneratorNetwork, c: np.ndarray, device: torch.device, batch: int = 64) -> np.ndarray:
    """One cover for each condition `[M, c_dim]`, in batches: for scores, where a last bit does not matter."""
    torch.manual_seed(_EVALUATION_SEED)
    parts = []
    for begin in range(0, len(c), batch):
        conditions = torch.from_numpy(c[begin : begin + batch]).to(device)
        parts.append(to_uint8(generator(random_z(len(conditions), generator, device), conditions).float().cpu()))
    return torch.cat(parts).numpy()
