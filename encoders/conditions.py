"""Conditions `c` of a whole dataset and of one track: the schema filled with what is known and what is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.attributes import ATTRIBUTE_NAMES, attributes_array
from data.files import atomic_path, sha256_bytes
from encoders.base import Encoder
from encoders.features import Features
from encoders.schema import ConditionSchema, make_schema

if TYPE_CHECKING:
    from data.shards import Dataset
    from encoders.heard import HeardTable

MOST_TRACKS_TO_FIT = 50_000
"""An encoder of this kind learns nothing more from more tracks; memory stays bounded."""


@dataclass(frozen=True)
class _Known:
    """What a run of a dataset's rows says of itself: attributes float32 `[n, 10]`, tags, year float64 `[n]`."""

    attributes: np.ndarray
    tags: list[list[str]]
    year: np.ndarray


def parse_year(release_date: str | None) -> float:
    """The year of a date such as `1988`, `1988-05` or `1988-05-03`; NaN where there is none."""
    digits = (release_date or "").strip()[:4]
    return float(digits) if len(digits) == 4 and digits.isascii() and digits.isdigit() and digits > "1000" else np.nan


def _iter_known(dataset: Dataset, batch_rows: int) -> Iterator[_Known]:
    columns = [*ATTRIBUTE_NAMES, "genres", "release_date"]
    for batch in dataset.iter_batches(columns, batch_rows):
        rows = batch.to_pylist()
        yield _Known(
            attributes=np.stack([attributes_array(row) for row in rows]),
            tags=[row["genres"] or [] for row in rows],
            year=np.array([parse_year(row["release_date"]) for row in rows]),
        )


def _know_all(dataset: Dataset) -> _Known:
    runs = list(_iter_known(dataset, 4096))
    return _Known(
        attributes=np.concatenate([run.attributes for run in runs] or [np.zeros((0, len(ATTRIBUTE_NAMES)))]),
        tags=[tags for run in runs for tags in run.tags],
        year=np.concatenate([run.year for run in runs] or [np.zeros(0)]),
    )


def fit_encoder(encoder: Encoder, dataset: Dataset, heard: HeardTable, seed: int = 0) -> Encoder:
    """Fits `encoder` to the descriptors of the training tracks (at most 50,000, drawn with `seed`)."""
    rows = dataset.indices("train")
    if len(rows) > MOST_TRACKS_TO_FIT:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_TRACKS_TO_FIT, replace=False))
    x = heard.descriptors(rows)
    return encoder.fit(x[np.isfinite(x).all(axis=1)])


def fit_schema(
    dataset: Dataset,
    encoder: Encoder | None = None,
    heard: HeardTable | None = None,
    *,
    min_tag_rows: int = 10,
    max_tags: int = 64,
) -> ConditionSchema:
    """The schema of a dataset's training tracks: a block for each thing that any of them has.

    Attributes are those of the rows; where `heard` is given, what a row lacks is the estimate from its clip.
    """
    known = _know_all(dataset)
    rows = dataset.indices("train")
    attributes = known.attributes
    if heard is not None:
        attributes = np.where(np.isfinite(attributes), attributes, heard.attributes())
    return make_schema(
        code_dim=encoder.code_dim if encoder else 0,
        attributes=attributes[rows],
        tags=[known.tags[row] for row in rows],
        year=known.year[rows],
        min_tag_rows=min_tag_rows,
        max_tags=max_tags,
    )


def dataset_conditions(
    dataset: Dataset,
    schema: ConditionSchema,
    encoder: Encoder | None = None,
    heard: HeardTable | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Conditions `c` float32 `[N, c_dim]`, memory-mapped from `cache/conditions-<fingerprint>.npy`.

    Made on the first call, and again for another schema, encoder or dataset. `heard` (of `dataset_features`)
    is needed for an encoder, and for attributes of rows that carry none.
    """
    if encoder is not None and heard is None:
        raise ValueError("an encoder's codes need the table of what was heard")
    parts = [dataset.fingerprint, schema.fingerprint]
    parts += [part.fingerprint if part is not None else "-" for part in (encoder, heard)]
    path = dataset.cache_dir / f"conditions-{sha256_bytes(' '.join(parts).encode())[:16]}.npy"
    shape = (len(dataset), schema.dim)
    if not _is_whole(path, shape):
        with atomic_path(path) as temporary:
            c = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            start = 0
            for rows in _iter_conditions(dataset, schema, encoder, heard):
                c[start : start + len(rows)] = rows
                start += len(rows)
                if progress is not None:
                    progress(start, len(dataset))
            c.flush()
            del c
    return np.load(path, mmap_mode="r")


def _is_whole(path: Path, shape: tuple[int, int]) -> bool:
    try:
        c = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return c.shape == shape and c.dtype == np.float32


def _iter_conditions(
    dataset: Dataset, schema: ConditionSchema, encoder: Encoder | None, heard: HeardTable | None
) -> Iterator[np.ndarray]:
    """Conditions `[n, c_dim]` of runs of rows, in order."""
    heard_rows = _rows_of(heard.iter_batches()) if heard is not None else None
    for known in _iter_known(dataset, 1024):
        n = len(known.tags)
        attributes, codes = known.attributes, None
        if heard_rows is not None:
            both = [next(heard_rows) for _ in range(n)]
            x, estimates = (np.stack(part) for part in zip(*both, strict=True))
            attributes = np.where(np.isfinite(attributes), attributes, estimates)
            if encoder is not None:
                usable = np.isfinite(x).all(axis=1)
                codes = np.full((n, encoder.code_dim), np.nan, dtype=np.float32)
                codes[usable] = encoder.encode_heard(x[usable])
        yield schema.assemble(audio=codes, attributes=attributes, tags=known.tags, year=known.year)


def _rows_of(batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for descriptors, attributes in batches:
        yield from zip(descriptors, attributes, strict=True)


def track_condition(
    schema: ConditionSchema,
    encoder: Encoder | None,
    features: Features | None,
    *,
    attributes: Mapping[str, float | None] | None = None,
    tags: Iterable[str] = (),
    year: float | None = None,
) -> np.ndarray:
    """The condition `c` float32 `[c_dim]` of one track; whatever is not given is absent.

    `attributes` are taken as given (estimate them with `encoders.attributes` for a bare recording).
    """
    code = None
    if encoder is not None and features is not None and schema.has("audio"):
        code = encoder.encode([features])
    return schema.assemble(
        audio=code,
        attributes=attributes_array(attributes or {})[None],
        tags=[list(tags)],
        year=np.array([np.nan if year is None else float(year)]),
    )[0]
