"""A person's own folder: music with embedded art, or covers beside a table. Run again, it takes in what is new.

`gatefold build` reads the same folders, by the same readers, into a dataset at once. This way a journal keeps what was
read: a library of any size can be interrupted, grow, and lie in one dataset with what came from elsewhere.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from data.build import choose_reader
from data.errors import InputError
from data.folders import Entry, FileSource
from data.library import read_pictures
from data.sources.base import Endpoint, Found, Gone, Item, Record, Service, Skip, Source, Terms
from data.sources.http import Http


class Folder(Source):
    """Links are `file:PATH` for a file and `art:N:PATH` for the N-th picture in a music file's tags, %-encoded."""

    name = "folder"
    service = Service(hosts=(), file_hosts=(), requests=1, per_s=0.0, at_once=1)
    terms = Terms("what may be done with your own files, you know best", may_train=True)
    endpoints = (Endpoint("a folder", "covers, music, tags, whatever its table says", "always there"),)
    wants: ClassVar = {"path": "a folder of music, or of covers beside a table that names them"}

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        """One item a folder, and another one when it has changed: names in it, or a table."""
        for _, value in wishes:
            folder = Path(value).resolve()
            choose_reader(folder)
            yield Item("folder", f"{_quoted(folder)} {_changed(folder)}")

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        """Every entry of the folder, in its reader's order."""
        folder = Path(_unquoted(item.key.split(" ")[0]))
        skips: list[Skip] = []
        try:
            entries = choose_reader(folder)(folder, lambda subject, reason: skips.append(Skip(subject, reason)))
            for entry in entries:
                yield from skips
                skips.clear()
                yield _record(entry, folder)
            yield from skips
        except InputError as error:
            raise Gone(error.reason) from error

    def fetch(self, link: str, http: Http) -> bytes | Path:
        """A file's place, or the bytes of a picture in its tags."""
        kind, _, rest = link.partition(":")
        if kind == "file":
            return Path(_unquoted(rest))
        number, _, path = rest.partition(":")
        pictures = read_pictures(Path(_unquoted(path)))
        if int(number) >= len(pictures):
            raise Gone("no such picture in its tags any more")
        return pictures[int(number)]


def _record(entry: Entry, folder: Path) -> Found:
    row = dict(entry.row) | {"track_id": f"folder:{_name(folder)}/{entry.row['track_id']}"[:4096]}
    covers = []
    pictures = 0
    for cover in entry.covers:
        if isinstance(cover, Path):
            covers.append(f"file:{_quoted(cover)}")
        elif isinstance(entry.audio, Path):
            covers.append(f"art:{pictures}:{_quoted(entry.audio)}")
            pictures += 1
    if len(covers) < len(entry.covers) or isinstance(entry.audio, bytes):
        return Skip(entry.row["track_id"], "its files lie inside the table: give the folder to gatefold build")
    clips = [] if entry.audio is None else [f"file:{_quoted(entry.audio)}"]
    return Record(row, covers, clips, needs=["cover"] * bool(covers) + ["clip"] * bool(clips))


def _changed(folder: Path) -> int:
    """The newest moment (ns) at which a folder of the tree or a file beside its top changed."""
    newest = max((path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()), default=0)
    for base, _, _ in os.walk(folder):
        newest = max(newest, os.stat(base).st_mtime_ns)
    return newest


def _name(folder: Path) -> str:
    return os.fsencode(folder.name).decode("utf-8", "backslashreplace")


def _quoted(path: FileSource) -> str:
    return urllib.parse.quote(os.fsencode(path))


def _unquoted(text: str) -> str:
    return os.fsdecode(urllib.parse.unquote_to_bytes(text))
