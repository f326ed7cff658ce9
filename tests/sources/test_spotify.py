"""Spotify through spotipy's own client: all that an app may have today, in development mode and with an old quota."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import spotipy

from data.collecting import Gathering, collect
from data.errors import InputError
from data.journal import Journal
from data.shards import Dataset
from data.sources.deezer import Deezer
from data.sources.http import Patience
from data.sources.spotify import Spotify
from data.sources.spotify_tracks import covers_of, parse_id, parse_link
from data.tally import as_table, status
from tests.conftest import Finished
from tests.sources.deezer_standin import FILES as DEEZER_FILES
from tests.sources.deezer_standin import DeezerStandIn
from tests.sources.spotify_standin import (
    ACCOUNTS,
    API,
    CLIENT_ID,
    CLIENT_SECRET,
    CURATED,
    FILE_HOSTS,
    GENRES,
    IMAGES,
    PLAYLIST,
    TOKEN,
    SpotifyStandIn,
    native,
)
from tests.sources.standin import Faults, StandIn

ALL = [("genre", genre) for genre in GENRES]
ARTIST = [("artist", native("artist", 3))]
Gather = Callable[..., Gathering]


class Quick(Spotify):
    """Without the waits of Spotify's limit."""

    service = replace(Spotify.service, requests=1_000, per_s=0.1)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)


@pytest.fixture
def gather(tmp_path: Path, quick: Patience) -> Gather:
    """`gather(server, wishes)`: into `tmp_path / "store"`."""

    def run(
        server: StandIn, wishes: Sequence[tuple[str, str]] = (), to: str = "store", source: type = Quick, **how: Any
    ) -> Gathering:
        return collect(source(), tmp_path / to, wishes, **({"route": server.url, "patience": quick} | how))

    return run


def served(standin: SpotifyStandIn, faults: Faults | None = None) -> StandIn:
    return StandIn(standin.routes, faults, file_hosts=FILE_HOSTS)


def rows_of(folder: Path) -> dict[int, dict[str, Any]]:
    """The rows by the numbers of their tracks; each track is there once."""
    rows = list(Dataset(folder).iter_rows())
    numbers = {int(row["track_id"].removeprefix("spotify:track")): row for row in rows}
    assert len(numbers) == len(rows)
    return numbers


def closed_of(folder: Path) -> dict[str, str]:
    return next(line["closed"] for line in status(folder) if line["what"] == "requests")


