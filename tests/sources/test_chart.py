"""Charts: each line is found as the album most like it, or told as a miss; through either service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.collecting import collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.chart import DeezerChart, ITunesChart, score
from data.tally import details, status
from tests.sources.conftest import QUICK
from tests.sources.deezer_standin import API, FILES, DeezerStandIn
from tests.sources.standin import Answer, Faults, Request, StandIn, as_image, as_json, jpeg

CHART = "artist,album\nÁrtist 1,Album 101 雪\nArtist 2 (둘),album 200 雪 (Deluxe Edition)\nNobody,Nothing\n"


class Albums(DeezerStandIn):
    """Deezer, where albums can be searched for; a search with its own words for artist and album finds nothing."""

    def api(self, request: Request) -> Answer:
        if request.path != "/search/album":
            return super().api(request)
        if "artist:" in request.query["q"]:
            return as_json({"data": [], "total": 0})
        numbers = dict.fromkeys(track // 100 for track in self.track_ids())
        albums = [self.album(number) | {"artist": self.artist(number // 100)} for number in numbers]
        return as_json({"data": [{"id": None, "title": "x"}, *albums, {"title": None, "id": 5}, "odd"]})


class FastChart(DeezerChart):
    service = replace(DeezerChart.service, per_s=0.05)


@pytest.fixture
def chart(tmp_path):
    path = tmp_path / "chart.csv"
    path.write_text(CHART)
    return str(path)


def test_lines_become_tracks_of_the_albums_that_are_most_like_them(tmp_path, chart):
    standin = Albums(artists=2, albums=3, tracks=2)
    with StandIn(standin.routes, Faults(share=0.2, seed=3), file_hosts=FILES, hang_s=4.0) as server:
        for _ in range(2):
            outcome = collect(FastChart(), tmp_path / "d", [("file", chart)], route=server.url, patience=QUICK)
        assert outcome.ending.reason is None
        asked = len(server.asked(f"{API}/search/album"))
    rows = {row["track_id"]: row for row in Dataset(tmp_path / "d").iter_rows()}
    assert sorted(rows) == [f"deezer:{album}0{n}" for album in (101, 200) for n in range(2)]
    assert all(row["cover"]["bytes"] and row["source"] == "deezer" for row in rows.values())
    assert asked >= 6
    lines = {(line["what"], line["name"]): line for line in details(tmp_path / "d")}
    assert ("match", "1.00 101 Ártist 1 – Album 101 雪") in lines
    assert ("match", "1.00 200 Ártist 2 – Album 200 雪") in lines
    miss = lines["tracks", "Nobody – Nothing"]
    assert (miss["state"], miss["why"]) == ("skipped", "no album like it")
    told = next(line for line in status(tmp_path / "d") if line["what"] == "tracks")
    assert told["why"] == {"no album like it": 1}


def test_the_threshold_decides_what_is_like_enough(tmp_path):
    (tmp_path / "a.csv").write_text("artist,album\nArtist 1,Album 10\n")
    with StandIn(Albums(artists=1, albums=1).routes, file_hosts=FILES) as server:
        for threshold, count in (("0.99", 0), ("0.5", 2)):
            folder = tmp_path / threshold
            wishes = [("file", str(tmp_path / "a.csv")), ("threshold", threshold)]
            collect(FastChart(), folder, wishes, route=server.url, patience=QUICK)
            assert len(list(folder.glob("part-*"))) == bool(count)
    assert len(Dataset(folder)) == 2


def test_charts_through_itunes(tmp_path):
    (tmp_path / "a.csv").write_text("artist,album\n아이유 (IU),Palette\n아이유 (IU),Lilac\n")
    album = {"wrapperType": "collection", "collectionId": 71, "collectionName": "Palette", "artistName": "IU"}
    song = {
        "kind": "song", "trackId": 710, "collectionId": 71, "artistName": "IU", "collectionName": "Palette",
        "trackName": "Palette", "artworkUrl100": "https://is1-ssl.mzstatic.com/image/a/100x100bb.jpg",
    }  # fmt: skip

    def api(request: Request) -> Answer:
        assert request.query["country"] == "KR"
        if request.path == "/search":
            assert request.query["entity"] == "album"
            return as_json({"resultCount": 2, "results": [album, {"collectionName": "odd"}]})
        assert (request.path, request.query["id"]) == ("/lookup", "71")
        return as_json({"resultCount": 2, "results": [album, song]})

    class Fast(ITunesChart):
        service = replace(ITunesChart.service, per_s=0.05)

    routes = {"itunes.apple.com": api, "is1-ssl.mzstatic.com": lambda request: as_image(jpeg(7))}
    with StandIn(routes, file_hosts=["is1-ssl.mzstatic.com"]) as server:
        wishes = [("file", str(tmp_path / "a.csv")), ("country", "kr")]
        collect(Fast(), tmp_path / "d", wishes, route=server.url, patience=QUICK)
    assert Dataset(tmp_path / "d").read(["track_id"])["track_id"].to_pylist() == ["itunes:710"]
    lines = [(line["what"], line["name"]) for line in details(tmp_path / "d")]
    assert ("match", "KR 1.00 71 IU – Palette") in lines
    assert ("tracks", "아이유 (IU) – Lilac") in lines


@pytest.mark.parametrize(
    ("artist", "album", "found_artist", "found_album", "least", "most"),
    [
        ("BTS", "Wings", "BTS", "WINGS", 1, 1),
        ("아이유 (IU)", "팔레트", "IU", "팔레트", 1, 1),
        ("IU", "Palette", "아이유(IU)", "Palette", 1, 1),
        ("BTS", "Wings", "BTS", "You Never Walk Alone", 0, 0.5),
        ("BTS", "Wings", "Paul McCartney", "Wings", 0, 0.3),
        ("BTS", "Wings", None, None, 0, 0),
    ],
)
def test_the_score_is_that_of_the_name_which_is_less_alike(artist, album, found_artist, found_album, least, most):
    assert least <= score(artist, album, found_artist, found_album) <= most


@pytest.mark.parametrize("wishes", [[("threshold", "2")], [("threshold", "nan")], [("file", "none.csv")]])
def test_wishes_that_make_no_sense_are_refused(wishes):
    with pytest.raises(InputError):
        list(DeezerChart().start(wishes))
