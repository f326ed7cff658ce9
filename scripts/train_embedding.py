"""Trains the learned embedding of covers: `python -m scripts.train_embedding DATA...`.

DATA are datasets; what is learnt from are the covers of their training splits, without any label. The same command on
the same folder goes on. The shipped one: `python -m scripts.train_embedding store/netlabels store/paintings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from data.errors import InputError
from scripts.shell import INTERRUPTED, complain, print_path, run_verb

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.embedding import CoverNetwork
    from data.shards import Dataset

STEPS, BATCH = 1000, 128
CROP_SIDE = 48
"""Pixels a side of the views: a crop fills them as large as a whole cover's parts look at 64 (Touvron et al. 2019)."""

CARD = {
    "name": "Gatefold's embedding of covers",
    "what": "128 numbers, of length one, of a cover at 64 px that stay about the same when it is cropped, mirrored, "
    "recoloured a little or compressed again: for nearest neighbours, copies and distances between sets of covers.",
    "how": "Without labels: of 128 covers, two random views each (crops of 20 to 100 % of the area, mirrors, slight "
    "colour, blur, noise, JPEG), each view has to find its partner among the 255 others (Chen et al. 2020).",
    "weaknesses": "Trained on a few thousand pictures: it knows when two covers are the same picture better than what "
    "either shows. Of a cover's meaning, of letters and faces it knows next to nothing.",
    "architecture": "3 × 3 convolutions to 32 channels at half size, four residual blocks (32, 64, 128, 256 channels), "
    "the mean over places, one linear layer.",
}
LICENCES = {
    "netlabels": "art of freely distributed net-label releases, Creative Commons by the labels' practice, proven per "
    "file for one label only",
    "paintings": "public domain (painters who died before 1945)",
}


def train_embedding(
    data: Annotated[list[Path], typer.Argument(help="Datasets with covers; their training splits are learnt from.")],
    out: Annotated[Path, typer.Option(help="The folder of the training; the same command on it goes on.")] = Path(
        "runs/embedding"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Steps of 128 covers, two views each.")] = STEPS,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="Stop after this long; go on another time.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another number, another training.")] = 0,
) -> None:
    """Train the network, and write its weights with their card; prints the folder."""
    import torch

    from analysis.embedding import CoverNetwork, write_embedding
    from data.shards import Dataset
    from encoders.loop import Learner, Pace, has_state, train_network
    from gans.precision import keep_large_blocks
    from scripts.train import stopping

    keep_large_blocks()
    datasets = [Dataset(folder) for folder in data]
    parts = [training_covers(dataset) for dataset in datasets]
    covers = np.concatenate(parts)
    if len(covers) < BATCH:
        raise InputError(data[0], f"{len(covers)} covers to learn from are fewer than the {BATCH} of one step")
    pace = Pace(steps=steps, batch_size=BATCH, weight_decay=0.05, average=0.998, report_every=50)
    torch.manual_seed(seed)
    network = CoverNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learner = Learner.begin(network, pace)
    if has_state(out):
        learner.load(out)

    def told(step: int, figures: Mapping[str, float]) -> None:
        complain(f"step {step:,} of {steps:,}: loss {figures['loss']:.3f}")

    with stopping(minutes) as (stop, interrupted):
        train_network(
            learner,
            lambda network, step: {"contrast": (1.0, step_loss(network, covers, seed, step))},
            pace,
            seed=seed,
            device=torch.device("cpu"),
            folder=out,
            stop=stop,
            told=told,
        )
    if learner.step < steps:
        complain("stopped; the same command goes on from here, and writes the embedding when it is done")
        raise typer.Exit(INTERRUPTED if interrupted() else 0)
    options = {"steps": steps, "batch": BATCH, "seed": seed, "views_px": CROP_SIDE, "rate": pace.learning_rate}
    write_embedding(out, learner.averaged, describe(datasets, [len(part) for part in parts], options))
    print_path(out)


def training_covers(dataset: Dataset) -> np.ndarray:
    """uint8 `[n, 3, 64, 64]`: the covers of a dataset's training split."""
    from analysis.embedding import SIDE
    from data.cache import cover_cache, has_cover

    rows = np.intersect1d(dataset.indices("train"), np.flatnonzero(has_cover(dataset)))
    return np.array(cover_cache(dataset, SIDE)[rows])


def step_loss(network: CoverNetwork, covers: np.ndarray, seed: int, step: int) -> Tensor:
    """The loss of one step; which covers and which views of them is a function of seed and step alone."""
    import torch

    from analysis.views import contrastive_loss, random_views

    rng = np.random.default_rng((seed, step))
    chosen = covers[rng.choice(len(covers), BATCH, replace=False)]
    views = torch.cat([random_views(chosen, CROP_SIDE, rng) for _ in range(2)])
    found = network(views.contiguous(memory_format=torch.channels_last))
    return contrastive_loss(found[:BATCH], found[BATCH:])


def describe(datasets: Sequence[Dataset], counts: Sequence[int], options: Mapping[str, Any]) -> dict[str, Any]:
    """The card: what was trained on what, how, and under which licences the pictures were."""
    names = [dataset.folder.resolve().name for dataset in datasets]
    trained_on = [
        {"dataset": name, "covers": count, "fingerprint": dataset.fingerprint, "split": "train"}
        for name, count, dataset in zip(names, counts, datasets, strict=True)
    ]
    licences = {name: LICENCES.get(name, "as of the dataset's own rows") for name in names}
    return {**CARD, "trained_on": trained_on, "licences": licences, "options": dict(options)}


if __name__ == "__main__":
    run_verb(train_embedding)
