"""From a dataset to what the training loop needs: covers, conditions, a panel to watch, a score, a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.descriptors import compute_descriptors
from analysis.distances import frechet_distance, kernel_distance
from data.audio import load_audio
from data.cache import cover_cache, has_cover
from data.errors import InputError, printable
from data.files import sha256_bytes
from data.shards import Dataset
from encoders import ENCODERS
from encoders.base import Encoder
from encoders.conditions import dataset_conditions, fit_encoder, fit_schema
from encoders.heard import HeardTable, dataset_features
from encoders.schema import ConditionSchema
from gans.board import Panel
from gans.training import MOST_EVALUATED, Evaluate, Surroundings, TrainingData
from scripts.pipeline import bundle_extras
from scripts.shell import complain, stages

PANEL_TRACKS = 8
CODE_DIM = 32
_MOST_COUNTED = 12


@dataclass(frozen=True)
class Prepared:
    """A dataset made ready for `gans.training.train`."""

    data: TrainingData
    panel: Panel
    evaluate: Evaluate
    model: Mapping[str, Any]
    encoder_tensors: Mapping[str, np.ndarray]

    def surroundings(
        self, stop: Callable[[], bool], progress: Callable[[int, Mapping[str, float]], None]
    ) -> Surroundings:
        """All that the loop hands on without looking inside."""
        return Surroundings(self.panel, self.evaluate, self.model, self.encoder_tensors, progress, stop)


def prepare(folder: Path, resolution: int, encoder_name: str | None) -> Prepared:
    """Opens the dataset in `folder` and makes (or finds in its cache) covers at `resolution` and conditions.

    The encoder `encoder_name` is fitted to the training tracks where they have audio. Raises `InputError`
    where there is nothing to train on, or no such encoder.
    """
    if encoder_name is not None and encoder_name not in ENCODERS:
        raise InputError("--encoder", f"no such encoder: {printable(encoder_name)}; known: {', '.join(ENCODERS)}, none")
    dataset = Dataset(folder)
    with_cover = has_cover(dataset)
    rows, held_out = (part[with_cover[part]] for part in map(dataset.indices, ("train", "validation")))
    if len(rows) < 2:
        raise InputError(folder, f"{len(rows)} training tracks with a cover; at least 2 are needed")
    with stages() as told:
        covers = cover_cache(dataset, resolution, progress=lambda done, total: told("covers", done, total))
        heard = hear_dataset(dataset, lambda done, total: told("listening", done, total))
    encoder = None if encoder_name is None or heard is None else _fitted(encoder_name, dataset, heard)
    schema = fit_schema(dataset, encoder, heard)
    conditions = dataset_conditions(dataset, schema, encoder, heard)
    model, tensors = bundle_extras(schema, encoder)
    data = TrainingData(
        covers=covers,
        conditions=conditions,
        layout=schema.layout,
        rows=rows,
        held_out=held_out,
        card=_card(dataset, schema, encoder, len(rows), len(held_out)),
    )
    return Prepared(data, _panel(dataset, data), _evaluation(data), model, tensors)


def hear_dataset(dataset: Dataset, progress: Callable[[int, int], None]) -> HeardTable | None:
    """The table of what is heard of a dataset's clips, None where it has none; says what could not be heard."""
    if not dataset.present("audio").any():
        return None
    heard = dataset_features(dataset, progress=progress)
    for reason, count in heard.problems().items():
        if count and reason != "no audio":
            complain(f"{count} clips could not be heard: {printable(reason)}")
    return heard


def _fitted(name: str, dataset: Dataset, heard: HeardTable) -> Encoder | None:
    """The encoder fitted to the training tracks; None, and a word about it, where these are too few."""
    x = heard.descriptors(dataset.indices("train"))
    usable = int(np.isfinite(x).all(axis=1).sum())
    if usable < 3:
        complain(f"{usable} training tracks with audio are too few for an encoder: conditions go without its code")
        return None
    unfitted = ENCODERS[name](code_dim=min(CODE_DIM, usable - 1))  # type: ignore[call-arg]
    return fit_encoder(unfitted, dataset, heard)


def _card(
    dataset: Dataset, schema: ConditionSchema, encoder: Encoder | None, n_train: int, n_held_out: int
) -> dict[str, Any]:
    """Where the data comes from, with the fingerprint of everything that training sees of it."""
    parts = [dataset.fingerprint, schema.fingerprint, encoder.fingerprint if encoder else "-"]
    table = dataset.read(["licence", "source"])
    counted = {
        column: dict(Counter(value or "unknown" for value in table[column].to_pylist()).most_common(_MOST_COUNTED))
        for column in table.column_names
    }
    return {
        "fingerprint": sha256_bytes(" ".join(parts).encode()),
        "dataset": dataset.folder.resolve().name,
        "tracks": len(dataset),
        "training": n_train,
        "held_out": n_held_out,
        "licences": counted["licence"],
        "sources": counted["source"],
    }


def _panel(dataset: Dataset, data: TrainingData) -> Panel:
    """Up to eight tracks spread over the held-out ones (over the training ones where none are)."""
    pool = data.held_out if len(data.held_out) else data.rows
    picked = pool[np.unique(np.linspace(0, len(pool) - 1, PANEL_TRACKS).astype(int))]
    rows = [dataset.row(int(index)) for index in picked]
    names = [" – ".join(filter(None, (row["artist"], row["title"]))) or row["track_id"] for row in rows]
    return Panel(
        conditions=np.array(data.conditions[picked]),
        names=[printable(name, longest=60) for name in names],
        covers=np.array(data.covers[picked]),
        audio=[_clip(row) for row in rows],
    )


def _clip(row: Mapping[str, Any]) -> tuple[np.ndarray, int] | None:
    if not row["audio"]:
        return None
    try:
        excerpt = load_audio(row["audio"]["bytes"], name=row["track_id"])
    except InputError:
        return None  # told already when the dataset was listened to
    return excerpt.y, excerpt.sr


def _evaluation(data: TrainingData) -> Evaluate:
    """Scores generated covers against the held-out tracks' real ones, with what as many real covers score.

    `frechet` and `kernel` are distances between descriptors; `…_of_training_covers` is what real covers of
    other artists get against the same held-out ones, which no generator need beat.
    """
    picked = data.held_out[:MOST_EVALUATED]
    if len(picked) < 2:
        return lambda images, c: {}
    real = compute_descriptors(np.asarray(data.covers[picked]))
    rng = np.random.default_rng(0)
    others = data.rows[np.sort(rng.choice(len(data.rows), min(len(picked), len(data.rows)), replace=False))]
    training = compute_descriptors(np.asarray(data.covers[others]))

    def evaluate(images: np.ndarray, c: np.ndarray) -> dict[str, float]:
        generated = compute_descriptors(images)
        return {
            "frechet": frechet_distance(generated, real),
            "frechet_of_training_covers": frechet_distance(training, real),
            "kernel": kernel_distance(generated, real),
            "kernel_of_training_covers": kernel_distance(training, real),
        }

    return evaluate
