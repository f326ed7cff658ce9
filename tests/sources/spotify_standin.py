"""A stand-in for Spotify, in two moods: an app in development mode today, and one of old with an extended quota.

https://developer.spotify.com/documentation/web-api: the token, search, artists, albums, tracks, playlists, audio
features, pages with `next` links, error bodies, covers and previews, all under their real addresses.
"""

from __future__ import annotations

import base64
import io
import re
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile

from tests.sources.standin import Answer, Request, as_image, as_json, jpeg

API, ACCOUNTS, IMAGES, PREVIEWS = "api.spotify.com", "accounts.spotify.com", "i.scdn.co", "p.scdn.co"
FILE_HOSTS = (IMAGES, PREVIEWS)
CLIENT_ID, CLIENT_SECRET = "0123456789abcdefclientid", "fedcba9876543210s3cret/+u"
TOKEN = "BQ-t0k3n-that-nobody-may-see"
GENRES = {"thrash metal": range(0, 8), "jazz": range(6, 12)}
PLAYLIST, CURATED = "playlist".ljust(22, "0"), "37i9dQZF1DX".ljust(22, "0")
NAMES = ["Björk '\"; DROP", "방탄소년단", "AC/DC", "\u202eevil\n", "!!!", "Sigur Rós"]


def native(kind: str, number: int) -> str:
    """A base-62 id of 22 signs."""
    return f"{kind}{number:0{22 - len(kind)}d}"


