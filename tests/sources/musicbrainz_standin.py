"""A stand-in for MusicBrainz and the Cover Art Archive: pages by offset, several releases of an album, redirects."""

from __future__ import annotations

import uuid
from typing import Any

from tests.sources.standin import Answer, Request, as_image, as_json, jpeg

API, COVERS, ARCHIVE, STORE = "musicbrainz.org", "coverartarchive.org", "archive.org", "ia800100.us.archive.org"
FILES = (COVERS, ARCHIVE, STORE)
NOT_FOUND = as_json(
    {"error": "Not Found", "help": "For usage, please see: https://musicbrainz.org/development/mmd"}, 404
)


def mbid(kind: str, *numbers: int) -> str:
    """The id of an entity."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {numbers}"))


class MusicBrainzStandIn:
    """One artist with `albums` albums of `tracks` recordings. Each album has three releases: an early one without a
    cover, an unofficial one and an official one with a cover; the last album has no cover at all.

    `largest`: the widest cover there is. `isrc_of` an album and a track is what Deezer's stand-in also has.
    """

    def __init__(self, albums: int = 3, tracks: int = 2, largest: int = 1200, page: int = 2) -> None:
        self._albums, self._tracks, self._largest, self._page = albums, tracks, largest, page
        self.routes = {API: self.api, COVERS: self.covers, ARCHIVE: self.archive, STORE: self.store}
        self.artist = mbid("artist")

    @staticmethod
    def isrc(album: int, track: int) -> str:
        """A recording's ISRC."""
        return f"GBDUW{10_000 + 100 * album + track:07}"

    def group(self, album: int) -> dict[str, Any]:
        """An album."""
        return {
            "id": mbid("group", album),
            "title": f"Album {album} “雪”",
            "first-release-date": f"19{70 + album}",
            "primary-type": "Album",
            "genres": [{"id": mbid("genre"), "name": "art rock", "count": 3, "disambiguation": ""}]
            if album == 0
            else [],
            "tags": [{"name": "seen live", "count": 2}, {"name": "voted down", "count": 0}],
        }

    def release(self, album: int, edition: int) -> dict[str, Any]:
        """An edition of an album: 0 the first, 1 a bootleg, 2 the one to take."""
        front = edition > 0 and album < self._albums - 1
        on_it = [*self.recordings(album), self.video(album)]
        tracks = [{"id": mbid("track", album, edition, n), "recording": one} for n, one in enumerate(on_it)]
        return {
            "id": mbid("release", album, edition),
            "title": f"Album {album} “雪”",
            "date": ["1969", "1970-01-01", "1999-12-31"][edition],
            "status": ["Official", "Bootleg", "Official"][edition],
            "artist-credit": self._credit(),
            "release-group": self.group(album),
            "cover-art-archive": {"artwork": front, "front": front, "back": False, "count": int(front)},
            "media": [{"position": 1, "tracks": tracks}, {"position": 2, "format": "DVD-Video"}],
        }

    def recordings(self, album: int) -> list[dict[str, Any]]:
        return [
            {
                "id": mbid("recording", album, track),
                "title": f"Recording {album}.{track}",
                "isrcs": [self.isrc(album, track)] if track else [],
                "artist-credit": self._credit(guest=track > 0),
                "genres": [{"name": "krautrock", "count": 1}] if track else [],
                "video": False,
            }
            for track in range(self._tracks)
        ]

    @staticmethod
    def video(album: int) -> dict[str, Any]:
        return {"id": mbid("video", album), "title": "film", "video": True, "isrcs": []}

    def _credit(self, guest: bool = False) -> list[dict[str, Any]]:
        named = [{"name": "The Ärtist", "joinphrase": " feat. ", "artist": {"id": self.artist, "name": "Ärtist, The"}}]
        return named + [{"name": "Guest", "joinphrase": "", "artist": {"name": "Guest"}}] * guest

    def api(self, request: Request) -> Answer:
        """`/ws/2/artist?query=`, `/ws/2/release-group?artist=`, `/ws/2/release?release-group=`, `/ws/2/isrc/…`."""
        if not request.headers.get("User-Agent", "").startswith("Gatefold/") or request.query.get("fmt") != "json":
            return as_json({"error": "a meaningful User-Agent, please"}, 403)
        groups = [self.group(album) for album in range(self._albums)]
        match request.path.strip("/").split("/")[2:], request.query:
            case ["artist"], {"query": 'artist:"ärtist, the"'}:
                other = {"id": mbid("artist", 1), "name": "Artist of the Year", "score": 100}
                return as_json(
                    {"count": 2, "offset": 0, "artists": [other, {"id": self.artist, "name": "Ärtist, The"}]}
                )
            case ["release-group"], {"artist": self.artist, "offset": start}:
                page = groups[int(start) :][: self._page]
                return as_json(
                    {"release-group-count": len(groups), "release-group-offset": int(start), "release-groups": page}
                )
            case ["release-group"], {"query": 'tag:"art \\"rock\\""', "offset": start}:
                return as_json({"count": len(groups), "release-groups": groups[int(start) :][: self._page]})
            case ["release"], {"release-group": group}:
                editions = [
                    self.release(n, k) for n in range(self._albums) for k in range(3) if mbid("group", n) == group
                ]
                return (
                    as_json({"release-count": 3, "release-offset": 0, "releases": editions}) if editions else NOT_FOUND
                )
            case ["release", release], _:
                for album in range(self._albums):
                    for edition in range(3):
                        if mbid("release", album, edition) == release:
                            return as_json(self.release(album, edition))
            case ["isrc", isrc], _:
                for album in range(self._albums):
                    for track, recording in enumerate(self.recordings(album)):
                        if track and self.isrc(album, track) == isrc:
                            editions = [self.release(album, edition) for edition in (2, 1, 0)]
                            for edition in editions:
                                del edition["media"], edition["cover-art-archive"]
                            return as_json({"isrc": isrc, "recordings": [recording | {"releases": editions}]})
        return NOT_FOUND

    def covers(self, request: Request) -> Answer:
        """`/release/<mbid>/front-1200` → 307."""
        kind, native, size = request.path.strip("/").split("/")
        for album in range(self._albums - 1):
            names = {"release": mbid("release", album, 2), "release-group": mbid("group", album)}
            if names.get(kind) == native and int(size.removeprefix("front-")) <= self._largest:
                where = f"http://{ARCHIVE}/download/mbid-{native}/{album}-{size}.jpg"
                return Answer(b"", 307, "text/html", {"Location": where})
        return Answer(b"<!doctype html><title>404 Not Found</title>", 404, "text/html")

    def archive(self, request: Request) -> Answer:
        """→ 302 to the machine that has it."""
        where = f"https://{STORE}/2/items/{request.path.rpartition('/')[2]}"
        return Answer(b"", 302, "text/html", {"Location": where})

    def store(self, request: Request) -> Answer:
        album, _, size = request.path.rpartition("/")[2].removesuffix(".jpg").split("-")
        return as_image(self.cover(int(album)) if int(size) == self._largest else jpeg(int(size)))

    @staticmethod
    def cover(album: int) -> bytes:
        return jpeg(1_000 + album)
