"""Building a dataset from a user's folder: choose the reader, look at every cover, split, write.

Two passes, so that memory stays small: the first decodes the covers and remembers a hash and an artist a
track; then the splits are known, and the second writes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from data.covers import decode_cover
from data.duplicates import FLAT, near_duplicate_groups, perceptual_hash
from data.errors import InputError
from data.files import reason_of
from data.folders import AUDIO_SUFFIXES, Entry, FileSource, OnSkip, find_tables, read_cover_folder, why_no_table
from data.library import has_music, read_music_folder
from data.shards import DatasetWriter
from data.splits import FRACTIONS, assign_splits
from data.stored import stored_clip, stored_cover
from data.table import SPLITS

_AT_ONCE = 32
Progress = Callable[[str, int, int | None], None]
Reader = Callable[[Path, OnSkip], Iterator[Entry]]


@dataclass(frozen=True)
class BuildSummary:
    """What a build made: rows, how many have a cover and a clip, rows a split, covers that have a near-duplicate,
    and how many inputs were skipped for each reason.
    """

    rows: int
    with_cover: int
    with_audio: int
    splits: dict[str, int]
    near_duplicates: int
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Seen:
    """What the first pass found of a track: which of its covers decodes (−1: it has none), that cover's hash,
    and, once all are seen, its split and whether another cover is nearly the same. `usable` False: skipped.
    """

    cover: int = -1
    hash: int = FLAT
    usable: bool = True
    split: str = SPLITS[0]
    repeated: bool = False


_Survey = list[tuple[str, _Seen]]  # (track_id, what was found) of every entry, in order


def build_dataset(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    on_skip: OnSkip | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
    salt: str = "",
) -> BuildSummary:
    """Builds the dataset `out` from `folder`: covers (and clips) named by a table, or a tree of music files.

    Rows of one artist, and near-duplicate covers, are on one side of the split. What cannot be used is
    told to `on_skip(subject, reason)` once and counted; the rest goes on. `progress(stage, done, total)`
    is told, total None while it is not known. `jobs` threads decode (one a core where None).

    Raises `InputError`: no such folder, nothing usable in it, a table that cannot be read, `out` already
    a dataset.
    """
    source = Path(folder)
    reader = choose_reader(source)
    skipped: Counter[str] = Counter()
    first_skip: list[str] = []

    def skip(subject: str, reason: str) -> None:
        skipped[reason] += 1
        if not first_skip:
            first_skip.append(f"{subject}: {reason}")
        if on_skip is not None:
            on_skip(subject, reason)

    tell = progress or (lambda stage, done, total: None)
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool, DatasetWriter(out) as writer:
        survey = _look_at_all(pool, reader(source, skip), skip, tell, salt)
        made: Counter[str] = Counter()
        usable = _again(reader(source, lambda subject, reason: None), source, survey)
        for job, row in _mapped(pool, _prepare, usable):
            try:
                if isinstance(row, InputError):
                    raise row
                writer.write(row)
            except InputError as error:
                skip(job[0].row["track_id"], error.reason)
                continue
            made[row["split"]] += 1
            made["cover"] += row["cover"] is not None
            made["audio"] += row["audio"] is not None
            made["repeated"] += job[1].repeated
            tell("writing", writer.rows, len(survey))
        if not writer.rows:
            why = f"; first of {sum(skipped.values())} skipped: {first_skip[0]}" if first_skip else ""
            raise InputError(source, f"holds no usable track{why}")
    return BuildSummary(
        rows=writer.rows,
        with_cover=made["cover"],
        with_audio=made["audio"],
        splits={split: made[split] for split in SPLITS},
        near_duplicates=made["repeated"],
        skipped=dict(skipped.most_common()),
    )


def choose_reader(folder: Path) -> Reader:
    """The reader for a folder: by its table where it has one, else as music.

    Raises `InputError`: no such folder, not a folder, neither a table nor music in it.
    """
    if not folder.is_dir():
        raise InputError(folder, "is not a folder" if folder.exists() else "no such folder")
    try:
        if find_tables(folder):
            return read_cover_folder
        if has_music(folder):
            return read_music_folder
        problem = why_no_table(folder)
    except OSError as error:
        raise InputError(folder, reason_of(error)) from error
    if problem is not None:
        raise problem
    kinds = ", ".join(sorted(AUDIO_SUFFIXES)[:4])
    raise InputError(folder, f"holds neither a table that names covers nor music files ({kinds}, …)")


def _mapped(pool: ThreadPoolExecutor, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """(job, function(job)) in order, a bounded number of them under way."""
    waiting = iter(jobs)
    while batch := list(islice(waiting, _AT_ONCE)):
        yield from zip(batch, pool.map(function, batch), strict=True)


def _look_at_all(
    pool: ThreadPoolExecutor, entries: Iterator[Entry], skip: OnSkip, tell: Progress, salt: str
) -> _Survey:
    """The first pass: every cover is decoded once, and every track gets its split."""
    found: _Survey = []
    artists: list[str | None] = []
    for entry, look in _mapped(pool, _look, entries):
        if isinstance(look, InputError):
            skip(entry.row["track_id"], look.reason)
            look = _Seen(usable=False)
        found.append((entry.row["track_id"], look))
        artists.append(entry.row["artist"])
        tell("looking at covers", len(found), None)
    groups = near_duplicate_groups(np.array([look.hash for _, look in found], dtype=np.uint64))
    splits = assign_splits(artists, groups, keys=[track for track, _ in found], fractions=FRACTIONS, salt=salt)
    repeated = (np.bincount(groups, minlength=1) > 1)[groups].tolist()
    return [
        (track, replace(look, split=split, repeated=again))
        for (track, look), split, again in zip(found, splits, repeated, strict=True)
    ]


def _again(entries: Iterator[Entry], folder: Path, survey: _Survey) -> Iterator[tuple[Entry, _Seen]]:
    """The second pass: the usable entries with what the first found of them."""
    for entry, known in zip_longest(entries, survey):
        if entry is None or known is None or entry.row["track_id"] != known[0]:
            raise InputError(folder, "changed while it was read; build it again")
        if known[1].usable:
            yield entry, known[1]


def _look(entry: Entry) -> _Seen | InputError:
    """The first of a track's covers that decodes, or why none does."""
    problem: InputError | None = None
    for index, cover in enumerate(entry.covers):
        try:
            return _Seen(index, perceptual_hash(decode_cover(cover, name=_name(cover, entry))))
        except InputError as error:
            problem = problem or error
    return problem or _Seen()


def _prepare(job: tuple[Entry, _Seen]) -> Mapping[str, Any] | InputError:
    """The row to write, with its files' bytes, or why it cannot be written."""
    entry, seen = job
    try:
        cover = audio = None
        if seen.cover >= 0:
            cover = stored_cover(entry.covers[seen.cover], name=_name(entry.covers[seen.cover], entry))
        if entry.audio is not None:
            audio = stored_clip(entry.audio, name=_name(entry.audio, entry))
        return dict(entry.row) | {"cover": cover, "audio": audio, "split": seen.split}
    except InputError as error:
        return error


def _name(source: FileSource, entry: Entry) -> str:
    return entry.row["track_id"] if isinstance(source, bytes) else os.fspath(source)
