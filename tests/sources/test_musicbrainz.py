"""What is gathered from MusicBrainz and the Cover Art Archive: one release an album, its recordings, its cover."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.collecting import Gathering, collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.base import Fill, Gone, Item
from data.sources.http import Http, Patience
from data.sources.musicbrainz import MusicBrainz
from data.tally import status
from tests.sources.musicbrainz_standin import API, ARCHIVE, COVERS, FILES, STORE, MusicBrainzStandIn, mbid
from tests.sources.standin import Answer, Faults, Request, StandIn, as_json


class Fast(MusicBrainz):
    """The same, without its limit."""

    service = replace(MusicBrainz.service, per_s=0.001)


def gather(server: StandIn, to: Path, wishes: Any, patience: Patience, source: MusicBrainz | None = None) -> Gathering:
    return collect(source or Fast(), to, wishes, route=server.url, patience=patience)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def check_whole(folder: Path, service: MusicBrainzStandIn, albums: int = 2, tracks: int = 2) -> None:
    """The recordings of all albums that have a cover, once, with the right bytes."""
    rows = {row["track_id"]: row for row in rows_of(folder)}
    assert set(rows) == {f"musicbrainz:{mbid('recording', n, k)}" for n in range(albums) for k in range(tracks)}
    for album in range(albums):
        for track in range(tracks):
            row = rows[f"musicbrainz:{mbid('recording', album, track)}"]
            assert row["cover"]["bytes"] == service.cover(album)
            assert (row["album_id"], row["album"]) == (f"musicbrainz:{mbid('group', album)}", f"Album {album} “雪”")
            assert (row["artist"], row["title"]) == ("Ärtist, The", f"Recording {album}.{track}")
            assert row["release_date"] == f"19{70 + album}"  # of the album, not of this edition
            assert row["isrc"] == (service.isrc(album, track) if track else None)
            known = ["krautrock"] * bool(track) + ["art rock"] * (album == 0)
            assert row["genres"] == (sorted(known) or ["seen live"])  # tags only where nobody gave a genre


@pytest.mark.parametrize("wish", [("artist", "ärtist, the"), ("tag", 'art "rock"')])
def test_of_each_album_the_official_release_with_a_cover(
    tmp_path: Path, quick: Patience, wish: tuple[str, str]
) -> None:
    service = MusicBrainzStandIn()
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", [wish], quick).ending.reason is None
        assert len(server.asked(API)) == 2 + 3 + (wish[0] == "artist")  # pages of two of three albums; an album each
        assert {mbid("release", album, 2) in request.path for album in (0,) for request in server.asked(COVERS)} > {
            True
        }
        assert not [request for request in server.asked(COVERS) if mbid("group", 2) in request.path]
    check_whole(tmp_path / "store", service)
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["tracks"]["why"] == {"no cover": 2}


def test_a_release_an_album_or_a_recording(tmp_path: Path, quick: Patience) -> None:
    service = MusicBrainzStandIn()
    wishes = [
        ("release", f"https://musicbrainz.org/release/{mbid('release', 0, 2)}"),
        ("release-group", mbid("group", 1)),
        ("isrc", service.isrc(0, 1)),
        ("isrc", "GBDUW0099999"),
    ]
    with StandIn(service.routes, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", wishes, quick).ending.reason is None
    check_whole(tmp_path / "store", service)
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["isrc"]["why"] == {"status 404": 1}


def test_a_smaller_cover_where_there_is_no_larger(tmp_path: Path, quick: Patience) -> None:
    service = MusicBrainzStandIn(albums=2, tracks=1, largest=500)
    with StandIn(service.routes, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", [("artist", service.artist)], quick)
        assert [request.path[-4:] for request in server.asked(COVERS)] == ["1200", "-500"]
        assert len(server.asked(f"{ARCHIVE}/download")) == len(server.asked(STORE)) == 1
    check_whole(tmp_path / "store", service, albums=1, tracks=1)


def test_with_faults_the_dataset_is_the_same(tmp_path: Path, quick: Patience) -> None:
    service = MusicBrainzStandIn(albums=5)
    faults = Faults(0.3, seed=2).once("release-group", "unavailable").once(STORE, "html").once(STORE, "elsewhere", 3)
    with StandIn(service.routes, faults, file_hosts=FILES) as server:
        assert gather(server, tmp_path / "store", [("artist", service.artist)], quick).ending.reason is None
        assert {request.host for request in server.log} == {API, *FILES}
    check_whole(tmp_path / "store", service, albums=4)
    assert sum(faults.made.values()) >= 8


def test_one_question_a_second_under_a_name_of_its_own(tmp_path: Path, quick: Patience) -> None:
    service = MusicBrainzStandIn(albums=2, tracks=1)
    faults = Faults().once("/ws/2/release", "unavailable")
    with StandIn(service.routes, faults, file_hosts=FILES, retry_after="2") as server:
        gather(server, tmp_path / "store", [("artist", service.artist)], quick, MusicBrainz())
        asked = server.asked(API)
        assert server.most_in_any_window(1.0, API) == 1
        assert asked[1].at - asked[0].at >= 2.0  # Retry-After of a 503
        agents = {request.headers["User-Agent"] for request in server.log}
    assert len(agents) == 1
    assert agents.pop().startswith("Gatefold/0.")
    check_whole(tmp_path / "store", service, albums=1, tracks=1)


def test_odd_answers_cost_themselves_alone(tmp_path: Path, quick: Patience) -> None:
    service = MusicBrainzStandIn(albums=6, tracks=1)
    first, whole = mbid("group", 0), service.release(1, 2)
    odd: dict[str, Any] = {
        first: {"releases": [None, {}, {"id": "../../evil"}, {"id": 7}]},
        mbid("group", 1): {"releases": [whole | {"media": None}]},
        mbid("group", 2): {"releases": [whole | {"media": [None, {"tracks": [None, {"recording": {"id": "x"}}]}]}]},
        mbid("group", 3): [],
        mbid("group", 4): {
            "releases": [
                service.release(0, 2)
                | {
                    "title": None,
                    "date": "??",
                    "release-group": [],
                    "artist-credit": [{"name": "名前\0\n"}],
                    "media": [{"tracks": [{"recording": {"id": mbid("odd"), "isrcs": [None, "x"], "tags": {}}}]}],
                }
            ]
        },
    }

    def api(request: Request) -> Answer:
        group = request.query.get("release-group", "")
        return as_json(odd[group]) if group in odd else service.api(request)

    with StandIn({**service.routes, API: api}, file_hosts=FILES) as server:
        gather(server, tmp_path / "store", [("artist", service.artist)], quick)
    (row,) = rows_of(tmp_path / "store")
    assert row["track_id"] == f"musicbrainz:{mbid('odd')}"
    assert (row["artist"], row["title"], row["album"], row["release_date"], row["isrc"]) == ("名前", *[None] * 4)
    lines = {line["what"]: line for line in status(tmp_path / "store")}
    assert lines["release-group"]["why"] == {"answer is not a dict": 1, "media is not a list": 1, "no release": 1}


def test_what_is_wished_for_must_make_sense() -> None:
    for wish in (("release", "x"), ("isrc", "GB1"), ("release-group", "https://musicbrainz.org/release-group/1")):
        with pytest.raises(InputError, match=wish[0]):
            list(MusicBrainz().start([wish]))


def test_it_fills_by_isrc(quick: Patience) -> None:
    service = MusicBrainzStandIn()
    row = {"track_id": "deezer:1", "isrc": service.isrc(0, 1), "genres": [], "release_date": None, "cover": None}
    item = Fast().enrich(row)
    assert item is not None
    assert Fast().enrich(row | {"isrc": None}) is None
    assert Fast().enrich(row | {"genres": ["a"], "release_date": "2001", "cover": True}) is None
    with StandIn(service.routes, file_hosts=FILES) as server:
        http = Http("musicbrainz", Fast.service, route=server.url, patience=quick)
        (fill,) = Fast().expand(item, http)
        assert isinstance(fill, Fill)
        assert (fill.track_id, fill.row["release_date"]) == ("deezer:1", "1970")
        assert fill.row["genres"] == ["krautrock", "art rock"]
        assert fill.covers[0].endswith(f"/release-group/{mbid('group', 0)}/front-1200")
        assert fill.covers[3].endswith(f"/release/{mbid('release', 0, 0)}/front-1200")  # the first official one
        with pytest.raises(Gone):
            list(Fast().expand(Item("fill", "GBDUW0099999 deezer:1"), http))
