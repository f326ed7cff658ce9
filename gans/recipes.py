"""The recipes: one row a GAN. A row says only what differs from `TrainConfig`'s defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import InputError
from gans.config import TrainConfig

# Small data on a processor: non-saturating logistic loss with lazy R1 (Mescheder et al. 2018; Karras et al. 2020),
# augmentation inside the discriminator (Zhao et al. 2020).
_LOGISTIC_R1: dict[str, Any] = {
    "loss": "logistic",
    "r1": 0.2,
    "penalty_every": 16,
    "augment": ("colour", "translation"),
    "g_lr": 5e-4,
    "d_lr": 5e-4,
    "beta1": 0.0,
    "beta2": 0.99,
}

RECIPES: dict[str, dict[str, Any]] = {
    # Radford et al. 2016: batch norm in both networks, binary cross-entropy; labels after Salimans et al. 2016.
    "dcgan": {
        "loss": "bce",
        "label_smoothing": 0.1,
        "label_flip": 0.02,
        "discriminator": {"norm": "batch", "minibatch_deviation": False},
        "generator": {"noise": False},
    },
    # Arjovsky et al. 2017, algorithm 1: clipped weights, RMSProp(5e-5), five critic steps for each of the generator.
    "wgan": {
        "loss": "wasserstein",
        "clip": 0.01,
        "d_steps": 5,
        "optimiser": "rmsprop",
        "discriminator": {"norm": "batch", "minibatch_deviation": False},
        "g_lr": 5e-5,
        "d_lr": 5e-5,
    },
    # Gulrajani et al. 2017: five critic steps for each of the generator, Adam(1e-4, 0, 0.9), λ = 10.
    "wgan-gp": {
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "d_steps": 5,
        "discriminator": {"minibatch_deviation": False},
        "g_lr": 1e-4,
        "d_lr": 1e-4,
        "beta1": 0.0,
        "beta2": 0.9,
    },
    # Odena et al. 2017: the verdict hears no condition; a second head says which it sees, in real and generated images,
    # and both players want it right.
    "ac-gan": {
        "loss": "bce",
        "recognition": 1.0,
        "label_smoothing": 0.1,
        "discriminator": {"norm": "batch", "minibatch_deviation": False, "condition": "auxiliary"},
    },
    # Radford et al. 2016 as published, and as often trained on covers: batches of 16, 10,000 steps, a picture every 100
    # of them; real labels noisy, generated ones not.
    "dcgan-2016": {
        "network": "dcgan-2016",
        "loss": "bce",
        "label_smoothing": 0.1,
        "label_flip": 0.05,
        "batch_size": 16,
        "total_images": 160_000,
        "panel_every": 1_600,
    },
    # Karras et al. 2018: λ = 10, a drift penalty, one critic step, Adam(1e-3, 0, 0.99); phases of growth 24 times
    # shorter than the paper's, so that 64 px are reached within half of a default run.
    "progan": {
        "network": "progan",
        "loss": "wasserstein",
        "gradient_penalty": 10.0,
        "drift": 0.001,
        "growth_images": 25_000,
        "g_lr": 1e-3,
        "d_lr": 1e-3,
        "beta1": 0.0,
        "beta2": 0.99,
    },
    # Karras et al. 2020, with the adaptive augmentation of Karras et al. 2020b, five times as quick to adapt since runs
    # are short. Their rule gives γ = 0.0002·64² / 32 = 0.026 at 64 px and batches of 32; few covers ask for more.
    "stylegan2": {
        "network": "stylegan2",
        "loss": "logistic",
        "r1": 0.1,
        "penalty_every": 16,
        "style_mixing": 0.9,
        "path_length": 2.0,
        "path_length_every": 4,
        "augment": ("ada",),
        "ada_images": 100_000,
        "g_lr": 2.5e-3,
        "d_lr": 2.5e-3,
        "beta1": 0.0,
        "beta2": 0.99,
    },
    "logistic-r1": _LOGISTIC_R1,
    # Huang et al. 2024: relativistic loss, R1 and R2, no first moment; rates, penalties and β₂ go to their ends over
    # the run. Of the paper: γ 1 → 0.1 and factor 1/4 of the rate at 64 px; penalties every 4 steps, not every one.
    "r3gan": {
        "network": "r3gan",
        "loss": "relativistic",
        "r1": 1.0,
        "r2": 1.0,
        "penalty_every": 4,
        "augment": ("colour", "translation"),
        "g_lr": 4e-4,
        "d_lr": 4e-4,
        "beta1": 0.0,
        "beta2": 0.9,
        "beta2_end": 0.99,
        "schedule_images": 400_000,
        "lr_end": 0.25,
        "penalty_end": 0.1,
    },
    # The best covers within an hour on two cores: networks after Liu et al. 2021, whose discriminator must also restore
    # what it sees; loss, penalty and augmentation of `logistic-r1`.
    "small": {
        **_LOGISTIC_R1,
        "network": "small",
        "restoration": 1.0,
    },
    # Wu et al. 2019: latents take one natural gradient step before they are drawn, half of their numbers each;
    # networks and loss of `logistic-r1`.
    "logan": {
        **_LOGISTIC_R1,
        "latent_steps": 1,
        "latent_share": 0.5,
    },
    # `logistic-r1` with another prior: what a small trained quantum circuit makes of noise (the extra `quantum`).
    "quantum": {
        **_LOGISTIC_R1,
        "network": "quantum",
    },
}


def resolve(recipe: str, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
    """The row `recipe` with `overrides` on top; options of the networks are merged key by key."""
    if recipe not in RECIPES:
        raise InputError(recipe, f"no such recipe; known: {', '.join(RECIPES)}")
    values = {"recipe": recipe, **RECIPES[recipe]}
    for key, value in (overrides or {}).items():
        merges = isinstance(value, Mapping) and isinstance(values.get(key), Mapping)
        values[key] = {**values[key], **value} if merges else value
    return TrainConfig.from_json(values)
