"""A stand-in for Deezer: artists with albums of tracks, pages with `next`, previews whose links expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.sources.clips import clip
from tests.sources.standin import Answer, Request, as_image, as_json, jpeg

API, IMAGES, PREVIEWS = "api.deezer.com", "cdn-images.dzcdn.net", "cdnt-preview.dzcdn.net"
FILES = (IMAGES, PREVIEWS)
GENRES = {113: "Dance", 152: "Röck & Roll"}
NO_DATA = as_json({"error": {"type": "DataException", "message": "no data", "code": 800}})
QUOTA = as_json({"error": {"type": "Exception", "message": "Quota limit exceeded", "code": 4}})


class DeezerStandIn:
    """Artists 1 … `artists`; artist a has the albums a00, a01, …, album b the tracks b00, b01, ….

    Each link to a preview is good for `uses` answers, those that were given first, `stale` of them, for none.
    """

    def __init__(self, artists: int = 2, albums: int = 3, tracks: int = 2, uses: int = 99, stale: int = 0) -> None:
        self._artists, self._albums, self._tracks = artists, albums, tracks
        self._uses, self._stale = uses, stale
        self._left: dict[str, int] = {}
        self.routes = {API: self.api, IMAGES: self.images, PREVIEWS: self.previews}
        self.page = 2  # whatever is asked for, a page has at most so many entries

    def track_ids(self) -> list[int]:
        """All that there are."""
        albums = [100 * artist + n for artist in range(1, self._artists + 1) for n in range(self._albums)]
        return [100 * album + n for album in albums for n in range(self._tracks)]

    @staticmethod
    def isrc(track: int) -> str:
        """A track's ISRC."""
        return f"GBDUW{track:07}"

    def artist(self, number: int) -> dict[str, Any]:
        return {"id": number, "name": f"Ártist {number}", "nb_fan": number, "type": "artist"}

    def album(self, number: int) -> dict[str, Any]:
        """An album as lists have it."""
        sizes = {"small": 56, "medium": 250, "big": 500, "xl": 1000}
        images = f"https://{IMAGES}/images/cover/{number:032x}"
        return {
            "id": number,
            "title": f"Album {number} 雪",
            "cover": f"https://{API}/album/{number}/image",
            **{f"cover_{size}": f"{images}/{side}x{side}-000000-80-0-0.jpg" for size, side in sizes.items()},
            "release_date": "2001-03-07",
            "type": "album",
        }

    def track(self, number: int) -> dict[str, Any]:
        """A track as lists have it, with a fresh link to its preview."""
        token = f"exp={len(self._left) + 1}~acl=/{number}.mp3*~hmac=0f"
        self._left[token] = self._uses if len(self._left) >= self._stale else 0
        return {
            "id": number,
            "readable": True,
            "title": f"Track {number}",
            "preview": f"https://{PREVIEWS}/api/1/{number}.mp3?hdnea={token}",
            "artist": self.artist(number // 10_000),
            "album": self.album(number // 100),
            "type": "track",
        }

    def api(self, request: Request) -> Answer:
        """`/artist/1/albums`, `/album/100`, `/track/10000`, `/track/isrc:GB…`, `/search`, `/genre`, …"""
        words = request.path.strip("/").split("/")
        tracks = self.track_ids()
        match words:
            case ["search", "artist"]:
                found = [self.artist(n + 1) for n in range(self._artists)]
                return as_json({"data": [*found, {"id": 999, "name": "Ártist 1 Tribute", "nb_fan": 10**6}]})
            case ["search"]:
                return self._list(request, [self.track(track) for track in tracks])
            case ["genre"]:
                return as_json({"data": [{"id": number, "name": name} for number, name in GENRES.items()]})
            case ["genre", _, "artists"]:
                return as_json({"data": [self.artist(n + 1) for n in range(self._artists)]})
            case ["artist", number, "albums"]:
                albums = dict.fromkeys(track // 100 for track in tracks if track // 10_000 == int(number))
                return self._list(request, [self.album(album) for album in albums])
            case ["playlist" | "chart", _, "tracks"]:
                return self._list(request, [self.track(track) for track in tracks])
            case ["album", number, "tracks"]:
                return self._list(request, [self.track(track) for track in tracks if track // 100 == int(number)])
            case ["album", number]:
                mine = [self.track(track) for track in tracks if track // 100 == int(number)]
                genre = sorted(GENRES)[int(number) % 2]
                more = {
                    "genres": {"data": [{"id": genre, "name": GENRES[genre]}]},
                    "nb_tracks": len(mine),
                    "tracks": {"data": mine[: self.page]},
                }
                return as_json(self.album(int(number)) | more) if mine else NO_DATA
            case ["track", number]:
                isrc = number.removeprefix("isrc:")
                known = [track for track in tracks if str(track) == number or self.isrc(track) == isrc]
                more = (
                    {"isrc": self.isrc(known[0]), "bpm": known[0] % 7 * 20, "release_date": "2001-03-07"}
                    if known
                    else {}
                )
                return as_json(self.track(known[0]) | more) if known else NO_DATA
        return NO_DATA

    def _list(self, request: Request, found: Sequence[dict[str, Any]]) -> Answer:
        start = int(request.query.get("index", "0"))
        end = start + min(self.page, int(request.query.get("limit", "25")))
        page: dict[str, Any] = {"data": found[start:end], "total": len(found)}
        if end < len(found):
            page["next"] = f"https://{API}{request.path}?limit={self.page}&index={end}"
        return as_json(page)

    def images(self, request: Request) -> Answer:
        """`/images/cover/<hash>/1000x1000-000000-80-0-0.jpg`."""
        number = int(request.path.split("/")[3], 16)
        return as_image(self.cover(number) if "/1000x1000-" in request.path else jpeg(number + 1))

    @staticmethod
    def cover(album: int) -> bytes:
        return jpeg(album)

    def previews(self, request: Request) -> Answer:
        """`/api/1/<track>.mp3?hdnea=…`."""
        token = request.query.get("hdnea", "")
        if self._left.get(token, 0) <= 0:
            return Answer(b"Access Denied", 403, "text/html")
        self._left[token] -= 1
        return Answer(clip(int(request.path.rpartition("/")[2].removesuffix(".mp3"))), type="audio/mpeg")
