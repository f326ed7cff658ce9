"""Charts: tables of artist and album, as CSV (or another table) or in a saved web page, such as Wikipedia's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from data.cells import clean_text
from data.covers import read_bounded
from data.errors import InputError
from data.tables import read_table

PAGE_SUFFIXES = (".html", ".htm")
# What charts call their columns, the likeliest first.
_ARTIST = ("artist", "artists", "artist s", "artist name", "performer", "act", "singer", "아티스트", "가수")
_ALBUM = ("album", "albums", "album name", "album title", "title", "release", "앨범", "앨범명")
_NOTE = re.compile(r"\[\s*(\d+|[a-z]|note \d+|upper-alpha \d+)\s*\]")
_QUOTES = "\"'“”‘’«»「」『』 \t"
_MOST_SPAN = 500
_MOST_COLUMNS = 200


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    artist: str
    album: str


def read_chart(path: Path) -> list[Line]:
    """The lines of a chart, each once, in their order; those without artist or album are passed over.

    Raises `InputError`: a file that is no table nor page, or holds no table with a column of artists and one of albums.
    """
    tables = _page_tables(path) if path.suffix.lower() in PAGE_SUFFIXES else [_cells(path)]
    lines: dict[Line, None] = {}
    charts = 0
    for table in tables:
        columns = None
        for row in table:
            header = _columns(row)
            if header is not None:  # also a second line of it
                columns = header
                charts += 1
            if header is not None or columns is None:
                continue
            names = [_name(row[column]) if column < len(row) else None for column in columns]
            if names[0] and names[1]:
                lines[Line(names[0], names[1])] = None
    if not charts:
        raise InputError(path, "holds no table with a column of artists and one of albums")
    return list(lines)


def _columns(header: list[Any]) -> tuple[int, int] | None:
    """Where a header has artists and albums."""
    plain = [" ".join(re.sub(r"[^\w]|_", " ", _NOTE.sub("", str(name or ""))).casefold().split()) for name in header]
    artist = next((plain.index(name) for name in _ARTIST if name in plain), None)
    album = next((plain.index(name) for name in _ALBUM if name in plain), None)
    return None if artist is None or album is None else (artist, album)


def _name(cell: Any) -> str | None:
    text = clean_text(cell)
    return text and (clean_text(_NOTE.sub("", text).strip(_QUOTES)) or None)


def _cells(path: Path) -> Iterator[list[Any]]:
    """The rows of a table file as lists, its header first."""
    names: list[str] | None = None
    for row in read_table(path):
        if names is None:
            names = list(row)
            yield names
        yield [row.get(name) for name in names]


def _page_tables(path: Path) -> list[list[list[str]]]:
    """The tables of a web page: rows of cells, those that span several rows repeated in each."""
    content, _ = read_bounded(path)
    reader = _Tables()
    reader.feed(content.decode("utf-8", "replace"))
    reader.close()
    return [_grid(table) for table in reader.tables]


@dataclass
class _Cell:
    rows: int
    columns: int
    words: list[str] = field(default_factory=list)


class _Tables(HTMLParser):
    """Collects the cells of all tables; a table inside a cell stands for itself."""

    _UNSEEN = ("style", "script", "template")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[_Cell]]] = []
        self._open: list[list[list[_Cell]]] = []  # the tables that we are inside of
        self._cells: list[_Cell | None] = []  # and in each the cell
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self.tables.append([])
            self._open.append(self.tables[-1])
            self._cells.append(None)
        elif self._open and tag == "tr":
            self._open[-1].append([])
            self._cells[-1] = None
        elif self._open and tag in ("td", "th") and self._open[-1]:
            spans = dict(attrs)
            cell = _Cell(_span(spans.get("rowspan")), _span(spans.get("colspan")))
            self._open[-1][-1].append(cell)
            self._cells[-1] = cell
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif self._open and tag == "table":
            self._open.pop()
            self._cells.pop()
        elif self._open and tag in ("td", "th"):
            self._cells[-1] = None

    def handle_data(self, data: str) -> None:
        if self._cells and self._cells[-1] is not None and not self._unseen:
            self._cells[-1].words.append(data)


def _span(text: str | None) -> int:
    return min(max(int(text), 1), _MOST_SPAN) if text and text.isascii() and text.isdigit() else 1


def _grid(table: list[list[_Cell]]) -> list[list[str]]:
    rows: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column: (rows left, text) of cells that reach down from above
    for cells in table:
        row: list[str] = []
        waiting = iter(cells)
        while len(row) < _MOST_COLUMNS:
            left, text = hanging.pop(len(row), (0, ""))
            if left:
                if left > 1:
                    hanging[len(row)] = (left - 1, text)
                row.append(text)
                continue
            cell = next(waiting, None)
            if cell is None:
                if not any(column > len(row) for column in hanging):
                    break
                row.append("")
                continue
            text = " ".join("".join(cell.words).split())
            for _ in range(min(cell.columns, _MOST_COLUMNS - len(row))):
                if cell.rows > 1:
                    hanging[len(row)] = (cell.rows - 1, text)
                row.append(text)
                text = ""  # it stands in the first of its columns
        rows.append(row)
    return rows
