"""`python -m scripts.modes`: how many of 25 Gaussians each adversarial loss reaches, through the very loss functions
of the recipes, each with the penalty that it is meant to have.

A 5 × 5 grid in the plane, two units apart, deviation 0.05 (Metz et al. 2017; Srivastava et al. 2017). Both players are
small perceptrons on random Fourier features (Tancik et al. 2020), without which so few steps could not draw so sharp a
world. What any loss reaches here is a matter of seconds; it says which losses forget modes, not what they can do.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from analysis.modes import Coverage, mode_coverage
from data.errors import InputError
from scripts.shell import progress, run_verb

if TYPE_CHECKING:
    from torch import nn

SIDE = 5
SPACING = 2.0
DEVIATION = 0.05
N_SAMPLES = 2_500
BATCH = 128
CENTRES = SPACING * (np.stack(np.meshgrid(*[np.arange(SIDE)] * 2), axis=-1).reshape(-1, 2) - SIDE // 2)  # [25, 2]
UNIT = CENTRES.max()
"""The players' unit of length, so that they see −1…1."""


@dataclass(frozen=True)
class Setting:
    """A loss's weight of the gradient penalty, γ of R1 and R2, and how it is trained.

    every: critic steps from one penalty to the next. d_steps: critic steps for each of the generator's `steps`.
    """

    gradient_penalty: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    every: int = 4
    d_steps: int = 1
    steps: int = 3_000
    lr: float = 2e-3


SETTINGS = {
    "bce": Setting(),
    "logistic": Setting(r1=0.02),
    "hinge": Setting(),
    "wasserstein": Setting(gradient_penalty=1.0, every=1, d_steps=3, steps=1_000),
    "relativistic": Setting(r1=0.02, r2=0.02, steps=2_500, lr=4e-3),
}


def modes(
    losses: Annotated[list[str] | None, typer.Argument(help="Which losses; default: all.")] = None,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="How many trainings a loss; the middle one is told.")] = 3,
) -> None:
    """Train each loss on 25 Gaussians and count the modes that it reaches; prints one JSON object a loss."""
    import torch

    wanted = losses or list(SETTINGS)
    for loss in wanted:
        if loss not in SETTINGS:
            raise InputError(loss, f"no such loss; known: {', '.join(SETTINGS)}")
    torch.set_num_threads(1)  # networks this small wait for a second one
    chance, rows = coverage(even_samples()), []
    for loss in progress(wanted, "losses"):
        begin = time.process_time()
        found = [coverage(trained_samples(loss, seed)) for seed in range(seeds)]
        reached, near = ([float(each[place]) for each in found] for place in (0, 1))
        rows.append(
            {
                "name": loss,
                "value": statistics.median(reached),
                "unit": f"of {len(CENTRES)} modes",
                "interval": [min(reached), max(reached)],
                "chance": chance.reached,
                "near": statistics.median(near),
                "near_chance": chance.near,
                "n": seeds,
                "cpu_seconds": (time.process_time() - begin) / seeds,
            }
        )
        if not table:
            print(json.dumps(rows[-1]), flush=True)
    if table:
        print(as_table(rows))


def coverage(samples: np.ndarray) -> Coverage:
    """Of the grid, by samples `[N, 2]`."""
    return mode_coverage(samples, CENTRES, DEVIATION)


def even_samples(seed: int = 0) -> np.ndarray:
    """`[2500, 2]` spread evenly over the square that holds the grid, half a spacing around it: chance."""
    edge = UNIT + SPACING / 2
    return np.random.default_rng(seed).uniform(-edge, edge, (N_SAMPLES, 2))


