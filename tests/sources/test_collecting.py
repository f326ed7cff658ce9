"""What is gathered from a service that goes wrong in every way: all that it has, once, with the right bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data.shards import Dataset
from data.tally import as_table, status
from tests.sources.gathered import Gather, rows_of, tracks_of
from tests.sources.shop import API, FILES, PAGE, Shop, ShopStandIn
from tests.sources.standin import (
    API_FAULTS,
    FILE_FAULTS,
    Answer,
    Faults,
    Request,
    StandIn,
    as_json,
)


def test_all_that_a_service_has_is_there_once(gather: Gather, tmp_path: Path) -> None:
    shop = ShopStandIn(albums=23, tracks=3)
    with StandIn(shop.routes, file_hosts=[FILES]) as server:
        gathering = gather(server)
        assert gathering.ending.reason is None
        rows = rows_of(tmp_path / "store")
        assert [row["track_id"] for row in rows] == sorted(f"shop:{n}" for n in range(23 * 3))
        for row in rows:
            album = int(row["album_id"].removeprefix("shop:"))
            assert row["cover"]["bytes"] == shop.cover(album), row["track_id"]
            assert (row["album"], row["artist"]) == (f"album {album}", f"artist {album // 2}")
        # A track that is on two albums has the genres of both; one that knows its title wins over one that does not.
        assert next(row for row in rows if row["track_id"] == "shop:3")["genres"] == ["genre 0", "genre 1"]
        assert all(row["title"] for row in rows)
        # An album's cover is fetched once for all its tracks, near enough.
        assert 23 <= len(server.asked(FILES)) <= 23 + 5
        assert len(server.asked(API)) == 23 + -(-23 // PAGE)
        lines = {(line["source"], line["what"]): line for line in status(tmp_path / "store")}
        assert lines["shop", "requests"]["asked"] == len(server.log)
        assert lines["shop", "album"] == {
            "source": "shop", "what": "album", "asked": 23, "got": 23, "waiting": 0, "left": 0, "skipped": 0, "why": {},
        }  # fmt: skip
        assert lines["shop", "tracks"]["why"] == {"no id": 23}
        assert "| shop | tracks | 92 | 69 |" in as_table(list(lines.values()))


@pytest.mark.parametrize("kind", sorted({*API_FAULTS, *FILE_FAULTS}))
def test_what_goes_wrong_twice_and_then_well_costs_nothing(gather: Gather, tmp_path: Path, kind: str) -> None:
    shop = ShopStandIn(albums=3, tracks=1)
    faults = Faults().once("/1.jpg", kind, times=2)
    if kind in API_FAULTS:
        faults.once("/album/1", kind, times=2).once("/shelf", kind)
    with StandIn(shop.routes, faults, file_hosts=[FILES]) as server:
        assert gather(server).ending.reason is None
    rows = rows_of(tmp_path / "store")
    assert [row["cover"]["bytes"] for row in rows] == [shop.cover(album) for album in range(3)]
    assert faults.made[kind] >= 2


@pytest.mark.parametrize("seed", range(2))
def test_with_three_in_ten_requests_gone_wrong_the_dataset_is_the_same(
    gather: Gather, tmp_path: Path, seed: int
) -> None:
    with StandIn(ShopStandIn(albums=30, uses=3).routes, file_hosts=[FILES]) as server:
        gather(server, to="calm")
    faults = Faults(0.3, seed)
    with StandIn(ShopStandIn(albums=30, uses=3).routes, faults, file_hosts=[FILES]) as server:
        assert gather(server).ending.reason is None
        assert server.most_in_any_window(Shop.service.per_s, API) <= Shop.service.requests
    assert sum(faults.made.values()) >= 15
    assert Dataset(tmp_path / "store").fingerprint == Dataset(tmp_path / "calm").fingerprint


def test_what_never_goes_well_is_skipped_and_told(gather: Gather, tmp_path: Path) -> None:
    faults = Faults().once("/album/2", "error", times=99).once("/4.jpg", "html", 99).once("/6.jpg", "missing", 99)
    with StandIn(ShopStandIn(albums=10, tracks=2).routes, faults, file_hosts=[FILES]) as server:
        assert gather(server).ending.reason is None
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["album"]["why"] == {"status 500": 1}
    assert lines["tracks"]["why"].items() >= {"cover: a web page, not an image": 2, "no id": 9}.items()
    # The lost album's other track is known from another album, whose own first is known from the one before.
    assert tracks_of(tmp_path / "store") == {f"shop:{n}" for n in range(20)} - {
        "shop:5", "shop:8", "shop:9", "shop:12", "shop:13",
    }  # fmt: skip
    with StandIn(ShopStandIn(albums=10, tracks=2).routes, file_hosts=[FILES]) as server:
        gather(server, [])
        assert not server.log  # failed is failed
        gather(server, [], retry=True)
    assert len(tracks_of(tmp_path / "store")) == 20


def test_links_that_expire_are_asked_for_again(gather: Gather, tmp_path: Path) -> None:
    class Forgetful(ShopStandIn):
        def files(self, request: Request) -> Answer:
            refused = int(request.query["token"]) <= 6  # all that were given at first
            return Answer(b"expired", 403, "text/plain") if refused else super().files(request)

    with StandIn(Forgetful(albums=6).routes, file_hosts=[FILES]) as server:
        gather(server)
        assert len(tracks_of(tmp_path / "store")) == 30
        assert 12 <= len(server.asked("/album")) <= 14
    with StandIn(ShopStandIn(albums=2, uses=0).routes, file_hosts=[FILES]) as server:
        gather(server, to="never")
    lines = {line["what"]: line for line in status(tmp_path / "never")}
    assert lines["tracks"]["why"]["cover: link expired (status 403)"] == 10


@pytest.mark.parametrize(("kind", "reason"), [("hours", "too many requests"), ("quota", "QUOTA_EXCEEDED")])
def test_before_a_wait_of_hours_all_is_saved(gather: Gather, tmp_path: Path, kind: str, reason: str) -> None:
    faults = Faults().once("/album/7", kind)
    with StandIn(ShopStandIn(albums=30).routes, faults, file_hosts=[FILES]) as server:
        gathering = gather(server)
        assert gathering.ending.reason == reason
        assert gathering.ending.until is not None
        some = tracks_of(tmp_path / "store")
        assert 0 < len(some) < 150
        asked = len(server.asked(API))
        again = gather(server)
        assert again.ending == gathering.ending
        assert len(server.asked(API)) == asked  # nothing was asked before the time
    from data.journal import Journal

    with Journal(tmp_path / "store") as journal:
        journal.keep("until shop", None)  # as when the hours are over
        journal.commit()
    with StandIn(ShopStandIn(albums=30).routes, file_hosts=[FILES]) as server:
        assert gather(server).ending.reason is None
    assert len(tracks_of(tmp_path / "store")) == 150


def test_a_service_that_is_down_is_left_alone(gather: Gather, tmp_path: Path) -> None:
    def down(request: Request) -> Answer:
        return as_json({}, 500) if "/album" in request.path else ShopStandIn(albums=200).api(request)

    with StandIn({API: down}) as server:
        gathering = gather(server)
        assert "in a row failed: status 500" in str(gathering.ending.reason)
        assert len(server.log) < 100
    with StandIn(ShopStandIn(albums=200, tracks=1).routes, file_hosts=[FILES]) as server:
        gather(server)
    assert len(tracks_of(tmp_path / "store")) == 200


def test_hostile_answers_cost_themselves_alone(gather: Gather, tmp_path: Path) -> None:
    shop = ShopStandIn(albums=12, tracks=1)
    odd: dict[str, Any] = {
        "/album/0": [],
        "/album/1": {"tracks": None},
        "/album/2": {"tracks": [{}, None]},
        "/album/3": {"tracks": [{"id": "\ud800"}]},
        "/album/4": {"tracks": [{"id": "x" * 5000}]},
        "/album/5": {"tracks": [{"id": "a", "title": {"deep": []}}]},
        "/album/6": {"tracks": [{"id": "b\nc", "title": "two lines"}]},
        "/album/7": {"id": 7, "cover": "file:///etc/passwd", "tracks": [{"id": "d"}]},
        "/album/8": {"id": 8, "cover": {"url": 1}, "tracks": [{"id": "e"}]},
        "/album/9": {"id": 9, "cover": "http://localhost/x.jpg", "tracks": [{"id": "f"}]},
    }

    def api(request: Request) -> Answer:
        return as_json(odd[request.path]) if request.path in odd else shop.api(request)

    with StandIn({API: api, FILES: shop.files}, file_hosts=[FILES]) as server:
        assert gather(server).ending.reason is None
        assert {request.host for request in server.log} == {API, FILES}
    assert tracks_of(tmp_path / "store") == {"shop:0", "shop:10", "shop:11"}
    table = as_table(status(tmp_path / "store"))
    assert "cover: not a usable address" in table
    assert "cover: a private address" in table
    assert all(line.isprintable() for line in table.splitlines())


def test_short_waits_are_kept_and_not_counted(gather: Gather, tmp_path: Path) -> None:
    faults = Faults().once("/album/3", "busy", times=3)
    with StandIn(ShopStandIn(albums=8).routes, faults, file_hosts=[FILES], retry_after="1") as server:
        assert gather(server).ending.reason is None
        times = [request.at for request in server.asked("/album/3")]
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    assert len(tracks_of(tmp_path / "store")) == 40
