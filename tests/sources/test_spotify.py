"""Spotify through spotipy's own client: all that an app may have today, in development mode and with an old quota."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import spotipy

from data.errors import InputError
from data.shards import Dataset
from data.sources.deezer import Deezer
from data.sources.spotify import Spotify
from data.sources.spotify_tracks import covers_of, parse_id, parse_link
from data.tally import as_table, status
from tests.sources.deezer_standin import FILES as DEEZER_FILES
from tests.sources.deezer_standin import DeezerStandIn
from tests.sources.gathered import Gather
from tests.sources.spotify_gathering import ALL, ARTIST, closed_of, rows_of, served
from tests.sources.spotify_standin import (
    ACCOUNTS,
    API,
    CURATED,
    FILE_HOSTS,
    PLAYLIST,
    SpotifyStandIn,
    native,
)
from tests.sources.standin import Faults, StandIn


@pytest.mark.parametrize("extended", [False, True])
def test_all_that_an_app_may_have_is_there_once(
    gather_spotify: Gather, tmp_path: Path, extended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by_spotipy: list[str] = []
    call = spotipy.Spotify._internal_call

    def counted(self: spotipy.Spotify, method: str, url: str, *rest: Any) -> Any:
        asked_by_spotipy.append(url)
        return call(self, method, url, *rest)

    monkeypatch.setattr(spotipy.Spotify, "_internal_call", counted)
    spotify = SpotifyStandIn(extended, albums=2)
    with served(spotify) as server:
        assert gather_spotify(server, ALL).ending.reason is None
        assert len(server.asked(API)) == len(asked_by_spotipy)
        assert len(server.asked(ACCOUNTS)) == 1
    rows = rows_of(tmp_path / "store")
    assert set(rows) == set(range(spotify.all_tracks))
    for number, row in rows.items():
        album = number // spotify.tracks
        artist = album // spotify.albums
        assert row["cover"]["bytes"] == spotify.cover(album, 640)
        assert row["isrc"] == spotify.isrc(number)
        assert row["title"] == f"Träck {number} '\" 雪"
        assert row["album_id"] == f"spotify:{native('album', album)}"
        assert row["artist"] == " ".join(spotify.name(artist).split())
        assert row["release_date"] == ["1988", "1988-08", "1988-08-25"][album % 3]
        assert (row["source"], row["split"] in ("train", "validation", "test")) == ("spotify", True)
        assert "not for training" in row["licence"]
        assert sorted(row["genres"]) == sorted(spotify.genres_of(artist))
        assert row["popularity"] == (spotify.popularity(number) if extended else None)
        has_features = extended and number % 5 != 4
        assert row["energy"] == (pytest.approx(spotify.energy(number)) if has_features else None)
        assert (row["tempo"], row["valence"]) == ((120.5, None) if has_features else (None, None))
        assert (row["audio"] and row["audio"]["bytes"]) == (
            spotify.preview(number) if extended and number % 8 == 0 else None
        )
    # Nothing was asked for twice where it could be helped.
    assert all(count == 1 for (_, code), count in spotify.statuses.items() if code in (403, 404))
    whole = [path for path, code in spotify.statuses if path.startswith("/v1/tracks/track")]
    assert len(whole) == (0 if extended else spotify.tracks * spotify.albums)  # of the artist whom no search finds


@pytest.mark.parametrize("extended", [False, True])
def test_faults_change_nothing(gather_spotify: Gather, tmp_path: Path, extended: bool) -> None:
    with served(SpotifyStandIn(extended, albums=1)) as server:
        gather_spotify(server, ALL, to="calm")
    faults = Faults(0.25, seed=4)
    with served(SpotifyStandIn(extended, albums=1), faults) as server:
        assert gather_spotify(server, ALL).ending.reason is None
    assert sum(faults.made.values()) >= 10
    assert Dataset(tmp_path / "store").fingerprint == Dataset(tmp_path / "calm").fingerprint


def test_no_more_requests_than_allowed_in_any_window(gather_spotify: Gather, tmp_path: Path) -> None:
    class Slow(Spotify):
        service = replace(Spotify.service, requests=6, per_s=0.5)

    assert (Spotify.service.requests, Spotify.service.per_s) == (60, 30.0)  # Spotify's own window is of 30 s
    with served(SpotifyStandIn(False, albums=2)) as server:
        gather_spotify(server, ARTIST, source=Slow)
        assert len(server.log) > 12
        hosts = [request for request in server.log if request.host in Spotify.service.hosts]
        assert len(hosts) > 8
        assert server.most_in_any_window(0.5, "spotify.com") <= 6


def test_lists_of_things(gather_spotify: Gather, tmp_path: Path) -> None:
    """By link, id, name and ISRC, on the command line and in a file."""
    listed = tmp_path / "list.txt"
    listed.write_text(
        f"https://open.spotify.com/track/{native('track', 70)}?si=x\n"
        f"spotify:album:{native('album', 20)}\n\nGB-AYE-00-00090\n"
    )
    genres = tmp_path / "genres.txt"
    genres.write_text("\ufeffJazz\nno such genre\n", encoding="utf-8")
    spotify = SpotifyStandIn(extended=True)
    with served(spotify) as server:
        gather_spotify(server, [("list", str(listed))])
        assert set(rows_of(tmp_path / "store")) == {70, 80, 81, 82, 83, 90}
        # A name in another spelling, not the artist whose name holds it.
        gather_spotify(server, [("artist", "ac/DC"), ("artist", "Nobody")], to="names")
        assert set(rows_of(tmp_path / "names")) == set(range(24, 36)) | set(range(12, 16))
        assert "1 × no artist of this name" in as_table(status(tmp_path / "names"))
        gather_spotify(server, [("playlist", PLAYLIST), ("playlist", CURATED)], to="playlist")
        assert set(rows_of(tmp_path / "playlist")) == set(range(0, spotify.all_tracks, 2))
        table = as_table(status(tmp_path / "playlist"))
        assert "1 × status 404" in table
        assert "1 × no id" in table
        assert closed_of(tmp_path / "playlist") == {}
        gather_spotify(server, [("genres-file", str(genres))], to="genres")
        jazz = {n for n in range(spotify.all_tracks) if "jazz" in spotify.genres_of(n // 12)}
        # An artist beyond is related to the last one, and has the first album of the one after next.
        assert jazz <= set(rows_of(tmp_path / "genres"))
    with served(SpotifyStandIn(extended=False)) as server:
        gather_spotify(
            server, [("isrc", "GBAYE0000007"), ("isrc", "GBAYE9999999"), ("track", native("track", 5))], to="few"
        )
    assert set(rows_of(tmp_path / "few")) == {5, 7}
    assert "1 × no track with this ISRC" in as_table(status(tmp_path / "few"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("track", "x"),
        ("album", f"spotify:track:{native('track', 1)}"),
        ("playlist", "https://evil.example/playlist/" + "0" * 22),
        ("artist", f"https://open.spotify.com/album/{native('album', 1)}"),
        ("isrc", "GB1"),
        ("genres-file", "none.txt"),
        ("list", "bad.txt"),
    ],
)
def test_wishes_that_make_no_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.txt").write_text("spotify:artist:x\n")
    with pytest.raises(InputError):
        list(Spotify().start([(name, value)]))


def test_parts_merge_into_the_whole(gather_spotify: Gather, tmp_path: Path) -> None:
    from data.merging import merge

    with served(SpotifyStandIn(extended=True, albums=2, tracks=2)) as server:
        gather_spotify(server, ALL, to="whole")
        for k in (1, 2):
            gather_spotify(server, ALL, to=f"part {k}", part=(k, 2))
    assert len(rows_of(tmp_path / "part 1")) > 5
    merge(tmp_path / "merged", [tmp_path / "part 1", tmp_path / "part 2"])
    assert Dataset(tmp_path / "merged").fingerprint == Dataset(tmp_path / "whole").fingerprint


def test_deezer_fills_by_isrc_what_spotify_no_longer_gives(gather_spotify: Gather, tmp_path: Path) -> None:
    class Joined(SpotifyStandIn):
        def isrc(self, track: int) -> str:
            return deezer.isrc(known[track % len(known)])

    deezer = DeezerStandIn()
    known = deezer.track_ids()
    spotify = Joined(extended=False, albums=1)
    with StandIn(spotify.routes | deezer.routes, file_hosts=[*FILE_HOSTS, *DEEZER_FILES]) as server:
        assert gather_spotify(server, [("album", native("album", 3))], enrich=[Deezer()]).ending.reason is None
    rows = rows_of(tmp_path / "store")
    assert set(rows) == {12, 13, 14, 15}
    for row in rows.values():
        assert (row["source"], row["audio"] is not None) == ("spotify+deezer", True)


def test_the_largest_cover_up_to_640_comes_first() -> None:
    def images(*sides: int | None) -> dict[str, Any]:
        return {"images": [{"url": str(side), "width": side, "height": side} for side in sides]}

    assert covers_of(images(64, 1000, 640, 300)) == ["640", "300", "64", "1000"]
    assert covers_of(images(1000, 64, 300, None)) == ["300", "64", "None", "1000"]
    assert covers_of(images(1000, 800)) == ["800", "1000"]
    assert covers_of(images(1000, None)) == ["None", "1000"]
    assert covers_of({"images": [{"url": "a", "width": 640, "height": 641}, {"url": "b", "width": 64}]}) == ["b", "a"]
    assert covers_of({"images": [{"url": None, "width": 640}, {"url": "b", "width": 64}]}) == ["b"]
    assert covers_of(None) == covers_of({"images": None}) == []


def test_links() -> None:
    one = "6rqhFgbbKwnb9MLmUQDhG6"
    for text in (one, f"spotify:track:{one}", f"https://open.spotify.com/intl-de/track/{one}?si=1"):
        assert parse_id("track", text) == one
    assert parse_link(f"open.spotify.com/playlist/{one}#x") == ("playlist", one)
    for text in (one, f"https://open.spotify.com.evil.example/track/{one}", f"https://open.spotify.com/track/{one}/x"):
        assert parse_link(text) is None
