"""What is gathered from a service that goes wrong in every way: all that it has, once, with the right bytes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data.collecting import Gathering, collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.base import Fill, Found, Item, Service, Source, Terms
from data.sources.http import Http, Patience
from data.tally import as_table, status
from tests.sources.shop import API, FILES, PAGE, Shop, ShopStandIn
from tests.sources.standin import (
    API_FAULTS,
    FILE_FAULTS,
    NOT_FOUND,
    Answer,
    Faults,
    Request,
    StandIn,
    as_image,
    as_json,
    jpeg,
)

SHELF = [("shelf", "1")]
Gather = Callable[..., Gathering]


@pytest.fixture
def gather(tmp_path: Path, quick: Patience) -> Gather:
    """`gather(server)`: shelf 1 of a shop into `tmp_path / "store"`."""

    def run(server: StandIn, wishes: Sequence[tuple[str, str]] = SHELF, to: str = "store", **how: Any) -> Gathering:
        return collect(Shop(), tmp_path / to, wishes, **({"route": server.url, "patience": quick} | how))

    return run


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def tracks_of(folder: Path) -> set[str]:
    return {row["track_id"] for row in rows_of(folder)}


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


def test_a_users_mistake_ends_the_run_and_costs_nothing(
    gather: Gather, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Patience
) -> None:
    """A key that is revoked in the middle, say: what came before is in the dataset, the rest stays wanted."""
    monkeypatch.setenv("SHOP_KEY", "s3cr3t")

    class Revoked(Shop):
        needs_secrets: ClassVar = ("SHOP_KEY",)

        def expand(self, item: Item, http: Http) -> Iterator[Found]:
            if item.key == "19":
                raise InputError("SHOP_KEY", "not accepted: s3cr3t")
            yield from super().expand(item, http)

    with StandIn(ShopStandIn(albums=40).routes, file_hosts=[FILES]) as server:
        with pytest.raises(InputError, match=r"^SHOP_KEY: not accepted: \{SHOP_KEY\}$"):
            collect(Revoked(), tmp_path / "store", SHELF, route=server.url, patience=quick)
        assert 0 < len(tracks_of(tmp_path / "store")) < 200
        asked = len(server.asked("/album"))
        gather(server, [])
        assert len(server.asked("/album")) <= 40 + Shop.service.at_once
        assert asked < 40
    assert len(tracks_of(tmp_path / "store")) == 200


def test_a_limit_is_kept_and_a_later_run_goes_on(gather: Gather, tmp_path: Path) -> None:
    with StandIn(ShopStandIn(albums=40).routes, file_hosts=[FILES]) as server:
        gather(server, limit=33)
        few = tracks_of(tmp_path / "store")
        assert len(few) == 33
        assert len(server.asked("/album")) < 15
        gather(server, limit=33)
        assert tracks_of(tmp_path / "store") == few
        gather(server, limit=50)
        assert few < tracks_of(tmp_path / "store")
        assert len(tracks_of(tmp_path / "store")) == 50
        gather(server)
        assert len(tracks_of(tmp_path / "store")) == 200
        assert len(server.asked("/album")) == 40  # nothing was asked twice


def test_no_time_is_no_work(gather: Gather, tmp_path: Path) -> None:
    with StandIn(ShopStandIn().routes, file_hosts=[FILES]) as server:
        assert gather(server, minutes=0).ending.reason == "the time given is over"
        assert not server.log
        gather(server, [])
    assert len(tracks_of(tmp_path / "store")) == 100


def test_short_waits_are_kept_and_not_counted(gather: Gather, tmp_path: Path) -> None:
    faults = Faults().once("/album/3", "busy", times=3)
    with StandIn(ShopStandIn(albums=8).routes, faults, file_hosts=[FILES], retry_after="1") as server:
        assert gather(server).ending.reason is None
        times = [request.at for request in server.asked("/album/3")]
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    assert len(tracks_of(tmp_path / "store")) == 40


def test_no_secret_is_written_or_told(
    tmp_path: Path, quick: Patience, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The service wants a key, repeats it in links, ids and names, and complains of it in errors."""
    key = "s3cr3t/kéy-0815"

    class Locked(Shop):
        needs_secrets: ClassVar = ("SHOP_KEY",)

        def expand(self, item: Item, http: Http) -> Iterator[Found]:
            assert item.payload.get("key", key) == key  # as it was given
            for found in super().expand(item, http):
                yield replace(found, payload={**found.payload, "key": key}) if isinstance(found, Item) else found

    shop = ShopStandIn(albums=4, tracks=2)

    def api(request: Request) -> Answer:
        answer = json.loads(shop.api(request).body)
        if "cover" in answer:
            answer["cover"] += f"&key={key}"
            answer["name"] = f"made for {key}"
            answer["tracks"].append({"id": None, "title": key})
        return as_json(answer)

    asked = []

    def files(request: Request) -> Answer:
        asked.append(request.query.get("key"))
        return shop.files(request) if request.path != "/2.jpg" else NOT_FOUND

    monkeypatch.setenv("SHOP_KEY", key)
    with StandIn({API: api, FILES: files}, file_hosts=[FILES]) as server:
        collect(Locked(), tmp_path / "store", SHELF, route=server.url, patience=quick)
    assert set(asked) == {key}  # it went to whom it belongs
    assert rows_of(tmp_path / "store")[0]["album"] == "made for {SHOP_KEY}"
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for spelling in (key, json.dumps(key)[1:-1], "s3cr3t"):
                assert spelling.encode() not in content, path
    out, err = capfd.readouterr()
    assert "s3cr3t" not in out + err + as_table(status(tmp_path / "store"))


