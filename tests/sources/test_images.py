"""Images: links read off result pages in the shapes of Google and Bing, pictures fetched and checked by us."""

from __future__ import annotations

import html
import json
import sys
from dataclasses import replace

import pytest

from data.collecting import collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.images import Images
from data.tally import details
from data.where import matching_rows
from tests.sources.conftest import QUICK
from tests.sources.standin import FILE_FAULTS, Answer, Faults, Request, StandIn, as_image, jpeg

FILES = "pictures.example"
KOREAN = "한국 앨범 표지"


class FastImages(Images):
    service = replace(Images.service, per_s=0.01)


class Engines:
    """Google shows the pictures 0 … 4 on its first page, Bing 3 … 6 on its first and 7 on its second; 6 is a page."""

    def __init__(self) -> None:
        self.routes = {"www.google.com": self.google, "www.bing.com": self.bing, FILES: self.files}

    def google(self, request: Request) -> Answer:
        if request.path != "/search" or request.query.get("tbm") != "isch" or request.query["q"] != KOREAN:
            return Answer(b"", 404)
        shown = range(5) if request.query["start"] == "0" else range(0)
        entries = [[1, [0, f"id{n}", [_link(n), 600, 600], None]] for n in shown]
        data = json.dumps([["https://www.gstatic.com/logo.png"], entries])
        script = f"<script nonce='x'>AF_initDataCallback({{key: 'ds:1', data:{data}}});</script>"
        return Answer(f"<!doctype html><html><head></head><body>{script}</body></html>".encode(), type="text/html")

    def bing(self, request: Request) -> Answer:
        if request.path != "/images/async" or request.query["q"] != KOREAN:
            return Answer(b"", 404)
        shown = {"0": range(3, 7), "20": range(7, 8)}.get(request.query["first"], range(0))
        said = (html.escape(json.dumps({"murl": _link(n), "t": "x"}, separators=(",", ":"))) for n in shown)
        divs = "".join(f'<div class="imgpt"><a class="iusc" m="{one}"></a></div>' for one in said)
        return Answer(f'<div class="dgControl">{divs}</div>'.encode(), type="text/html")

    def files(self, request: Request) -> Answer:
        number = int(request.path.strip("/").removesuffix(".jpg"))
        if number == 6:
            return Answer(b"<!doctype html><html>", type="text/html")
        return as_image(jpeg(1 if number == 7 else number, 64 if number else 20))


def _link(number: int) -> str:
    return f"https://{FILES}/{number}.jpg"


@pytest.fixture
def icrawler():
    return pytest.importorskip("icrawler")


def test_pictures_of_both_engines_come_once(tmp_path, icrawler):
    told = ("busy", "error", "unavailable", "timeout", "reset", "short")  # a page that is whole says what there is
    files = [kind for kind in FILE_FAULTS if kind != "elsewhere"]  # pictures may lie anywhere
    faults = Faults(share=0.3, seed=2, api=told, files=files)
    with StandIn(Engines().routes, faults, file_hosts=[FILES], hang_s=4.0) as server:
        outcome = collect(FastImages(), tmp_path / "d", [("keyword", KOREAN)], route=server.url, patience=QUICK)
        assert outcome.ending.reason is None
    dataset = Dataset(tmp_path / "d")
    rows = list(dataset.iter_rows())
    assert len(rows) == 7
    assert {row["subset"] for row in rows} == {KOREAN}
    assert {row["cover"]["bytes"] for row in rows} == {jpeg(n, 64 if n else 20) for n in range(6)}
    assert matching_rows(dataset, ["near_duplicate=no", "width>=64", f"subset={KOREAN}"]).sum() == 5
    skipped = [line for line in details(tmp_path / "d") if line["what"] == "tracks"]
    assert len(skipped) == 1
    assert "web page" in skipped[0]["why"]


def test_filters_are_those_of_the_engine(tmp_path, icrawler):
    with StandIn(Engines().routes, file_hosts=[FILES]) as server:
        wishes = [("keyword", KOREAN), ("size", "large"), ("type", "photo"), ("engine", "bing")]
        collect(FastImages(), tmp_path / "d", wishes, route=server.url, patience=QUICK)
        asked = server.asked("www.bing.com")
    assert not server.asked("www.google.com")
    assert all("imagesize-large" in request.query["qft"] for request in asked)
    assert all("photo-photo" in request.query["qft"] for request in asked)


def test_a_page_without_pictures_is_told(tmp_path, icrawler):
    answer = Answer(b"<html><body>Before you continue</body></html>", type="text/html")
    with StandIn({"www.google.com": lambda request: answer}) as server:
        wishes = [("keyword", "a&b=c #"), ("engine", "google")]
        collect(FastImages(), tmp_path / "d", wishes, route=server.url, patience=QUICK)
        assert server.asked()[0].query["q"] == "a&b=c #"
    lines = [line for line in details(tmp_path / "d") if line["what"] == "tracks"]
    assert [line["why"] for line in lines] == ["no pictures on the page that was answered"]


@pytest.mark.parametrize(
    "wishes", [[("keyword", "x"), ("engine", "altavista")], [("keyword", "x"), ("size", "huge")], [("type", "song")]]
)
def test_wishes_that_make_no_sense_are_refused(icrawler, wishes):
    with pytest.raises(InputError):
        list(Images().start(wishes))


def test_without_the_extra_it_is_one_line(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("icrawler")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "icrawler", None)
    with pytest.raises(InputError, match=r'images: needs icrawler: pip install "gatefold\[crawl\]"'):
        list(Images().start([("keyword", "x")]))
