"""Images a second in training: the loop as it is, and the plain one that it is measured against."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from gans.config import TrainConfig
from gans.networks import build_discriminator, build_generator
from gans.recipes import resolve
from gans.steps import Moment, discriminator_step, generator_step, penalty_due
from gans.training import Surroundings, TrainingData, train

LAYOUT = [("attributes", 10)]
BATCH = 32
N_WARM = 8  # the first steps compile primitives
N_STEPS = N_WARM + 16  # one lazy penalty falls among the measured ones, as in training


def _config() -> TrainConfig:
    size = {"batch_size": BATCH, "total_images": N_STEPS * BATCH, "log_every": BATCH, "resolution": 64}
    return resolve("logistic-r1", {**size, "state_every": 10**9, "snapshot_every": 10**9})


def _data(n: int = 512) -> TrainingData:
    rng = np.random.default_rng(0)
    return TrainingData(
        covers=rng.integers(0, 256, (n, 3, 64, 64), dtype=np.uint8),
        conditions=np.ones((n, 11), dtype=np.float32),
        layout=LAYOUT,
        rows=np.arange(n),
        held_out=np.arange(0),
        card={"fingerprint": "bench"},
    )


def our_rate() -> float:
    """Images a second of `gans.training.train`, its logging included, over the warm steps."""
    times: list[float] = []

    def note(shown: int, figures: Mapping[str, float]) -> None:
        times.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        train(_config(), _data(), Path(folder) / "run", Surroundings(progress=note))
    return _rate(times)


def plain_rate() -> float:
    """Images a second of the same networks, losses and penalties in fp32, in PyTorch's own memory layout."""
    config, data = _config(), _data()
    sizes = {"resolution": 64, "c_dim": data.conditions.shape[1]}
    generator = build_generator(config.network, {**sizes, **config.generator})
    discriminator = build_discriminator(config.network, {**sizes, **config.discriminator})
    config = resolve("logistic-r1", {"precision": "fp32", "resolution": 64, "batch_size": BATCH})
    betas = (config.beta1, config.beta2)
    g_optimiser = torch.optim.Adam(generator.parameters(), lr=config.g_lr, betas=betas)
    d_optimiser = torch.optim.Adam(discriminator.parameters(), lr=config.d_lr, betas=betas)
    times = []
    for step in range(N_STEPS):
        rows = np.random.default_rng(step).integers(0, len(data.covers), BATCH)
        images = torch.from_numpy(data.covers[rows]).float() / 127.5 - 1
        c = torch.from_numpy(data.conditions[rows])
        d_optimiser.zero_grad()
        moment = Moment(LAYOUT, penalise=penalty_due(config, step * BATCH))
        discriminator_step(generator, discriminator, images, c, None, config, moment)
        d_optimiser.step()
        g_optimiser.zero_grad()
        generator_step(generator, discriminator, images, c, config, moment)
        g_optimiser.step()
        times.append(time.perf_counter())
    return _rate(times)


def _rate(times: list[float]) -> float:
    """Images a second over the steps that ended at `times`, those of warming up left out."""
    return BATCH * (len(times) - N_WARM) / (times[-1] - times[N_WARM - 1])
