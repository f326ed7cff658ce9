"""One iteration of a training: the steps of both players on their batches, and what goes along with their weights.

All chance in it is a function of the seed, the clock and how often the run has gone back.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from gans.ada import adapted
from gans.augment import ADA
from gans.batches import Batches, Part
from gans.conditions import Layout
from gans.config import TrainConfig
from gans.networks import gradient_norm
from gans.parallel import average_figures, average_gradients
from gans.schedule import penalty_scale
from gans.state import TrainState
from gans.steps import Losses, Moment, discriminator_step, generator_step, path_length_due, penalty_due

PATH_MEMORY = 0.01
"""Share of the running mean of path lengths that each new measurement takes."""


def iterate(
    state: TrainState, batches: Batches, layout: Layout, config: TrainConfig, device: torch.device
) -> dict[str, float]:
    """`d_steps` discriminator steps and, once `lead_images` are shown, one of the generator; returns named losses and
    gradient norms.

    Moves weights, optimisers, average, clock and gauges of `state`; its schedules are the loop's.
    """
    state.generator.train()
    state.discriminator.train()
    torch.manual_seed(_seed_of(config.seed, state.shown, state.retries))
    figures: dict[str, Tensor] = {}
    parts: list[Part] = []
    for _ in range(config.d_steps):
        parts, moment = list(batches.at(state.shown, device)), _moment_of(state, layout, config)
        figures |= _mean(
            [discriminator_step(state.generator, state.discriminator, *part, config, moment) for part in parts]
        )
        figures["gradient_norm/d"] = _move(state.d_optimiser, state.discriminator)
        if config.clip:
            _clip(state.discriminator, config.clip)
        state.shown += config.batch_size
    if state.shown > config.lead_images:
        moment = _moment_of(state, layout, config)
        figures |= _mean(
            [generator_step(state.generator, state.discriminator, p.images, p.c, config, moment) for p in parts]
        )
        figures["gradient_norm/g"] = _move(state.g_optimiser, state.generator)
    state.average.follow(state.generator, config.batch_size * config.d_steps, state.shown)
    known = average_figures(figures)
    _read_gauges(known, state, config, device)
    return known


def _moment_of(state: TrainState, layout: Layout, config: TrainConfig) -> Moment:
    return Moment(
        layout=layout,
        penalise=penalty_due(config, state.shown),
        penalty_scale=penalty_scale(config, state.shown),
        lengthen=path_length_due(config, state.shown),
        p=float(state.gauges.p),
        path_mean=state.gauges.path_mean,
    )


def _read_gauges(figures: Mapping[str, float], state: TrainState, config: TrainConfig, device: torch.device) -> None:
    """Moves ada's probability toward its target and the mean path length toward what was measured."""
    gauges = state.gauges
    if ADA in config.augment:
        share = config.batch_size * config.d_steps / config.ada_images
        gauges.p.fill_(adapted(float(gauges.p), figures["logits/sign"], config.ada_target, share))
    if "path/length" in figures:
        gauges.path_mean.lerp_(torch.tensor(figures["path/length"], device=device), PATH_MEMORY)


def _seed_of(*numbers: int) -> int:
    """One seed of several numbers, well mixed, so that neighbouring steps have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _move(optimiser: torch.optim.Optimizer, network: nn.Module) -> Tensor:
    """One step along the gradients of all processes; returns their norm."""
    average_gradients(network)
    norm = gradient_norm(network)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return norm


@torch.no_grad()
def _clip(network: nn.Module, bound: float) -> None:
    """Holds every weight that is trained within ± `bound`: the WGAN of Arjovsky et al. 2017, algorithm 1."""
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.clamp_(-bound, bound)


def _mean(parts: list[Losses]) -> dict[str, Tensor]:
    """Mean of each figure over the parts that a batch was computed in."""
    names = dict.fromkeys(name for part in parts for name in part)  # one part may have wrong pairs, another one none
    return {name: torch.stack([part[name] for part in parts if name in part]).mean() for name in names}
