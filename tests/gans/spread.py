"""One of the processes of `torchrun`, or the only one: `python -m tests.gans.spread RUNS RECIPE,… BATCH STEPS`."""

import dataclasses
import sys
from pathlib import Path

import torch

from gans.parallel import together
from gans.training import train
from tests.gans.worlds import build_tiny_config, build_tiny_data

# Slow learning: where a gradient is as small as rounding, Adam turns its sign into a whole step.
EVERYTHING = {
    "mismatch": 0.3, "mirror": True, "condition_dropout": 0.2, "log_every": 80, "state_every": 80,
    "g_lr": 2e-6, "d_lr": 2e-6,
}  # fmt: skip
GROWTH = {"progan": {"growth_images": 20}}


def main(runs: str, recipes: str, batch: str, steps: str) -> None:
    """Trains each recipe at toy size for so many steps of the generator, on conditions and images of noise."""
    torch.set_num_threads(1)
    with together(torch.device("cpu")):
        for recipe in recipes.split(","):
            once = build_tiny_config(recipe, **EVERYTHING, **GROWTH.get(recipe, {}), batch_size=int(batch))
            config = dataclasses.replace(once, total_images=int(steps) * once.batch_size * once.d_steps)
            train(config, build_tiny_data(), Path(runs) / recipe)


if __name__ == "__main__":
    main(*sys.argv[1:])