@pytest.mark.parametrize("extended", [False, True])
def test_all_that_an_app_may_have_is_there_once(
    gather: Gather, tmp_path: Path, extended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by_spotipy: list[str] = []
    call = spotipy.Spotify._internal_call

    def counted(self: spotipy.Spotify, method: str, url: str, *rest: Any) -> Any:
        asked_by_spotipy.append(url)
        return call(self, method, url, *rest)

    monkeypatch.setattr(spotipy.Spotify, "_internal_call", counted)
    spotify = SpotifyStandIn(extended, albums=2)
    with served(spotify) as server:
        assert gather(server, ALL).ending.reason is None
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
def test_faults_change_nothing(gather: Gather, tmp_path: Path, extended: bool) -> None:
    with served(SpotifyStandIn(extended, albums=1)) as server:
        gather(server, ALL, to="calm")
    faults = Faults(0.25, seed=4)
    with served(SpotifyStandIn(extended, albums=1), faults) as server:
        assert gather(server, ALL).ending.reason is None
    assert sum(faults.made.values()) >= 10
    assert Dataset(tmp_path / "store").fingerprint == Dataset(tmp_path / "calm").fingerprint


def test_no_more_requests_than_allowed_in_any_window(gather: Gather, tmp_path: Path) -> None:
    class Slow(Spotify):
        service = replace(Spotify.service, requests=6, per_s=0.5)

    assert (Spotify.service.requests, Spotify.service.per_s) == (60, 30.0)  # Spotify's own window is of 30 s
    with served(SpotifyStandIn(False, albums=2)) as server:
        gather(server, ARTIST, source=Slow)
        assert len(server.log) > 12
        hosts = [request for request in server.log if request.host in Spotify.service.hosts]
        assert len(hosts) > 8
        assert server.most_in_any_window(0.5, "spotify.com") <= 6


def test_what_is_closed_is_asked_once_and_told(gather: Gather, tmp_path: Path) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    wishes = [("genre", "jazz"), *(("playlist", native("list", number)) for number in range(3))]
    with served(spotify) as server:
        gather(server, wishes)
        shut = {
            "related artists": "status 404, not for this app",
            "tracks at once": "status 403, not for this app",
            "audio features": "status 403, not for this app",
            "playlists": "status 403, not for this app",
            "search, 50 a page": "status 400, invalid limit, not for this app",
            "artist albums, 50 a page": "status 400, invalid limit, not for this app",
        }
        assert closed_of(tmp_path / "store") == shut
        refused = {path for path, code in spotify.statuses if code in (403, 404)}
        assert len(refused) == 4
        gather(server, [("genre", "thrash metal")])  # another run knows
        for path, code in list(spotify.statuses):
            if code in (403, 404) or (code == 400 and "search" in path):
                assert spotify.statuses[path, code] == 1, path
        assert sum(count for (_, code), count in spotify.statuses.items() if code == 400) == 2
    table = as_table(status(tmp_path / "store"))
    assert "audio features closed: status 403, not for this app" in table
    assert "3 × playlists are not for this app" in table


def test_lists_of_things(gather: Gather, tmp_path: Path) -> None:
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
        gather(server, [("list", str(listed))])
        assert set(rows_of(tmp_path / "store")) == {70, 80, 81, 82, 83, 90}
        # A name in another spelling, not the artist whose name holds it.
        gather(server, [("artist", "ac/DC"), ("artist", "Nobody")], to="names")
        assert set(rows_of(tmp_path / "names")) == set(range(24, 36)) | set(range(12, 16))
        assert "1 × no artist of this name" in as_table(status(tmp_path / "names"))
        gather(server, [("playlist", PLAYLIST), ("playlist", CURATED)], to="playlist")
        assert set(rows_of(tmp_path / "playlist")) == set(range(0, spotify.all_tracks, 2))
        table = as_table(status(tmp_path / "playlist"))
        assert "1 × status 404" in table
        assert "1 × no id" in table
        assert closed_of(tmp_path / "playlist") == {}
        gather(server, [("genres-file", str(genres))], to="genres")
        jazz = {n for n in range(spotify.all_tracks) if "jazz" in spotify.genres_of(n // 12)}
        # An artist beyond is related to the last one, and has the first album of the one after next.
        assert jazz <= set(rows_of(tmp_path / "genres"))
    with served(SpotifyStandIn(extended=False)) as server:
        gather(server, [("isrc", "GBAYE0000007"), ("isrc", "GBAYE9999999"), ("track", native("track", 5))], to="few")
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


def test_hostile_answers_cost_themselves_alone(gather: Gather, tmp_path: Path) -> None:
    spotify = SpotifyStandIn(extended=False, albums=12, tracks=1)
    artist = 36  # the first album of artist 3
    odd = {number: spotify.track(number) for number in range(artist, artist + 12)}
    odd[36] = []
    odd[37] |= {"name": None, "artists": None, "external_ids": None, "album": None}
    odd[38] |= {"name": {"a": 1}, "external_ids": {"isrc": ["x"]}, "preview_url": 7, "popularity": 10**400}
    odd[39] |= {"name": "\ud800 \u202e\n\0x", "artists": [None, {"name": 5}], "popularity": float("nan")}
    odd[40] |= {"id": "../../etc/passwd"}
    odd[41]["album"] |= {"images": [{"url": "http://169.254.169.254/x"}]}
    odd[42]["album"] |= {"images": [{"url": None}, 3, {"url": "https://evil.example/x"}], "release_date": 19}
    odd[43]["album"] |= {"images": [{"url": f"https://{IMAGES}/image/43-640", "width": None, "height": "x"}]}
    odd[44] |= {"name": "x" * 9_000, "popularity": "high", "artists": [{"name": "A"}] * 3_000}
    odd[45] |= {"external_ids": {"isrc": "\u202e"}, "popularity": True, "type": None}
    spotify.odd = {f"/v1/tracks/{native('track', number)}": answer for number, answer in odd.items()}
    spotify.odd |= {
        f"/v1/albums/{native('album', 46)}": {"tracks": {"items": [None, {}, {"id": 3}], "next": "x", "limit": -1}},
        f"/v1/albums/{native('album', 47)}": {"name": "no tracks"},
        f"/v1/albums/{native('album', 24)}": None,
    }
    with served(spotify) as server:
        assert gather(server, ARTIST).ending.reason is None
        assert {request.host for request in server.log} == {API, ACCOUNTS, IMAGES}
    rows = rows_of(tmp_path / "store")
    assert set(rows) == {38, 39, 43, 44, 45, 47}
    assert rows[38]["isrc"] is None
    assert rows[38]["title"] is None
    assert "\n" not in rows[39]["title"]
    assert [rows[number]["popularity"] for number in (38, 39, 44, 45)] == [None] * 4
    assert rows[47]["isrc"] == spotify.isrc(47)  # its tracks were asked for apart
    table = as_table(status(tmp_path / "store"))
    for reason in ("no id", "no cover", "a private address", "another host", "track is not a dict"):
        assert reason in table
    assert all(line.isprintable() for line in table.splitlines())


def test_a_token_that_expires_early_is_renewed(gather: Gather, tmp_path: Path) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    spotify.expired_tokens = 1
    with served(spotify) as server:
        assert gather(server, ARTIST).ending.reason is None
        assert len(server.asked(ACCOUNTS)) == 2
    assert len(rows_of(tmp_path / "store")) == 8


@pytest.mark.parametrize("cause", ["keys", "premium"])
def test_an_app_that_is_refused_loses_nothing(
    gather: Gather, tmp_path: Path, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    with served(spotify) as server:
        if cause == "keys":
            monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "not the right one")
        spotify.premium = cause != "premium"
        if cause == "keys":
            with pytest.raises(InputError, match="SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET: not accepted"):
                gather(server, ARTIST)
        else:
            assert "Spotify Premium" in str(gather(server, ARTIST).ending.reason)
        assert len(server.log) < 5
        assert not closed_of(tmp_path / "store")
        monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)
        spotify.premium = True
        wait_over(tmp_path / "store")
        assert gather(server).ending.reason is None
    assert len(rows_of(tmp_path / "store")) == 8


def test_an_app_that_is_extended_later_is_asked_anew(gather: Gather, tmp_path: Path) -> None:
    with served(SpotifyStandIn(extended=False, albums=1)) as server:
        gather(server, ARTIST)
        assert closed_of(tmp_path / "store")
    with served(SpotifyStandIn(extended=True, albums=1)) as server:
        gather(server, [("artist", native("artist", 2))])
        assert closed_of(tmp_path / "store")  # what is shut is not asked
        gather(server, [("artist", native("artist", 1))], retry=True)
        assert not closed_of(tmp_path / "store")


def test_parts_merge_into_the_whole(gather: Gather, tmp_path: Path) -> None:
    from data.merging import merge

    with served(SpotifyStandIn(extended=True, albums=2, tracks=2)) as server:
        gather(server, ALL, to="whole")
        for k in (1, 2):
            gather(server, ALL, to=f"part {k}", part=(k, 2))
    assert len(rows_of(tmp_path / "part 1")) > 5
    merge(tmp_path / "merged", [tmp_path / "part 1", tmp_path / "part 2"])
    assert Dataset(tmp_path / "merged").fingerprint == Dataset(tmp_path / "whole").fingerprint


def test_deezer_fills_by_isrc_what_spotify_no_longer_gives(gather: Gather, tmp_path: Path) -> None:
    class Joined(SpotifyStandIn):
        def isrc(self, track: int) -> str:
            return deezer.isrc(known[track % len(known)])

    deezer = DeezerStandIn()
    known = deezer.track_ids()
    spotify = Joined(extended=False, albums=1)
    with StandIn(spotify.routes | deezer.routes, file_hosts=[*FILE_HOSTS, *DEEZER_FILES]) as server:
        assert gather(server, [("album", native("album", 3))], enrich=[Deezer()]).ending.reason is None
    rows = rows_of(tmp_path / "store")
    assert set(rows) == {12, 13, 14, 15}
    for row in rows.values():
        assert (row["source"], row["audio"] is not None) == ("spotify+deezer", True)


def wait_over(store: Path) -> None:
    """As when the time is over for which the service rests."""
    with Journal(store) as journal:
        journal.keep("until spotify", None)
        journal.commit()


@pytest.mark.parametrize(("kind", "reason"), [("hours", "too many requests"), ("quota", "QUOTA_EXCEEDED")])
def test_the_real_command_goes_on_after_hours_and_tells_no_secret(
    gatefold: Callable[..., Finished],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    reason: str,
) -> None:
    """Keys out of `.env`; the client id comes back in the links to previews. The last album is asked for when some
    tracks of others have been.
    """
    for name in ("SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    env = tmp_path / "work" / ".env"
    env.parent.mkdir()
    env.write_text(f"SPOTIPY_CLIENT_ID={CLIENT_ID}\nSPOTIPY_CLIENT_SECRET='{CLIENT_SECRET}'\n")
    monkeypatch.chdir(env.parent)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    caplog.set_level(logging.DEBUG)
    spotify = SpotifyStandIn(extended=True, albums=4)
    with served(spotify, Faults().once(f"/albums/{native('album', 15)}", kind)) as server:
        monkeypatch.setenv("GATEFOLD_ROUTE", server.url)
        words = ("collect", "spotify", "store", f"artist={native('artist', 3)}")
        first = gatefold(*words)
        assert first.code == 75, first.err
        assert "forbids to train" in first.err
        assert f"stopped: {reason}; all is saved: give the same command again after 20" in first.err
        some = rows_of(Path("store"))
        assert len(some) < 20
        asked = len(server.asked(API))
        again = gatefold(*words)
        assert again.code == 75
        assert len(server.asked(API)) == asked
        wait_over(Path("store"))
        last = gatefold(*words)
        assert (last.code, last.out) == (0, "store\n"), last.err
        assert len(server.log) < 60
    assert set(rows_of(Path("store"))) == set(range(48, 64)) | set(range(32, 36))
    assert sum(row["audio"] is not None for row in rows_of(Path("store")).values()) == 3
    told = first.out + first.err + again.out + again.err + last.out + last.err
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != env]
    assert {path.name for path in written} >= {"journal.sqlite", "spotify.slots"}
    assert not [path for path in written if path.name.startswith(".cache")]
    for secret in (CLIENT_ID, CLIENT_SECRET, TOKEN):
        assert secret not in told
        assert not [path for path in written if secret.encode() in path.read_bytes()]
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert CLIENT_SECRET not in logged
    assert TOKEN not in logged


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
