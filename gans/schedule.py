"""What changes in the course of a run, each a function of the clock alone, images shown."""

from __future__ import annotations

import math

from gans.config import TrainConfig


def progress_of(config: TrainConfig, shown: int) -> float:
    """0 at the start, 1 from `schedule_images` on, by half a cosine (Loshchilov & Hutter 2017); without one 0."""
    if not config.schedule_images:
        return 0.0
    return (1 - math.cos(math.pi * min(shown / config.schedule_images, 1))) / 2


def learning_rate_scale(config: TrainConfig, shown: int) -> float:
    """What both learning rates are multiplied by: a linear rise over `warm_images`, then from 1 to `lr_end`."""
    rise = min((shown + config.batch_size) / config.warm_images, 1.0) if config.warm_images else 1.0
    return rise * (1 + (config.lr_end - 1) * progress_of(config, shown))


def penalty_scale(config: TrainConfig, shown: int) -> float:
    """What gradient penalties are multiplied by: from 1 to `penalty_end`."""
    return 1 + (config.penalty_end - 1) * progress_of(config, shown)


def beta2(config: TrainConfig, shown: int) -> float:
    """Adam's β₂: from `beta2` to `beta2_end`, its distance from 1 changing by a constant factor (Huang et al. 2024)."""
    if not config.beta2_end:
        return config.beta2
    start, end = math.log(1 - config.beta2), math.log(1 - config.beta2_end)
    return 1 - math.exp(start + (end - start) * progress_of(config, shown))


def growth_level(config: TrainConfig, shown: int) -> float:
    """log₂ of the side in pixels at which networks that grow work, its fraction the share of the newest stage.

    Every `growth_images` are shown in turn at 4 px, fading in 8 px, at 8 px, fading in 16 px, … (Karras et al. 2018).
    """
    highest = math.log2(config.resolution)
    if not config.growth_images:
        return highest
    phase = shown / config.growth_images
    stage, fading = divmod(phase - 1, 2)
    return min(2.0 if phase < 1 else 2 + stage + min(fading, 1.0), highest)


def condition_say(config: TrainConfig, shown: int) -> float:
    """How much conditions say: 0 for `turn_after` images, rising over `turn_images` to 1 (Shahbazi et al. 2022)."""
    if not config.turn_images:
        return float(shown >= config.turn_after)
    return min(max((shown - config.turn_after) / config.turn_images, 0.0), 1.0)
