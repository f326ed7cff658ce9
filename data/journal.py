"""The journal of a gathering: one SQLite file, the single truth of what is known, wanted, done and failed.

`items` are the frontier (`data.frontier`), `records` the tracks and `files` their covers and clips (`data.records`).
What an answer led to is written in one transaction, so that a kill at any moment costs only what was under way. The
dataset's shards are a function of the journal: the same records give the same shards, in whatever order they came.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from data.errors import InputError
from data.frontier import Items
from data.records import Records

JOURNAL = "journal.sqlite"
_VERSION = 2
_APPLICATION = 0x67617465  # "gate", by which the file is known
_CACHE_BYTES = 32 * 2**20
_LOG_BYTES = 64 * 2**20
_SCHEMA = f"""
BEGIN;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, rank INTEGER NOT NULL,
    payload TEXT NOT NULL, ours INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0, reason TEXT,
    UNIQUE (source, kind, key));
CREATE INDEX items_by_state ON items (source, state, rank, id);
CREATE TABLE records (
    track TEXT NOT NULL UNIQUE, source TEXT NOT NULL, row TEXT NOT NULL, genres TEXT NOT NULL,
    fill TEXT NOT NULL DEFAULT '{{}}', via TEXT NOT NULL, item INTEGER NOT NULL, links TEXT NOT NULL,
    state INTEGER NOT NULL,
    cover BLOB, cover_by TEXT, hash INTEGER, clip BLOB, clip_by TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, reason TEXT);
CREATE INDEX records_by_state ON records (state, via, item);
CREATE TABLE files (sha BLOB NOT NULL UNIQUE, path TEXT, bytes BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class Journal:
    """A dataset's journal; a context manager. What is written lasts from the next `commit` on."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Opens or (unless `read_only`) makes it; `InputError` where there is none or it is no journal of ours."""
        self.path = folder / JOURNAL
        if read_only and not self.path.is_file():
            raise InputError(folder, "nothing was collected there")
        address = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            # Used by one thread at a time.
            self._db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_BYTES // 1024}")
            if not read_only:
                self._prepare()
            if (self._pragma("application_id"), self._pragma("user_version")) != (_APPLICATION, _VERSION):
                raise InputError(self.path, "not a journal that this version can read")
        except sqlite3.Error as error:
            raise InputError(self.path, "not a journal, or damaged, or not to be written") from error
        self.items = Items(self.do)
        self.records = Records(self.do)

    def _prepare(self) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._db.execute("PRAGMA page_size = 16384")  # covers lie in it
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._db.close()  # which takes back what was not committed
        if isinstance(error, sqlite3.Error):
            raise InputError(self.path, f"cannot be used any further ({error})") from error

    def do(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement; the first one that writes begins a transaction."""
        if not self._db.in_transaction and not statement.startswith("SELECT"):
            self._db.execute("BEGIN IMMEDIATE")
        return self._db.execute(statement, values)

    def commit(self) -> None:
        """Makes all that was written since the last call last, at once."""
        if self.records.changed:
            self.keep("changed", True)
            self.records.changed = False
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def note(self, name: str, default: Any = None) -> Any:
        """A fact that was kept by this name, or `default`."""
        found = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return default if found is None else json.loads(found[0])

    def keep(self, name: str, value: Any) -> None:
        """Keeps a fact (JSON) by name."""
        self.do("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, json.dumps(value, sort_keys=True)))
