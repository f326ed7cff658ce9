"""From a journal to shards: the rows of all finished records, ordered by their ids, split so that no artist and no
near-duplicate cover is on two sides.

The shards are a function of what the journal holds. They are written apart and take the place of the old ones when all
are whole; memory does not grow with the files, and by some tens of bytes a row.
"""

from __future__ import annotations

import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data.build import BuildSummary
from data.duplicates import near_duplicate_groups
from data.files import flush, hold_alone
from data.journal import Journal
from data.records import PUBLISHED, filled_row
from data.shards import MARKER, PATTERN, DatasetWriter
from data.splits import assign_sides, owner_of
from data.table import SPLITS

_APART = ".publishing"
_ROWS_PER_SHARD = 10_000  # or as many as fill the bytes of a shard
_NAMES = f"SELECT track, json_extract(row, '$.artist'), hash FROM records WHERE {PUBLISHED} ORDER BY track"
_ROWS = (
    "SELECT records.row, genres, fill, cover_by, clip_by, covers.path, covers.bytes, clips.path, clips.bytes"
    " FROM records"
    " LEFT JOIN files AS covers ON covers.sha = records.cover LEFT JOIN files AS clips ON clips.sha = records.clip"
    f" WHERE {PUBLISHED} ORDER BY track"
)

Progress = Callable[[str, int, int | None], None]


def publish(journal: Journal, folder: Path, progress: Progress | None = None) -> BuildSummary | None:
    """Writes the dataset `folder` from its journal; what was written, or None where the shards are up to date."""
    journal.commit()
    if not journal.note("changed", False) and any(folder.glob(PATTERN)) and not (folder / MARKER).exists():
        return None
    tell = progress or (lambda stage, done, total: None)
    sides, repeated = _splits(journal)
    made: Counter[str] = Counter()
    if len(sides):
        apart = folder / _APART
        shutil.rmtree(apart, ignore_errors=True)
        with DatasetWriter(apart, rows_per_shard=_ROWS_PER_SHARD) as writer:
            for row, side in zip(_rows(journal), sides, strict=True):
                writer.write(row | {"split": SPLITS[side]})
                made["cover"] += row["cover"] is not None
                made["audio"] += row["audio"] is not None
                tell("writing", writer.rows, len(sides))
        _take_place(apart, folder)
    journal.keep("changed", False)
    journal.commit()
    split_counts = np.bincount(sides, minlength=len(SPLITS)).tolist()
    return BuildSummary(
        len(sides), made["cover"], made["audio"], dict(zip(SPLITS, split_counts, strict=True)), repeated
    )


def _splits(journal: Journal) -> tuple[np.ndarray, int]:
    """uint8 `[N]`, the split of each published record in the order of their ids; how many have a near-duplicate."""
    seen = array("Q", ((value or 0) % 2**64 for *_, value in journal.do(_NAMES)))
    groups = near_duplicate_groups(np.frombuffer(seen, dtype=np.uint64))

    def owners() -> Iterator[str]:
        return (owner_of(artist, track) for track, artist, _ in journal.do(_NAMES))

    repeated = int((np.bincount(groups, minlength=1) > 1)[groups].sum())
    return assign_sides(owners, groups), repeated


def _rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """The published records' rows with their files, in the order of their ids."""
    for *texts, cover_path, cover, clip_path, clip in journal.do(_ROWS):
        yield filled_row(*texts) | {
            "cover": None if cover is None else {"bytes": cover, "path": cover_path},
            "audio": None if clip is None else {"bytes": clip, "path": clip_path},
        }


def _take_place(apart: Path, folder: Path) -> None:
    """The shards in `apart` become those of `folder`. While they do, a marker keeps readers away; should we be killed
    meanwhile, it tells the next run to publish again.
    """
    with hold_alone(folder / MARKER, folder, "another process is writing a dataset there"):
        for old in folder.glob(PATTERN):
            old.unlink()
        for new in sorted(apart.glob(PATTERN)):
            new.replace(folder / new.name)
        flush(folder)
        (folder / MARKER).unlink()
    shutil.rmtree(apart)
