"""Tables that users have: CSV, TSV, JSON lines, Parquet; read row by row with bounded memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.files import read_json_lines, reason_of

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
MAX_LINE = 2**20
MAX_COLUMNS = 1000
_TOO_MANY = "\0too many"


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as dicts keyed by its column names in lower case, spaces as `_`.

    Cells of CSV and TSV are texts, an empty one None. Raises `InputError`: no such file, not UTF-8, not
    a table of its kind, a line over 1 MiB, no header, a column named twice.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise InputError(path, f"not a table; known: {', '.join(TABLE_SUFFIXES)}")
    if suffix == ".parquet":
        rows = _parquet_rows(path)
    elif suffix in (".csv", ".tsv"):
        rows = _text_rows(path, "\t" if suffix == ".tsv" else None)
    else:
        rows = read_json_lines(path, MAX_LINE)
    for row in rows:
        yield {_column(name): value for name, value in row.items()}


def columns_of(path: Path) -> list[str]:
    """The column names that `read_table` would use, from the header or the first row alone; [] for no
    rows.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        with _lines(path) as lines:
            header = next(lines, "")
            return [_column(name) for name in _header(path, header, _delimiter(path, header))]
    if path.suffix.lower() == ".parquet":
        return [_column(name) for name in _parquet_names(path)]
    return list(next(read_table(path), {}))


def _column(name: Any) -> str:
    return "_".join(str(name).strip().lower().replace("-", " ").split())


class _lines:
    """The lines of a UTF-8 text file, each at most `MAX_LINE` characters, as a context manager and
    iterator.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open(encoding="utf-8-sig", newline="")
        except OSError as error:
            raise InputError(path, reason_of(error)) from error

    def __enter__(self) -> _lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> _lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._file.readline(MAX_LINE + 1)
        except UnicodeDecodeError as error:
            raise InputError(self._path, "not UTF-8 text") from error
        except OSError as error:
            raise InputError(self._path, reason_of(error)) from error
        if len(line) > MAX_LINE:
            raise InputError(self._path, f"a line is longer than {MAX_LINE:,} characters")
        if not line:
            raise StopIteration
        return line


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=header.count) if header else ","


def _header(path: Path, header: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:
        raise InputError(path, f"not a table: {error}") from error
    columns = [_column(name) for name in names]
    if not any(columns):
        raise InputError(path, "has no header line")
    if len(columns) > MAX_COLUMNS:
        raise InputError(path, f"more than {MAX_COLUMNS} columns")
    twice = {name for name in columns if name and columns.count(name) > 1}
    if twice:
        raise InputError(path, f"column {min(twice)!r} is there twice")
    return names


def _text_rows(path: Path, delimiter: str | None) -> Iterator[dict[str, Any]]:
    with _lines(path) as lines:
        header = next(lines, "")
        between = delimiter or _delimiter(path, header)
        names = _header(path, header, between)
        reader = csv.DictReader(lines, fieldnames=names, restkey=_TOO_MANY, delimiter=between)
        try:
            for row in reader:
                if _TOO_MANY in row:
                    raise InputError(path, f"line {reader.line_num + 1} has more cells than the header")
                yield {name: value or None for name, value in row.items()}
        except csv.Error as error:
            raise InputError(path, f"line {reader.line_num + 1}: {error}") from error


def _parquet_names(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(path, "not a Parquet table, or damaged") from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=64):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(path, "not a Parquet table, or damaged") from error
