"""What a whole dataset sounds like: descriptors and estimated attributes of every clip, in the dataset's cache.

Work lands in parts as it is done, so that a killed extraction goes on where it stopped; the parts become
`cache/features.parquet` at the end. Clips stream through: memory does not grow with the dataset.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.attributes import ATTRIBUTE_NAMES, attributes_array
from data.audio import load_audio
from data.errors import InputError
from data.files import atomic_path, sha256_bytes
from data.shards import Dataset
from encoders.attributes import CURVES, SPOTIFY_OFFSET_DB, estimate_attributes
from encoders.features import DESCRIPTOR_NAMES, DESCRIPTORS_HASH, compute_features

PART_ROWS = 64
ATTRIBUTES_HASH = sha256_bytes(repr((sorted(CURVES.items()), SPOTIFY_OFFSET_DB)).encode())[:16]
NO_AUDIO = "no audio"
_MADE_FROM = b"made_from"


@dataclass(frozen=True)
class HeardTable:
    """The table of a dataset's descriptors and estimates, on disk; one row a track, in the dataset's order."""

    path: Path
    fingerprint: str

    def iter_batches(self, batch_rows: int = 4096) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`(descriptors float32 [n, d], attributes float32 [n, 10])` in order; NaN where there is nothing."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_rows, columns=["descriptors", "attributes"]):
                yield (_matrix(batch.column(0), len(DESCRIPTOR_NAMES)), _matrix(batch.column(1), len(ATTRIBUTE_NAMES)))

    def descriptors(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Descriptors float32 `[n, d]` of `rows` (ascending; all where None); only those are held in memory."""
        return self._gather(0, rows)

    def attributes(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Estimated attributes float32 `[n, 10]` of `rows` (ascending; all where None), NaN where unknown."""
        return self._gather(1, rows)

    def problems(self) -> dict[str, int]:
        """How many tracks could not be heard, by reason."""
        column = pq.read_table(self.path, columns=["problem"]).column(0).drop_null()
        return {item["values"]: item["counts"] for item in column.value_counts().to_pylist()}

    def _gather(self, column: int, rows: np.ndarray | None) -> np.ndarray:
        if rows is not None and (np.diff(rows) < 0).any():
            raise ValueError("rows are asked for in ascending order")
        parts, start = [], 0
        for batch in self.iter_batches():
            part = batch[column]
            if rows is not None:
                part = part[rows[(rows >= start) & (rows < start + len(part))] - start]
            parts.append(part)
            start += len(batch[column])
        size = (len(DESCRIPTOR_NAMES), len(ATTRIBUTE_NAMES))[column]
        return np.concatenate([np.zeros((0, size), dtype=np.float32), *parts])


def _matrix(column: pa.Array, width: int) -> np.ndarray:
    """float32 `[n, width]` of a column of lists, which all have `width` numbers."""
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def dataset_features(
    dataset: Dataset, *, jobs: int = 1, progress: Callable[[int, int], None] | None = None
) -> HeardTable:
    """Hears every clip of `dataset` that was not heard before; the table at `cache/features.parquet`.

    Works on `jobs` processes; `progress(done, total)` is told. A row without a clip, or whose clip cannot be
    used, holds NaN and the reason. The table is made anew when the dataset or the features' version changes.
    """
    made_from = f"{dataset.fingerprint} {DESCRIPTORS_HASH} {ATTRIBUTES_HASH}".encode()
    table = HeardTable(dataset.cache_dir / "features.parquet", sha256_bytes(made_from))
    if _made_from(table.path) == made_from:
        return table
    folder = dataset.cache_dir / "features-parts"
    folder.mkdir(parents=True, exist_ok=True)
    schema = _SCHEMA.with_metadata({_MADE_FROM: made_from})
    done, parts = 0, []
    for path, rows in _hear_missing(dataset, folder, made_from, jobs):
        if rows is not None:
            with atomic_path(path) as temporary:
                pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)
        done += pq.read_metadata(path).num_rows
        parts.append(path)
        if progress is not None:
            progress(done, len(dataset))
    with atomic_path(table.path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for path in parts:
            writer.write_table(pq.read_table(path, schema=_SCHEMA).cast(schema))
    shutil.rmtree(folder)
    return table


_SCHEMA = pa.schema(
    [
        pa.field("track_id", pa.string()),
        pa.field("problem", pa.string()),
        pa.field("descriptors", pa.list_(pa.float32())),
        pa.field("attributes", pa.list_(pa.float32())),
    ]
)


def _made_from(path: Path) -> bytes | None:
    """What a table was made from; None where there is none, or none that can be read."""
    try:
        return (pq.read_schema(path).metadata or {}).get(_MADE_FROM)
    except (OSError, pa.ArrowException):
        return None


def _hear_missing(
    dataset: Dataset, folder: Path, made_from: bytes, jobs: int
) -> Iterator[tuple[Path, list[dict[str, Any]] | None]]:
    """Each part's path in order, with its rows where it is yet to be written."""

    def work() -> Iterator[tuple[Path, Sequence[dict[str, Any]] | None]]:
        for number, batch in enumerate(dataset.iter_batches(["track_id", "audio"], PART_ROWS)):
            path = folder / f"part-{number:07d}.parquet"
            yield path, None if _made_from(path) == made_from else batch.to_pylist()

    if jobs == 1:
        yield from (_hear_part(*item) for item in work())
        return
    from joblib import Parallel, delayed

    # The generator is read only a few parts ahead of the workers, so few clips are in memory at once.
    parallel = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    yield from parallel(delayed(_hear_part)(*item) for item in work())


def _hear_part(
    path: Path, rows: Iterable[dict[str, Any]] | None
) -> tuple[Path, list[dict[str, Any]] | None]:
    return path, None if rows is None else [_hear_row(row["track_id"], row["audio"]) for row in rows]


def _hear_row(track_id: str, audio: dict[str, Any] | None) -> dict[str, Any]:
    """One row of the table, from a track's clip."""
    descriptors = np.full(len(DESCRIPTOR_NAMES), np.nan, dtype=np.float32)
    attributes = attributes_array({})
    problem = None if audio else NO_AUDIO
    if audio:
        try:
            excerpt = load_audio(audio["bytes"], name=track_id)
            features = compute_features(excerpt.y, excerpt.sr)
            descriptors = features.descriptors
            attributes = attributes_array(estimate_attributes(excerpt.y, excerpt.sr, features))
        except InputError as error:
            problem = error.reason
    return {"track_id": track_id, "problem": problem, "descriptors": descriptors, "attributes": attributes}
