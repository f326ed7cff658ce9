"""The threads of a gathering: they ask a source and fetch files, and hand over what came of it."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from data.errors import InputError
from data.fetching import Fetcher
from data.frontier import Asking
from data.records import Fetching, File
from data.sound import reveal, sound
from data.sources.base import Found, Gone, Source, SourceError
from data.sources.http import Http

FETCHERS = 16
POLL_S = 0.1
_FOUND_AT_ONCE = 500
_WAITING = 64


class Handlers(NamedTuple):
    """What is to be done with what came of a question (`found` some, then `asked` to the end; or not) or of a record's
    files."""

    found: Callable[[Asking, list[Found]], None]
    asked: Callable[[Asking], None]
    not_asked: Callable[[Asking, SourceError], None]
    mistaken: Callable[[InputError], None]
    fetched: Callable[[Fetching, tuple[File | None, File | None]], None]
    not_fetched: Callable[[Fetching, SourceError], None]


class Workers:
    """The threads of one run, a context manager: on leaving, nothing more is asked and all of them come to an end."""

    def __init__(self, source: Source, http: Http, handlers: Handlers) -> None:
        self._source, self._http, self._handlers = source, http, handlers
        self._fetcher = Fetcher(source, http)
        self._results: queue.Queue[Callable[[], None]] = queue.Queue(_WAITING)
        self._askers, self._fetchers = ThreadPoolExecutor(source.service.at_once), ThreadPoolExecutor(FETCHERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.stop()
        for pool in (self._askers, self._fetchers):
            pool.shutdown(cancel_futures=True)

    def ask(self, asking: Asking) -> None:
        """Has the source asked for what an item stands for."""
        self._askers.submit(self._ask, asking)

    def fetch(self, record: Fetching) -> None:
        """Has the files of a record fetched."""
        self._fetchers.submit(self._fetch, record)

    @property
    def has_results(self) -> bool:
        """Whether something is waiting to be taken."""
        return self._results.qsize() > 0

    def results(self, *, wait: bool) -> Iterator[Callable[[], None]]:
        """What the threads handed over, for the caller to call; with `wait`, the first is waited for a little."""
        with contextlib.suppress(queue.Empty):
            if wait:
                yield self._results.get(timeout=POLL_S)
            while True:
                yield self._results.get_nowait()

    # In the threads.

    def _report(self, result: Callable[[], None]) -> None:
        while not self._http.stopped:
            with contextlib.suppress(queue.Full):
                self._results.put(result, timeout=POLL_S)
                return

    def _ask(self, asking: Asking) -> None:
        secrets, to = self._http.secrets, self._handlers
        try:
            found = iter(self._source.expand(reveal(asking.item, secrets.reveal), self._http))
            while batch := [sound(one, self._source.name, secrets.hide) for one in islice(found, _FOUND_AT_ONCE)]:
                self._report(partial(to.found, asking, batch))
            self._report(partial(to.asked, asking))
        except SourceError as error:
            self._report(partial(to.not_asked, asking, error))
        except InputError as error:
            self._report(partial(to.mistaken, InputError(secrets.hide(error.subject), secrets.hide(error.reason))))
        except Exception as error:  # an answer of a shape that nobody foresaw costs itself alone
            gone = Gone(f"an answer that was not understood ({type(error).__name__})")
            self._report(partial(to.not_asked, asking, gone))

    def _fetch(self, record: Fetching) -> None:
        last, to = record.attempts + 1 >= self._http.patience.attempts, self._handlers
        try:
            self._report(partial(to.fetched, record, self._fetcher.fetch(record, last=last)))
        except SourceError as error:
            self._report(partial(to.not_fetched, record, error))
        except Exception as error:
            gone = Gone(f"a file that was not understood ({type(error).__name__})")
            self._report(partial(to.not_fetched, record, gone))
