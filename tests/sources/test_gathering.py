"""What a user asks of a gathering, and what lies on the disk: limits, parts, secrets, other sources, damage."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data.collecting import collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.base import Fill, Found, Item, Service, Source, Terms
from data.sources.http import Http, Patience
from data.tally import as_table, status
from tests.sources.gathered import Gather, rows_of, tracks_of
from tests.sources.shop import API, FILES, SHELF, Shop, ShopStandIn
from tests.sources.standin import (
    NOT_FOUND,
    Answer,
    Faults,
    Request,
    StandIn,
    as_image,
    as_json,
    jpeg,
)


def test_a_users_mistake_ends_the_run_and_costs_nothing(
    gather: Gather, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Patience
) -> None:
    """A key that is revoked in the middle, say: what came before is in the dataset, the rest stays wanted."""
    monkeypatch.setenv("SHOP_KEY", "s3cr3t")
    began = threading.Event()

    def tell(stage: str, done: int, total: int | None) -> None:
        if done:
            began.set()

    class Revoked(Shop):
        needs_secrets: ClassVar = ("SHOP_KEY",)

        def expand(self, item: Item, http: Http) -> Iterator[Found]:
            if item.kind == "album" and int(item.key) >= 19:
                began.wait(60)  # on a busy machine files come later than answers
            if item.key == "19":
                raise InputError("SHOP_KEY", "not accepted: s3cr3t")
            yield from super().expand(item, http)

    with StandIn(ShopStandIn(albums=40).routes, file_hosts=[FILES]) as server:
        with pytest.raises(InputError, match=r"^SHOP_KEY: not accepted: \{SHOP_KEY\}$"):
            collect(Revoked(), tmp_path / "store", SHELF, route=server.url, patience=quick, tell=tell)
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
