"""Conditions `c` of a whole dataset and of one track: the schema filled with what is known and what is heard.

What a track's own row says comes first; what it lacks is heard: attributes are estimated from the clip, genres
and emotions are answered by the encoder's heads where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from data.attributes import ATTRIBUTE_NAMES, attributes_array
from data.emotions import EMOTIONS, emotions_array
from data.files import sha256_bytes
from encoders.base import Encoder, fingerprint_state
from encoders.features import Features
from encoders.heads import Heads
from encoders.schema import ConditionSchema, make_schema
from encoders.tags import Tags

if TYPE_CHECKING:
    from data.shards import Dataset
    from encoders.heard import HeardTable
    from encoders.names import NameEncoder, Names

MOST_TRACKS_TO_FIT = 50_000
"""An encoder of this kind learns nothing more from more tracks; memory stays bounded."""
_RUN = 4096
_COLUMNS = [*ATTRIBUTE_NAMES, "emotions", "genres", "release_date", "artist", "album", "title"]


@dataclass(frozen=True)
class _Known:
    """What is known of a run of a dataset's rows: attributes float32 `[n, 10]` and emotions float32 `[n, 9]` (NaN
    where unknown), tags, year float64 `[n]`, names (artist, album, title).
    """

    attributes: np.ndarray
    emotions: np.ndarray
    tags: list[Tags]
    year: np.ndarray
    names: list[Names]


def parse_year(release_date: str | None) -> float:
    """The year of a date such as `1988`, `1988-05` or `1988-05-03`; NaN where there is none."""
    digits = (release_date or "").strip()[:4]
    return float(digits) if len(digits) == 4 and digits.isascii() and digits.isdigit() and digits > "1000" else np.nan


def guess_genres(heads: Heads, codes: np.ndarray) -> list[dict[str, float]]:
    """The probability of each genre by name for codes `[N, code_dim]`; nothing for a row of NaN."""
    return _by_name(heads.genres, heads.genre_probabilities(np.nan_to_num(codes)), codes)


def guess_tags(heads: Heads, codes: np.ndarray) -> list[dict[str, float]]:
    """The probability of each tag that a tagger would give, by name, for codes `[N, code_dim]`; nothing for NaN."""
    return _by_name(heads.tags, heads.tag_probabilities(np.nan_to_num(codes)), codes)


def _by_name(names: Sequence[str], probabilities: np.ndarray, codes: np.ndarray) -> list[dict[str, float]]:
    heard = np.isfinite(codes).all(axis=1)
    rows = zip(probabilities, heard, strict=True)
    return [dict(zip(names, map(float, row), strict=True)) if one else {} for row, one in rows]


def _iter_known(dataset: Dataset, heads: Heads, codes: np.ndarray | None, heard: HeardTable | None) -> Iterator[_Known]:
    """What the rows say of themselves, filled up by what is heard of them; `codes [N, code_dim]` for the heads."""
    estimates = (row for _, rows in heard.iter_batches() for row in rows) if heard is not None else None
    start = 0
    for batch in dataset.iter_batches(_COLUMNS, _RUN):
        rows = batch.to_pylist()
        known = _Known(
            attributes=np.stack([attributes_array(row) for row in rows]),
            emotions=np.stack([emotions_array(row["emotions"]) for row in rows]),
            tags=[row["genres"] or [] for row in rows],
            year=np.array([parse_year(row["release_date"]) for row in rows]),
            names=[(row["artist"], row["album"], row["title"]) for row in rows],
        )
        if estimates is not None:
            estimated = np.stack(list(islice(estimates, len(rows))))
            known = replace(known, attributes=np.where(np.isfinite(known.attributes), known.attributes, estimated))
        if heads and codes is not None:
            known = _answered(known, heads, np.asarray(codes[start : start + len(rows)]))
        start += len(rows)
        yield known


def _answered(known: _Known, heads: Heads, codes: np.ndarray) -> _Known:
    """Emotions and tags that are unknown, as the heads answer them from `codes [n, code_dim]`."""
    told = np.isfinite(known.emotions).all(axis=1)
    emotions = np.where(told[:, None], known.emotions, heads.emotions(codes))
    guesses = zip(guess_tags(heads, codes), guess_genres(heads, codes), strict=True)
    tags: list[Tags] = [own or {**tags, **genres} for own, (tags, genres) in zip(known.tags, guesses, strict=True)]
    return replace(known, emotions=emotions, tags=tags)


def _codes(dataset: Dataset, encoder: Encoder | None, heard: HeardTable | None, wanted: bool) -> np.ndarray | None:
    """The encoder's codes `[N, code_dim]`, memory-mapped, where they are wanted and there is audio to hear."""
    if encoder is None or not wanted or (heard is None and not dataset.present("audio").any()):
        return None
    if heard is None and encoder.hears == "descriptors":
        raise ValueError("an encoder's codes need the table of what was heard")
    from encoders.heard import dataset_codes

    return dataset_codes(dataset, encoder, heard)


