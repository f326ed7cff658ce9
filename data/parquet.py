"""One shard of a dataset: opened so that damage is told by its name, its columns checked, its footer as it is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.table import LATER_COLUMNS, SCHEMA


@contextlib.contextmanager
def opened(shard: Path) -> Iterator[pq.ParquetFile]:
    """The shard, open; `InputError` where it cannot be read, also while it is."""
    try:
        # Parquet would else fetch a whole shard before the first row.
        with pq.ParquetFile(shard, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise InputError(shard, "damaged shard: it cannot be read") from error


def metadata_of(shard: Path) -> pq.FileMetaData:
    """What the shard says of its row groups; `InputError` where it is damaged, or its columns are not a dataset's."""
    try:
        metadata = pq.read_metadata(shard)
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise InputError(shard, "not a Parquet shard, or damaged") from error
    known = pa.schema([field for field in SCHEMA if field.name in schema.names or field.name not in LATER_COLUMNS])
    if not schema.equals(known):
        odd = set(schema.names) ^ set(known.names)
        what = f"column {min(odd)!r}" if odd else "the types of its columns"
        raise InputError(shard, f"not a track table: it differs in {what}")
    return metadata


def footer_of(shard: Path) -> bytes:
    """The shard's size and the bytes of its footer: they change with any row."""
    with open(shard, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(-8, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-8 - length, os.SEEK_END)
        return size.to_bytes(8, "little") + file.read(length)


def with_columns(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """The batch with just these columns, in this order; null for one that an older shard lacks."""
    schema, there = pa.schema([SCHEMA.field(name) for name in columns]), set(batch.schema.names)
    arrays = [batch[field.name] if field.name in there else pa.nulls(len(batch), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
