"""From a dataset to what the training loop needs: covers, conditions, a panel to watch, a score, a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.descriptors import compute_descriptors
from analysis.detectors import DESCRIPTORS
from analysis.distances import frechet_distance, kernel_distance
from data.audio import load_audio
from data.cache import cover_cache, has_cover
from data.errors import InputError, printable
from data.files import sha256_bytes
from data.shards import Dataset
from data.where import matching_rows
from encoders import ENCODERS
from encoders.base import Encoder, fingerprint_state
from encoders.conditions import dataset_conditions, fit_encoder, fit_names, fit_schema
from encoders.heads import Heads
from encoders.heard import HeardTable, dataset_codes, dataset_features
from encoders.names import NameEncoder
from encoders.pca import PCAEncoder
from encoders.schema import ConditionSchema
from encoders.stored import read_encoder
from gans.board import Panel
from gans.bundle import SHIPPED, Bundle, load_bundle
from gans.fine_tune import Start
from gans.generator import GeneratorNetwork
from gans.snapshots import MOST_EVALUATED, Evaluate, score
from gans.training import Surroundings, TrainingData
from scripts.ears import (
    bundle_extras,
    is_encoder_folder,
    own_encoder,
    pick,
    read_ears,
    read_name_encoder,
    read_schema,
)
from scripts.shell import complain, stages

PANEL_TRACKS = 8
CODE_DIM = 32
LEAST_NAMED = 100
"""Training tracks below which nothing can be shown about what names tell."""
_MOST_COUNTED = 12


@dataclass(frozen=True)
class Prepared:
    """A dataset made ready for `gans.training.train`."""

    data: TrainingData
    panel: Panel
    evaluate: Evaluate
    model: Mapping[str, Any]
    encoder_tensors: Mapping[str, np.ndarray]

    def score(self, generator: GeneratorNetwork) -> dict[str, float]:
        """What a generator gets of a training's own scores."""
        held_out = np.asarray(self.data.conditions[self.data.held_out])
        return score(generator, held_out, self.evaluate, torch.device("cpu"))

    def surroundings(
        self,
        stop: Callable[[], bool],
        progress: Callable[[int, Mapping[str, float]], None],
        start: Start | None = None,
        compile: bool = False,
    ) -> Surroundings:
        """All that the loop hands on without looking inside."""
        return Surroundings(
            self.panel, self.evaluate, self.model, self.encoder_tensors, progress, stop, start, compile, complain
        )


@dataclass(frozen=True)
class Ears:
    """What makes conditions: their schema and the encoders that fill it."""

    schema: ConditionSchema
    encoder: Encoder | None
    names: NameEncoder | None


def prepare(
    folder: Path,
    resolution: int,
    encoder_name: str | None,
    where: Sequence[str] = (),
    start: Path | None = None,
) -> Prepared:
    """Opens the dataset in `folder` and makes (or finds in its cache) covers at `resolution` and conditions.

    The encoder `encoder_name` is one that comes with Gatefold, but for `pca`, which is fitted to the training tracks;
    else that in the folder of this name. Only rows that meet the conditions `where` (data/where.py) are trained on and
    scored. start: a bundle whose weights a run begins with: conditions are made as it hears them, where it hears any.
    Raises `InputError` where there is nothing to train on, or no such encoder.
    """
    dataset = Dataset(folder)
    with stages() as told:
        usable = has_cover(dataset) & matching_rows(dataset, where, told)
    rows, held_out = (part[usable[part]] for part in map(dataset.indices, ("train", "validation")))
    if len(rows) < 2:
        of_these = f" that meet {' and '.join(where)}" if where else ""
        raise InputError(folder, f"{len(rows)} training tracks with a cover{of_these}; at least 2 are needed")
    own = None if start is None else load_bundle(start)
    theirs = None if own is None else _ears_of(own)
    trained = theirs.encoder if theirs else _trained(encoder_name)
    with stages() as told:
        covers = cover_cache(dataset, resolution, progress=lambda done, total: told("covers", done, total))
        heard = hear_dataset(dataset, lambda done, total: told("listening", done, total), encoder=trained)
    ears = theirs or _fit_ears(dataset, heard, encoder_name, trained)
    conditions = dataset_conditions(dataset, ears.schema, ears.encoder, heard, name_encoder=ears.names)
    model, tensors = bundle_extras(ears.schema, ears.encoder, ears.names)
    started = [] if own is None else [own.hash]
    data = TrainingData(
        covers=covers,
        conditions=conditions,
        layout=ears.schema.layout,
        rows=rows,
        held_out=held_out,
        card=_card(dataset, ears, len(rows), len(held_out), where, started),
    )
    model = {**model, "metrics_of": DESCRIPTORS.how(resolution)}
    return Prepared(data, _panel(dataset, data), _evaluation(data), model, tensors)


