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

from data.errors import InputError
from gans.augment import ADA
from gans.batches import Batches
from gans.board import Board, Panel
from gans.compiling import compile_networks
from gans.conditions import Layout, layout_dim
from gans.config import TrainConfig
from gans.draws import place_and_number
from gans.fine_tune import Start
from gans.iteration import iterate
from gans.parallel import agree, first_goes_ahead, is_first
from gans.precision import keep_large_blocks
from gans.run import begin_run, only_one
from gans.schedule import condition_say, growth_level
from gans.snapshots import SNAPSHOTS, Evaluate, note_best, score, write_snapshot
from gans.state import TrainState, has_state

logger = logging.getLogger(__name__)

MOST_RETRIES = 3


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
    progress: called with (images shown, latest figures) now and then. stop: asked after each step. start: weights that
    a new run begins with. compile: whether networks are compiled, which changes last bits. tell: called with a line for
    the user.
    """

    panel: Panel | None = None
    evaluate: Evaluate | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    encoder_tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    progress: Callable[[int, Mapping[str, float]], None] = lambda shown, figures: None
    stop: Callable[[], bool] = lambda: False
    start: Start | None = None
    compile: bool = False
    tell: Callable[[str], None] = lambda line: None


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
    # What cannot begin fails here, before anything of it is on the disk.
    state = TrainState.build(config, layout_dim(data.layout), device)
    taken = None if around.start is None else around.start.put_into(state, config)
    with only_one(out):
        with first_goes_ahead():
            config = begin_run(out, config, data.card, device)
            if has_state(out):
                state.load(out)
            else:
                if taken is not None:
                    around.tell(f"begins with another's weights: {taken}")
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
    part, processes = config.batch_size // config.accumulate, place_and_number()[1]
    if part % processes:
        raise InputError("batch_size", f"{part} covers at once cannot be split evenly over {processes} processes")


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
        self.batches = Batches(data.covers, data.conditions, data.layout, data.rows, config)
        self.board = Board(out, state.shown) if is_first() else None
        self.clock = (time.monotonic(), state.shown)
        self.figures: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        if around.compile:
            compile_networks(state.generator, state.discriminator, config)

    def run(self) -> Path:
        config, state, panel, board = self.config, self.state, self.around.panel, self.board
        try:
            state.keep_to(config)
            if board is not None and panel is not None and not state.shown:
                board.introduce(panel, 0)
                board.draw(panel, state.averaged, 0)
            while state.shown < config.total_images and not agree(self.around.stop(), self.device):
                before = state.shown
                figures = iterate(state, self.batches, self.data.layout, config, self.device)
                if not all(np.isfinite(value) for value in figures.values()):
                    self._go_back()
                    continue
                self._keep_up(before, figures)
            self._save()
            snapshot = self._snapshot()
            if self.board is not None and state.shown >= config.total_images:
                figures = {"images_shown": float(state.shown), **self.metrics}
                self.board.finish(config.to_json(), figures, state.shown)
            return snapshot
        finally:
            if self.board is not None:
                self.board.close()

    def _keep_up(self, before: int, losses: Mapping[str, float]) -> None:
        """Writes what is due between `before` and now: points, panel, snapshot, state."""
        config, state = self.config, self.state
        state.keep_to(config)  # what is drawn and kept now is what a run that goes on from here would draw and keep
        self.figures |= losses
        if self._due(config.log_every, before):
            seconds, shown = time.monotonic() - self.clock[0], state.shown - self.clock[1]
            self.clock = (time.monotonic(), state.shown)
            self.figures["speed/images_per_second"] = shown / max(seconds, 1e-9)
            if self.board is not None:
                self.board.scalars({**self.figures, **self._dials()}, state.shown)
                self.around.progress(state.shown, self.figures)
        if self.board is not None and self.around.panel is not None and self._due(config.panel_every, before):
            self.board.draw(self.around.panel, state.averaged, state.shown)
        if self._due(config.snapshot_every, before):
            self._snapshot()
        if self._due(config.state_every, before):
            state.retries = 0
            self._save()

    def _dials(self) -> dict[str, float]:
        """What the clock and the gauges have set, where it can change."""
        config, state = self.config, self.state
        dials = {
            "lr/g": state.g_optimiser.param_groups[0]["lr"],
            "lr/d": state.d_optimiser.param_groups[0]["lr"],
            "ema/decay": state.average.decay,
        }
        if ADA in config.augment:
            dials["ada/p"] = float(state.gauges.p)
        if config.growth_images:
            dials["growth/level"] = growth_level(config, state.shown)
        if config.turn_after or config.turn_images:
            dials["turn/say"] = condition_say(config, state.shown)
        return dials

    def _save(self) -> None:
        """The state, after the events that lead up to it: a resumed run draws no point twice and misses none."""
        if self.board is not None:
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
        with first_goes_ahead():
            self.state.load(self.out)
        self.state.keep_to(self.config)
        self.state.retries = retries
        if self.board is not None:
            self.board.close()
            self.board = Board(self.out, self.state.shown)
        self.clock = (time.monotonic(), self.state.shown)
        for optimiser in (self.state.g_optimiser, self.state.d_optimiser):
            optimiser.zero_grad(set_to_none=True)
        logger.warning(
            "losses were not finite at %s images: back to the state at %s, return %d of %d",
            f"{at:,}",
            f"{self.state.shown:,}",
            retries,
            MOST_RETRIES,
        )

    def _snapshot(self) -> Path:
        """A bundle of the averaged generator as it is now, scored where an evaluation was given, the best one noted."""
        config, data, state = self.config, self.data, self.state
        folder = self.out / SNAPSHOTS / f"{state.shown:09d}"
        if self.board is None:
            return folder
        self.metrics = score(state.averaged, data.conditions[data.held_out], self.around.evaluate, self.device)
        self.board.scalars({f"metrics/{name}": value for name, value in self.metrics.items()}, state.shown)
        model = {**self.around.model, "data": dict(data.card), "metrics": self.metrics}
        if self.around.start is not None:
            model["started_from"] = self.around.start.bundle
        write_snapshot(self.out, state.averaged, state.shown, config, data.layout, model, self.around.encoder_tensors)
        if config.best_by in self.metrics:
            note_best(self.out, folder, config.best_by, self.metrics[config.best_by])
        return folder
