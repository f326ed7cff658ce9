"""The items of a journal: what is to be asked for, what was, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from data.sources.base import Item

WANTED, DONE, FAILED, STALE, LEFT, OTHERS, STRUCK = range(7)
"""States of items and records. `STALE`: a record whose links expired and whose item is asked for fresh ones. `LEFT`: a
record beyond the limit that was given. `OTHERS`: an item that is another part's to ask for. `STRUCK`: a record
that a person wants no more (`data.striking`), whoever gives it again."""


Move = tuple[int | None, int]
"""From which state (None: it is new) to which."""


@dataclass(frozen=True)
class Asking:
    """An item as the journal has it. `ours`: it lies below an item that was shared out to this part."""

    id: int
    item: Item
    ours: bool
    attempts: int


class Items:
    """The frontier. `do(statement, values)` runs SQL in the journal's transaction."""

    def __init__(self, do: Callable[..., Any]) -> None:
        self._do = do

    def put(self, source: str, item: Item, *, ours: bool, state: int = WANTED) -> None:
        """Adds an item where it is new."""
        payload = json.dumps(item.payload, sort_keys=True, separators=(",", ":"))
        self._do(
            "INSERT INTO items (source, kind, key, rank, payload, ours, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (source, item.kind, item.key, item.rank, payload, ours, state),
        )

    def wanted(self, source: str, most: int, but: Collection[int]) -> list[Asking]:
        """The next `most` items to ask for, without those of the ids `but`, which are under way."""
        found = self._do(
            "SELECT id, kind, key, payload, rank, ours, attempts FROM items WHERE source = ? AND state = ?"
            " AND not_before <= ? ORDER BY rank, id LIMIT ?",
            (source, WANTED, time.time(), most + len(but)),
        )
        wanted = [
            Asking(number, Item(kind, key, json.loads(payload), rank), bool(ours), attempts)
            for number, kind, key, payload, rank, ours, attempts in found
            if number not in but
        ]
        return wanted[:most]

    def close(self, number: int, reason: str | None = None) -> None:
        """An item is done, or has failed for `reason`."""
        state = DONE if reason is None else FAILED
        self._do("UPDATE items SET state = ?, reason = ? WHERE id = ?", (state, reason, number))

    def put_off(self, number: int, wait_s: float) -> None:
        """An item that failed is asked for again, not before `wait_s` seconds from now."""
        values = (time.time() + wait_s, number)
        self._do("UPDATE items SET attempts = attempts + 1, not_before = ? WHERE id = ?", values)

    def reopen(self, number: int) -> None:
        """An item that is done is asked for once more."""
        again = "UPDATE items SET state = ?, attempts = 0, not_before = 0 WHERE id = ? AND state != ?"
        self._do(again, (WANTED, number, WANTED))

    def forgive(self, source: str) -> None:
        """What is wanted has all its attempts before it, whatever earlier runs met."""
        fresh = "UPDATE items SET attempts = 0, not_before = 0 WHERE source = ? AND state = ? AND attempts > 0"
        self._do(fresh, (source, WANTED))

    def reopen_failed(self, source: str) -> None:
        """All that failed is asked for once more."""
        again = "UPDATE items SET state = ?, attempts = 0, not_before = 0 WHERE source = ? AND state = ?"
        self._do(again, (WANTED, source, FAILED))

    def known(self, source: str) -> bool:
        """Whether the source was ever asked for anything."""
        return self._do("SELECT 1 FROM items WHERE source = ? LIMIT 1", (source,)).fetchone() is not None

    def next_due(self, source: str) -> float | None:
        """When (clock time) the next wanted item may be asked for; None where none is wanted."""
        soonest = "SELECT min(not_before) FROM items WHERE source = ? AND state = ?"
        return self._do(soonest, (source, WANTED)).fetchone()[0]
