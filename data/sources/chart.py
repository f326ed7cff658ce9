"""Charts: a table of artist and album, each line found again at a service that has covers and previews.

A chart is gathered as that service's: its records, its limits, its terms. A line leads to the album whose names are
most like those that it gives, and the match's key says how much; one without an album that is like enough is a miss.
`gatefold status --details` lists both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from data.cells import clean_text
from data.charts import read_chart
from data.errors import InputError
from data.sources.answers import entries, inner, number
from data.sources.base import Endpoint, Found, Item, Skip
from data.sources.deezer import Deezer
from data.sources.deezer import ask as ask_deezer
from data.sources.http import Http
from data.sources.itunes import ITunes
from data.sources.itunes import ask as ask_itunes
from data.sources.matching import likeness

THRESHOLD = 0.8
_MOST = 25
_BETWEEN = "\t"
_FILE, _THRESHOLD, _COUNTRY = "file", "threshold", "country"
_WANTS = {
    _FILE: "a CSV with columns artist and album, or a saved web page with such tables",
    _THRESHOLD: f"how like (0 to 1) artist and album must both be; {THRESHOLD} where it is not given",
}

Album = tuple[Any, Any, Any]  # id, artist, album as a service gives them
Search = Callable[[], Iterable[Album]]


class DeezerChart(Deezer):
    """line → match → tracks of the album, with covers up to 1,000 px and previews."""

    endpoints = (Endpoint("/search/album", "an album by its artist and name", "open to all"),)
    wants: ClassVar = _WANTS
    divided = Deezer.divided | {"line"}

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        return _lines(wishes)

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        if item.kind == "match":
            yield from super().expand(Item("album", item.key.split(" ")[1]), http)
        elif item.kind == "line":
            _, artist, album = item.key.split(_BETWEEN)
            words = (f'artist:"{_unquoted(artist)}" album:"{_unquoted(album)}"', f"{artist} {album}")
            yield _match(item, [partial(_deezer_albums, http, one) for one in words])
        else:
            yield from super().expand(item, http)


class ITunesChart(ITunes):
    """line → match → songs of the album, with covers and previews."""

    endpoints = (Endpoint("/search", "an album by its artist and name", "open to all, some 20 questions a minute"),)
    wants: ClassVar = _WANTS | {_COUNTRY: "the store that is asked, two letters, such as KR; US where it is not given"}
    divided = ITunes.divided | {"line"}

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        countries = [value.upper() for name, value in wishes if name == _COUNTRY] or ["US"]
        for country in countries:
            if not re.fullmatch("[A-Z]{2}", country):
                raise InputError(f"country={country}", "not two letters, such as KR")
            yield from _lines(wishes, f"{country} ")

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        country, _, rest = item.key.partition(" ")
        if item.kind == "match":
            yield from super().expand(Item("album", f"{country} {rest.split(' ')[1]}"), http)
        elif item.kind == "line":
            _, artist, album = rest.split(_BETWEEN)
            yield _match(item, [partial(_itunes_albums, http, country, f"{artist} {album}")], f"{country} ")
        else:
            yield from super().expand(item, http)


def _lines(wishes: Sequence[tuple[str, str]], before: str = "") -> Iterator[Item]:
    """One item a line of the charts, the first lines first."""
    threshold = THRESHOLD
    for name, value in wishes:
        if name == _THRESHOLD:
            if not re.fullmatch(r"0?\.\d+|0|1(\.0*)?", value):
                raise InputError(f"threshold={value}", "not a number from 0 to 1")
            threshold = float(value)
    for name, value in wishes:
        if name == _FILE:
            for rank, line in enumerate(read_chart(Path(value))):
                yield Item("line", f"{before}{threshold:g}{_BETWEEN}{line.artist}{_BETWEEN}{line.album}", rank=rank)


def _match(line: Item, searches: Sequence[Search], before: str = "") -> Found:
    """The album that is most like the one of a line, from the first search that gives one that is like enough."""
    threshold, artist, album = line.key.removeprefix(before).split(_BETWEEN)
    for search in searches:
        scored = ((score(artist, album, one, other), native, one, other) for native, one, other in search())
        best = max(scored, key=lambda match: match[0], default=None)
        if best is not None and best[0] >= float(threshold):
            alike, native, one, other = best
            return Item("match", f"{before}{alike:.2f} {native} {one} – {other}")
    return Skip(f"{artist} – {album}", "no album like it")


def score(artist: str, album: str, found_artist: str | None, found_album: str | None) -> float:
    """How like (0 to 1) two albums are: the lesser of the likenesses of their artists and of their names.

    A name in two scripts, `아이유 (IU)`, counts as the likelier of both.
    """
    return min(_alike(artist, found_artist), _alike(album, found_album))


def _alike(one: str, other: str | None) -> float:
    return max(likeness(first, second) for first in _spellings(one) for second in _spellings(other or ""))


def _spellings(name: str) -> list[str]:
    """A name, what stands before its brackets, and what stands in them."""
    parts = re.fullmatch(r"([^(\[]+)[(\[]([^)\]]+)[)\]]\s*", name)
    return [name, *(part.strip() for part in parts.groups())] if parts else [name]


def _deezer_albums(http: Http, words: str) -> Iterator[Album]:
    for album in entries(ask_deezer(http, "search/album", {"q": words, "limit": _MOST}), "data"):
        if number(album, "id"):
            yield album["id"], clean_text(inner(album, "artist", "name")), clean_text(album.get("title"))


def _itunes_albums(http: Http, country: str, words: str) -> Iterator[Album]:
    for album in ask_itunes(http, "search", country, term=words, entity="album", limit=_MOST):
        if number(album, "collectionId"):
            yield album["collectionId"], clean_text(album.get("artistName")), clean_text(album.get("collectionName"))


def _unquoted(name: str) -> str:
    return name.replace('"', " ")
