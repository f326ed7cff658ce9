"""Deezer: previews of 30 s, covers up to 1,000 px, tempo and genres, without a key.

https://developers.deezer.com/api. An album says which genres, a track its tempo and ISRC: one request each. Errors come
with status 200. The links to previews are good for a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from data.cells import clean_text, date_of
from data.errors import InputError
from data.sources.answers import entries, inner, isrc_of, last_part, number
from data.sources.base import (
    Endpoint,
    Expired,
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
    Trouble,
    check,
)
from data.sources.http import Http
from data.sources.matching import ALIKE, likeness
from data.table import make_row

_API = "https://api.deezer.com"
_PAGE = 100
_QUOTA_S = 5.0
_LISTS = {  # kind of item: where the list is, and what is in it
    "artist": ("artist/{}/albums", "album"),
    "album tracks": ("album/{}/tracks", "track"),
    "playlist": ("playlist/{}/tracks", "single"),
    "chart": ("chart/{}/tracks", "single"),
    "search": ("search", "single"),
}


class Deezer(Source):
    """artist, genre → albums → tracks; search, playlist, chart, isrc → single tracks, each with its album's genres."""

    name = "deezer"
    service = Service(hosts=("api.deezer.com",), file_hosts=("*.dzcdn.net",), requests=50, per_s=5.0, links_expire=True)
    terms = Terms(
        "Deezer's API and its previews are for private, non-commercial use; no right to train on them is given",
        may_train=False,
    )
    endpoints: ClassVar[tuple[Endpoint, ...]] = (
        Endpoint("/artist/ID/albums", "albums", "open to all"),
        Endpoint("/album/ID", "tracks, genres, date", "open to all"),
        Endpoint("/track/ID, /track/isrc:ISRC", "title, ISRC, tempo, cover up to 1,000 px, 30 s MP3", "open to all"),
        Endpoint("/search, /search/artist", "tracks, artists", "open to all"),
        Endpoint("/genre, /genre/ID/artists, /chart/ID/tracks", "artists, tracks", "open to all"),
        Endpoint("/playlist/ID/tracks", "tracks of a public playlist", "open to all"),
    )
    wants: ClassVar = {
        "artist": "all albums of an artist: a name, or an id or address",
        "album": "an album's id or address",
        "track": "a track's id or address",
        "isrc": "a recording's ISRC",
        "genre": "all artists of a genre: its name or id",
        "search": 'words, or artist:"…" album:"…" track:"…"',
        "playlist": "a public playlist's id or address",
        "chart": "the chart of a genre, its name or id; 0 for all",
    }
    divided = frozenset({"album", "single"})

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        for name, value in wishes:
            known = last_part(value)
            if name == "isrc":
                isrc = isrc_of(value)
                if isrc is None:
                    raise InputError(f"isrc={value}", "not an ISRC, such as GBDUW0000059")
                yield Item("isrc", isrc)
            elif name == "search":
                yield Item("search", f"{value}/0")
            elif known.isdecimal():
                kind = "single" if name == "track" else name
                yield Item(kind, f"{known}/0" if kind in _LISTS else known)
            elif name in ("artist", "genre", "chart"):
                yield Item(f"{name} named", value)
            else:
                raise InputError(f"{name}={value}", "not an id, nor an address that ends with one")

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        if item.kind in _LISTS:
            yield from _list(item, http)
        elif item.kind.endswith(" named"):
            yield _named(item, http)
        elif item.kind == "genre":
            for rank, artist in enumerate(entries(ask(http, f"genre/{item.key}/artists"), "data")):
                yield _item("artist", artist, rank)
        elif item.kind == "album":
            yield from _album(item.key, http)
        elif item.kind == "track":
            yield _record(ask(http, f"track/{item.key}"), item.payload["genres"])
        elif item.kind == "fill":
            isrc, _, track_id = item.key.partition(" ")
            yield _fill(ask(http, f"track/isrc:{isrc}"), isrc, track_id)
        else:
            track = ask(http, f"track/isrc:{item.key}" if item.kind == "isrc" else f"track/{item.key}")
            album = number(track, "album", "id")
            yield _record(track, _genres(ask(http, f"album/{album}")) if album else [])

    def fetch(self, link: str, http: Http) -> bytes:
        """What lies under a link. Those to covers do not expire. One to a preview that fills another's record names its
        track (`#ID`): where it has expired, the track is asked for a fresh one.
        """
        url, _, track = link.partition("#")
        try:
            return http.file(url)
        except Expired as error:
            if "/images/" in url:
                raise Gone("not there") from error
            if not track:
                raise
        try:
            return http.file(_preview(ask(http, f"track/{track}")))
        except Later as wait:  # of the API: the files' host asks nobody to wait
            http.pause(wait.wait_s)
            raise Trouble(str(wait)) from wait
        except Expired as error:
            raise Trouble("a fresh link has expired") from error

    def enrich(self, row: Mapping[str, Any]) -> Item | None:
        """By ISRC: tempo, a preview, a cover, a date."""
        isrc = isrc_of(row.get("isrc"))
        whole = all(row.get(name) is not None for name in ("tempo", "cover", "audio", "release_date"))
        return None if isrc is None or whole else Item("fill", f"{isrc} {row['track_id']}")


