"""A world small enough to train on in a second."""

import numpy as np
import pytest
import torch

from gans.board import Panel
from tests.gans.worlds import build_tiny_config, build_tiny_data


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Networks this small spend their time waiting for the second thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_config():
    """`tiny_config(recipe, **changes)`: a recipe's row at toy size."""
    return build_tiny_config


@pytest.fixture(scope="session")
def tiny_data():
    return build_tiny_data()


@pytest.fixture
def tiny_panel(tiny_data):
    time = np.arange(2000) / 8000
    heard = (np.sin(2 * np.pi * 440 * time).astype(np.float32), 8000)
    names, audio = ["Calm / one", "Loud"], [heard, None]
    return Panel(tiny_data.conditions[16:18], names, tiny_data.covers[16:18], audio, seeds=(0, 1))