def fit_encoder(encoder: Encoder, dataset: Dataset, heard: HeardTable, seed: int = 0) -> Encoder:
    """Fits an `encoder` of descriptors to those of the training tracks (at most 50,000, drawn with `seed`)."""
    if encoder.hears != "descriptors":
        raise ValueError(f"the encoder {encoder.name} hears {encoder.hears}: it is trained, not fitted to descriptors")
    x = heard.descriptors(_training_rows(dataset, seed))
    return encoder.fit(x[np.isfinite(x).all(axis=1)])


def _training_rows(dataset: Dataset, seed: int) -> np.ndarray:
    rows = dataset.indices("train")
    if len(rows) > MOST_TRACKS_TO_FIT:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_TRACKS_TO_FIT, replace=False))
    return rows


def fit_names(
    name_encoder: NameEncoder,
    dataset: Dataset,
    encoder: Encoder | None = None,
    heard: HeardTable | None = None,
    *,
    seed: int = 0,
    max_tags: int = 64,
) -> NameEncoder:
    """Fits `name_encoder` to the names of the training tracks (at most 50,000, drawn with `seed`).

    They learn to tell what the rows say of themselves, and the `encoder`'s codes. Raises `InputError` where too
    few tracks have names and anything to tell.
    """
    from encoders.name_training import Targets
    from encoders.tags import make_vocabulary, tag_values

    rows = _training_rows(dataset, seed)
    names: list[Names] = []
    tags: list[Tags] = []
    numbers: dict[str, list[np.ndarray]] = {"attributes": [], "emotions": []}
    start = 0
    for known in _iter_known(dataset, Heads(), None, None):
        picked = rows[(rows >= start) & (rows < start + len(known.tags))] - start
        names += [known.names[row] for row in picked]
        tags += [known.tags[row] for row in picked]
        numbers["attributes"].append(known.attributes[picked])
        numbers["emotions"].append(known.emotions[picked])
        start += len(known.tags)
    targets = {kind: np.concatenate(parts) for kind, parts in numbers.items()}
    codes = _codes(dataset, encoder, heard, wanted=True)
    if codes is not None:
        targets["codes"] = np.asarray(codes[rows])
    vocabulary, _ = make_vocabulary(tags, 1, max_tags)
    shares = tag_values(tags, vocabulary, 0)[0] if vocabulary else None
    return name_encoder.fit(names, Targets(targets, shares), seed)


def fit_schema(
    dataset: Dataset,
    encoder: Encoder | None = None,
    heard: HeardTable | None = None,
    *,
    name_encoder: NameEncoder | None = None,
    min_tag_rows: int = 10,
    max_tags: int = 64,
    tag_buckets: int = 16,
) -> ConditionSchema:
    """The schema of a dataset's training tracks: a block for each thing that any of them has.

    Attributes, emotions and tags are those of the rows; what a row lacks is the estimate from its clip (where
    `heard` is given) and the answers of the encoder's heads.
    """
    heads = encoder.heads if encoder is not None else Heads()
    codes = _codes(dataset, encoder, heard, wanted=bool(heads))
    training = np.zeros(len(dataset), dtype=bool)
    training[dataset.indices("train")] = True

    def runs() -> Iterator[tuple[_Known, np.ndarray]]:
        start = 0
        for known in _iter_known(dataset, heads, codes, heard):
            yield known, np.flatnonzero(training[start : start + len(known.tags)])
            start += len(known.tags)

    # Numbers fit in memory, a million rows of tags need not: those are counted as they pass.
    numbers = [(np.zeros((0, len(ATTRIBUTE_NAMES))), np.zeros((0, len(EMOTIONS))), np.zeros(0))]
    numbers += [(known.attributes[rows], known.emotions[rows], known.year[rows]) for known, rows in runs()]
    attributes, emotions, year = (np.concatenate(parts) for parts in zip(*numbers, strict=True))
    return make_schema(
        code_dim=encoder.code_dim if encoder else 0,
        attributes=attributes,
        emotions=emotions,
        tags=(known.tags[row] for known, rows in runs() for row in rows),
        year=year,
        names_dim=name_encoder.code_dim if name_encoder else 0,
        min_tag_rows=min_tag_rows,
        max_tags=max_tags,
        tag_buckets=tag_buckets,
    )


