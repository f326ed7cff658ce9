"""Whether a bundle's covers follow their music: what `analysis` asks, of a dataset's covers and of those drawn."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from analysis.listeners import KINDS
from analysis.listening import (
    Heard,
    Pairs,
    score_agreement,
    score_attributes,
    score_retrieval,
    score_share,
    teach,
)
from analysis.looks import FAMILIES, compute_looks
from analysis.sensitivity import Change, Draw, measure_indifference
from analysis.shuffles import permute
from data.attributes import ATTRIBUTE_NAMES
from data.audio import load_audio
from data.cache import has_cover
from data.emotions import EMOTIONS
from data.errors import InputError, printable
from data.files import write_bytes
from data.shards import Dataset
from data.splits import normalised_artist
from encoders.conditions import parse_year
from encoders.schema import ConditionSchema
from encoders.tags import normalise_tag
from gans.generator import GeneratorNetwork
from gans.snapshots import draw_many
from scripts.comparison import Measured
from scripts.making import Wishes
from scripts.pipeline import Listener, hear
from scripts.prepare import Prepared
from scripts.shell import complain

MOST_TAUGHT = 3000
MOST_GENRES = 20
DRAWN = 2
"""Covers that are drawn for each track that training never saw."""
LEAST_TAGGED = 0.02
ALTERED_TRACKS = 8
REAL = "real covers"


@dataclass(frozen=True)
class Material:
    """A dataset's pairs, which of them training never saw (`unseen [n]`, rows of the pairs), their conditions
    `c [N, c_dim]`, and what may explain a link beside the music: confounds `[N, q]` by name."""

    pairs: Pairs
    rows: np.ndarray
    unseen: np.ndarray
    c: np.ndarray
    confounds: Mapping[str, np.ndarray]

    @classmethod
    def open(cls, dataset: Dataset, prepared: Prepared) -> Material:
        """From a dataset made ready as a bundle hears it; `InputError` where there is nothing to listen for."""
        unseen = np.flatnonzero(has_cover(dataset))
        unseen = unseen[~np.isin(unseen, dataset.indices("train"))]
        seen = prepared.data.rows[: max(MOST_TAUGHT - len(unseen), 0)]
        rows = np.sort(np.concatenate([seen, unseen]))
        table = dataset.read(["artist", "genres", "release_date"]).to_pylist()
        artists = np.array([normalised_artist(table[row]["artist"]) or f"row {row}" for row in rows], dtype=str)
        schema = ConditionSchema.from_json(prepared.model["condition"])
        c = np.asarray(prepared.data.conditions[rows])
        names, y = told_of(schema, c)
        covers = np.asarray(prepared.data.covers[rows])
        looks = compute_looks(covers)
        try:
            pairs = Pairs.of(flat(looks), y, names, artists, [part.shape[1] for part in looks.values()])
        except ValueError as error:
            raise InputError(dataset.folder, str(error)) from error
        for words in pairs.left_out:
            complain(f"{dataset.folder}: {words}")
        first = [normalise_tag((table[row]["genres"] or [""])[0]) for row in rows]
        years = np.array([parse_year(table[row]["release_date"]) for row in rows], dtype=np.float64)
        confounds = {"colour": np.concatenate([looks["tones"], looks["thumbnail"]], axis=1)}
        confounds |= {"genre": _one_hot(first), "year": _powers(years)}
        kept = {name: values[pairs.rows] for name, values in confounds.items() if values.size}
        asked = np.flatnonzero(np.isin(rows[pairs.rows], unseen))
        others = np.setdiff1d(np.arange(len(pairs.artists)), asked)
        if min(len(set(pairs.artists[side])) for side in (asked, others)) < 2:
            raise InputError(dataset.folder, "fewer than two artists to learn from, or two held out to be asked about")
        return cls(pairs, rows[pairs.rows], asked, c[pairs.rows], kept)


def told_of(schema: ConditionSchema, c: np.ndarray) -> tuple[list[str], np.ndarray]:
    """What people know of conditions `c [N, c_dim]`, by name and as `[N, k]`: attributes, emotions, the tags of at
    least two in a hundred, the year. NaN where a block is absent."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    start = 0
    for block, size in schema.layout:
        words = {"attributes": ATTRIBUTE_NAMES, "emotions": EMOTIONS, "tags": schema.tags, "year": ("year",)}.get(
            block, ()
        )
        present, values = c[:, start] > 0, c[:, start + 1 : start + 1 + size].astype(np.float64)
        for word, column in zip(words, values.T, strict=False):
            if block != "tags" or (column > 0).mean() >= LEAST_TAGGED:
                names.append(word)
                columns.append(column if block == "tags" else np.where(present, column, np.nan))
        start += 1 + size
    return names, np.stack(columns, axis=1) if columns else np.zeros((len(c), 0))


