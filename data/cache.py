"""The cover cache: every cover of a dataset at one resolution, memory-mapped, so that training decodes
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from data.covers import RESIZE_FILTER, decode_cover, resize_cover
from data.errors import InputError
from data.files import atomic_path, read_json, write_json
from data.shards import Dataset

CACHE_VERSION = 1
MAX_RESOLUTION = 2048
_BATCH = 64


def has_cover(dataset: Dataset) -> np.ndarray:
    """bool `[N]`: which rows have a cover."""
    return dataset.present("cover")


def cover_cache(
    dataset: Dataset,
    resolution: int,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """uint8 `[N, 3, resolution, resolution]`, memory-mapped read-only; zeros where a row has no cover.

    Built on the first call (on `jobs` threads, one a core where None; `progress(done, total)` is told)
    and again when the dataset's fingerprint or the resizing has changed. Reading it costs no memory
    beyond the pages in use.

    Raises `InputError` where a cover cannot be decoded, naming the track.
    """
    if not 1 <= resolution <= MAX_RESOLUTION:
        raise InputError(f"resolution {resolution}", f"is not within 1 and {MAX_RESOLUTION}")
    path = dataset.cache_dir / f"covers-{resolution}.npy"
    note = path.with_suffix(".json")
    made_from = {
        "cache_version": CACHE_VERSION,
        "dataset": dataset.fingerprint,
        "resolution": resolution,
        "rows": len(dataset),
        "filter": RESIZE_FILTER,
    }
    shape = (len(dataset), 3, resolution, resolution)
    if not _is_current(path, note, made_from, shape):
        # The note follows the array: killed in between, the old note does not fit and all is made again.
        with atomic_path(path) as temporary:
            _fill(dataset, temporary, shape, jobs, progress)
        write_json(note, made_from)
    return np.load(path, mmap_mode="r")


def _is_current(path: Path, note: Path, made_from: dict[str, Any], shape: tuple[int, ...]) -> bool:
    try:
        if read_json(note) != made_from:
            return False
        array = np.load(path, mmap_mode="r")
    except (InputError, OSError, ValueError, EOFError):
        return False
    return array.shape == shape and array.dtype == np.uint8


def _fill(
    dataset: Dataset,
    path: Path,
    shape: tuple[int, ...],
    jobs: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    covers = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)

    def decode(index: int, row: dict[str, Any]) -> None:
        if row["cover"] is not None:
            covers[index] = resize_cover(_decode(row), shape[-1])

    done = 0
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for batch in dataset.iter_batches(["track_id", "cover"], batch_size=_BATCH):
            rows = batch.to_pylist()
            list(pool.map(decode, range(done, done + len(rows)), rows))
            done += len(rows)
            if progress is not None:
                progress(done, len(dataset))
    covers.flush()


def _decode(row: dict[str, Any]) -> Any:
    if not row["cover"]["bytes"]:
        raise InputError(row["track_id"], "its cover has no bytes in the dataset")
    return decode_cover(row["cover"]["bytes"], name=f"cover of {row['track_id']}")
