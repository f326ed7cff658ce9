"""The smallest whole source, and its stand-in: a shop with shelves of albums, pages of tracks, and expiring links.

It is what the collector's tests gather from, and a pattern for new sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from data.errors import InputError
from data.sources.base import Endpoint, Found, Item, Record, Service, Skip, Source, Terms, check
from data.sources.http import Http
from data.table import make_row
from tests.sources.standin import NOT_FOUND, Answer, Request, as_image, as_json, jpeg

API, FILES = "api.shop.example", "covers.shop.example"
PAGE = 10
SHELF = (("shelf", "1"),)
"""The wish for all that the stand-in has."""


class Shop(Source):
    """shelf → albums, by pages → tracks, each with a cover whose link is good for one answer."""

    name = "shop"
    service = Service(hosts=(API,), file_hosts=(FILES,), requests=1_000, per_s=0.1, links_expire=True)
    terms = Terms("all may be used for tests", may_train=True)
    endpoints = (Endpoint("/shelf", "albums", "open to all"), Endpoint("/album", "tracks", "open to all"))
    wants: ClassVar = {"shelf": "a shelf's number"}
    divided = frozenset({"album"})

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        for _, value in wishes:
            if not value.isdecimal():
                raise InputError(f"shelf={value}", "a shelf has a number")
            yield Item("shelf", f"{value}/0", {"shelf": value, "from": 0}, rank=1)

    def expand(self, item: Item, http: Http) -> Iterable[Found]:
        if item.kind == "shelf":
            page = http.json(f"https://{API}/shelf/{item.payload['shelf']}", {"from": item.payload["from"]})
            for album in check(check(page, dict, "page").get("albums"), list, "albums"):
                yield Item("album", str(album["id"]))
            if page.get("next") is not None:
                shelf, start = item.payload["shelf"], check(page["next"], int, "next")
                yield Item("shelf", f"{shelf}/{start}", {"shelf": shelf, "from": start}, rank=1)
            return
        album = check(http.json(f"https://{API}/album/{item.key}"), dict, "album")
        for track in check(album.get("tracks"), list, "tracks"):
            yield _record(album, track)


def _record(album: dict[str, Any], track: dict[str, Any]) -> Record | Skip:
    if track.get("id") is None:
        return Skip(f"a track of album {album.get('id')}", "no id")
    row = make_row(
        track_id=f"shop:{track['id']}",
        album_id=f"shop:{album.get('id')}",
        artist=album.get("artist"),
        album=album.get("name"),
        title=track.get("title"),
        genres=album.get("genres") or [],
        licence="CC0",
        source="shop",
    )
    return Record(row, covers=[url for url in (album.get("cover"),) if url])


class ShopStandIn:
    """The shop's two hosts: `albums` of `tracks` each on one shelf; every `shared`-th track is on two albums.

    Each link to a cover carries a token that serves the cover `uses` times.
    """

    def __init__(self, albums: int = 20, tracks: int = 5, side: int = 48, uses: int = 1_000_000) -> None:
        self._albums, self._tracks, self._side, self._uses = albums, tracks, side, uses
        self._given = 0
        self._left: dict[str, int] = {}
        self._covers: dict[int, bytes] = {}
        self.routes = {API: self.api, FILES: self.files}

    def cover(self, album: int) -> bytes:
        """The bytes of an album's cover."""
        if album not in self._covers:
            self._covers[album] = jpeg(album, self._side)
        return self._covers[album]

    def api(self, request: Request) -> Answer:
        """`/shelf/1?from=0` and `/album/7`."""
        what, _, number = request.path.lstrip("/").partition("/")
        if what == "shelf" and number == "1":
            start = int(request.query.get("from", "0"))
            end = min(start + PAGE, self._albums)
            albums = [{"id": album} for album in range(start, end)]
            return as_json({"albums": albums, "next": end if end < self._albums else None})
        if what == "album" and number.isdecimal() and int(number) < self._albums:
            return as_json(self._album(int(number)))
        return NOT_FOUND

    def _album(self, album: int) -> dict[str, Any]:
        self._given += 1
        token = str(self._given)
        self._left[token] = self._uses
        tracks = [{"id": album * self._tracks + n, "title": f"tråck {n} '\"\n雪"} for n in range(self._tracks)]
        tracks.append({"id": ((album + 1) % self._albums) * self._tracks, "title": None})  # one of the next album's
        tracks.append({"id": None, "title": "nameless"})
        return {
            "id": album,
            "name": f"album {album}",
            "artist": f"artist {album // 2}",
            "genres": [f"genre {album % 3}"],
            "cover": f"https://{FILES}/{album}.jpg?token={token}",
            "tracks": tracks,
        }

    def files(self, request: Request) -> Answer:
        """`/7.jpg?token=…`."""
        number, token = request.path.strip("/").removesuffix(".jpg"), request.query.get("token", "")
        if self._left.get(token, 0) <= 0:
            return Answer(b"expired", 403, "text/plain")
        self._left[token] -= 1
        return as_image(self.cover(int(number)))
