"""Striking tracks out of a dataset: its shards are written anew without them, and a gathering never brings them back.

New shards are written apart and take the place of the old ones when all are whole. Killed at any moment, a dataset is
the old one, or the new one, or is refused by its readers until the next call here has finished what was begun.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.collecting import opened
from data.errors import InputError
from data.files import flush, hold_alone, read_json, reason_of, write_json
from data.frontier import STRUCK
from data.journal import JOURNAL
from data.publish import publish
from data.shards import MARKER, PATTERN, Dataset, DatasetWriter

_APART, _LOCK = ".striking", ".striking.lock"
_WHOLE = "whole.json"
_TOLD = ("track_id", "artist", "album", "title")

Progress = Callable[[str, int, int | None], None]


def strike(
    folder: str | os.PathLike[str], tracks: Collection[str], progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Rewrites the dataset `folder` without `tracks` (their ids); id, artist, album and title of what was struck out.

    All other rows stay as they are, on their side of the split; a dataset that was collected is split anew by its rule.
    Raises `InputError`: no dataset, an id that it does not hold, or nothing would be left.
    """
    place, wanted = Path(folder), set(tracks)
    with _alone(place):
        struck = finish_striking(place)
        dataset = Dataset(place)
        struck += [row for row in dataset.iter_rows(_TOLD) if row["track_id"] in wanted]
        unknown = wanted - {row["track_id"] for row in struck}
        if unknown:
            more = f" (nor {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise InputError(place, f"holds no track {min(unknown)!r}{more}")
        if len(wanted) >= len(dataset):
            raise InputError(place, "nothing would be left")
        if (place / JOURNAL).exists():
            with opened(place) as journal:
                for track in wanted:
                    journal.do("UPDATE records SET state = ? WHERE track = ?", (STRUCK, track))
                journal.records.changed = True
                publish(journal, place, progress)
        else:
            _rewrite(dataset, wanted, struck, progress)
    return struck


def finish_striking(folder: Path) -> list[dict[str, Any]]:
    """Finishes what a killed `strike` had begun; what it struck out."""
    if not (folder / MARKER).exists() or not (folder / _APART / _WHOLE).exists():
        return []
    return _take_place(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    if not folder.is_dir():
        Dataset(folder)  # says what it is instead
    try:
        lock = hold_alone(folder / _LOCK, folder, "tracks are being struck out there by another process")
    except OSError as error:
        raise InputError(folder, reason_of(error)) from error
    with lock:
        yield


def _rewrite(dataset: Dataset, tracks: set[str], struck: list[dict[str, Any]], progress: Progress | None) -> None:
    apart = dataset.folder / _APART
    shutil.rmtree(apart, ignore_errors=True)
    left = len(dataset) - len(tracks)
    with DatasetWriter(apart) as writer:
        for row in dataset.iter_rows():
            if row["track_id"] not in tracks:
                writer.write(row)
                if progress is not None:
                    progress("writing", writer.rows, left)
    write_json(apart / _WHOLE, {"shards": [shard.name for shard in sorted(apart.glob(PATTERN))], "struck": struck})
    _take_place(dataset.folder)


def _take_place(folder: Path) -> list[dict[str, Any]]:
    """The shards apart become those of `folder`: begun again where it was interrupted, it comes to the same end."""
    apart = folder / _APART
    whole = read_json(apart / _WHOLE)
    with hold_alone(folder / MARKER, folder, "another process is writing a dataset there"):
        for new in apart.glob(PATTERN):
            new.replace(folder / new.name)
        for old in folder.glob(PATTERN):
            if old.name not in whole["shards"]:
                old.unlink()
        flush(folder)
        (folder / MARKER).unlink()
    shutil.rmtree(apart)
    return whole["struck"]
