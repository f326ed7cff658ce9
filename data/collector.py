"""The collector: drives any source until nothing is wanted any more, or nothing more may be asked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from data.errors import InputError
from data.frontier import DONE, LEFT, OTHERS, STALE, WANTED, Asking, Move
from data.journal import Journal
from data.records import Fetching, File
from data.sources.base import Expired, Fill, Found, Gone, Item, Later, Record, Skip, Source, SourceError, Trouble
from data.sources.http import Http
from data.workers import FETCHERS, POLL_S, Handlers, Workers

TIME_OVER = "the time given is over"
_COMMIT_S = 0.5
_BACKLOG = 256  # tracks whose files are wanted before no more is asked for: links that expire are used at once
_DOWN_AFTER = 12  # questions in a row that failed: the service is down, or refuses us
_FILES_DOWN_AFTER = 48
_WAITS_IN_A_ROW = 30
_REST_S = 600.0

Tell = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Ending:
    """How a run ended: with nothing left to do, or for what reason before (`until`: clock time, where one is known)."""

    reason: str | None = None
    until: float | None = None


class Collector:
    """One run of one source.

    One thread, the caller's, writes the journal; those of `data.workers` ask and fetch, and hand over what came of it.
    `limit`: so many tracks of this source in all. `part` (k, n): of what is shared out among n collectors, this one's
    is the k-th.
    """

    def __init__(
        self,
        source: Source,
        journal: Journal,
        http: Http,
        *,
        limit: int | None = None,
        seconds: float | None = None,
        part: tuple[int, int] = (1, 1),
        tell: Tell | None = None,
    ) -> None:
        self._source, self._journal, self._http = source, journal, http
        self._limit, self._part = limit, part
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._tell = tell or (lambda stage, done, total: None)
        self._asking: set[int] = set()
        self._ask_again: set[int] = set()
        self._fetching: set[str] = set()
        self._counts = journal.records.counts(source.name)
        self._may_ask = self._may_fetch = True
        self._ending = Ending()
        self._failed_asks = self._failed_fetches = self._waits = 0

    def put_items(self, items: Iterable[Item]) -> None:
        """Adds items to the frontier, those of other parts as theirs."""
        for item in items:
            self._put_item(item, below_ours=False)

    def rest(self, reason: str, until: float) -> None:
        """Asks for nothing in this run: the service said so before. Files are still fetched."""
        self._end(reason, until)

    def run(self) -> Ending:
        """Works until nothing is wanted or may be had; all that was finished is journalled, however it ends.

        Raises `InputError` where a source finds that the user is mistaken, such as in a key.
        """
        committed = time.monotonic()
        self._journal.items.forgive(self._source.name)
        self._journal.records.forgive(self._source.name)
        if self._limit is None and self._counts[LEFT]:
            self._want_left(self._counts[LEFT])
        handlers = Handlers(self._found, self._asked, self._not_asked, self._mistaken, self._fetched, self._not_fetched)
        try:
            with Workers(self._source, self._http, handlers) as workers:
                while self._start_work(workers):
                    for handle in workers.results(wait=bool(self._asking or self._fetching)):
                        handle()
                    if time.monotonic() - committed > _COMMIT_S:
                        self._commit()
                        committed = time.monotonic()
        finally:
            self._commit()
        return self._ending

    def _commit(self) -> None:
        name = self._source.name
        self._journal.keep(f"asked {name}", self._journal.note(f"asked {name}", 0) + self._http.take_count())
        self._journal.keep(f"closed {name}", self._http.closed)
        self._journal.commit()
        known = self._counts[DONE] + self._counts[WANTED] + self._counts[STALE]
        self._tell(f"{name}: tracks", self._counts[DONE], self._limit or known)

    # What is done next.

    def _start_work(self, workers: Workers) -> bool:
        """Gives the workers what they have room for; False where nothing is under way and nothing will be."""
        if self._deadline is not None and time.monotonic() > self._deadline and (self._may_ask or self._may_fetch):
            self._end(TIME_OVER, None, fetching=True)
        name = self._source.name
        if self._limit is not None and self._counts[LEFT] and self._alive() < self._limit:
            self._want_left(self._limit - self._alive())
        if self._may_fetch and len(self._fetching) < FETCHERS and self._counts[WANTED]:
            for record in self._journal.records.wanted(name, 2 * FETCHERS - len(self._fetching), self._fetching):
                self._fetching.add(record.track)
                workers.fetch(record)
        if self._can_ask() and len(self._asking) < self._source.service.at_once:
            room = self._source.service.at_once - len(self._asking)
            for asking in self._journal.items.wanted(name, room, self._asking):
                self._asking.add(asking.id)
                self._ask_again.discard(asking.id)
                workers.ask(asking)
        return bool(self._asking or self._fetching or workers.has_results) or self._is_due()

    def _want_left(self, most: int) -> None:
        self._journal.records.want_left(self._source.name, most)
        self._counts = self._journal.records.counts(self._source.name)

    def _alive(self) -> int:
        return self._counts[DONE] + self._counts[WANTED] + self._counts[STALE]

    def _can_ask(self) -> bool:
        full = self._limit is not None and self._alive() >= self._limit and not self._counts[STALE]
        return self._may_ask and not full and self._counts[WANTED] < _BACKLOG

    def _is_due(self) -> bool:
        """Nothing is under way: whether there will be, after a little sleep where all that is wanted was put off."""
        self._counts = self._journal.records.counts(self._source.name)
        moments = []
        if self._can_ask():
            moments.append(self._journal.items.next_due(self._source.name))
        if self._may_fetch:
            moments.append(self._journal.records.next_due(self._source.name))
        due = min((moment for moment in moments if moment is not None), default=None)
        if due is not None:
            time.sleep(min(max(due - time.time(), 0.0), POLL_S))
        return due is not None

    def _end(self, reason: str, until: float | None, *, asking: bool = True, fetching: bool = False) -> None:
        """Begins nothing more of a kind in this run. The first reason is the one that is told."""
        self._may_ask &= not asking
        self._may_fetch &= not fetching
        if self._ending.reason is None:
            self._ending = Ending(reason, until)

    # What came of it.

    def _found(self, asking: Asking, batch: list[Found]) -> None:
        name, records = self._source.name, self._journal.records
        for one in batch:
            if isinstance(one, Item):
                self._put_item(one, below_ours=asking.ours)
            elif isinstance(one, Record):
                if asking.ours or self._is_ours(one.row["track_id"]):
                    left = self._limit is not None and self._alive() >= self._limit
                    self._move(records.put(name, asking.id, one, left=left))
            elif isinstance(one, Skip):
                self._move(records.put_skip(name, asking.id, one.subject, one.reason))
            elif isinstance(one, Fill):
                self._move(records.put_fill(name, asking.id, one))

    def _put_item(self, item: Item, *, below_ours: bool) -> None:
        shared = item.kind in self._source.divided and not below_ours
        mine = not shared or self._is_ours(f"{item.kind}\n{item.key}")
        ours = below_ours or (shared and mine)
        self._journal.items.put(self._source.name, item, ours=ours, state=WANTED if mine else OTHERS)

    def _is_ours(self, key: str) -> bool:
        k, n = self._part
        return n == 1 or int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % n == k - 1

    def _asked(self, asking: Asking) -> None:
        self._failed_asks = self._waits = 0
        if asking.id in self._ask_again and self._journal.records.any_stale(asking.id):
            # A link that was just given expired before the last one came.
            self._asking.discard(asking.id)
        else:
            self._close_item(asking, None)

    def _close_item(self, asking: Asking, reason: str | None) -> None:
        self._journal.items.close(asking.id, reason)
        for move in self._journal.records.fail_stale(asking.id, "link expired" if reason is None else reason):
            self._move(move)
        self._asking.discard(asking.id)

    def _not_asked(self, asking: Asking, error: SourceError) -> None:
        patience = self._http.patience
        if isinstance(error, Later):
            self._wait(error)  # all of the service waits, and this item stays wanted as it is
        elif isinstance(error, Trouble) and asking.attempts + 1 < patience.attempts:
            self._journal.items.put_off(asking.id, patience.backoff_s * 4**asking.attempts)
        else:
            self._close_item(asking, str(error))
        self._asking.discard(asking.id)
        if not isinstance(error, Gone | Later):
            self._failed_asks += 1
            if self._failed_asks >= _DOWN_AFTER:
                self._end(f"{_DOWN_AFTER} questions in a row failed: {error}", None)

    def _mistaken(self, error: InputError) -> None:
        """Something is for the user to change: the run ends with it, and all that is wanted stays wanted."""
        raise error

    def _wait(self, error: Later) -> None:
        """A short wait is kept; before a long one, or one short one too many, no more is asked."""
        self._waits += 1
        if error.wait_s > self._http.patience.longest_wait_s or self._waits > _WAITS_IN_A_ROW:
            rest_s = error.wait_s if error.wait_s > self._http.patience.longest_wait_s else _REST_S
            self._end(str(error), time.time() + rest_s)
        else:
            self._http.pause(error.wait_s)

    def _fetched(self, record: Fetching, files: tuple[File | None, File | None]) -> None:
        self._failed_fetches = 0
        self._fetching.discard(record.track)
        if self._journal.records.close(record, *files):
            self._move((WANTED, DONE))

    def _not_fetched(self, record: Fetching, error: SourceError) -> None:
        patience, records = self._http.patience, self._journal.records
        self._fetching.discard(record.track)
        if isinstance(error, Later):
            self._end(str(error), time.time() + error.wait_s, asking=False, fetching=True)
        elif isinstance(error, Gone) or record.attempts + 1 >= patience.attempts:
            self._move(records.fail(record, str(error)))
        elif isinstance(error, Expired):
            if records.renew(record):
                self._journal.items.reopen(record.item)
                self._move((WANTED, STALE))
                if record.item in self._asking:
                    self._ask_again.add(record.item)
        else:
            records.put_off(record, patience.backoff_s * 4**record.attempts)
        self._failed_fetches += isinstance(error, Trouble)
        if self._failed_fetches >= _FILES_DOWN_AFTER:
            self._end(f"{_FILES_DOWN_AFTER} downloads in a row failed: {error}", None, fetching=True)

    def _move(self, move: Move | None) -> None:
        if move is not None:
            old, new = move
            self._counts[new] += 1
            if old is not None:
                self._counts[old] -= 1
