"""Charts as people have them: CSV, and tables of saved web pages with all that such tables hold."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.charts import Line, read_chart
from data.errors import InputError

PAGE = """<!DOCTYPE html><html><head><style>table {x: y}</style></head><body>
<table class="infobox"><tr><th>Published by</th><td>Circle</td></tr></table>
<table class="wikitable sortable"><caption>Year-end 2019</caption><tbody>
<tr><th rowspan="2">Rank</th><th rowspan="2">Album<sup>[a]</sup></th><th rowspan="2">Artist(s)</th>
 <th colspan="2">Sales</th></tr>
<tr><th>Korea</th><th>World</th></tr>
<tr><td>1</td><td><i>Map of the Soul: Persona</i><sup class="reference">[1]</sup></td>
 <td rowspan="2"><a href="/wiki/BTS">BTS</a></td><td>3&nbsp;718&nbsp;230</td><td>–</td></tr>
<tr><td>2</td><td>"Face&#32;Yourself"<style>.a{b:c}</style></td><td>5</td><td>6</td></tr>
<tr><td>3</td><td>An Ode<br>(reissue)</td><td>Seventeen<table><tr><td>inner</td></tr></table></td><td>7</td></tr>
<tr><td>4</td><td></td><td>Nobody</td></tr>
<tr><td colspan="5">Source: Circle</td></tr>
</tbody></table>
<table><tr><th>순위</th><th>앨범</th><th>가수</th></tr><tr><td>1<td>팔레트<td>아이유 (IU)</table>
<table><tr><td>no</td><td>chart</td></tr>
"""


def test_a_page_gives_the_lines_of_all_its_charts(tmp_path):
    page = tmp_path / "chart.html"
    page.write_text(PAGE)
    assert read_chart(page) == [
        Line("BTS", "Map of the Soul: Persona"),
        Line("BTS", "Face Yourself"),
        Line("Seventeen", "An Ode (reissue)"),
        Line("아이유 (IU)", "팔레트"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Rank,Artist,Album\n1,A,B\n2,,C\n3, D ,“E”\n4,A,B\n"),
        ("a.csv", "title;Artist Name;x\nB;A;\nE;D;y\n"),
        ("a.tsv", "album\ttitle\tartist\nB\tsong\tA\nE\t\tD\n"),
        ("a.jsonl", '{"artist": "A", "album": "B"}\n{"artist": "D", "album": "E"}\n'),
    ],
)
def test_a_table_gives_its_lines_once(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_chart(tmp_path / name) == [Line("A", "B"), Line("D", "E")]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "artist,year\nA,1\n"), ("a.html", "<p>no table"), ("a.html", "<table><tr><th>Artist</th></table>")],
)
def test_what_is_no_chart_is_refused_in_one_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="holds no table with a column of artists and one of albums"):
        read_chart(tmp_path / name)


PIECES = ["<table>", "</table>", "<tr>", "<td>", "<th rowspan='99999999'>", "<td colspan=600>", "artist", "album", "<a",
          "</td>", "<!--", "<style>", "</style>", "&#x110000;", "\0", "x"]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_page_is_too_broken_to_be_read_or_refused(tmp_path_factory, pieces):
    page = tmp_path_factory.mktemp("fuzz") / "a.htm"
    page.write_text("<p>" + "".join(pieces))
    with contextlib.suppress(InputError):
        assert all(line.artist and line.album for line in read_chart(page))
