"""Spotify: covers up to 640 px, ISRCs, popularity, and what an app may still have of the audio features.

https://developer.spotify.com/documentation/web-api. What an app may ask depends on its age and its quota: see
`spotify_client`. What is asked for, step by step, is in `spotify_steps`, and what answers mean in `spotify_tracks`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from data.errors import InputError
from data.files import reason_of
from data.sources.answers import isrc_of
from data.sources.base import Endpoint, Found, Item, Service, Source, Terms
from data.sources.http import Http
from data.sources.spotify_client import Client
from data.sources.spotify_steps import NOBODY, STEPS, below, genre_item
from data.sources.spotify_tracks import id_of, parse_id, parse_link


class Spotify(Source):
    """genre → artists → related artists; artist → albums → tracks; playlist, isrc, album, track → tracks."""

    name = "spotify"
    service = Service(
        hosts=("api.spotify.com", "accounts.spotify.com"),
        file_hosts=("*.scdn.co", "*.spotifycdn.com"),
        requests=60,  # Spotify counts in windows of 30 s, and does not say up to how many
        per_s=30.0,
    )
    terms = Terms(
        "Spotify's Developer Policy (III.14) forbids to train machine learning models on its content; tracks gathered"
        " here bear source=spotify and are not for training",
        may_train=False,
    )
    endpoints = (
        Endpoint("search", "artists and tracks of a genre, ISRCs, names", "10 a page in development mode, else 50"),
        Endpoint("artist", "name, genres", "no genres in development mode"),
        Endpoint("related artists", "twenty artists like one", "404 for apps made after 2024-11-27"),
        Endpoint("artist albums", "albums and singles", "10 a page in development mode, else 50"),
        Endpoint("album, album tracks", "ids of tracks", "open"),
        Endpoint("tracks at once", "50 whole tracks", "403 in development mode, where tracks are searched for by tens"),
        Endpoint("track", "names, date, ISRC, popularity, cover to 640 px", "no popularity in development mode"),
        Endpoint("preview_url", "30 s MP3", "null for apps made after 2024-11-27"),
        Endpoint("audio features", "nine of the ten attributes", "403 for apps made after 2024-11-27"),
        Endpoint("playlists", "tracks of a playlist", "403 in development mode, 404 for Spotify's own playlists"),
    )
    wants: ClassVar = {
        "genre": "artists of a genre, those related to them, and all their tracks",
        "genres-file": "a text file with a genre a line",
        "artist": "all albums of an artist: a name, an id or a link",
        "album": "an album's id or link",
        "track": "a track's id or link",
        "playlist": "a playlist's id or link",
        "isrc": "a recording's ISRC",
        "list": "a text file with a link (to an artist, album, track or playlist) or an ISRC a line",
    }
    needs_secrets = ("SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET")
    divided = frozenset({"album", "isrc", "playlist", "track"})

    def __init__(self) -> None:
        self._client: Client | None = None
        self._alone = threading.Lock()

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        for name, value in wishes:
            if name == "genres-file":
                yield from (genre_item(line) for _, line in _lines_of(value))
            elif name == "list":
                for number, line in _lines_of(value):
                    link = parse_link(line) or ("isrc", line)
                    if link[0] == "isrc" and isrc_of(line) is None:
                        raise InputError(f"{value}, line {number}", "neither a Spotify link nor an ISRC")
                    yield _wished(*link)
            else:
                yield _wished(name, value)

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        with self._alone:
            if self._client is None or self._client.http is not http:
                self._client = Client(http)
            client = self._client
        return STEPS[item.kind](client, item)


def _lines_of(path: str) -> list[tuple[int, str]]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, reason_of(error) if isinstance(error, OSError) else "not a text file") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def _wished(name: str, value: str) -> Item:
    if name == "genre":
        return genre_item(value)
    if name == "isrc":
        isrc = isrc_of(value)
        if isrc is None:
            raise InputError(f"isrc={value}", "not an ISRC (two letters, three signs, seven digits)")
        return Item("isrc", isrc)
    if name == "artist" and not (parse_link(value) or id_of(value)):
        return Item("name", value)
    found = parse_id(name, value)
    if name == "playlist":
        return Item("playlist", f"{found}+0", {"playlist": found, "offset": 0})
    return Item("artist", found) if name == "artist" else below(NOBODY, name, found)