def dataset_conditions(
    dataset: Dataset,
    schema: ConditionSchema,
    encoder: Encoder | None = None,
    heard: HeardTable | None = None,
    *,
    name_encoder: NameEncoder | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Conditions `c` float32 `[N, c_dim]`, memory-mapped from `cache/conditions-<fingerprint>.npy`.

    Made on the first call, and again for another schema, encoder or dataset. `heard` (of `dataset_features`)
    is needed for attributes of rows that carry none, and for an encoder of descriptors. The codes are those of
    `dataset_codes`, which, called before, makes them on many processes.
    """
    from encoders.parts import is_whole, write_array

    heads = encoder.heads if encoder is not None else Heads()
    codes = _codes(dataset, encoder, heard, wanted=schema.has("audio") or bool(heads))
    parts = [dataset.fingerprint, schema.fingerprint, fingerprint_state("heads", heads.config(), heads.tensors())]
    parts += [part.fingerprint if part is not None else "-" for part in (encoder, heard, name_encoder)]
    path = dataset.cache_dir / f"conditions-{sha256_bytes(' '.join(parts).encode())[:16]}.npy"
    shape = (len(dataset), schema.dim)
    if not is_whole(path, shape):
        runs = _iter_known(dataset, heads, codes, heard)
        write_array(path, np.float32, shape, _assembled(schema, runs, codes, name_encoder, progress, len(dataset)))
    return np.load(path, mmap_mode="r")


def _assembled(
    schema: ConditionSchema,
    runs: Iterator[_Known],
    codes: np.ndarray | None,
    name_encoder: NameEncoder | None,
    progress: Callable[[int, int], None] | None,
    total: int,
) -> Iterator[np.ndarray]:
    """Conditions `[n, c_dim]` of runs of rows, in order."""
    start = 0
    for known in runs:
        stop = start + len(known.tags)
        yield _assemble(schema, known, None if codes is None else codes[start:stop], name_encoder)
        start = stop
        if progress is not None:
            progress(start, total)


def _assemble(
    schema: ConditionSchema, known: _Known, codes: np.ndarray | None, name_encoder: NameEncoder | None
) -> np.ndarray:
    return schema.assemble(
        audio=codes,
        attributes=known.attributes,
        emotions=known.emotions,
        tags=known.tags,
        year=known.year,
        names=None if name_encoder is None else name_encoder.encode(known.names),
    )


def track_condition(
    schema: ConditionSchema,
    encoder: Encoder | None,
    features: Features | None,
    *,
    attributes: Mapping[str, float | None] | None = None,
    emotions: Sequence[float] | None = None,
    tags: Tags = (),
    year: float | None = None,
    names: Names | None = None,
    name_encoder: NameEncoder | None = None,
) -> np.ndarray:
    """The condition `c` float32 `[c_dim]` of one track; whatever is neither given nor heard is absent.

    `attributes` are taken as given (estimate them with `encoders.attributes` for a bare recording). `emotions` are
    the nine shares in order; they and `tags`, where not given, are what the encoder's heads answer. `names` are
    artist, album and title, read by `name_encoder`.
    """
    code = None
    known = _Known(
        attributes=attributes_array(attributes or {})[None],
        emotions=emotions_array(emotions)[None],
        tags=[tags if isinstance(tags, Mapping) else list(tags or ())],
        year=np.array([np.nan if year is None else float(year)]),
        names=[names or (None, None, None)],
    )
    if encoder is not None and features is not None and (schema.has("audio") or encoder.heads):
        code = encoder.encode([features])
        known = _answered(known, encoder.heads, code)
    return _assemble(schema, known, code, name_encoder)[0]
