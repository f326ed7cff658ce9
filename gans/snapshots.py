"""Bundles that a run leaves on its way, each scored, and a word about which is the best so far."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from data.covers import to_uint8
from data.errors import InputError
from data.files import read_json, write_json
from gans.bundle import MODEL, write_bundle
from gans.conditions import Layout
from gans.config import TrainConfig
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding
from gans.networks import count_parameters
from gans.sampling import random_z

SNAPSHOTS, BEST = "snapshots", "best.json"
MOST_EVALUATED = 512
_EVALUATION_SEED = 1_000_000

Evaluate = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]


def write_snapshot(
    run: Path,
    generator: GeneratorNetwork,
    shown: int,
    config: TrainConfig,
    layout: Layout,
    model: Mapping[str, Any],
    encoder_tensors: Mapping[str, np.ndarray],
) -> Path:
    """A bundle of `generator` in `run/snapshots/<images shown>`; `model` is what model.json says beside its sizes."""
    card = {
        **model,
        "recipe": config.recipe,
        "network": config.network,
        "resolution": config.resolution,
        "generator": {"resolution": config.resolution, "c_dim": generator.c_dim, **config.generator},
        "layout": [list(block) for block in layout],
        "images_shown": shown,
        "parameters": count_parameters(generator),
        "config": config.to_json(),
    }
    return write_bundle(run / SNAPSHOTS / f"{shown:09d}", settled(generator), card, encoder_tensors)


def settled(generator: GeneratorNetwork) -> GeneratorNetwork:
    """The generator with what conditions say at present written into its weights: a bundle knows no clock."""
    if all(m.say == 1 for m in generator.modules() if isinstance(m, ConditionEmbedding)):
        return generator
    generator = copy.deepcopy(generator)
    for module in generator.modules():
        if isinstance(module, ConditionEmbedding):
            module.settle()
    return generator


def score(
    generator: GeneratorNetwork, c: np.ndarray, evaluate: Evaluate | None, device: torch.device
) -> dict[str, float]:
    """The evaluation's figures on covers for conditions `c [M, c_dim]` of tracks whose music training never saw; those
    that came out as numbers."""
    c = c[:MOST_EVALUATED]
    if evaluate is None or len(c) < 2:
        return {}
    figures = evaluate(draw_many(generator, c, device), c)
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


@torch.inference_mode()
def draw_many(
    generator: GeneratorNetwork, c: np.ndarray, device: torch.device, seed: int = _EVALUATION_SEED, batch: int = 64
) -> np.ndarray:
    """One cover uint8 `[3, H, W]` for each condition `[M, c_dim]`, in batches: for scores, where a last bit does not
    matter."""
    torch.manual_seed(seed)
    parts = []
    for begin in range(0, len(c), batch):
        conditions = torch.from_numpy(c[begin : begin + batch]).to(device)
        images = generator(random_z(len(conditions), generator, device), conditions).float()
        images = F.interpolate(images, generator.resolution)  # what a network that still grows has drawn is smaller
        parts.append(to_uint8(images.cpu()))
    return torch.cat(parts).numpy()


def note_best(run: Path, snapshot: Path, name: str, value: float) -> None:
    """Writes that `snapshot` is the best so far, by its figure `name`, where none before it has a lesser one."""
    try:
        noted = read_json(run / BEST)
    except InputError:
        noted = None  # none yet, or damaged: no reason to end a run
    before = noted.get(name) if isinstance(noted, dict) else None
    if not (isinstance(before, int | float) and before < value):
        write_json(run / BEST, {"snapshot": snapshot.name, name: value})


def find_bundle(folder: str | os.PathLike[str]) -> Path:
    """The bundle meant by `folder`: itself, or of a run the best snapshot, or the newest where none was scored."""
    path = Path(folder)
    # What is noted first, then what is there: a run that trains meanwhile notes a snapshot only when it is there.
    noted = read_json(path / BEST) if (path / BEST).exists() else None
    snapshots = sorted(found.parent for found in path.glob(f"{SNAPSHOTS}/*/{MODEL}"))
    if not snapshots or (path / MODEL).exists():
        return path
    if noted is not None:
        name = noted.get("snapshot") if isinstance(noted, dict) else None
        best = [snapshot for snapshot in snapshots if snapshot.name == name]
        if not best:
            raise InputError(path / BEST, "names no snapshot of this run")
        return best[0]
    return snapshots[-1]