def trained_samples(loss: str, seed: int = 0) -> np.ndarray:
    """`[2500, 2]` of a generator trained by `loss` as its setting says."""
    import torch
    from torch import Tensor

    from gans.losses import LOSSES, gradient_penalty, r1_penalty

    setting, pair = SETTINGS[loss], LOSSES[loss]
    torch.manual_seed(seed)
    generator, discriminator = _perceptron(2), _perceptron(1)
    g_optimiser, d_optimiser = (
        torch.optim.Adam(network.parameters(), lr=setting.lr, betas=(0.0, 0.99), fused=True)
        for network in (generator, discriminator)
    )
    rates = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 - 2 * step / setting.steps))
        for optimiser in (g_optimiser, d_optimiser)
    ]
    centres, none = torch.from_numpy(CENTRES / UNIT).float(), torch.zeros(BATCH, 0)

    def draw_real() -> Tensor:  # [N, 2, 1, 1]: images of one pixel with two channels
        which = torch.randint(len(centres), (BATCH,))
        return (centres[which] + DEVIATION / UNIT * torch.randn(BATCH, 2))[:, :, None, None]

    def draw_fake(n: int = BATCH) -> Tensor:
        return generator(torch.randn(n, 2))[:, :, None, None]

    def critic(x: Tensor, c: Tensor) -> Tensor:
        return discriminator(x.flatten(1)).squeeze(1)

    for step in range(setting.steps):
        for turn in range(setting.d_steps):
            real, fake = draw_real(), draw_fake().detach()
            d_loss = pair.d(critic(real, none), critic(fake, none))
            if (step * setting.d_steps + turn) % setting.every == 0:
                if setting.gradient_penalty:
                    weight = setting.every * setting.gradient_penalty
                    d_loss = d_loss + weight * gradient_penalty(critic, real, fake, none)
                for gamma, images in ((setting.r1, real), (setting.r2, fake)):
                    if gamma:
                        d_loss = d_loss + setting.every * gamma / 2 * r1_penalty(critic, images, none)
            d_optimiser.zero_grad()
            d_loss.backward()
            d_optimiser.step()
        discriminator.requires_grad_(False)
        judged = [critic(draw_fake(), none), *([critic(draw_real(), none)] if pair.relative else [])]
        g_optimiser.zero_grad()
        pair.g(*judged).backward()
        g_optimiser.step()
        discriminator.requires_grad_(True)
        for rate in rates:
            rate.step()
    with torch.no_grad():
        return draw_fake(N_SAMPLES).flatten(1).double().numpy() * UNIT


def _perceptron(n_out: int, width: int = 64, frequency: float = 3.0) -> nn.Sequential:
    """`[N, 2]` → `[N, n_out]`: fixed random sines and cosines, then two hidden layers."""
    import torch
    from torch import nn

    class Fourier(nn.Module):
        frequencies: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("frequencies", frequency * torch.randn(2, width // 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            angles = x @ self.frequencies
            return torch.cat([angles.sin(), angles.cos()], dim=1)

    hidden = (nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2))
    return nn.Sequential(Fourier(), *hidden, nn.Linear(width, n_out))


def as_table(rows: list[dict]) -> str:
    """The figures as a table for people, in Markdown, with the two ends of the scale below them."""
    lines: list[tuple[str, ...]] = [("loss", "modes reached", "range", "samples near a mode", "s of CPU"), ("---",) * 5]
    for row in rows:
        low, high = row["interval"]
        lines.append(
            (
                row["name"],
                f"{row['value']:g} {row['unit']}",
                f"{low:g}–{high:g}",
                f"{row['near']:.0%}",
                f"{row['cpu_seconds']:.1f}",
            )
        )
    for name, samples in (("chance: even over the square", even_samples()), ("the mixture itself", real_samples())):
        found = coverage(samples)
        lines.append((name, str(found.reached), "", f"{found.near:.1%}", ""))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def real_samples(seed: int = 0) -> np.ndarray:
    """`[2500, 2]` of the mixture itself: what a perfect generator would draw."""
    rng = np.random.default_rng(seed)
    return CENTRES[rng.integers(0, len(CENTRES), N_SAMPLES)] + rng.normal(0, DEVIATION, (N_SAMPLES, 2))


if __name__ == "__main__":
    run_verb(modes)