def test_parts_merge_into_the_whole(gather: Gather, tmp_path: Path, quick: Patience) -> None:
    from data.merging import merge

    with StandIn(ShopStandIn(albums=40).routes, file_hosts=[FILES]) as server:
        gather(server, to="whole")
        whole_asked = len(server.asked("/album"))
        for k in (1, 2, 3):
            gather(server, to=f"part {k}", part=(k, 3))
        assert len(server.asked("/album")) == 2 * whole_asked  # each album was one part's
        sizes = [len(Dataset(tmp_path / f"part {k}")) for k in (1, 2, 3)]
        assert min(sizes) > 30
        with pytest.raises(InputError, match="part 1/3"):
            gather(server, to="part 1", part=(2, 3))
    parts = [tmp_path / f"part {k}" for k in (1, 2, 3)]
    summary = merge(tmp_path / "one way", parts)
    assert summary is not None
    assert summary.rows == 200
    merge(tmp_path / "other way", parts[::-1])
    merge(tmp_path / "other way", parts[1:])
    wanted = Dataset(tmp_path / "whole").fingerprint
    assert Dataset(tmp_path / "one way").fingerprint == Dataset(tmp_path / "other way").fingerprint == wanted
    assert merge(tmp_path / "one way", parts) is None
    with pytest.raises(InputError, match="itself"):
        merge(parts[0], [parts[0]])
    with pytest.raises(InputError, match="nothing was collected"):
        merge(tmp_path / "new", [tmp_path])


def test_only_what_was_gathered_is_gathered_into(gather: Gather, tmp_path: Path) -> None:
    with StandIn(ShopStandIn(albums=1).routes, file_hosts=[FILES]) as server:
        with pytest.raises(InputError, match="nothing is wished for"):
            gather(server, [])
        with pytest.raises(InputError, match="did you mean shelf"):
            gather(server, [("shelv", "1")])
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError):
            gather(server, to="file")
        (tmp_path / "built").mkdir()
        (tmp_path / "built" / "part-00000.parquet").write_bytes(b"")
        with pytest.raises(InputError, match="not collected"):
            gather(server, to="built")
        (tmp_path / "odd").mkdir()
        (tmp_path / "odd" / "journal.sqlite").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
        with pytest.raises(InputError, match="not a journal"):
            gather(server, to="odd")
        assert not server.log


