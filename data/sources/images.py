"""Images: covers by keywords from the image search of Google and Bing, through icrawler (the extra `crawl`).

icrawler knows the addresses of result pages and reads the links on them; the pages and the pictures are fetched as for
every other source. What keywords bring is mixed: `gatefold review` shows it, and `--where near_duplicate=no`,
`square=yes`, `width>=300` leave out what is not wanted.
"""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar

from data.checks import one_of
from data.errors import InputError
from data.sources.base import Endpoint, Found, Gone, Item, Record, Refused, Service, Skip, Source, Terms
from data.sources.http import Http
from data.table import make_row

_PAGE = {"google": 100, "bing": 20}  # pictures that icrawler counts on a page
_MOST = 1000  # pictures that either lets anyone see of one search
_OWN_HOSTS = ("google.com", "gstatic.com", "googleusercontent.com", "bing.com", "bing.net")
_FILTERS = ("type", "size", "license")


class Images(Source):
    """keyword → result pages → pictures, each a row without names whose `subset` is the keyword."""

    name = "images"
    service = Service(hosts=("www.google.com", "www.bing.com"), file_hosts=("*",), requests=1, per_s=2.0, at_once=1)
    terms = Terms(
        "Google and Bing offer their result pages to people, not to programs, and a picture belongs to whoever made "
        "it: no right to train on it is given",
        may_train=False,
    )
    endpoints = (
        Endpoint(
            "www.google.com/search",
            "links on pages of up to 100 pictures",
            "often none without JavaScript (since 2025)",
        ),
        Endpoint("www.bing.com/images/async", "links to JPEGs on pages of 20", "open, without a promise"),
    )
    wants: ClassVar = {
        "keyword": "what to search for, such as 한국 앨범 표지",
        "engine": "google or bing; both where it is not given",
        "type": "photo, clipart, linedrawing or animated",
        "size": "large or medium",
        "license": "commercial, noncommercial, or either with `,modify`",
    }
    divided = frozenset({"page"})

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        engines = [value.lower() for name, value in wishes if name == "engine"] or list(_PAGE)
        filters = {name: value for name, value in wishes if name in _FILTERS}
        for engine in engines:
            one_of("engine", engine, _PAGE)
            _address(engine, "", 0, filters)
            for name, value in wishes:
                if name == "keyword":
                    yield _page(engine, value, 0, filters)

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        engine, keyword, start, filters = json.loads(item.key)
        answer = http.session.get(_address(engine, keyword, start, filters))
        if answer.status_code != 200:
            kind = Refused if answer.status_code in (401, 403) else Gone
            raise kind(f"status {answer.status_code}")
        links = list(_links(engine, answer))
        if not links and start == 0:
            yield Skip(f"{engine}: {keyword}", "no pictures on the page that was answered")
        for link in links:
            number = hashlib.sha256(link.encode()).hexdigest()[:24]
            yield Record(make_row(track_id=f"images:{number}", subset=keyword, source="images"), [link])
        if links and start + _PAGE[engine] < _MOST:
            yield _page(engine, keyword, start + _PAGE[engine], filters)


def _page(engine: str, keyword: str, start: int, filters: Mapping[str, str]) -> Item:
    return Item("page", json.dumps([engine, keyword, start, filters], ensure_ascii=False, sort_keys=True), rank=start)


def _address(engine: str, keyword: str, start: int, filters: Mapping[str, str]) -> str:
    """The address of a result page, as icrawler makes it; `InputError` for a filter that the engine does not have."""
    feeder = getattr(_engine(engine), f"{engine.capitalize()}Feeder")(1, None, None)
    for name, value in filters.items():
        try:
            feeder.get_filter().apply({name: value})
        except (KeyError, ValueError, TypeError, AssertionError, IndexError) as error:
            raise InputError(f"{name}={value}", f"not a filter that {engine.capitalize()} has") from error
    quoted = urllib.parse.quote(keyword, safe="") if engine == "bing" else keyword  # which it puts in as it is
    feeder.feed(quoted, start, _PAGE[engine], filters=dict(filters) or None)
    return feeder.out_queue.get_nowait()


def _links(engine: str, answer: Any) -> Iterator[str]:
    """The links to pictures on a result page, as icrawler reads them, each once, but for the engine's own pictures."""
    parser = getattr(_engine(engine), f"{engine.capitalize()}Parser")(1, None, None)
    for link in dict.fromkeys(found["file_url"] for found in parser.parse(answer) or ()):
        try:
            host = urllib.parse.urlsplit(link).hostname or ""
            link.encode()
        except ValueError:
            continue
        if link.startswith(("https://", "http://")) and not host.endswith(_OWN_HOSTS):
            yield link


def _engine(name: str) -> ModuleType:
    """icrawler's module for a search engine; `InputError` where the extra is not installed."""
    try:
        import icrawler.builtin.bing
        import icrawler.builtin.google
    except ImportError as error:
        raise InputError("images", 'needs icrawler: pip install "gatefold[crawl]"') from error
    return icrawler.builtin.google if name == "google" else icrawler.builtin.bing
