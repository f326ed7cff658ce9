"""Two processes with half a batch each are one process with the whole of it, each on a GPU of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from gans.parallel import together
from gans.recipes import RECIPES
from gans.state import STATE_FILE, TrainState
from tests.gans.spread import EVERYTHING
from tests.gans.worlds import build_tiny_config

ROOT = Path(__file__).resolve().parents[2]
STEPS = 50


def train_on(processes, runs, recipes, batch, steps=STEPS):
    """Runs the worker as `torchrun` would start it; returns the state that each recipe ends with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.gans.spread", str(runs), ",".join(recipes), str(batch), str(steps)]
    workers = [
        subprocess.Popen(
            command, cwd=ROOT, env={**environment, "RANK": str(rank), "WORLD_SIZE": str(processes)},
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    for worker in workers:
        _, said = worker.communicate(timeout=240)
        assert worker.returncode == 0, said
    return [torch.load(runs / recipe / STATE_FILE, weights_only=True) for recipe in recipes]


def differences(a, b):
    """Differences of all weights of both players in two states; of those above 1, which may be kept a hundred times as
    large as they are used (an equalised learning rate), their share."""
    return torch.cat(
        [
            ((value - b[player][name]).abs() / value.abs().clamp(min=1)).flatten()
            for player in ("generator", "discriminator")
            for name, value in a[player].items()
            if "running_" not in name and value.is_floating_point()
        ]
    )


def moved(state, recipe, batch):
    """Differences of all weights from those that the run began with."""
    begun = TrainState.build(build_tiny_config(recipe, **EVERYTHING, batch_size=batch), 4, torch.device("cpu"))
    return differences(state, {name: getattr(begun, name).state_dict() for name in ("generator", "discriminator")})


@pytest.mark.parametrize(
    ("device", "backend", "gpu"), [("cpu", "gloo", None), ("cuda:1", "nccl", torch.device("cuda:1"))]
)
def test_a_process_is_bound_to_its_own_gpu(device, backend, gpu, monkeypatch):
    joined = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(dist, "init_process_group", lambda *words, **how: joined.append((*words, how["device_id"])))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: joined.append("left"))
    with together(torch.device(device)):
        pass
    assert joined == [(backend, gpu), "left"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "batch"),
    [("dcgan", 8), ("logistic-r1", 8), ("stylegan2", 8), ("logistic-r1", 4)],  # of 4, groups of 4 lie in both
)
def test_two_processes_give_the_weights_of_one_with_the_same_batch(recipe, batch, tmp_path):
    (alone,), (both,) = (train_on(n, tmp_path / str(n), [recipe], batch) for n in (1, 2))
    assert alone["shown"] == both["shown"] == STEPS * batch * RECIPES[recipe].get("d_steps", 1)
    apart = differences(alone, both)
    assert apart.max() < 1e-5
    assert apart.mean() < 0.01 * moved(alone, recipe, batch).mean()


@pytest.mark.slow
def test_every_other_row_is_spread_alike(tmp_path):
    rows = [row for row in RECIPES if row not in ("dcgan", "logistic-r1", "stylegan2", "quantum")]
    ends = (train_on(n, tmp_path / str(n), rows, batch=8, steps=8) for n in (1, 2))
    for row, alone, both in zip(rows, *ends, strict=True):
        del alone["discriminator"]["verdict.head.bias"]  # a Wasserstein loss leaves it no gradient but rounding
        apart = differences(alone, both)
        assert apart.max() < 1e-5, row
        assert apart.mean() < 0.01 * moved(alone, row, batch=8).mean(), row