def test_what_one_source_lacks_another_fills(gather: Gather, tmp_path: Path, quick: Patience) -> None:
    """A second service knows dates of all, a better title of none, and has the covers that the first could not give."""

    class Archive(Source):
        name = "archive"
        service = Service(
            hosts=("api.archive.example",), file_hosts=("files.archive.example",), requests=100, per_s=0.1
        )
        terms = Terms("free", may_train=True)

        def start(self, wishes: Sequence[tuple[str, str]]) -> Iterator[Item]:
            return iter(())

        def expand(self, item: Item, http: Http) -> Iterator[Found]:
            known = http.json(f"https://api.archive.example/{item.key.partition(':')[2]}")
            row = {"release_date": known["date"], "title": "another", "genres": ["old"]}
            yield Fill(item.key, row, covers=[known["cover"]])

        def enrich(self, row: Mapping[str, Any]) -> Item | None:
            asked_about.append((row["track_id"], row["cover"]))
            return Item("track", row["track_id"])

    asked_about: list[tuple[str, bool | None]] = []
    shop = ShopStandIn(albums=4, tracks=2)
    faults = Faults(0.3, seed=5, api=("error", "reset")).once("covers.shop.example/1.jpg", "missing", times=99)
    routes = shop.routes | {
        "api.archive.example": lambda request: as_json(
            {"date": "1999", "cover": f"https://files.archive.example{request.path}.jpg"}
        ),
        "files.archive.example": lambda request: as_image(jpeg(900 + int(request.path[1:-4]))),
    }
    with StandIn(routes, faults, file_hosts=["files.archive.example"]) as server:
        gather(server, enrich=[Archive()])
        rows = {row["track_id"]: row for row in rows_of(tmp_path / "store")}
        assert len(rows) == 8
        for number in range(8):
            row = rows[f"shop:{number}"]
            assert row["release_date"] == "1999"
            assert row["title"].startswith("tråck")
            assert "old" not in row["genres"]
            lost = row["album"] == "album 1"
            assert row["cover"]["bytes"] == (jpeg(900 + number) if lost else shop.cover(int(row["album_id"][5:])))
        asked = len(server.asked("api.archive.example"))
        gather(server, enrich=[Archive()])
        assert len(server.asked("api.archive.example")) == asked
    assert {cover for _, cover in asked_about[:8]} == {True, None}


def test_a_publication_that_was_cut_off_is_made_again(gather: Gather, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with StandIn(ShopStandIn(albums=4).routes, file_hosts=[FILES]) as server:
        gather(server)
        whole = Dataset(store).fingerprint
        (store / "part-00000.parquet").rename(store / "part-00007.parquet")  # killed while shards were put in place
        (store / ".unfinished").touch()
        (store / ".publishing").mkdir()
        (store / ".publishing" / "part-00000.parquet").write_bytes(b"half")
        with pytest.raises(InputError, match="unfinished"):
            Dataset(store)
        gather(server)
    assert Dataset(store).fingerprint == whole
    assert sorted(path.name for path in store.iterdir()) == [".collecting", "journal.sqlite", "part-00000.parquet"]


@pytest.mark.parametrize("place", [100, 16_384 + 50, 5 * 16_384, -20_000])
def test_a_damaged_journal_is_one_line(gather: Gather, tmp_path: Path, place: int) -> None:
    with StandIn(ShopStandIn(albums=30).routes, file_hosts=[FILES]) as server:
        gather(server)
        path = tmp_path / "store" / "journal.sqlite"
        content = bytearray(path.read_bytes())
        content[place : place + 4_000] = b"\xa5" * 4_000
        path.write_bytes(content)
        (tmp_path / "store" / "part-00000.parquet").unlink()
        with contextlib.suppress(InputError):  # some places hold only a cover
            gather(server, retry=True)
        with contextlib.suppress(InputError):
            status(tmp_path / "store")
