"""Training at toy size: recipes with small networks, data of noise."""

import inspect
from typing import Any

import numpy as np
import pytest

from gans.config import NETWORK_ROLES, TrainConfig
from gans.networks import NETWORKS
from gans.recipes import RECIPES, resolve
from gans.training import TrainingData

TINY = {
    "resolution": 32,
    "batch_size": 4,
    "precision": "fp32",
    "generator": {"z_dim": 8, "base_channels": 256, "max_channels": 16, "embedding_dim": 8},
    "discriminator": {"base_channels": 256, "max_channels": 16, "embedding_dim": 8},
    "log_every": 20,
    "panel_every": 40,
    "snapshot_every": 10_000,
    "state_every": 20,
}


def tiny_options(network: str) -> dict[str, dict[str, Any]]:
    """Options of both players of `network` at toy size, by role."""
    if network == "quantum":
        pytest.importorskip("pennylane")
    return {
        role: {key: value for key, value in TINY[role].items() if key in inspect.signature(player).parameters}
        for role, player in zip(NETWORK_ROLES, NETWORKS[network], strict=True)
    }


def build_tiny_config(recipe: str = "logistic-r1", **changes) -> TrainConfig:
    """The recipe's row with every network option that it knows at toy size."""
    row = RECIPES[recipe]
    small = tiny_options(row.get("network", "dcgan"))
    options = {role: {**row.get(role, {}), **small[role]} for role in NETWORK_ROLES}
    return resolve(recipe, {**TINY, "total_images": 80, **options, **changes})


def build_tiny_data() -> TrainingData:
    """24 covers of 32 px under conditions of three numbers; 16 of them to train on."""
    rng = np.random.default_rng(0)
    conditions = rng.normal(size=(24, 4)).astype(np.float32)
    conditions[:, 0] = 1
    covers = rng.integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)
    rows = np.arange(24)
    return TrainingData(covers, conditions, [("attributes", 3)], rows[:16], rows[16:], {"fingerprint": "tiny"})
