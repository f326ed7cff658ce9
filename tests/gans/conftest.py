"""A world small enough to train on in a second."""

import inspect

import numpy as np
import pytest
import torch

from gans.board import Panel
from gans.config import NETWORK_ROLES
from gans.networks import NETWORKS
from gans.recipes import RECIPES, resolve
from gans.training import TrainingData


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Networks this small spend their time waiting for the second thread."""
    torch.set_num_threads(1)


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


@pytest.fixture(scope="session")
def tiny_config():
    """`tiny_config(recipe, **changes)`: a recipe's row at toy size."""

    def build(recipe: str = "logistic-r1", **changes):
        row, options = RECIPES[recipe], {}
        for role, network in zip(NETWORK_ROLES, NETWORKS[row.get("network", "dcgan")], strict=True):
            small = {key: value for key, value in TINY[role].items() if key in inspect.signature(network).parameters}
            options[role] = {**row.get(role, {}), **small}
        return resolve(recipe, {**TINY, "total_images": 80, **options, **changes})

    return build


@pytest.fixture(scope="session")
def tiny_data():
    rng = np.random.default_rng(0)
    conditions = rng.normal(size=(24, 4)).astype(np.float32)
    conditions[:, 0] = 1
    covers = rng.integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)
    rows = np.arange(24)
    return TrainingData(covers, conditions, [("attributes", 3)], rows[:16], rows[16:], {"fingerprint": "tiny"})


@pytest.fixture
def tiny_panel(tiny_data):
    time = np.arange(2000) / 8000
    heard = (np.sin(2 * np.pi * 440 * time).astype(np.float32), 8000)
    names, audio = ["Calm / one", "Loud"], [heard, None]
    return Panel(tiny_data.conditions[16:18], names, tiny_data.covers[16:18], audio, seeds=(0, 1))
