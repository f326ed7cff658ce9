"""Everything that the training loop holds, and its exact return from disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor, nn

from data.errors import InputError
from data.training_state import load_state, save_state
from gans.config import TrainConfig
from gans.discriminator import DiscriminatorNetwork
from gans.ema import MovingAverage
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding
from gans.networks import build_discriminator, build_generator
from gans.precision import place
from gans.schedule import beta2, condition_say, growth_level, learning_rate_scale

STATE_FILE = Path("state") / "latest.pt"


class Gauges(nn.Module):
    """What a run measures of itself and acts upon: ada's probability, the running mean of path lengths."""

    p: Tensor
    path_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("p", "path_mean"):
            self.register_buffer(name, torch.zeros(()))


@dataclass
class TrainState:
    """`shown` is the clock, images shown; `retries` counts the returns to a good state since the last new one."""

    generator: GeneratorNetwork
    discriminator: DiscriminatorNetwork
    average: MovingAverage
    g_optimiser: torch.optim.Optimizer
    d_optimiser: torch.optim.Optimizer
    gauges: Gauges
    shown: int = 0
    retries: int = 0

    @property
    def averaged(self) -> GeneratorNetwork:
        """The generator of averaged weights: what is drawn, scored and shipped."""
        return cast(GeneratorNetwork, self.average.module)

    @classmethod
    def build(cls, config: TrainConfig, c_dim: int, device: torch.device) -> Self:
        """A fresh state, its weights a function of the config's seed."""
        torch.manual_seed(config.seed)
        sizes = {"resolution": config.resolution, "c_dim": c_dim}
        generator = place(build_generator(config.network, {**sizes, **config.generator}), device)
        discriminator = place(build_discriminator(config.network, {**sizes, **config.discriminator}), device)
        for network, frozen in ((generator, config.freeze_g), (discriminator, config.freeze_d)):
            stages = network.stages()
            if frozen > len(stages):
                raise InputError("freeze", f"{frozen} stages of a network that has {len(stages)}")
            for stage in stages[:frozen]:
                stage.requires_grad_(False)
        average = MovingAverage(generator, config.ema_images, config.ema_ramp)
        return cls(
            generator,
            discriminator,
            average,
            _optimiser(generator, config, config.g_lr),
            _optimiser(discriminator, config, config.d_lr),
            Gauges().to(device),
        )

    def keep_to(self, config: TrainConfig) -> None:
        """Sets what is a function of the clock: growth, what conditions say, learning rates, β₂."""
        level, say = growth_level(config, self.shown), condition_say(config, self.shown)
        for network in (self.generator, self.discriminator, self.averaged):
            network.grow(level)
            for module in network.modules():
                if isinstance(module, ConditionEmbedding):
                    module.say = say
        scale = learning_rate_scale(config, self.shown)
        for optimiser, rate in ((self.g_optimiser, config.g_lr), (self.d_optimiser, config.d_lr)):
            for group in optimiser.param_groups:
                group["lr"] = rate * scale
                if "betas" in group:
                    group["betas"] = (config.beta1, beta2(config, self.shown))

    def save(self, run: Path) -> None:
        """Writes `state/latest.pt` whole or not at all."""
        save_state(run / STATE_FILE, self._parts(), {"shown": self.shown, "retries": self.retries})

    def load(self, run: Path) -> None:
        """Puts everything back as it was saved, bit for bit; `InputError` where the file does not fit."""
        counters = load_state(run / STATE_FILE, self._parts(), ("shown", "retries"), "this run")
        self.shown, self.retries = counters["shown"], counters["retries"]

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average,
            "g_optimiser": self.g_optimiser,
            "d_optimiser": self.d_optimiser,
            "gauges": self.gauges,
        }


def _optimiser(network: nn.Module, config: TrainConfig, rate: float) -> torch.optim.Optimizer:
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not trained:
        raise InputError("freeze", "nothing is left to train")
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(trained, lr=rate)
    return torch.optim.Adam(trained, lr=rate, betas=(config.beta1, config.beta2), fused=True)


def has_state(run: str | os.PathLike[str]) -> bool:
    """Whether a run holds a state to go on from."""
    return (Path(run) / STATE_FILE).exists()
