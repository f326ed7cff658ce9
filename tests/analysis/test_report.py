"""The report: it stands alone, what comes from data stays data, and its numbers are in its JSON."""

from __future__ import annotations

import html.parser
import json
import re

import numpy as np
import pytest

from analysis.charts import labelled_points
from analysis.report import Explorer, Number, Picture, Report, Section, Table, embedded, escaped

HOSTILE = "</script><script>alert(1)</script>\n\"'&<img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    points = np.random.default_rng(0).standard_normal((5, 2))
    sheet = b"\x89PNG" + bytes(8)
    explorer = Explorer(
        sheet, 16, 3, {"tsne": points}, {HOSTILE: [HOSTILE] * 5}, [HOSTILE, *"abcd"], [False, False, False, False, True]
    )
    section = Section(
        HOSTILE,
        [HOSTILE],
        [Table(["name", "value"], [[HOSTILE, 1234.5], ["b", None], ["c", 3]], HOSTILE)],
        [Picture("points", HOSTILE, labelled_points(points, [HOSTILE] * 5, points[:0]), 3, 2)],
        [Number("trust", 0.9, "share", (0.8, 1.0), chance=0.5, n=5, p=0.01, how="by hand"), Number("plain", 1.0)],
    )
    folder = tmp_path_factory.mktemp("report")
    provenance = {"dataset": HOSTILE, "seed": 0, "versions": {"numpy": "2"}}
    report = Report(f"Covers {HOSTILE}", [section], provenance, explorer)
    report.write(folder)
    return folder


class Tags(html.parser.HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags_of(folder) -> list[tuple[str, dict]]:
    parser = Tags()
    parser.feed((folder / "report.html").read_text())
    return parser.found


def test_nothing_of_the_data_becomes_a_tag(written):
    tags = tags_of(written)
    assert [tag for tag, _ in tags].count("script") == 2
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert all(attributes["src"].startswith("data:") for tag, attributes in tags if tag == "img")


def test_the_page_needs_nothing_but_itself(written):
    text = (written / "report.html").read_text()
    tags = tags_of(written)
    assert not any(tag in ("link", "iframe", "object", "base") for tag, _ in tags)
    assert not any("src" in attributes for tag, attributes in tags if tag == "script")
    policy = next(attributes["content"] for tag, attributes in tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http:" not in text
    assert "https:" not in text


def test_the_points_are_json_that_ends_no_script(written):
    text = (written / "report.html").read_text()
    data = json.loads(re.search(r'id="points">(.*?)</script>', text, re.DOTALL)[1])
    assert data["texts"][0].startswith("</script>")
    assert data["generated"] == [0, 0, 0, 0, 1]
    assert len(data["maps"]["tsne"]) == 5


def test_numbers_are_in_the_json_with_where_they_come_from(written):
    told = json.loads((written / "report.json").read_text())
    assert told["provenance"]["seed"] == 0
    first, second = told["figures"]
    assert first["value"] == 0.9
    assert first["interval"] == [0.8, 1.0]
    assert first["how"] == "by hand"
    assert set(second) == {"section", "name", "value"}


def test_figures_lie_beside_it_in_both_themes_and_kinds(written):
    names = {path.name for path in (written / "figures").iterdir()}
    assert names == {"points.png", "points.svg", "points-dark.png", "points-dark.svg"}


@pytest.mark.parametrize("text", [HOSTILE, "\0\x1b[31m", "x" * 10_000, "\ud800"])
def test_any_text_is_one_harmless_line(text):
    shown = escaped(text)
    assert not set("<>\"'\n\0\x1b") & set(shown)
    shown.encode()
    assert len(shown) < 2000
    assert "<" not in embedded([text])


def test_the_same_report_is_the_same_bytes(written, tmp_path):
    section = Section("a", ["b"], [Table(["c"], [[1.5]])])
    pages = [Report("t", [section], {}).write(tmp_path / name).read_bytes() for name in "ab"]
    assert pages[0] == pages[1]
