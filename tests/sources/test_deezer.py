"""What is gathered from Deezer: every track once with its cover, preview, tempo and genres; links that expire."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.collecting import Gathering, collect
from data.errors import InputError
from data.merging import merge
from data.shards import Dataset
from data.sources.base import Fill, Gone, Item, Later, Record, Refused, Trouble
from data.sources.deezer import Deezer
from data.sources.http import Http, Patience
from data.tally import status
from tests.sources.clips import clip
from tests.sources.deezer_standin import API, FILES, GENRES, IMAGES, PREVIEWS, QUOTA, DeezerStandIn
from tests.sources.standin import Answer, Faults, Request, StandIn, as_json

BOTH = [("artist", "1"), ("artist", "Artist 2")]


class Fast(Deezer):
    """The same, without its limit."""

    service = replace(Deezer.service, per_s=0.01)


def gather(server: StandIn, to: Path, wishes: Any, patience: Patience, source: Deezer | None = None) -> Gathering:
    return collect(source or Fast(), to, wishes, route=server.url, patience=patience)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def check_whole(folder: Path, service: DeezerStandIn) -> None:
    """All that the service has is there once, with the right bytes."""
    rows = rows_of(folder)
    assert [row["track_id"] for row in rows] == sorted(f"deezer:{track}" for track in service.track_ids())
    for row in rows:
        track = int(row["track_id"].removeprefix("deezer:"))
        assert row["cover"]["bytes"] == service.cover(track // 100)
        assert row["audio"] == {"bytes": clip(track), "path": "clip.mp3"}
        assert (row["album_id"], row["album"]) == (f"deezer:{track // 100}", f"Album {track // 100} 雪")
        assert (row["artist"], row["title"]) == (f"Ártist {track // 10_000}", f"Track {track}")
        assert (row["isrc"], row["release_date"]) == (service.isrc(track), "2001-03-07")
        assert row["genres"] == [GENRES[sorted(GENRES)[track // 100 % 2]]]
        assert row["tempo"] == (track % 7 * 20 or None)  # 0 is how Deezer says that it does not know
        assert (row["licence"], row["source"]) == (None, "deezer")


def test_all_albums_of_artists(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=2, albums=3, tracks=3)
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", BOTH, quick).ending.reason is None
        check_whole(tmp_path / "store", service)
        # By pages of two: artists 2 × 2 and a name; albums 6, each with a second page; tracks 18.
        assert len(server.asked(API)) == 5 + 6 * 2 + 18
        assert all("1000x1000" in request.path for request in server.asked(IMAGES))


@pytest.mark.parametrize(
    "wish",
    [
        ("search", 'artist:"x"/ü'),
        ("chart", "dance"),
        ("playlist", "https://deezer.com/de/playlist/908?x"),
        ("genre", "rock & roll"),
    ],
)
def test_every_way_leads_to_the_same_rows(tmp_path: Path, quick: Patience, wish: tuple[str, str]) -> None:
    service = DeezerStandIn(artists=1, albums=2, tracks=2)
    service.page = 3
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", [wish], quick).ending.reason is None
        if wish[0] == "search":
            assert {request.query.get("q") for request in server.asked(f"{API}/search")} == {wish[1]}
    check_whole(tmp_path / "store", service)


def test_single_tracks_by_id_and_isrc(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=1, albums=1, tracks=2)
    wishes = [("track", "10000"), ("isrc", "gb-duw-00-10001"), ("isrc", "GBDUW0099999")]
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", wishes, quick).ending.reason is None
    check_whole(tmp_path / "store", service)
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["isrc"]["why"] == {"no data (code 800)": 1}


def test_parts_ask_for_albums_of_their_own(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=2, albums=4, tracks=1)
    with StandIn(service.routes, file_hosts=FILES) as server:
        for k in (1, 2):
            collect(Fast(), tmp_path / f"part {k}", BOTH, part=(k, 2), route=server.url, patience=quick)
        albums = [request.path for request in server.asked(f"{API}/album/")]
        assert len(albums) == len(set(albums)) == 8
    merge(tmp_path / "store", [tmp_path / "part 1", tmp_path / "part 2"])
    check_whole(tmp_path / "store", service)


def test_with_faults_the_dataset_is_the_same(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=2, albums=2, tracks=2)
    faults = Faults(0.3, seed=4, ignored=("hdnea",)).once("/album/100", "html").once(PREVIEWS, "html")
    faults.once("1000x1000", "elsewhere", times=3).once("1000x1000", "inside", times=3)
    with StandIn(service.routes, faults, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", BOTH, quick).ending.reason is None
        assert {request.host for request in server.log} == {API, *FILES}
    check_whole(tmp_path / "store", service)
    assert sum(faults.made.values()) >= 15


def test_a_preview_that_expired_is_asked_for_again(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=1, albums=2, tracks=2, uses=1, stale=7)
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", BOTH[:1], quick).ending.reason is None
        assert len(server.asked("/track/")) > len(service.track_ids())
        assert len([one for one in server.asked("/album/") if API in one.host]) == 2  # only the tracks were asked again
    check_whole(tmp_path / "store", service)


def test_errors_come_with_status_200(quick: Patience) -> None:
    codes = {4: Later, 700: Trouble, 200: Refused, 300: Refused, 800: Gone, 500: Gone, 600: Gone, None: Gone}
    for code, kind in codes.items():
        answer = as_json({"error": {"type": "Exception", "message": "see https://x/?id=9", "code": code}})
        with StandIn({API: lambda request, answer=answer: answer}) as server:
            http = Http("deezer", Fast.service, route=server.url, patience=quick)
            with pytest.raises(kind) as raised:
                list(Fast().expand(Item("artist", "1/0"), http))
            assert "https" not in str(raised.value)
            assert not isinstance(raised.value, Later) or raised.value.wait_s <= 5


def test_a_quota_is_waited_for(tmp_path: Path, quick: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.sources.deezer._QUOTA_S", 0.3)
    service = DeezerStandIn(artists=1, albums=1, tracks=2)
    refused: list[float] = []

    def api(request: Request) -> Answer:
        if "/track/" in request.path and len(refused) < 8:  # more often than an item is tried
            refused.append(request.at)
            return QUOTA
        return service.api(request)

    with StandIn({**service.routes, API: api}, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", BOTH[:1], quick).ending.reason is None
    check_whole(tmp_path / "store", service)


def test_the_limit_is_kept(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=1, albums=6, tracks=7)
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", BOTH[:1], quick, Deezer())
        assert len(server.asked(API)) > 60
        assert server.most_in_any_window(5.0, API) <= 50
    assert len(rows_of(tmp_path / "store")) == 42


def test_odd_answers_cost_themselves_alone(tmp_path: Path, quick: Patience) -> None:
    service = DeezerStandIn(artists=1, albums=1, tracks=8)
    service.page = 9
    odd: dict[str, Any] = {
        "10000": {"title": None, "artist": None, "isrc": "no", "bpm": "fast", "release_date": "0000-00-00"},
        "10001": {"title": "x" * 9000 + "\0\n", "artist": {"name": "\ud800"}, "bpm": 10**9},
        "10002": {"id": None},
        "10003": {"preview": ""},
        "10004": {"album": {"id": 100, "cover_xl": f"https://{IMAGES}/images/cover//1000x1000-000000-80-0-0.jpg"}},
        "10005": {"album": []},
        "10006": {"preview": "https://evil.example/a.mp3"},
        "10007": {"album": {"cover_xl": "https://evil.example/a.jpg", "cover_big": "http://10.0.0.1/b.jpg"}},
    }

    def api(request: Request) -> Answer:
        number = request.path.rpartition("/")[2]
        return as_json(service.track(int(number)) | odd[number]) if "/track/" in request.path else service.api(request)

    with StandIn({**service.routes, API: api}, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", BOTH[:1], quick).ending.reason is None
        assert "evil.example" not in {request.host for request in server.log}
    rows = {row["track_id"].removeprefix("deezer:"): row for row in rows_of(tmp_path / "store")}
    assert set(rows) == {"10000", "10001", "10003", "10006"}
    first = rows["10000"]
    assert [first[name] for name in ("title", "artist", "isrc", "tempo")] == [None] * 4
    assert (len(rows["10001"]["title"]), rows["10001"]["tempo"]) == (4096, None)
    assert rows["10003"]["audio"] is None
    assert rows["10006"]["audio"] is None
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["tracks"]["why"] == {"no id": 1, "no cover": 2, "cover: another host": 1}


def test_what_is_wished_for_must_make_sense() -> None:
    for wish in (("track", "x"), ("isrc", "GB1"), ("album", "Discovery"), ("playlist", "https://deezer.com/x")):
        with pytest.raises(InputError, match=wish[0]):
            list(Deezer().start([wish]))
    assert list(Deezer().start([("artist", "https://www.deezer.com/fr/artist/27?x=1")])) == [Item("artist", "27/0")]


def test_it_fills_by_isrc_and_asks_again_where_the_link_has_expired(quick: Patience) -> None:
    service = DeezerStandIn(artists=1, albums=1, tracks=2, uses=1, stale=1)
    row = {"track_id": "other:1", "isrc": "GBDUW0010001", "cover": None, "audio": None, "tempo": None}
    item = Fast().enrich(row)
    assert item is not None
    assert Fast().enrich(row | {"isrc": None}) is None
    assert Fast().enrich(row | {"cover": True, "audio": True, "tempo": 1.0, "release_date": "2001"}) is None
    with StandIn(service.routes, file_hosts=FILES) as server:
        http = Http("deezer", Fast.service, route=server.url, patience=quick)
        (fill,) = Fast().expand(item, http)
        assert isinstance(fill, Fill)
        assert (fill.track_id, fill.row["tempo"], fill.row["title"]) == ("other:1", 10001 % 7 * 20, "Track 10001")
        assert fill.row["source"] is None
        assert Fast().fetch(fill.clips[0], http) == clip(10001)
        assert len(server.asked("/track/")) == 2
        with pytest.raises(Gone, match="no data"):
            list(Fast().expand(Item("fill", "GBDUW0099999 other:1"), http))


def test_records_name_their_files_best_first(quick: Patience) -> None:
    service = DeezerStandIn()
    with StandIn(service.routes) as server:
        http = Http("deezer", Fast.service, route=server.url, patience=quick)
        (record,) = Fast().expand(Item("single", "10000"), http)
    assert isinstance(record, Record)
    assert [cover.split("/")[-1].split("x")[0] for cover in record.covers] == ["1000", "500", "250"]