def ask(http: Http, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One question; `path` is what comes after the address of the API. Raises as `Http.json` does."""
    return check(http.json(f"{_API}/{path}", params, check=_check), dict, "answer")


def _check(answer: Any) -> None:
    """Errors that come with status 200 (https://developers.deezer.com/api/errors)."""
    code = inner(answer, "error", "code")
    if code == 4:
        raise Later("quota", _QUOTA_S)
    if code == 700:
        raise Trouble("service busy")
    if code in (200, 300, 901):
        raise Refused(f"not permitted (code {code})")
    if code == 800:
        raise Gone("no data (code 800)")
    if inner(answer, "error"):
        raise Gone(f"error (code {code})" if isinstance(code, int) else "error")


def _item(kind: str, entry: Mapping[str, Any], rank: int, payload: Mapping[str, Any] | None = None) -> Found:
    """The item for one entry of a list."""
    native = number(entry, "id")
    if native is None:
        return Skip(f"{kind} {clean_text(entry.get('title') or entry.get('name'))}", "no id")
    return Item(kind, f"{native}/0" if kind in _LISTS else str(native), payload or {}, rank)


def _list(item: Item, http: Http) -> Iterator[Found]:
    """One page of a list, and the next page where there is one."""
    where, kind = _LISTS[item.kind]
    name, _, start = item.key.rpartition("/")
    index = int(start)
    params = {"limit": _PAGE, "index": index} | ({"q": name} if item.kind == "search" else {})
    page = ask(http, where.format(name), params)
    found = check(page.get("data"), list, "list")
    for rank, entry in enumerate(entries(page, "data"), index):
        yield _item(kind, entry, rank, item.payload)
    if found and page.get("next"):
        following = index + len(found)
        yield Item(item.kind, f"{name}/{following}", item.payload, rank=following)


def _named(item: Item, http: Http) -> Item:
    """The artist, genre or chart of this name: for an artist the one whom most follow of those so called."""
    kind = item.kind.removesuffix(" named")
    found = entries(
        ask(http, "search/artist", {"q": item.key, "limit": 25}) if kind == "artist" else ask(http, "genre"), "data"
    )
    alike = [entry for entry in found if number(entry, "id") and likeness(_text(entry, "name"), item.key) >= ALIKE]
    if not alike:
        raise Gone(f"no {kind} of this name")
    best = max(alike, key=lambda entry: (likeness(_text(entry, "name"), item.key), number(entry, "nb_fan") or 0))
    return Item(kind, f"{best['id']}/0" if kind in _LISTS else str(best["id"]))


def _album(key: str, http: Http) -> Iterator[Found]:
    album = ask(http, f"album/{key}")
    genres = {"genres": _genres(album)}
    tracks = check(inner(album, "tracks", "data"), list, "tracks")
    for rank, track in enumerate(entries(album, "tracks", "data")):
        yield _item("track", track, rank, genres)
    if (number(album, "nb_tracks") or 0) > len(tracks):
        yield Item("album tracks", f"{key}/{len(tracks)}", genres, rank=len(tracks))


def _genres(album: Mapping[str, Any]) -> list[str]:
    names = (_text(genre, "name") for genre in entries(album, "genres", "data"))
    return list(dict.fromkeys(name for name in names if name))


def _record(track: Mapping[str, Any], genres: Sequence[str]) -> Found:
    native, album = number(track, "id"), number(track, "album", "id")
    if native is None:
        return Skip(f"track {clean_text(track.get('title'))}", "no id")
    row = make_row(
        track_id=f"deezer:{native}",
        album_id=f"deezer:{album}" if album else None,
        genres=genres,
        source="deezer",
        **_known(track),
    )
    return Record(row, _covers(track), [_preview(track)])


def _fill(track: Mapping[str, Any], isrc: str, track_id: str) -> Fill:
    if isrc_of(track.get("isrc")) != isrc:
        raise Gone("another recording than asked for")
    clip, native = _preview(track), number(track, "id")
    return Fill(track_id, make_row(**_known(track)), _covers(track), [f"{clip}#{native}"] if clip and native else [])


def _known(track: Mapping[str, Any]) -> dict[str, Any]:
    bpm = track.get("bpm")
    return {
        "isrc": isrc_of(track.get("isrc")),
        "artist": _text(track, "artist", "name"),
        "album": _text(track, "album", "title"),
        "title": _text(track, "title"),
        "release_date": _date(track.get("release_date")) or _date(inner(track, "album", "release_date")),
        "tempo": float(bpm) if isinstance(bpm, int | float) and 0 < bpm <= 300 else None,  # 0: not known
    }


def _text(answer: Any, *names: str) -> str | None:
    return clean_text(inner(answer, *names))


def _date(value: Any) -> str | None:
    return None if isinstance(value, str) and value.startswith("0000") else date_of(value)


def _covers(track: Mapping[str, Any]) -> list[str]:
    """The links to an album's cover, the largest first; none to the picture that stands for a missing one."""
    links = (inner(track, "album", f"cover_{size}") for size in ("xl", "big", "medium"))
    return [link for link in links if isinstance(link, str) and "/cover//" not in link]


def _preview(track: Mapping[str, Any]) -> str:
    """The link to a track's preview; '' where it has none."""
    link = track.get("preview")
    return link if isinstance(link, str) else ""
