"""A dataset on disk: a folder of Parquet shards, written whole or not at all, read in constant memory."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.files import atomic_path, hold_alone, reason_of
from data.parquet import footer_of, metadata_of, opened, with_columns
from data.table import BYTES_COLUMNS, COLUMNS, SCHEMA, SPLITS, validate_row

ROWS_PER_SHARD = 1000
ROWS_PER_GROUP = 100
# Rows are handed to Parquet before they hold more than this, however large their clips and covers are.
GROUP_BYTES = 64 * 2**20
SHARD_BYTES = 512 * 2**20
PATTERN = "part-*.parquet"
MARKER = ".unfinished"
_DICTIONARY_COLUMNS = ["artist", "album", "release_date", "licence", "source", "subset", "split"]


class DatasetWriter:
    """Writes validated rows into the shards of a new dataset; a context manager.

    Shards are built under temporary names and take their own only when they are whole. While the dataset is
    unfinished a marker lies beside them: readers refuse it, and the same command given again starts afresh.
    Leaving the `with` block by an error removes what was written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        rows_per_shard: int = ROWS_PER_SHARD,
        rows_per_group: int = ROWS_PER_GROUP,
    ) -> None:
        """Raises `InputError` where `folder` is a file or already holds shards."""
        if rows_per_shard < 1 or rows_per_group < 1:
            raise ValueError("a shard and a row group hold at least one row")
        self.folder = Path(folder)
        self._rows_per_shard, self._rows_per_group = rows_per_shard, rows_per_group
        self._seen: set[bytes] = set()
        self._buffer: list[Mapping[str, Any]] = []
        self._buffer_bytes = self._shard_bytes = 0
        self._shard_rows = self.rows = 0
        self._shards: list[Path] = []
        self._digest = hashlib.sha256()
        self._open = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = (self.folder / MARKER).exists()
            if not unfinished and any(self.folder.glob(PATTERN)):
                raise InputError(self.folder, "already holds a dataset; give another folder or remove it")
            reason = "another process is writing a dataset there"
            self._marker = hold_alone(self.folder / MARKER, self.folder, reason)
            if unfinished:
                self._clear_leftovers()
        except OSError as error:
            raise InputError(self.folder, reason_of(error)) from error

    def _clear_leftovers(self) -> None:
        """Removes what a killed writer left."""
        for leftover in (*self.folder.glob(PATTERN), *self.folder.glob(f".{PATTERN}.*.tmp")):
            leftover.unlink()

    def __enter__(self) -> Self:
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds one row; `InputError` where it breaks the table or its track_id is already there."""
        validate_row(row)
        key = hashlib.blake2b(row["track_id"].encode(), digest_size=12).digest()
        if key in self._seen:
            raise InputError(row["track_id"], "track_id is already in the dataset")
        size = _bytes_of(row)
        if self._shard_rows and (self._shard_rows == self._rows_per_shard or self._shard_bytes + size > SHARD_BYTES):
            self._finish_shard()
        elif self._buffer and (len(self._buffer) == self._rows_per_group or self._buffer_bytes + size > GROUP_BYTES):
            self._flush()
        self._seen.add(key)
        _update(self._digest, row)
        self._buffer.append(row)
        self._buffer_bytes += size
        self._shard_bytes += size
        self._shard_rows += 1
        self.rows += 1

    def _flush(self) -> None:
        if not self._buffer:
            return
        if self._writer is None:
            path = self.folder / f"part-{len(self._shards):05d}.parquet"
            temporary = self._open.enter_context(atomic_path(path))
            self._writer = self._open.enter_context(
                # Covers and clips are compressed already; text columns gain from dictionaries.
                pq.ParquetWriter(temporary, SCHEMA, compression="zstd", use_dictionary=_DICTIONARY_COLUMNS)
            )
            self._shards.append(path)
        table = pa.Table.from_pylist(self._buffer, schema=SCHEMA)
        self._writer.write_table(table, row_group_size=self._rows_per_group)
        self._buffer, self._buffer_bytes = [], 0

    def _finish_shard(self) -> None:
        self._flush()
        if self._writer is not None:
            # In the footer, so that a dataset's fingerprint changes with any byte of any row.
            self._writer.add_key_value_metadata({"content_sha256": self._digest.hexdigest()})
        self._open.close()
        self._writer, self._shard_rows, self._shard_bytes = None, 0, 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish_shard()
        else:
            self._open.__exit__(kind, error, trace)
            for shard in self._shards:
                shard.unlink(missing_ok=True)
        (self.folder / MARKER).unlink(missing_ok=True)
        self._marker.close()


def _update(digest: Any, row: Mapping[str, Any]) -> None:
    """Feeds one row to a hash: its small columns as JSON, its files as they are, each with its length."""
    small = {name: value for name, value in row.items() if name not in BYTES_COLUMNS}
    parts = [json.dumps(small, sort_keys=True).encode()]
    parts += [row[column]["bytes"] for column in BYTES_COLUMNS if row[column] is not None]
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)


def _bytes_of(row: Mapping[str, Any]) -> int:
    return 512 + sum(len(row[column]["bytes"]) for column in BYTES_COLUMNS if row[column] is not None)


class Dataset:
    """A dataset's rows, in the order in which they were written; reading holds one row group in memory."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Raises `InputError`: no such folder, no shards in it, an unreadable shard, other columns."""
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(self.folder, "is a file, not a dataset" if self.folder.exists() else "no such dataset")
        if (self.folder / MARKER).exists():
            raise InputError(self.folder, "unfinished dataset: its making was interrupted; give the same command again")
        self._shards = sorted(self.folder.glob(PATTERN))
        if not self._shards:
            raise InputError(self.folder, "holds no dataset (no part-*.parquet)")
        self._groups: list[tuple[Path, int]] = []  # (shard, row group)
        self._starts: list[int] = []  # first row of each row group
        rows = 0
        digest = hashlib.sha256()
        for shard in self._shards:
            metadata = metadata_of(shard)
            digest.update(footer_of(shard))
            for group in range(metadata.num_row_groups):
                self._groups.append((shard, group))
                self._starts.append(rows)
                rows += metadata.row_group(group).num_rows
        self._rows = rows
        self._digest = digest.hexdigest()

    def __len__(self) -> int:
        return self._rows

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the shards' sizes and footers, in which the writer left a hash of their rows."""
        return self._digest

    @property
    def cache_dir(self) -> Path:
        """Where what can be rebuilt lies, beside the shards."""
        return self.folder / "cache"

    def iter_batches(
        self, columns: Sequence[str] | None = None, batch_size: int = ROWS_PER_GROUP
    ) -> Iterator[pa.RecordBatch]:
        """Record batches of at most `batch_size` rows with `columns` (all where None), in order."""
        chosen = _known(columns)
        for shard in self._shards:
            with opened(shard) as file:
                there = set(file.schema_arrow.names)
                # Of no columns Parquet gives no rows: where an older shard has none of those asked, one is read.
                columns = [column for column in chosen if column in there] or [COLUMNS[0]]
                for batch in file.iter_batches(batch_size=batch_size, columns=columns):
                    yield with_columns(batch, chosen)

    def iter_rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as dicts with `columns` (all where None), in order."""
        for batch in self.iter_batches(columns, batch_size=16):
            yield from batch.to_pylist()

    def read(self, columns: Iterable[str]) -> pa.Table:
        """A table `[N, len(columns)]` of columns that fit in memory.

        Raises `ValueError` for `cover` and `audio`: those are streamed, by `iter_rows` or `iter_batches`.
        """
        chosen = list(columns)
        large = set(chosen) & set(BYTES_COLUMNS)
        if large:
            raise ValueError(f"{min(large)} is streamed with iter_rows, never read whole")
        schema = pa.schema([SCHEMA.field(column) for column in _known(chosen)])
        return pa.Table.from_batches(self.iter_batches(chosen, batch_size=65_536), schema=schema)

    def row(self, index: int) -> dict[str, Any]:
        """The whole row at `index` (0 … N−1); `IndexError` beyond."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        position = bisect.bisect_right(self._starts, index) - 1
        shard, group = self._groups[position]
        with opened(shard) as file:
            table = file.read_row_group(group)
        found = table.slice(index - self._starts[position], 1).to_pylist()[0]
        return {column: found.get(column) for column in COLUMNS}

    def present(self, column: str) -> np.ndarray:
        """bool `[N]`: which rows have a `cover` or `audio` (or any other column); their bytes are not
        read.
        """
        if column not in BYTES_COLUMNS:
            return self.read([column]).column(0).is_valid().to_numpy()
        leaf = f"{column}.path"
        parts = [np.zeros(0, dtype=bool)]
        for shard in self._shards:
            with opened(shard) as file:
                for batch in file.iter_batches(batch_size=65_536, columns=[leaf]):
                    parts.append(batch.column(0).is_valid().to_numpy(zero_copy_only=False))
        return np.concatenate(parts)

    @cached_property
    def _split_codes(self) -> np.ndarray:
        names = self.read(["split"]).column("split").to_pylist()
        return np.array([SPLITS.index(name) if name in SPLITS else -1 for name in names], dtype=np.int8)

    def indices(self, split: str) -> np.ndarray:
        """int64 `[n]`: the rows of one split (`train`, `validation`, `test`), ascending; `all` for every
        row.
        """
        if split == "all":
            return np.arange(len(self), dtype=np.int64)
        if split not in SPLITS:
            raise InputError(split, f"not a split; known: {', '.join(SPLITS)}")
        return np.flatnonzero(self._split_codes == SPLITS.index(split)).astype(np.int64)


def _known(columns: Sequence[str] | None) -> list[str]:
    chosen = list(COLUMNS if columns is None else columns)
    for column in chosen:
        if column not in COLUMNS:
            raise InputError(column, f"not a column; known: {', '.join(COLUMNS)}")
    return chosen
