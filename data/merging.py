"""Datasets that were collected in parts, on several machines or by several processes, into one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.build import BuildSummary
from data.collecting import opened
from data.errors import InputError
from data.frontier import DONE, STRUCK
from data.journal import Journal
from data.publish import publish
from data.records import PUBLISHED, as_text, rank, united

_COLUMNS = "track, source, row, genres, fill, cover, cover_by, hash, clip, clip_by"
_KEPT = f"SELECT {_COLUMNS}"
_ALL = f"{_KEPT} FROM records WHERE {PUBLISHED} ORDER BY track"
_ONE = f"{_KEPT}, state = {STRUCK}, {PUBLISHED} FROM records WHERE track = ?"
_AT_ONCE = 1_000


class _Kept(NamedTuple):
    """A published record as a journal keeps it."""

    track: str
    source: str
    row: str
    genres: str
    fill: str
    cover: bytes | None
    cover_by: str | None
    hash: int | None
    clip: bytes | None
    clip_by: str | None


def merge(
    out: str | os.PathLike[str],
    parts: Sequence[str | os.PathLike[str]],
    tell: Callable[[str, int, int | None], None] | None = None,
) -> BuildSummary | None:
    """Brings the published records of `parts` into `out` (which may have its own) and writes its shards; None where
    that changed nothing.

    Each track is there once, by the rule that holds where a source gives it twice: the same parts in any order, or
    merged again, give the same dataset. What a part still waits for stays that part's.

    Raises `InputError`: a part that was not collected or is `out` itself.
    """
    for part in parts:
        if Path(part).resolve() == Path(out).resolve():
            raise InputError(part, "cannot be merged into itself")
        with Journal(Path(part), read_only=True):
            pass  # told before anything is written
    with opened(out) as journal:
        for part in parts:
            with Journal(Path(part), read_only=True) as other:
                for number, values in enumerate(other.do(_ALL), start=1):
                    _take(journal, other, _Kept(*values))
                    if number % _AT_ONCE == 0:
                        journal.commit()
                        if tell is not None:
                            tell(f"merging {Path(part).name}", number, None)
            journal.commit()
        return publish(journal, Path(out), tell)


def _take(journal: Journal, other: Journal, theirs: _Kept) -> None:
    """One record of another journal: new, or merged with ours."""
    found = journal.do(_ONE, (theirs.track,)).fetchone()
    kept = theirs
    if found is not None:
        *values, struck, published = found
        if struck:
            return
        ours = _Kept(*values)
        kept = _merged(ours, theirs) if published else theirs._replace(genres=united(ours.genres, theirs.genres))
        if published and kept == ours:
            return
    for sha in filter(None, (kept.cover, kept.clip)):
        if journal.do("SELECT 1 FROM files WHERE sha = ?", (sha,)).fetchone() is None:
            file = other.do("SELECT sha, path, bytes FROM files WHERE sha = ?", (sha,)).fetchone()
            journal.do("INSERT INTO files VALUES (?, ?, ?)", file)
    journal.do(
        f"INSERT OR REPLACE INTO records ({_COLUMNS}, via, item, links, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '[[],[],[]]', ?)",
        (*kept, kept.source, DONE),
    )
    journal.records.changed = True


def _merged(ours: _Kept, theirs: _Kept) -> _Kept:
    """One of two, whole, with the genres of both and all that either was filled with."""

    def order(one: _Kept) -> tuple[Any, ...]:
        files = one.cover is None, one.cover or b"", one.clip is None, one.clip or b""
        return rank(one.row), *files, one.cover_by or "", one.clip_by or ""

    first, second = sorted((ours, theirs), key=order)
    fills: dict[str, Any] = json.loads(first.fill)
    for name, value in json.loads(second.fill).items():
        fills[name] = min(value, fills.get(name, value), key=as_text)
    kept = first._replace(genres=united(ours.genres, theirs.genres), fill=as_text(fills))
    if first.row == second.row:  # the same files were wanted, and one has what the other could not get
        if kept.cover is None:
            kept = kept._replace(cover=second.cover, cover_by=second.cover_by, hash=second.hash)
        if kept.clip is None:
            kept = kept._replace(clip=second.clip, clip_by=second.clip_by)
    return kept
