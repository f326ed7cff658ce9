"""iTunes Search: previews of 30 s (m4a) and covers of any size, without a key, some 20 questions a minute.

https://performance-partners.apple.com/search-api. Who asks too fast gets status 403 for a while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from data.cells import clean_text, date_of
from data.errors import InputError
from data.sources.answers import entries, last_part, number
from data.sources.base import (
    Endpoint,
    Fill,
    Found,
    Gone,
    Item,
    Later,
    Record,
    Refused,
    Service,
    Skip,
    Source,
    Terms,
    check,
)
from data.sources.http import Http
from data.sources.matching import ALIKE, likeness
from data.table import make_row

_API = "https://itunes.apple.com"
_MOST = 200  # answers to one question
_TOO_FAST_S = 60.0
_SIDES = (1000, 600)
_SIDE = re.compile(r"/\d+x\d+(bb|cc)?(-\d+)?\.(jpg|png)$")


class ITunes(Source):
    """artist → albums → songs; a search → songs. The store of a `country` is asked, else that of the US."""

    name = "itunes"
    service = Service(
        hosts=("itunes.apple.com",),
        file_hosts=("*.mzstatic.com", "*.itunes.apple.com"),
        requests=20,
        per_s=60.0,
        at_once=2,
    )
    terms = Terms(
        "Apple lets previews and covers be used only to promote what its store sells, beside a link to it; "
        "no right to train on them is given",
        may_train=False,
    )
    endpoints: ClassVar[tuple[Endpoint, ...]] = (
        Endpoint("/search", "songs and artists by words, 200 at most", "open to all, some 20 questions a minute"),
        Endpoint("/lookup", "an artist's albums, an album's songs", "open to all, some 20 questions a minute"),
        Endpoint("cover, preview", "JPEG of any size up to the original, 30 s of m4a", "open to all"),
    )
    wants: ClassVar = {
        "artist": "all albums of an artist: a name, or an id or address",
        "album": "an album's id or address",
        "track": "a song's id",
        "search": "words: the first 200 songs",
        "country": "the store that is asked, two letters, for all other wishes",
    }
    divided = frozenset({"album"})

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        countries = [value.upper() for name, value in wishes if name == "country"] or ["US"]
        for country in countries:
            if not re.fullmatch("[A-Z]{2}", country):
                raise InputError(f"country={country}", "not two letters, such as KR")
            for name, value in wishes:
                known = last_part(value)
                if name == "search":
                    yield Item("search", f"{country} {value}")
                elif name != "country" and known.isdecimal():
                    yield Item(name, f"{country} {known}")
                elif name == "artist":
                    yield Item("artist named", f"{country} {value}")
                elif name != "country":
                    raise InputError(f"{name}={value}", "not an id, nor an address that ends with one")

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        country, _, asked = item.key.partition(" ")
        if item.kind == "artist named":
            found = ask(http, "search", country, term=asked, entity="musicArtist", limit=25)
            alike = [one for one in found if _alike(one.get("artistName"), asked) >= ALIKE and number(one, "artistId")]
            if not alike:
                raise Gone("no artist of this name")
            best = max(alike, key=lambda one: _alike(one.get("artistName"), asked))
            yield Item("artist", f"{country} {best['artistId']}")
        elif item.kind == "artist":
            albums = ask(http, "lookup", country, id=asked, entity="album", limit=_MOST)
            for rank, album in enumerate(one for one in albums if one.get("wrapperType") == "collection"):
                native = number(album, "collectionId")
                known = native is not None
                yield Item("album", f"{country} {native}", rank=rank) if known else Skip(f"album {rank}", "no id")
        elif item.kind == "fill":
            yield _fill(ask(http, "search", "US", **_words(item.payload), limit=25), item)
        else:
            how = {"term": asked} if item.kind == "search" else {"id": asked}
            where = "search" if item.kind == "search" else "lookup"
            for song in ask(http, where, country, **how, entity="song", limit=_MOST):
                if song.get("kind") == "song":
                    yield _record(song)

    def enrich(self, row: Mapping[str, Any]) -> Item | None:
        """By artist and title (ISRCs cannot be asked for): a cover, a preview, a genre, a date."""
        names = {name: row.get(name) for name in ("artist", "title", "album")}
        whole = row.get("cover") and row.get("audio") and row.get("genres")
        if whole or not names["artist"] or not names["title"]:
            return None
        return Item("fill", row["track_id"], names)


def _words(names: Mapping[str, Any]) -> dict[str, str]:
    return {"term": f"{names['artist']} {names['title']}", "entity": "song"}


def ask(http: Http, where: str, country: str, **how: Any) -> list[dict[str, Any]]:
    """The results of one question; `where` is what comes after the address of the API. Raises as `Http.json` does."""
    try:
        answer = http.json(f"{_API}/{where}", {"media": "music", "country": country, **how})
    except Refused as error:
        if str(error) == "status 403":
            raise Later("too many requests (status 403)", _TOO_FAST_S) from error
        raise
    check(check(answer, dict, "answer").get("results"), list, "results")
    return entries(answer, "results")


def _record(song: Mapping[str, Any]) -> Found:
    native, album = number(song, "trackId"), number(song, "collectionId")
    if native is None:
        return Skip(f"song {clean_text(song.get('trackName'))}", "no id")
    row = make_row(
        track_id=f"itunes:{native}",
        album_id=f"itunes:{album}" if album else None,
        source="itunes",
        **_known(song),
    )
    return Record(row, _covers(song), _previews(song))


def _known(song: Mapping[str, Any]) -> dict[str, Any]:
    genre = clean_text(song.get("primaryGenreName"))
    return {
        "artist": clean_text(song.get("artistName")),
        "album": clean_text(song.get("collectionName")),
        "title": clean_text(song.get("trackName")),
        "genres": [genre] if genre else [],
        "release_date": date_of(song.get("releaseDate")),
    }


def _fill(songs: Sequence[Mapping[str, Any]], item: Item) -> Found:
    """The song that is most like the one asked for, where its artist and its title are both like enough; of several
    the one from the most similar album.
    """
    names = item.payload

    def score(song: Mapping[str, Any]) -> tuple[float, float]:
        artist, title = _alike(song.get("artistName"), names["artist"]), _alike(song.get("trackName"), names["title"])
        return min(artist, title), _alike(song.get("collectionName"), names["album"])

    best = max((song for song in songs if song.get("kind") == "song"), key=score, default=None)
    if best is None or score(best)[0] < ALIKE:
        return Skip(item.key, "no song of this artist and title")
    return Fill(item.key, make_row(**_known(best)), _covers(best), _previews(best))


def _alike(one: Any, other: Any) -> float:
    return likeness(clean_text(one), clean_text(other))


def _covers(song: Mapping[str, Any]) -> list[str]:
    """The size of a cover stands in its address; one that is larger than the original comes as large as that is."""
    link = song.get("artworkUrl100")
    if not isinstance(link, str):
        return []
    return list(dict.fromkeys([_SIDE.sub(f"/{side}x{side}bb.jpg", link) for side in _SIDES] + [link]))


def _previews(song: Mapping[str, Any]) -> list[str]:
    return [link for link in (song.get("previewUrl"),) if isinstance(link, str)]
