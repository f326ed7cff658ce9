"""What is gathered from iTunes: songs with covers and previews, 20 questions a minute; matched by their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.collecting import Gathering, collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.base import Fill, Item, Later, Skip
from data.sources.http import Http, Patience
from data.sources.itunes import ITunes
from data.sources.matching import ALIKE, likeness
from data.tally import status
from tests.sources.clips import clip
from tests.sources.standin import Answer, Faults, Request, StandIn, as_image, as_json, jpeg

API, IMAGES, PREVIEWS = "itunes.apple.com", "is1-ssl.mzstatic.com", "audio-ssl.itunes.apple.com"
FILES = (IMAGES, PREVIEWS)
FORBIDDEN = Answer(b"<html><head><title>403 Forbidden</title></head></html>", 403, "text/html")


class ITunesStandIn:
    """The artist 7 with `albums` albums of `songs` songs; the song s of album a is 1000 + 10 a + s."""

    def __init__(self, albums: int = 2, songs: int = 2) -> None:
        self._albums, self._songs = albums, songs
        self.routes = {API: self.api, IMAGES: self.images, PREVIEWS: self.previews}

    def song_ids(self) -> list[int]:
        return [1000 + 10 * album + song for album in range(self._albums) for song in range(self._songs)]

    @staticmethod
    def song(native: int) -> dict[str, Any]:
        album = native // 10
        art = f"https://{IMAGES}/image/thumb/Music124/v4/{album}/0060.rgb.jpg"
        return {
            "wrapperType": "track",
            "kind": "song",
            "artistId": 7,
            "collectionId": album,
            "trackId": native,
            "artistName": "볼빨간사춘기",
            "collectionName": f"Album {album}",
            "trackName": f"Song {native} (feat. Somebody)",
            "previewUrl": f"https://{PREVIEWS}/itunes-assets/AudioPreview125/v4/{native}.plus.aac.p.m4a",
            "artworkUrl30": f"{art}/30x30bb.jpg",
            "artworkUrl100": f"{art}/100x100bb.jpg",
            "releaseDate": "2016-12-02T12:00:00Z",
            "country": "USA",
            "primaryGenreName": "K-Pop",
        }

    def api(self, request: Request) -> Answer:
        """`/search?term=`, `/lookup?id=`."""
        songs = [self.song(native) for native in self.song_ids()]
        video = songs[0] | {"kind": "music-video", "trackId": 5}
        match request.path, request.query.get("entity"), request.query.get("id"):
            case "/search", "musicArtist", _:
                artists = [{"wrapperType": "artist", "artistName": name, "artistId": n} for name, n in
                           (("볼빨간 사춘기 Tribute", 8), ("볼빨간사춘기", 7))]  # fmt: skip
                return self._found(artists)
            case "/search", "song", _:
                return self._found([video, *songs])
            case "/lookup", "album", "7":
                albums = dict.fromkeys(song["collectionId"] for song in songs)
                listed = [{"wrapperType": "collection", "collectionId": album} for album in albums]
                return self._found([{"wrapperType": "artist", "artistId": 7}, *listed])
            case "/lookup", "song", native:
                mine = [song for song in songs if native in (str(song["collectionId"]), str(song["trackId"]))]
                album = {"wrapperType": "collection", "collectionId": int(native or 0)}
                return self._found([album, *mine, video] if mine else [])
        return self._found([])

    @staticmethod
    def _found(results: list[dict[str, Any]]) -> Answer:
        return as_json({"resultCount": len(results), "results": results})

    def images(self, request: Request) -> Answer:
        """`/image/thumb/Music124/v4/<album>/0060.rgb.jpg/1000x1000bb.jpg`."""
        parts = request.path.split("/")
        return as_image(self.cover(int(parts[5]))) if parts[-1] == "1000x1000bb.jpg" else as_image(jpeg(0))

    @staticmethod
    def cover(album: int) -> bytes:
        return jpeg(2_000 + album)

    def previews(self, request: Request) -> Answer:
        native = int(request.path.rpartition("/")[2].split(".")[0])
        return Answer(clip(native, "m4a"), type="audio/x-m4p")


class Fast(ITunes):
    """The same, without its limit."""

    service = replace(ITunes.service, per_s=0.01)


def gather(server: StandIn, to: Path, wishes: Any, patience: Patience, source: ITunes | None = None) -> Gathering:
    return collect(source or Fast(), to, wishes, route=server.url, patience=patience)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def check_whole(folder: Path, service: ITunesStandIn) -> None:
    rows = rows_of(folder)
    assert [row["track_id"] for row in rows] == [f"itunes:{native}" for native in service.song_ids()]
    for row in rows:
        native = int(row["track_id"].removeprefix("itunes:"))
        assert row["cover"]["bytes"] == service.cover(native // 10)
        assert row["audio"] == {"bytes": clip(native, "m4a"), "path": "clip.m4a"}
        assert (row["artist"], row["title"]) == ("볼빨간사춘기", f"Song {native} (feat. Somebody)")
        assert (row["album_id"], row["album"]) == (f"itunes:{native // 10}", f"Album {native // 10}")
        assert (row["genres"], row["release_date"], row["isrc"]) == (["K-Pop"], "2016-12-02", None)


@pytest.mark.parametrize(
    "wish",
    [
        ("artist", "볼빨간사춘기"),
        ("search", "song & more"),
        ("artist", "https://music.apple.com/us/artist/x/7?uo=4"),
    ],
)
def test_every_way_leads_to_the_same_rows(tmp_path: Path, quick: Patience, wish: tuple[str, str]) -> None:
    service = ITunesStandIn()
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", [wish, ("country", "kr")], quick).ending.reason is None
        assert {request.query["country"] for request in server.asked(f"{API}/search")} <= {"KR"}
    check_whole(tmp_path / "store", service)


def test_with_faults_the_dataset_is_the_same(tmp_path: Path, quick: Patience) -> None:
    service = ITunesStandIn(albums=3, songs=2)
    faults = Faults(0.3, seed=1).once(IMAGES, "html").once(PREVIEWS, "html").once("/lookup", "html")
    with StandIn(service.routes, faults.once(IMAGES, "elsewhere", 2), file_hosts=FILES) as server:
        wishes = [("album", str(100 + album)) for album in range(3)] + [("track", "1000")]
        assert gather(server, tmp_path / "store", wishes, quick).ending.reason is None
        assert {request.host for request in server.log} == {API, *FILES}
    check_whole(tmp_path / "store", service)
    assert sum(faults.made.values()) >= 8


def test_403_is_a_wait(tmp_path: Path, quick: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    service, refused = ITunesStandIn(), []

    def api(request: Request) -> Answer:
        refused.append(request.at)
        return FORBIDDEN if len(refused) <= 7 else service.api(request)  # more often than an item is tried

    with StandIn({**service.routes, API: api}, file_hosts=FILES) as server:
        http = Http("itunes", Fast.service, route=server.url, patience=quick)
        with pytest.raises(Later) as raised:
            list(Fast().expand(Item("artist", "US 7"), http))
        assert raised.value.wait_s == 60
        monkeypatch.setattr("data.sources.itunes._TOO_FAST_S", 0.2)
        assert gather(server, tmp_path / "store", [("artist", "7")], quick).ending.reason is None
    check_whole(tmp_path / "store", service)


def test_the_limit_is_kept(tmp_path: Path, quick: Patience) -> None:
    class Minute(ITunes):
        """A minute of two seconds."""

        service = replace(ITunes.service, per_s=2.0)

    service = ITunesStandIn(albums=30, songs=1)
    assert (ITunes.service.requests, ITunes.service.per_s) == (20, 60.0)
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", [("artist", "7")], quick, Minute())
        assert len(server.asked(f"{API}/lookup")) == 31
        assert server.most_in_any_window(2.0, f"{API}/lookup") <= 20
    check_whole(tmp_path / "store", service)


def test_odd_answers_cost_themselves_alone(tmp_path: Path, quick: Patience) -> None:
    song = ITunesStandIn().song
    odd: list[Any] = [
        None,
        7,
        song(1000) | {"trackId": None},
        song(1001) | {"trackName": None, "artistName": ["a", 1], "releaseDate": 7, "primaryGenreName": {}},
        song(1002) | {"artworkUrl100": None},
        song(1003) | {"artworkUrl100": "https://evil.example/100x100bb.jpg"},
        song(1004) | {"previewUrl": "file:///etc/passwd", "trackName": "\ud800" * 3},
    ]
    service = ITunesStandIn()
    with StandIn({**service.routes, API: lambda request: as_json({"results": odd})}, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", [("search", "x")], quick)
        assert "evil.example" not in {request.host for request in server.log}
    rows = {row["track_id"].removeprefix("itunes:"): row for row in rows_of(tmp_path / "store")}
    assert set(rows) == {"1001", "1004"}
    assert (rows["1001"]["title"], rows["1001"]["genres"], rows["1001"]["release_date"]) == (None, [], None)
    assert rows["1004"]["audio"] is None
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["tracks"]["why"] == {"no id": 1, "no cover": 1, "cover: another host": 1}


def test_what_is_wished_for_must_make_sense() -> None:
    for wish in (("album", "x"), ("country", "Korea"), ("track", "https://music.apple.com/song")):
        with pytest.raises(InputError, match=wish[0]):
            list(ITunes().start([wish]))


@pytest.mark.parametrize(
    ("artist", "title", "found"),
    [
        ("볼빨간사춘기", "Song 1010", 1010),  # guests do not count
        ("볼빨간 사춘기", "song 1010 - Remastered 2011", 1010),
        ("볼빨간사춘기", "Sing 2010", None),
        ("Somebody else", "Song 1010", None),
    ],
)
def test_it_fills_where_artist_and_title_are_alike(quick: Patience, artist: str, title: str, found: int | None) -> None:
    row = {"track_id": "deezer:1", "artist": artist, "title": title, "album": None, "cover": None}
    item = Fast().enrich(row)
    assert item is not None
    assert Fast().enrich(row | {"artist": None}) is None
    assert Fast().enrich(row | {"cover": True, "audio": True, "genres": ["a"]}) is None
    songs = [ITunesStandIn.song(native) for native in (2020, 1010)]
    with StandIn({API: lambda request: as_json({"results": [{"kind": "song"}, *songs]})}) as server:
        (fill,) = Fast().expand(item, Http("itunes", Fast.service, route=server.url, patience=quick))
        assert server.log[0].query["term"] == f"{artist} {title}"
    if found is None:
        assert isinstance(fill, Skip)
    else:
        assert isinstance(fill, Fill)
        assert fill.row["title"] == f"Song {found} (feat. Somebody)"
        assert fill.covers[0].endswith("/1000x1000bb.jpg")


def test_likeness() -> None:
    alike = [
        ("Beyoncé", "BEYONCE"),
        ("Röck & Roll", "rock and roll"),
        ("Time (Remastered 2011)", "Time"),
        ("Ta-Ku", "ta ku"),
    ]
    other = [
        ("Prince", "Princess"),
        ("Red", "Blue"),
        ("Song 2", "Song 3"),
        ("", ""),
        (None, None),
        ("Live", "Live (Live)"),
    ]
    assert [likeness(*pair) >= ALIKE for pair in [*alike, *other]] == [True] * 4 + [False] * 6
    assert likeness("???", "???") == 1.0
    assert likeness("(" * 100_000, "[feat" * 100_000) < ALIKE  # in no time
