"""Labels: what a dataset's covers themselves say, a value a row, looked at once and kept in its cache.

`width` and `height` (pixels of the cover as it is stored), `square`, `near_duplicate` (an earlier row has nearly the
same cover), `first_of_album` (no earlier row of the album has a cover) and `text` (there is writing on it; see
`data.lettering`). A row without a cover, or with one that does not decode, has no labels.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.covers import decode_cover
from data.duplicates import near_duplicate_groups, perceptual_hash
from data.errors import InputError
from data.files import atomic_path
from data.lettering import text_finder
from data.shards import Dataset
from data.splits import normalised_artist

WIDTH, HEIGHT, SQUARE, NEAR_DUPLICATE, FIRST_OF_ALBUM, TEXT = LABELS = (
    "width", "height", "square", "near_duplicate", "first_of_album", "text",
)  # fmt: skip
NUMBERS = (WIDTH, HEIGHT)
SQUARE_WITHIN = 0.02
"""Sides that differ by no more than this part of the longer one make a square."""
HASH = "hash"
_VERSION = "1"
_BATCH = 64
_SIZES, _TEXT = "labels.parquet", "text.parquet"
_HASHED = pa.schema([(WIDTH, pa.int32()), (HEIGHT, pa.int32()), (HASH, pa.uint64())])

Progress = Callable[[str, int, int | None], None]


def label(dataset: Dataset, name: str, progress: Progress | None = None) -> list[Any]:
    """One of `LABELS` for each row: numbers, or True and False; None where the row has no such label.

    The covers are decoded on the first call, and again where the dataset has changed.
    """
    if name == TEXT:
        return _kept(dataset, _TEXT, lambda: _read_text(dataset, progress))[TEXT].to_pylist()
    return _table(dataset, progress)[name].to_pylist()


def text_where_known(dataset: Dataset) -> np.ndarray | None:
    """float64 `[N]`: 1 where a row's cover has writing, 0 where it has none, NaN where there is no cover; None where
    nobody has asked yet (reading covers takes long)."""
    table = _stored(dataset, _TEXT)
    return None if table is None else table[TEXT].cast(pa.float64()).fill_null(np.nan).combine_chunks().to_numpy()


def cover_hashes(dataset: Dataset, progress: Progress | None = None) -> np.ndarray:
    """uint64 `[N]`: each cover's perceptual hash, `data.duplicates.FLAT` where a row has no cover."""
    return _table(dataset, progress)[HASH].combine_chunks().fill_null(0).to_numpy()


def _table(dataset: Dataset, progress: Progress | None) -> pa.Table:
    return _kept(dataset, _SIZES, lambda: _look_at_all(dataset, progress))


def _kept(dataset: Dataset, name: str, make: Callable[[], pa.Table]) -> pa.Table:
    """The table of this name in the dataset's cache, made where it is missing, damaged or of other rows."""
    found = _stored(dataset, name)
    if found is not None:
        return found
    made = make().replace_schema_metadata(_made_from(dataset))
    with atomic_path(dataset.cache_dir / name) as temporary:
        pq.write_table(made, temporary)
    return made


def _stored(dataset: Dataset, name: str) -> pa.Table | None:
    """The table of this name in the dataset's cache; None where it is missing, damaged or of other rows."""
    try:
        found = pq.read_table(dataset.cache_dir / name)
    except (pa.ArrowException, OSError):
        return None
    usable = found.schema.metadata == _made_from(dataset) and len(found) == len(dataset)
    return found if usable else None


def _made_from(dataset: Dataset) -> dict[bytes, bytes]:
    return {b"dataset": dataset.fingerprint.encode(), b"version": _VERSION.encode()}


def _look_at_all(dataset: Dataset, progress: Progress | None) -> pa.Table:
    looks = list(_over_covers(dataset, _look, progress, "looking at covers"))
    table = pa.Table.from_pylist([look or {} for look in looks], schema=_HASHED)
    known = table[WIDTH].is_valid().to_numpy()
    sides = np.stack([table[name].fill_null(0).to_numpy() for name in NUMBERS])  # [2, N]
    square = sides.max(axis=0) - sides.min(axis=0) <= SQUARE_WITHIN * sides.max(axis=0)
    groups = near_duplicate_groups(table[HASH].combine_chunks().fill_null(0).to_numpy())
    columns = {
        SQUARE: square,
        NEAR_DUPLICATE: ~_first(groups, known),
        FIRST_OF_ALBUM: _first(album_groups(dataset), known),
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, mask=~known))
    return table


def _look(content: bytes) -> dict[str, int] | None:
    try:
        image = decode_cover(content)
    except InputError:
        return None
    return {WIDTH: image.width, HEIGHT: image.height, HASH: perceptual_hash(image)}


def _read_text(dataset: Dataset, progress: Progress | None) -> pa.Table:
    has_text = text_finder()

    def read(content: bytes) -> bool | None:
        try:
            return has_text(decode_cover(content))
        except InputError:
            return None

    return pa.table({TEXT: pa.array(_over_covers(dataset, read, progress, "reading covers", jobs=1), pa.bool_())})


def _over_covers(
    dataset: Dataset, look: Callable[[bytes], Any], progress: Progress | None, stage: str, jobs: int | None = None
) -> Iterator[Any]:
    """`look(bytes)` of each row's cover, None where it has none."""
    done = 0
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for batch in dataset.iter_batches(["cover"], batch_size=_BATCH):
            covers = [(row["cover"] or {}).get("bytes") for row in batch.to_pylist()]
            yield from pool.map(lambda content: look(content) if content else None, covers)
            done += len(covers)
            if progress is not None:
                progress(stage, done, len(dataset))


def album_groups(dataset: Dataset) -> np.ndarray:
    """int64 `[N]`: each row's album: by its id, else by the artist's name and its own; else the row stands alone."""
    keys = array("q")
    for number, row in enumerate(dataset.iter_rows(["album_id", "artist", "album"])):
        named = row["album"] and f"named\0{normalised_artist(row['artist'])}\0{row['album'].casefold()}"
        key = f"id\0{row['album_id']}" if row["album_id"] else named or f"row\0{number}"
        keys.append(int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True))
    return np.frombuffer(keys, dtype=np.int64)


def _first(groups: np.ndarray, known: np.ndarray) -> np.ndarray:
    """bool `[N]`: which of the `known` rows is the first known one of its group."""
    rows = np.flatnonzero(known)
    first = np.zeros(len(groups), dtype=bool)
    first[rows[np.unique(groups[rows], return_index=True)[1]]] = True
    return first
