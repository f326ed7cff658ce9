"""What Spotify keeps from an app: closed endpoints, refused keys, waits of hours, and answers that make no sense."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import InputError
from data.tally import as_table, status
from tests.conftest import Finished
from tests.sources.gathered import Gather
from tests.sources.spotify_gathering import ARTIST, closed_of, rows_of, served, wait_over
from tests.sources.spotify_standin import (
    ACCOUNTS,
    API,
    CLIENT_ID,
    CLIENT_SECRET,
    IMAGES,
    TOKEN,
    SpotifyStandIn,
    native,
)
from tests.sources.standin import Faults


def test_what_is_closed_is_asked_once_and_told(gather_spotify: Gather, tmp_path: Path) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    wishes = [("genre", "jazz"), *(("playlist", native("list", number)) for number in range(3))]
    with served(spotify) as server:
        gather_spotify(server, wishes)
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
        gather_spotify(server, [("genre", "thrash metal")])  # another run knows
        for path, code in list(spotify.statuses):
            if code in (403, 404) or (code == 400 and "search" in path):
                assert spotify.statuses[path, code] == 1, path
        assert sum(count for (_, code), count in spotify.statuses.items() if code == 400) == 2
    table = as_table(status(tmp_path / "store"))
    assert "audio features closed: status 403, not for this app" in table
    assert "3 × playlists are not for this app" in table


def test_hostile_answers_cost_themselves_alone(gather_spotify: Gather, tmp_path: Path) -> None:
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
        assert gather_spotify(server, ARTIST).ending.reason is None
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


def test_a_token_that_expires_early_is_renewed(gather_spotify: Gather, tmp_path: Path) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    spotify.expired_tokens = 1
    with served(spotify) as server:
        assert gather_spotify(server, ARTIST).ending.reason is None
        assert len(server.asked(ACCOUNTS)) == 2
    assert len(rows_of(tmp_path / "store")) == 8


@pytest.mark.parametrize("cause", ["keys", "premium"])
def test_an_app_that_is_refused_loses_nothing(
    gather_spotify: Gather, tmp_path: Path, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spotify = SpotifyStandIn(extended=False, albums=1)
    with served(spotify) as server:
        if cause == "keys":
            monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", "not the right one")
        spotify.premium = cause != "premium"
        if cause == "keys":
            with pytest.raises(InputError, match="SPOTIPY_CLIENT_ID and SPOTIPY_CLIENT_SECRET: not accepted"):
                gather_spotify(server, ARTIST)
        else:
            assert "Spotify Premium" in str(gather_spotify(server, ARTIST).ending.reason)
        assert len(server.log) < 5
        assert not closed_of(tmp_path / "store")
        monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)
        spotify.premium = True
        wait_over(tmp_path / "store")
        assert gather_spotify(server).ending.reason is None
    assert len(rows_of(tmp_path / "store")) == 8


def test_an_app_that_is_extended_later_is_asked_anew(gather_spotify: Gather, tmp_path: Path) -> None:
    with served(SpotifyStandIn(extended=False, albums=1)) as server:
        gather_spotify(server, ARTIST)
        assert closed_of(tmp_path / "store")
    with served(SpotifyStandIn(extended=True, albums=1)) as server:
        gather_spotify(server, [("artist", native("artist", 2))])
        assert closed_of(tmp_path / "store")  # what is shut is not asked
        gather_spotify(server, [("artist", native("artist", 1))], retry=True)
        assert not closed_of(tmp_path / "store")


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
        monkeypatch.delenv(name, raising=False)
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