def flat(looks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The families of looks side by side, `[N, d]`."""
    return np.concatenate([part.astype(np.float64) for part in looks.values()], axis=1)


def _one_hot(words: Sequence[str]) -> np.ndarray:
    found, counts = np.unique([word for word in words if word], return_counts=True)
    common = found[np.argsort(-counts, kind="stable")[:MOST_GENRES]]
    return np.array([[word == genre for genre in common] for word in words], dtype=np.float64)


def _powers(years: np.ndarray) -> np.ndarray:
    """Year, its square, and whether it is unknown `[N, 3]`; nothing where no year is known."""
    known = np.isfinite(years)
    if not known.any():
        return np.zeros((len(years), 0))
    scaled = np.where(known, (years - np.nanmean(years)) / 20, 0)
    return np.stack([scaled, scaled**2, ~known], axis=1).astype(np.float64)


def drawer(generator: GeneratorNetwork) -> Draw:
    """`draw(c, seed)`: covers uint8 `[n, 3, H, W]` of conditions `[n, c_dim]`; a generator that hears nothing gets
    none."""

    def draw(c: np.ndarray, seed: int) -> np.ndarray:
        return draw_many(generator, c[:, : generator.c_dim].astype(np.float32), torch.device("cpu"), seed)

    return draw


def score_following(
    name: str, draw: Draw, material: Material, kinds: Sequence[str] = KINDS, seed: int = 0
) -> Iterator[Measured]:
    """The ceiling on real covers, for all tracks and for those unseen; what the generator's covers reach of it for
    these, plainly and without colour, genre and year; retrieval, the gap, and whether there is anything at all."""
    pairs, unseen = material.pairs, material.unseen
    permuted = permute(pairs, seed=seed)
    n = len(pairs.y)
    yield Measured("p that shuffled pairs tell as much", REAL, permuted.p, "share", None, None, n)
    sets = [_with(pairs.x, unseen, flat(compute_looks(draw(material.c[unseen], number)))) for number in range(DRAWN)]
    listeners = teach(pairs, kinds, asked=unseen, seed=seed)
    complain(f"listeners: {', '.join(listeners.kinds)}")
    for what, score in score_attributes(teach(pairs, kinds, seed=seed).hear(), pairs.names).items():
        yield Measured.of(score, what, f"{REAL} of all tracks", "r")
    real, drawn = listeners.hear(), [listeners.hear(x) for x in sets]
    for subject, heard in ((REAL, real), (name, drawn[0])):
        for what, score in score_attributes(heard, pairs.names).items():
            yield Measured.of(score, what, subject, "r")
        for what, score in score_retrieval(heard).items():
            yield Measured.of(score, what, subject, "rank" if "median" in what else "share")
        yield Measured.of(score_agreement(heard), "gap", subject, "cosine")
    yield from _share("share of the ceiling", name, drawn, real)
    for confound, values in material.confounds.items():
        without = teach(pairs, ("ridge",), values, unseen, seed)
        real = without.hear()
        yield Measured.of(score_attributes(real, pairs.names)["all"], f"all without {confound}", REAL, "r")
        drawn = [without.hear(x, _confound_of(confound, x, pairs, values)) for x in sets]
        yield from _share(f"share without {confound}", name, drawn, real)


def _with(x: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    changed = x.copy()
    changed[rows] = values
    return changed


def _confound_of(confound: str, x: np.ndarray, pairs: Pairs, real: np.ndarray) -> np.ndarray:
    """What is regressed out of covers `x`: their own colours; of genre and year, those of their tracks."""
    if confound != "colour" or pairs.families is None:
        return real
    parts = dict(zip(FAMILIES, np.split(x, np.cumsum(pairs.families)[:-1], axis=1), strict=True))
    return np.concatenate([parts["tones"], parts["thumbnail"]], axis=1)


def _share(what: str, name: str, drawn: Sequence[Heard], real: Heard) -> Iterator[Measured]:
    score = score_share(drawn, real)
    if score is None:
        complain(f"{what}: real covers of the unseen tracks tell nothing of their music, so there is nothing to share")
    else:
        yield Measured.of(score, what, name, "share")


def score_alterations(name: str, ears: Listener, dataset: Dataset, rows: np.ndarray) -> Iterator[Measured]:
    """How far covers move when a clip is played at half its level, coded as Vorbis, or heard a second later; unit: the
    distance between two tracks' covers. Chance is what another seed does. rows: tracks that training never saw."""
    rows = rows[dataset.present("audio")[rows]]
    rows = rows[np.linspace(0, len(rows) - 1, min(ALTERED_TRACKS, len(rows))).astype(int)] if len(rows) else rows
    heard = list(_conditions(ears, dataset, rows)) if ears.bundle.generator.c_dim else []
    if len(heard) < 2:
        return
    for what in ALTERED:
        plain, altered = (np.stack([each[key] for each in heard]) for key in ("plain", what))
        change = measure_indifference(drawer(ears.bundle.generator), plain, altered)
        yield changed(f"moved by {what}", name, change, "of a distance")


def _conditions(ears: Listener, dataset: Dataset, rows: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for row in rows:
        record = dataset.row(int(row))
        try:
            excerpt = load_audio(record["audio"]["bytes"], name=record["track_id"])
            conditions = {}
            with TemporaryDirectory() as folder:
                for what, alter in {"plain": _as_wave, **ALTERED}.items():
                    path = Path(folder) / "clip"
                    write_bytes(path, alter(excerpt.y, excerpt.sr))
                    c = ears.condition(hear(path), Wishes())
                    assert c is not None  # the generator has a condition, so the bundle has a schema
                    conditions[what] = c
        except InputError as error:
            complain(f"{printable(record['track_id'])}: {error}")
            continue
        yield conditions


def _as_wave(y: np.ndarray, sr: int, **kind: str) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, y, sr, **(kind or {"format": "WAV", "subtype": "FLOAT"}))
    return file.getvalue()


ALTERED: Mapping[str, Callable[[np.ndarray, int], bytes]] = {
    "half the level": lambda y, sr: _as_wave(y / 2, sr),
    "another codec": lambda y, sr: _as_wave(y, sr, format="OGG", subtype="VORBIS"),
    "a second's shift": lambda y, sr: _as_wave(y[min(sr, len(y) // 2) :], sr),
}


def changed(what: str, name: str, change: Change, unit: str) -> Measured:
    """A change as a figure: chance is what another seed does."""
    return Measured(what, name, change.value, unit, (change.low, change.high), change.by_seed, change.n)