def _ears_of(bundle: Bundle) -> Ears | None:
    """The ears that a bundle hears with, None where it hears nothing."""
    schema = read_schema(bundle)
    if schema is None:
        return None
    return Ears(schema, own_encoder(bundle, read_ears(bundle)), read_name_encoder(bundle))


def _fit_ears(dataset: Dataset, heard: HeardTable | None, encoder_name: str | None, trained: Encoder | None) -> Ears:
    encoder = None if encoder_name is None or heard is None else trained or _fitted(dataset, heard)
    names = _names(dataset, encoder, heard)
    return Ears(fit_schema(dataset, encoder, heard, name_encoder=names), encoder, names)


def hear_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None],
    jobs: int = 1,
    scheduler: str | None = None,
    encoder: Encoder | None = None,
    as_recorded: bool = False,
) -> HeardTable | None:
    """The table of what is heard of a dataset's clips, None where it has none; says what could not be heard.

    Works on `jobs` processes or on the cluster at `scheduler`. The codes of an `encoder` of log-mels are made in
    the same hearing. `as_recorded`: at the clips' own levels, not at full scale.
    """
    if not dataset.present("audio").any():
        return None
    if encoder is not None and encoder.hears == "log_mel":
        dataset_codes(dataset, encoder, as_recorded=as_recorded, jobs=jobs, scheduler=scheduler, progress=progress)
    heard = dataset_features(dataset, as_recorded=as_recorded, jobs=jobs, scheduler=scheduler, progress=progress)
    for reason, count in heard.problems().items():
        if count and reason != "no audio":
            complain(f"{count} clips could not be heard: {printable(reason)}")
    return heard


def _trained(wish: str | None) -> Encoder | None:
    """The encoder `wish` that comes with Gatefold, or that in the folder of this name; None for one that is fitted."""
    if wish in (None, PCAEncoder.name):
        return None
    if wish in ENCODERS:
        return pick(read_ears(load_bundle(SHIPPED)), wish, SHIPPED)
    if is_encoder_folder(wish):
        return read_encoder(wish)
    known = f"known: {', '.join(ENCODERS)}, none, or a folder of train-encoder"
    raise InputError("--encoder", f"no such encoder: {printable(wish)}; {known}")


def _fitted(dataset: Dataset, heard: HeardTable) -> Encoder | None:
    """PCA fitted to the training tracks; None, and a word about it, where these are too few."""
    usable = int(heard.usable()[dataset.indices("train")].sum())
    if usable < 3:
        complain(f"{usable} training tracks with audio are too few for an encoder: conditions go without its code")
        return None
    return fit_encoder(PCAEncoder(min(CODE_DIM, usable - 1)), dataset, heard)


def _names(dataset: Dataset, encoder: Encoder | None, heard: HeardTable | None) -> NameEncoder | None:
    """An encoder of names where, for artists it has not seen, they tell more of the music than chance does."""
    if len(dataset.indices("train")) < LEAST_NAMED:
        return None
    try:
        names = fit_names(NameEncoder(), dataset, encoder, heard)
    except InputError:
        return None  # too few names, or nothing to learn from them
    return names if names.tells else None


def _card(
    dataset: Dataset, ears: Ears, n_train: int, n_held_out: int, where: Sequence[str], started: Sequence[str]
) -> dict[str, Any]:
    """Where the data comes from, with the fingerprint of everything that a run sees of it or `started` with."""
    heads = ears.encoder.heads if ears.encoder else Heads()
    parts = [dataset.fingerprint, ears.schema.fingerprint]
    parts += [part.fingerprint if part else "-" for part in (ears.encoder, ears.names)]
    parts += [fingerprint_state("heads", heads.config(), heads.tensors()), *where, *started]
    table = dataset.read(["licence", "source"])
    counted = {
        column: dict(Counter(value or "unknown" for value in table[column].to_pylist()).most_common(_MOST_COUNTED))
        for column in table.column_names
    }
    return {
        "fingerprint": sha256_bytes(" ".join(parts).encode()),
        "dataset": dataset.folder.resolve().name,
        "tracks": len(dataset),
        **({"where": list(where)} if where else {}),
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