class SpotifyStandIn:
    """12 artists with `albums` albums of `tracks` tracks each; artist n's first album is also artist n + 1's."""

    def __init__(self, extended: bool, albums: int = 3, tracks: int = 4, side: int = 48) -> None:
        self.extended, self.albums, self.tracks, self.side = extended, albums, tracks, side
        self.artists = 12
        self.expired_tokens = 0  # so many questions are answered as if the token had expired
        self.premium = True
        self.odd: dict[str, Any] = {}  # path: what is answered in place of the right answer
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        self.routes = {API: self.api, ACCOUNTS: self.accounts, IMAGES: self.images, PREVIEWS: self.previews}
        self._paths: list[tuple[str, Callable[..., Answer]]] = [
            (r"/v1/search", self._search),
            (r"/v1/artists/(\w+)", lambda request, one: self._one(self._artist, "artist", one, self.artists)),
            (r"/v1/artists/(\w+)/related-artists", self._related),
            (r"/v1/artists/(\w+)/albums", self._artist_albums),
            (r"/v1/albums/(\w+)", lambda request, one: self._one(self._whole_album, "album", one, self.all_albums)),
            (r"/v1/albums/(\w+)/tracks/?", self._album_tracks),
            (r"/v1/tracks/(\w+)", lambda request, one: self._one(self.track, "track", one, self.all_tracks)),
            (r"/v1/tracks/?", self._several_tracks),
            (r"/v1/playlists/(\w+)/items", self._playlist),
            (r"/v1/audio-features/?", self._audio_features),
        ]

    # What there is.

    @property
    def all_albums(self) -> int:
        return self.artists * self.albums

    @property
    def all_tracks(self) -> int:
        return self.all_albums * self.tracks

    def genres_of(self, artist: int) -> list[str]:
        return [genre for genre, artists in GENRES.items() if artist in artists]

    def name(self, artist: int) -> str:
        return NAMES[artist] if artist < len(NAMES) else f"Artist {artist}"

    def artists_on(self, album: int) -> list[int]:
        artist, number = divmod(album, self.albums)
        return [artist, (artist + 1) % self.artists] if number == 0 else [artist]

    def isrc(self, track: int) -> str:
        return f"GBAYE{track:07d}"

    def popularity(self, track: int) -> int:
        return track % 101

    def energy(self, track: int) -> float:
        return (track % 7) / 8

    def cover(self, album: int, side: int) -> bytes:
        """The bytes of a cover; the sides that are told (64, 300, 640, 1000) are drawn smaller, to be quick."""
        return jpeg(1000 * album + side, 16 + side // 20)

    def preview(self, track: int) -> bytes:
        buffer = io.BytesIO()
        tone = np.sin(np.arange(22050) * (0.02 + 0.001 * (track % 50)))
        soundfile.write(buffer, 0.3 * tone, 22050, format="MP3")
        return buffer.getvalue()

    # Its objects.

    def _artist(self, artist: int, full: bool = True) -> dict[str, Any]:
        simple = {"id": native("artist", artist), "name": self.name(artist), "type": "artist"}
        if not full or not self.extended:
            return simple
        return simple | {"genres": self.genres_of(artist), "popularity": 50, "followers": {"total": 1}}

    def _album(self, album: int) -> dict[str, Any]:
        sides = [64, 1000, 640, 300] if album % 2 else [640, 300, 64]
        images = [{"url": f"https://{IMAGES}/image/{album}-{side}", "width": side, "height": side} for side in sides]
        return {
            "id": native("album", album),
            "name": f"Album {album}",
            "album_type": "album",
            "artists": [self._artist(artist, full=False) for artist in self.artists_on(album)],
            "images": images,
            "release_date": ["1988", "1988-08", "1988-08-25"][album % 3],
            "total_tracks": self.tracks,
        }

    def _whole_album(self, album: int) -> dict[str, Any]:
        return self._album(album) | {"tracks": self._tracks_page(album, 0, 50)}

    def _simple_track(self, track: int) -> dict[str, Any]:
        return {
            "id": native("track", track),
            "name": f"Träck {track} '\"\n雪",
            "type": "track",
            "artists": [self._artist(track // self.tracks // self.albums, full=False)],
            "preview_url": None,
            "external_urls": {"spotify": f"https://open.spotify.com/track/{native('track', track)}"},
        }

    def track(self, track: int) -> dict[str, Any]:
        """A whole track object."""
        whole = self._simple_track(track) | {
            "album": self._album(track // self.tracks),
            "external_ids": {"isrc": self.isrc(track)},
        }
        if self.extended:
            whole["popularity"] = self.popularity(track)
            whole["preview_url"] = f"https://{PREVIEWS}/mp3-preview/{track}?cid={CLIENT_ID}" if track % 8 == 0 else None
        return whole

    def _tracks_page(self, album: int, offset: int, limit: int) -> dict[str, Any]:
        tracks = [self._simple_track(album * self.tracks + number) for number in range(self.tracks)]
        return page(f"/v1/albums/{native('album', album)}/tracks", {}, tracks, offset, limit)

    # Its answers.

    def accounts(self, request: Request) -> Answer:
        """`POST /api/token`."""
        keys = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.path != "/api/token" or request.headers.get("Authorization") != f"Basic {keys}":
            return as_json({"error": "invalid_client", "error_description": "Invalid client"}, 400)
        return as_json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    def api(self, request: Request) -> Answer:
        """All of `/v1`."""
        answer = self._answer(request)
        with self._lock:
            self.statuses[request.path, answer.status] += 1
        return answer

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.expired_tokens, expired = max(self.expired_tokens - 1, 0), self.expired_tokens > 0
        if expired or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return error(401, "The access token expired")
        if not self.premium:
            return error(403, "Active premium subscription required for the owner of the app.")
        if request.path in self.odd:
            return as_json(self.odd[request.path])
        for pattern, answer in self._paths:
            match = re.fullmatch(pattern, request.path)
            if match:
                return answer(request, *match.groups())
        return error(404, "Service not found")

    def _one(self, make: Callable[[int], dict[str, Any]], kind: str, one: str, count: int) -> Answer:
        number = one.removeprefix(kind)
        if number.isdecimal() and int(number) < count:
            return as_json(make(int(number)))
        return error(404, "Resource not found")

    def _limit(self, request: Request, default: int = 5) -> int | None:
        """The size of a page that is asked for, None where this app may not have it."""
        limit = int(request.query.get("limit", default))
        return limit if 0 < limit <= (50 if self.extended else 10) else None

    def _search(self, request: Request) -> Answer:
        asked, limit, offset = request.query["q"], self._limit(request), int(request.query.get("offset", "0"))
        if limit is None:
            return error(400, "Invalid limit")
        if offset + limit > 1000:
            return error(400, "Invalid offset")
        words = dict(re.findall(r'(\w+):"([^"]*)"', asked))
        artists = [n for n in range(self.artists) if words.get("artist", "").lower() in self.name(n).lower()]
        if "genre" in words:
            artists = [n for n in artists if n in GENRES.get(words["genre"], ())]
        tracks = [n for n in range(self.all_tracks) if n // self.tracks // self.albums in artists]
        if "album" in words:
            tracks = [n for n in tracks if words["album"] == f"Album {n // self.tracks}"]
        if asked.startswith("isrc:"):
            tracks = [n for n in tracks if self.isrc(n) == asked.removeprefix("isrc:")]
        if "genre" in words:
            tracks = tracks[:: self.tracks]  # a search never shows all
        answer = {}
        for kind in request.query["type"].split(","):
            found = [self._artist(n) for n in artists] if kind == "artist" else [self.track(n) for n in tracks]
            answer[f"{kind}s"] = page("/v1/search", dict(request.query), found, offset, limit)
        return as_json(answer)

    def _related(self, request: Request, artist: str) -> Answer:
        if not self.extended:
            return error(404, "Resource not found")
        number = int(artist.removeprefix("artist"))
        return as_json({"artists": [self._artist((number + 1) % self.artists)]})

    def _artist_albums(self, request: Request, artist: str) -> Answer:
        limit = self._limit(request)
        if limit is None:
            return error(400, "Invalid limit")
        number = int(artist.removeprefix("artist"))
        albums = [self._album(n) for n in range(self.all_albums) if number in self.artists_on(n)]
        return as_json(page(request.path, dict(request.query), albums, int(request.query.get("offset", "0")), limit))

    def _album_tracks(self, request: Request, album: str) -> Answer:
        limit = self._limit(request)
        if limit is None:
            return error(400, "Invalid limit")
        return as_json(self._tracks_page(int(album.removeprefix("album")), int(request.query["offset"]), limit))

    def _several_tracks(self, request: Request) -> Answer:
        if not self.extended:
            return error(403, "Forbidden")
        ids = request.query["ids"].split(",")
        if len(ids) > 50:
            return error(400, "Too many ids requested")
        return as_json({"tracks": [self.track(int(one.removeprefix("track"))) for one in ids]})

    def _playlist(self, request: Request, playlist: str) -> Answer:
        if not self.extended:
            return error(403, "Forbidden")
        if playlist != PLAYLIST:
            return error(404, "Resource not found")
        entries: list[Any] = [{"track": self.track(n), "is_local": False} for n in range(0, self.all_tracks, 2)]
        entries[1] = {"item": entries[1]["track"]}  # its newer name
        local = self.track(0) | {"id": None, "name": "my own file"}
        entries += [{"track": None}, None, {"track": local, "is_local": True}]
        entries += [{"track": {"id": native("episode", 1), "name": "talk", "type": "episode"}}]
        return as_json(page(request.path, {}, entries, int(request.query["offset"]), int(request.query["limit"])))

    def _audio_features(self, request: Request) -> Answer:
        if not self.extended:
            return error(403, "Forbidden")
        found: list[Any] = []
        for one in request.query["ids"].split(","):
            number = int(one.removeprefix("track"))
            features = {"id": one, "type": "audio_features", "energy": self.energy(number), "loudness": -7.5, "key": 3}
            found.append(None if number % 5 == 4 else features | {"tempo": 120.5, "valence": "high", "liveness": 7})
        return as_json({"audio_features": found})

    def images(self, request: Request) -> Answer:
        """`/image/ALBUM-SIDE`."""
        album, _, side = request.path.removeprefix("/image/").partition("-")
        return as_image(self.cover(int(album), int(side)))

    def previews(self, request: Request) -> Answer:
        """`/mp3-preview/TRACK?cid=CLIENT`."""
        if request.query.get("cid") != CLIENT_ID:
            return error(403, "Forbidden")
        return Answer(self.preview(int(request.path.removeprefix("/mp3-preview/"))), type="audio/mpeg")


def page(path: str, query: dict[str, str], found: list[Any], offset: int, limit: int) -> dict[str, Any]:
    """A page as Spotify gives it, with the address of the next one."""
    following = urllib.parse.urlencode(query | {"offset": str(offset + limit), "limit": str(limit)})
    return {
        "href": f"https://{API}{path}",
        "items": found[offset : offset + limit],
        "limit": limit,
        "next": f"https://{API}{path}?{following}" if offset + limit < len(found) else None,
        "offset": offset,
        "total": len(found),
    }


def error(status: int, message: str) -> Answer:
    """An error as the Web API gives it."""
    return as_json({"error": {"status": status, "message": message}}, status)
