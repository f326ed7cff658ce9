"""The files of records: fetched, looked at whole, and brought into the form in which they are stored."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from data.errors import InputError
from data.records import Fetching, File, make_file
from data.sources.base import Gone, Later, Source, SourceError, Trouble
from data.sources.http import Http
from data.stored import look_at_cover, stored_clip

_REMEMBERED = 64


class Fetcher:
    """Fetches for one source, from several threads. A cover that many tracks of an album share is fetched once."""

    def __init__(self, source: Source, http: Http) -> None:
        self._source, self._http = source, http
        self._lock = threading.Lock()
        self._covers: OrderedDict[str, Future[File]] = OrderedDict()

    def fetch(self, record: Fetching, *, last: bool) -> tuple[File | None, File | None]:
        """The cover and the clip of a record, each the first of its links that gives a file that decodes.

        Raises the `SourceError` of one that it cannot do without; on the `last` attempt files that it does not need may
        miss, before that they too are worth another one.
        """
        cover = self._first(record.covers, self._cover, "cover", "cover" in record.needs, last)
        return cover, self._first(record.clips, self._clip, "clip", "clip" in record.needs, last)

    def _first(
        self, links: Sequence[str], get: Callable[[str], File], what: str, needed: bool, last: bool
    ) -> File | None:
        problem: SourceError | None = None if links or not needed else Gone(f"no {what}")
        for link in links:
            try:
                return get(link)
            except Later:
                raise
            except InputError as error:
                found: SourceError = Trouble(f"{what}: {error.reason.partition(' (')[0]}")
            except SourceError as error:
                found = type(error)(f"{what}: {error}")
            if not (last or isinstance(found, Gone)):
                raise found  # what may pass is worth another attempt, rather than the next best
            problem = found if problem is None or isinstance(problem, Gone) else problem
        if problem is not None and needed:
            raise problem
        return None

    def _cover(self, link: str) -> File:
        with self._lock:
            known = self._covers.get(link)
            mine: Future[File] = known or Future()
            if known is None:
                self._covers[link] = mine
                while len(self._covers) > _REMEMBERED:
                    self._covers.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            file = make_file(*look_at_cover(self._source.fetch(link, self._http), name="cover"))
        except BaseException as error:
            with self._lock:
                self._covers.pop(link, None)
            mine.set_exception(error)
            raise
        mine.set_result(file)
        return file

    def _clip(self, link: str) -> File:
        place = self._source.fetch(link, self._http)
        return make_file(stored_clip(place, name=_clip_name(link)))


def _clip_name(link: str) -> str:
    """A name with the link's suffix, under which a clip is kept."""
    suffix = link.split("?")[0].split("#")[0].rpartition("/")[2].rpartition(".")[2]
    return f"clip.{suffix}" if suffix.isalnum() and len(suffix) <= 4 else "clip"
