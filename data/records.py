"""The records of a journal: what is known of each track, which files it wants, and which it has."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.frontier import DONE, FAILED, LEFT, STALE, STRUCK, WANTED, Move
from data.sources.base import Fill, Record
from data.table import BYTES_COLUMNS, MAX_GENRES, make_row

_NO_LINKS = "[[],[],[]]"
_FRESH = "attempts = 0, not_before = 0, reason = NULL"
# A record was finished before another source was asked for files that it lacks.
_WAS_DONE = "via != source AND json_extract(links, '$[2]') = '[]'"
_GIVE_UP = (
    f"UPDATE records SET state = iif({_WAS_DONE}, {DONE}, {FAILED}), reason = iif({_WAS_DONE}, NULL, ?),"
    f" via = iif({_WAS_DONE}, source, via)"
)
JOINED = "+"
"""Between the names of all sources that something in a row is from, its own first: `folder+deezer`."""
PUBLISHED = f"(+state = {DONE} OR (+state IN ({WANTED}, {STALE}) AND {_WAS_DONE}))"
"""SQL: the records that are in the dataset. What others may still add to one does not keep it out.

The signs keep SQLite from the index by state, after which it would sort all rows, files and all, by track."""


@dataclass(frozen=True)
class Fetching:
    """A record whose files are wanted. `links` is the text of all three, by which an outdated answer is known."""

    track: str
    item: int
    attempts: int
    links: str
    covers: Sequence[str]
    clips: Sequence[str]
    needs: Sequence[str]


@dataclass(frozen=True)
class File:
    """A file that was fetched and checked: the bytes that are stored, the name that goes with them, and what both are
    known by; a cover's perceptual hash.
    """

    content: bytes
    path: str
    sha: bytes
    hash: int | None = None


def make_file(stored: Mapping[str, Any], hash: int | None = None) -> File:
    """A file out of `{bytes, path}`."""
    content, path = stored["bytes"], str(stored["path"])
    return File(content, path, hashlib.sha256(f"{path}\0".encode() + content).digest(), hash)


class Records:
    """The tracks. `do(statement, values)` runs SQL in the journal's transaction; `changed`: the shards are outdated."""

    def __init__(self, do: Callable[..., Any]) -> None:
        self._do = do
        self.changed = False

    def put(self, source: str, item: int, record: Record, *, left: bool = False) -> Move | None:
        """Adds a record, or merges it with what is known of the track; what became of its state, None where nothing.

        It is wanted where it has links or needs, else done. `left`: a new one is beyond the limit.
        """
        row, genres = _texts(record.row)
        links = as_text([list(record.covers), list(record.clips), list(record.needs)])
        state = LEFT if left else DONE if links == _NO_LINKS else WANTED
        new = self._do(
            "INSERT INTO records (track, source, via, item, row, genres, links, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (record.row["track_id"], source, source, item, row, genres, links, state),
        )
        if new.rowcount > 0:
            self.changed |= state == DONE
            return None, state
        return self._merge(record.row["track_id"], source, item, row, genres, links)

    def _merge(self, track: str, source: str, item: int, row: str, genres: str, links: str) -> Move | None:
        old_row, old_genres, old_links, old, via = self._do(
            "SELECT row, genres, links, state, via FROM records WHERE track = ?", (track,)
        ).fetchone()
        if old == STRUCK:
            return None
        both = united(genres, old_genres)
        if both != old_genres:
            self._do("UPDATE records SET genres = ? WHERE track = ?", (both, track))
            self.changed = True
        if rank(row) < rank(old_row):
            # Its files go with it: another album has another cover.
            state = LEFT if old == LEFT else DONE if links == _NO_LINKS else WANTED
            self._do(
                "UPDATE records SET source = ?, via = ?, row = ?, item = ?, links = ?, state = ?, cover = NULL,"
                f" cover_by = NULL, hash = NULL, clip = NULL, clip_by = NULL, {_FRESH} WHERE track = ?",
                (source, source, row, item, links, state, track),
            )
            self.changed = True
            return old, state
        if row == old_row and via == source and (old == STALE or (old == WANTED and links != old_links)):
            fresh = "UPDATE records SET links = ?, item = ?, state = ? WHERE track = ?"
            self._do(fresh, (links, item, WANTED, track))
            return old, WANTED
        return None

    def put_skip(self, source: str, item: int, subject: str, reason: str) -> Move | None:
        """Counts something that cannot be used, once."""
        new = self._do(
            "INSERT INTO records (track, source, via, item, row, genres, links, state, reason)"
            f" VALUES (?, ?, ?, ?, '', '[]', '{_NO_LINKS}', ?, ?) ON CONFLICT DO NOTHING",
            (f"{source}\n{subject}", source, source, item, FAILED, reason),  # the line break: no track has this id
        )
        return (None, FAILED) if new.rowcount > 0 else None

    def put_fill(self, source: str, item: int, fill: Fill) -> Move | None:
        """Fills what a record lacks; files that it lacks are wanted from the fill's links.

        A record that waits for another source's files is not filled; one whose links of this source have expired has
        new ones.
        """
        known = self._do(
            "SELECT fill, state, via, cover, clip, links, attempts FROM records WHERE track = ?", (fill.track_id,)
        ).fetchone()
        if known is None:
            return None
        before, state, via, cover, clip, links, attempts = known
        renewed = state == STALE and via == source
        if not (renewed or state in (DONE, FAILED)):
            return None
        row, genres = _texts(fill.row)
        given = json.loads(row) | ({"genres": json.loads(genres)} if genres != "[]" else {})
        filled = {name: [value, source] for name, value in given.items()} | json.loads(before)
        self._do("UPDATE records SET fill = ? WHERE track = ?", (as_text(filled), fill.track_id))
        self.changed = True
        covers, clips = ([] if cover else list(fill.covers)), ([] if clip else list(fill.clips))
        if not covers and not clips:
            return None
        links = as_text([covers, clips, json.loads(links)[2]])
        self._do(
            "UPDATE records SET links = ?, via = ?, item = ?, state = ?, attempts = ?, not_before = 0, reason = NULL"
            " WHERE track = ?",
            (links, source, item, WANTED, attempts if renewed else 0, fill.track_id),
        )
        return (STALE if renewed else None), WANTED

    def wanted(self, source: str, most: int, but: Collection[str]) -> list[Fetching]:
        """The next `most` records whose files are wanted, the oldest first, without the tracks `but`."""
        found = self._do(
            "SELECT track, item, attempts, links FROM records WHERE state = ? AND via = ? AND not_before <= ?"
            " ORDER BY item LIMIT ?",
            (WANTED, source, time.time(), most + len(but)),
        )
        return [
            Fetching(track, item, attempts, links, *json.loads(links))
            for track, item, attempts, links in found
            if track not in but
        ][:most]

    def close(self, record: Fetching, cover: File | None, clip: File | None) -> bool:
        """A record's files are there. False, and it stays wanted, where it has got other links meanwhile."""
        seen = None if cover is None else _signed(cover.hash)
        done = self._do(
            "UPDATE records SET state = ?1, cover = coalesce(?2, cover), hash = coalesce(?3, hash),"
            " clip = coalesce(?4, clip), cover_by = iif(?2 IS NULL, cover_by, nullif(via, source)),"
            " clip_by = iif(?4 IS NULL, clip_by, nullif(via, source)),"
            f" via = source, links = '{_NO_LINKS}', reason = NULL WHERE track = ?5 AND links = ?6 AND state = ?7",
            (DONE, cover and cover.sha, seen, clip and clip.sha, record.track, record.links, WANTED),
        )
        if not done.rowcount:
            return False
        for file in filter(None, (cover, clip)):
            kept = "INSERT INTO files VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            self._do(kept, (file.sha, file.path, file.content))
        self.changed = True
        return True

    def fail(self, record: Fetching, reason: str) -> Move | None:
        """The files that a record needs cannot be had: it has failed, or is as it was before another source was asked.
        None as False with `close`.
        """
        failed = f"{_GIVE_UP} WHERE track = ? AND links = ? AND state = ? RETURNING state"
        after = self._do(failed, (reason, record.track, record.links, WANTED)).fetchone()
        return None if after is None else (WANTED, after[0])

    def put_off(self, record: Fetching, wait_s: float) -> None:
        """A record's files are tried again, not before `wait_s` seconds from now."""
        later = "UPDATE records SET attempts = attempts + 1, not_before = ? WHERE track = ? AND links = ?"
        self._do(later, (time.time() + wait_s, record.track, record.links))

    def renew(self, record: Fetching) -> bool:
        """A record's links have expired: it waits for fresh ones from its item; False as with `close`."""
        stale = "UPDATE records SET state = ?, attempts = attempts + 1 WHERE track = ? AND links = ? AND state = ?"
        return self._do(stale, (STALE, record.track, record.links, WANTED)).rowcount > 0

    def any_stale(self, item: int) -> bool:
        """Whether a record waits for fresh links from this item."""
        waiting = "SELECT 1 FROM records WHERE state = ? AND item = ? LIMIT 1"
        return self._do(waiting, (STALE, item)).fetchone() is not None

    def fail_stale(self, item: int, reason: str) -> list[Move]:
        """An item that was asked for fresh links gave none for some of its records; what became of each."""
        failed = f"{_GIVE_UP} WHERE state = ? AND item = ? RETURNING state"
        return [(STALE, after) for (after,) in self._do(failed, (reason, STALE, item)).fetchall()]

    def want_left(self, source: str, most: int) -> None:
        """Wants up to `most` of the records that an earlier limit left."""
        self._do(
            f"UPDATE records SET state = CASE links WHEN '{_NO_LINKS}' THEN ? ELSE ? END WHERE rowid IN"
            " (SELECT rowid FROM records WHERE state = ? AND via = ? ORDER BY item LIMIT ?)",
            (DONE, WANTED, LEFT, source, most),
        )
        self.changed = True

    def forgive(self, source: str) -> None:
        """What is wanted has all its attempts before it, whatever earlier runs met."""
        fresh = "UPDATE records SET attempts = 0, not_before = 0 WHERE state IN (?, ?) AND via = ? AND attempts > 0"
        self._do(fresh, (WANTED, STALE, source))

    def reopen_failed(self, source: str) -> None:
        """All records whose files could not be had are wanted again."""
        again = f"UPDATE records SET state = ?, {_FRESH} WHERE state = ? AND via = ? AND row != ''"
        self._do(again, (WANTED, FAILED, source))

    def counts(self, source: str) -> Counter[int]:
        """How many records are in each state, of those whose files a source gives or gave."""
        counted = self._do("SELECT state, count(*) FROM records WHERE via = ? GROUP BY state", (source,))
        return Counter(dict(counted.fetchall()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is known of each track: its row without files, where `cover` and `audio` say True for those it has."""
        found = self._do(
            "SELECT row, genres, fill, cover_by, clip_by, cover IS NOT NULL, clip IS NOT NULL FROM records"
            " WHERE state IN (?, ?) AND row != '' ORDER BY track",
            (DONE, FAILED),
        )
        for *texts, cover, clip in found:
            yield filled_row(*texts) | {"cover": bool(cover) or None, "audio": bool(clip) or None}

    def next_due(self, source: str) -> float | None:
        """When (clock time) the next wanted file may be fetched; None where none is wanted."""
        soonest = "SELECT min(not_before) FROM records WHERE state = ? AND via = ?"
        return self._do(soonest, (WANTED, source)).fetchone()[0]


def _texts(row: Mapping[str, Any]) -> tuple[str, str]:
    """A row as two JSON texts: what is known of it without files, split and genres; its genres, sorted."""
    hidden = {*BYTES_COLUMNS, "genres", "split"}
    known = {name: value for name, value in row.items() if value is not None and name not in hidden}
    return as_text(known), as_text(sorted(set(row.get("genres") or ())))


def filled_row(row: str, genres: str, fill: str, *filled_by: str | None) -> dict[str, Any]:
    """A row without files out of the texts of a record: what its source said, else what it was filled with.

    Its `source` names all that gave something which is in it, those of its files (`filled_by`) too.
    """
    known = json.loads(row) | {"genres": json.loads(genres)}
    givers = set(filter(None, filled_by))
    if fill != "{}":
        used = {name: given for name, given in json.loads(fill).items() if known.get(name) in (None, [])}
        known |= {name: value for name, (value, _) in used.items()}
        givers |= {giver for _, giver in used.values()}
    if givers:
        known["source"] = JOINED.join(filter(None, [known.get("source"), *sorted(givers)]))
    return make_row(**known)


def rank(row: str) -> tuple[int, str]:
    """Of two rows, as texts, the lesser one is kept: the one that knows more, then by its letters."""
    return -len(json.loads(row)), row


def united(genres: str, others: str) -> str:
    """Two lists of genres, as texts, in one: sorted, and no more than the table holds."""
    return as_text(sorted({*json.loads(genres), *json.loads(others)})[:MAX_GENRES])


def as_text(value: Any) -> str:
    """JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _signed(value: int | None) -> int | None:
    """A 64-bit number as SQLite has it."""
    return value if value is None or value < 2**63 else value - 2**64
