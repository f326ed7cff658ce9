"""What is gathered from Jamendo: whole tracks, each with its licence; the client id is told to nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.collecting import Gathering, collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.base import Gone, Item, Later, Trouble
from data.sources.http import Http, Patience
from data.sources.jamendo import Jamendo
from data.sources.secrets import Secrets
from data.tally import as_table, details, status
from tests.sources.clips import clip
from tests.sources.standin import Answer, Faults, Request, StandIn, as_image, as_json, jpeg

API, STORE, IMAGES = "api.jamendo.com", "prod-1.storage.jamendo.com", "usercontent.jamendo.com"
FILES = (STORE, IMAGES)
KEY = "b6747d04"
TAGS = [("tag", "ambient"), ("order", "popularity_total")]
LICENCES = ("http://creativecommons.org/licenses/by-nc-nd/3.0/", "http://creativecommons.org/licenses/by/4.0/")


class JamendoStandIn:
    """`tracks` tracks, the n-th on album n // 2; those whose number ends with 3 may not be downloaded."""

    def __init__(self, tracks: int = 5) -> None:
        self.tracks = [self.track(n) for n in range(1, tracks + 1)]
        self.page = 2
        self.routes = {API: self.api, STORE: self.store, IMAGES: self.images}

    @staticmethod
    def track(n: int) -> dict[str, Any]:
        return {
            "id": str(n),
            "name": f"Trâck {n}",
            "duration": 181,
            "artist_id": "461414",
            "artist_name": f"Ärtist {n // 2}",
            "album_name": f"Album {n // 2}",
            "album_id": str(n // 2),
            "license_ccurl": LICENCES[n % 2],
            "releasedate": "2018-03-15",
            "album_image": f"https://{IMAGES}?type=album&id={n // 2}&width=600&trackid={n}",
            "image": f"https://{IMAGES}?type=album&id={n // 2}&width=600&trackid={n}",
            "audio": f"https://{STORE}/?trackid={n}&format=mp31&from={KEY}",
            "audiodownload": "" if n % 10 == 3 else f"https://{STORE}/download/track/{n}/mp32/?from={KEY}",
            "audiodownload_allowed": n % 10 != 3,
            "musicinfo": {"tags": {"genres": ["ambient", "chillout"] if n % 2 else [], "vartags": ["dark"]}},
        }

    def api(self, request: Request) -> Answer:
        """`/v3.0/tracks/?client_id=…&offset=…`."""
        if request.query.get("client_id") != KEY:
            return failed(5, f"Invalid Client Id {request.query.get('client_id')}")
        start, most = int(request.query["offset"]), min(int(request.query["limit"]), self.page)
        page = self.tracks[start : start + most]
        headers = {"status": "success", "code": 0, "error_message": "", "warnings": "", "results_count": len(page)}
        return as_json({"headers": headers, "results": page})

    def store(self, request: Request) -> Answer:
        """`/download/track/7/mp32/`."""
        return Answer(self.music(int(request.path.split("/")[3])), type="audio/mpeg")

    @staticmethod
    def music(n: int) -> bytes:
        return clip(n, seconds=2.0)

    def images(self, request: Request) -> Answer:
        return as_image(self.cover(int(request.query["id"])))

    @staticmethod
    def cover(album: int) -> bytes:
        return jpeg(3_000 + album)


def failed(code: int, message: str = "see https://x/?id=9") -> Answer:
    headers = {"status": "failed", "code": code, "error_message": message, "warnings": "", "results_count": 0}
    return as_json({"headers": headers, "results": []})


class Fast(Jamendo):
    """The same, without its limit."""

    service = replace(Jamendo.service, per_s=0.01)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two, and a client id."""
    monkeypatch.setenv("JAMENDO_CLIENT_ID", KEY)
    monkeypatch.setattr("data.sources.jamendo._PAGE", 2)


def gather(server: StandIn, to: Path, wishes: Any, patience: Patience, source: Jamendo | None = None) -> Gathering:
    return collect(source or Fast(), to, wishes, route=server.url, patience=patience)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def check_whole(folder: Path, service: JamendoStandIn) -> None:
    rows = rows_of(folder)
    assert [row["track_id"] for row in rows] == sorted(f"jamendo:{track['id']}" for track in service.tracks)
    for row in rows:
        n = int(row["track_id"].removeprefix("jamendo:"))
        assert row["cover"]["bytes"] == service.cover(n // 2)
        assert row["audio"] == (None if n % 10 == 3 else {"bytes": service.music(n), "path": "clip"})
        assert (row["artist"], row["title"], row["licence"]) == (f"Ärtist {n // 2}", f"Trâck {n}", LICENCES[n % 2])
        assert row["genres"] == (["ambient", "chillout"] if n % 2 else ["dark"])
        assert (row["release_date"], row["album_id"]) == ("2018-03-15", f"jamendo:{n // 2}" if n // 2 else "jamendo:0")


@pytest.mark.parametrize("tracks", [4, 5])
def test_all_pages_of_a_tag(tmp_path: Path, quick: Patience, tracks: int) -> None:
    service = JamendoStandIn(tracks)
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", TAGS, quick).ending.reason is None
        assert [request.query["offset"] for request in server.asked(API)] == ["0", "2", "4"]
        asked = server.asked(API)[0].query
        assert (asked["tags"], asked["order"], asked["audiodlformat"]) == ("ambient", "popularity_total", "mp32")
        assert not [request for request in server.asked(STORE) if "/3/" in request.path]
    check_whole(tmp_path / "store", service)


def test_with_faults_the_dataset_is_the_same(tmp_path: Path, quick: Patience) -> None:
    service = JamendoStandIn(9)
    faults = Faults(0.3, seed=0).once(STORE, "html").once(IMAGES, "html").once(IMAGES, "elsewhere", 2)
    with StandIn(service.routes, faults, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", TAGS, quick).ending.reason is None
        assert {request.host for request in server.log} == {API, *FILES}
    check_whole(tmp_path / "store", service)
    assert sum(faults.made.values()) >= 8


def test_every_wish_is_a_parameter() -> None:
    wishes = [("tag", "a b"), ("artist", "Paul Werner"), ("artist", "7"), ("search", "x y")]
    wishes.append(("track", "https://www.jamendo.com/track/9/"))
    keys = ["tags id 0 a b", "artist_name id 0 Paul Werner", "artist_id id 0 7", "search id 0 x y", "id id 0 9"]
    assert [item.key for item in Jamendo().start(wishes)] == keys
    for wish in (("order", "loud"), ("track", "x")):
        with pytest.raises(InputError, match=wish[0]):
            list(Jamendo().start([wish, ("tag", "a")]))


def test_errors_come_with_status_200(quick: Patience) -> None:
    codes = {1: Trouble, 3: Gone, 4: Gone, 5: InputError, 6: Later, 7: Gone, 11: InputError}
    for code, kind in codes.items():
        with StandIn({API: lambda request, code=code: failed(code)}) as server:
            secrets = Secrets({"JAMENDO_CLIENT_ID": KEY})
            http = Http("jamendo", Fast.service, secrets=secrets, route=server.url, patience=quick)
            with pytest.raises(kind) as raised:
                list(Fast().expand(Item("tracks", "tags id 0 x"), http))
            assert "https" not in str(raised.value)


def test_before_an_hour_of_waiting_all_is_saved(tmp_path: Path, quick: Patience) -> None:
    service = JamendoStandIn(6)

    def api(request: Request) -> Answer:
        return failed(6) if request.query["offset"] == "4" else service.api(request)

    with StandIn({**service.routes, API: api}, file_hosts=FILES) as server:
        gathering = gather(server, tmp_path / "store", TAGS, quick)
    assert gathering.ending.reason == "rate limit exceeded"
    assert gathering.ending.until is not None
    assert len(rows_of(tmp_path / "store")) == 4


def test_the_limit_is_kept(tmp_path: Path, quick: Patience) -> None:
    service = JamendoStandIn(12)
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", TAGS, quick, Jamendo())
        assert len(server.asked(API)) == 7
        assert server.most_in_any_window(5.0, API) <= 5
    check_whole(tmp_path / "store", service)


def test_the_client_id_is_told_to_nobody(
    tmp_path: Path, quick: Patience, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    service = JamendoStandIn(3)
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", TAGS, quick)
        assert {request.query["from"] for request in server.asked("/download/")} == {KEY}  # it is part of the link
        monkeypatch.setenv("JAMENDO_CLIENT_ID", wrong := "wr0ng-id")
        with pytest.raises(InputError, match=r"^JAMENDO_CLIENT_ID: not accepted by Jamendo \(code 5\)$"):
            gather(server, tmp_path / "store", [("tag", "other")], quick)
    table = as_table(status(tmp_path / "store"))
    out, err = capfd.readouterr()
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or not any(key.encode() in path.read_bytes() for key in (KEY, wrong)), path
    assert not any(key in out + err + table for key in (KEY, wrong))
    monkeypatch.delenv("JAMENDO_CLIENT_ID")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="JAMENDO_CLIENT_ID"):
        collect(Jamendo(), tmp_path / "new", TAGS)


def test_odd_answers_cost_themselves_alone(tmp_path: Path, quick: Patience) -> None:
    track = JamendoStandIn.track
    service = JamendoStandIn(0)
    service.page = 99
    service.tracks = [
        None,
        track(1) | {"id": "../1"},
        track(2) | {"license_ccurl": ""},
        track(4) | {"image": None, "album_image": ""},
        track(5) | {"image": "https://evil.example/x", "album_image": 7},
        track(6) | {"musicinfo": [], "releasedate": "0000-00-00", "album_id": "", "artist_name": None, "name": 7},
        track(7)
        | {"audiodownload": "http://127.0.0.1/x.mp3", "musicinfo": {"tags": {"genres": [None, "a\0b", "a b"]}}},
        track(8) | {"audiodownload_allowed": "yes"},
    ]  # type: ignore[list-item]
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", TAGS, quick)
        assert "evil.example" not in {request.host for request in server.log}
    rows = {row["track_id"].removeprefix("jamendo:"): row for row in rows_of(tmp_path / "store")}
    assert set(rows) == {"6", "7", "8"}
    six = rows["6"]
    assert [six[name] for name in ("genres", "release_date", "album_id", "artist", "title")] == [
        [],
        None,
        None,
        None,
        "7",
    ]
    assert (rows["7"]["genres"], rows["7"]["audio"], rows["8"]["audio"]) == (["a b"], None, None)
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert list(lines) == ["requests", "questions for tracks", "tracks"]
    assert lines["questions for tracks"]["asked"] == lines["questions for tracks"]["got"] == 5
    assert {line["what"] for line in details(tmp_path / "store")} == {"questions for tracks", "tracks"}
    assert lines["tracks"]["why"] == {"no id": 1, "no licence": 1, "no cover": 1, "cover: another host": 1}
