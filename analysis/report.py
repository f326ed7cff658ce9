"""A report: one HTML page that needs nothing but itself, its figures as PNG and SVG, its numbers as JSON.

All that comes from data is escaped; the page's own content policy lets nothing be fetched and no other code run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from analysis.themes import DARK, LIGHT, Draw, render
from data.errors import printable
from data.files import write_bytes, write_json

PAGE = Path(__file__).parent / "page"
HTML, NUMBERS = "report.html", "report.json"
LONGEST_CELL = 160
LARGEST_PNG = 300_000


@dataclass(frozen=True)
class Picture:
    """A figure: `draw` fills `width` × `height` inches; `name` is its file's; `caption` what is to be seen."""

    name: str
    caption: str
    draw: Draw
    width: float = 9.0
    height: float = 5.0


@dataclass(frozen=True)
class Table:
    """A table: texts, numbers (shown to three digits, and sorted as numbers), None where nothing is known."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclass(frozen=True)
class Number:
    """One figure of the report, as `evaluate` prints them too: `how` names what it was computed with."""

    name: str
    value: float
    unit: str = ""
    interval: tuple[float, float] | None = None
    chance: float | None = None
    n: int | None = None
    p: float | None = None
    how: str = ""

    def to_json(self) -> dict[str, Any]:
        """Without what is not known."""
        return {key: value for key, value in vars(self).items() if value not in (None, "")}


@dataclass(frozen=True)
class Section:
    """A part of the report: paragraphs, tables, pictures, and the numbers that it found."""

    title: str
    words: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    numbers: Sequence[Number] = ()


@dataclass(frozen=True)
class Explorer:
    """The interactive map. sheet: a JPEG or PNG of sprites, `side` px each, `columns` in a row, in the points' order.

    maps: `[N, 2]` for each name; labels: `N` words for each way of colouring; texts: `N` lines shown on hover.
    """

    sheet: bytes
    side: int
    columns: int
    maps: Mapping[str, np.ndarray]
    labels: Mapping[str, Sequence[str]]
    texts: Sequence[str]
    generated: Sequence[bool]


@dataclass
class Report:
    """What a report is made of; `provenance` says from what and by what it was made."""

    title: str
    sections: Sequence[Section]
    provenance: Mapping[str, Any]
    explorer: Explorer | None = None
    images: dict[str, bytes] = field(default_factory=dict)
    """The figures in the light theme as PNG, by name, once `write` has drawn them."""

    def write(self, folder: Path) -> Path:
        """Writes `report.html`, `report.json` and `figures/<name>[-dark].{png,svg}` into `folder`; the page's path."""
        body = [self._section(number, section, folder) for number, section in enumerate(self.sections)]
        figures = [
            {"section": section.title, **number.to_json()} for section in self.sections for number in section.numbers
        ]
        write_json(folder / NUMBERS, {"title": self.title, "provenance": dict(self.provenance), "figures": figures})
        write_bytes(folder / HTML, self._page("\n".join(body)).encode())
        return folder / HTML

    def _page(self, body: str) -> str:
        style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
        explorer, data = (_EXPLORER, embedded(_explorer_data(self.explorer))) if self.explorer else ("", "null")
        provenance = [
            [key, json.dumps(value) if isinstance(value, dict | list) else str(value)]
            for key, value in self.provenance.items()
        ]
        links = "".join(f'<a href="#s{k}">{escaped(section.title)}</a>' for k, section in enumerate(self.sections))
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escaped(self.title)}</title>'
            f"<style>{style}</style></head><body><header><h1>{escaped(self.title)}</h1><nav>{links}</nav>"
            f'<button id="theme" type="button">dark</button></header><main>{explorer}{body}'
            f"<section><h2>Where this comes from</h2>{_table(Table(('what', 'value'), provenance))}</section></main>"
            f'<script type="application/json" id="points">{data}</script><script>{script}</script></body></html>\n'
        )

    def _section(self, number: int, section: Section, folder: Path) -> str:
        parts = [f'<section id="s{number}"><h2>{escaped(section.title)}</h2>']
        parts += [f"<p>{escaped(words, longest=2000)}</p>" for words in section.words]
        parts += [self._picture(picture, folder) for picture in section.pictures]
        parts += [_table(table) for table in section.tables]
        return "".join(parts) + "</section>"

    def _picture(self, picture: Picture, folder: Path) -> str:
        drawn = []
        for theme in (LIGHT, DARK):
            stem = picture.name if theme is LIGHT else f"{picture.name}-dark"
            for kind in ("png", "svg"):
                content = render(picture.draw, theme, picture.width, picture.height, kind)
                write_bytes(folder / "figures" / f"{stem}.{kind}", content)
                if kind == "png":
                    drawn.append((theme.name, content))
        self.images[picture.name] = drawn[0][1]
        images = "".join(
            f'<img class="{name}" alt="{escaped(picture.caption)}" src="{_embedded_image(content)}">'
            for name, content in drawn
        )
        return f"<figure>{images}<figcaption>{escaped(picture.caption, longest=1000)}</figcaption></figure>"


_EXPLORER = (
    '<section id="explorer"><h2>The map, to walk through</h2><p class="controls"><label>map <select id="map"></select>'
    '</label> <label>colours <select id="colours"></select></label> <label><input type="checkbox" id="real" checked>'
    ' real</label> <label><input type="checkbox" id="generated" checked> generated</label> <span>wheel: closer; '
    "drag: move; double click: all of it</span></p>"
    '<div id="stage"><canvas id="canvas"></canvas><div id="card" hidden><canvas '
    'id="cover" width="160" height="160"></canvas><p id="text"></p></div></div><p id="legend"></p></section>'
)


def _explorer_data(explorer: Explorer) -> dict[str, Any]:
    kind = "image/png" if explorer.sheet.startswith(b"\x89PNG") else "image/jpeg"
    return {
        "sheet": data_uri(explorer.sheet, kind),
        "side": explorer.side,
        "columns": explorer.columns,
        "maps": {name: np.round(points, 3).tolist() for name, points in explorer.maps.items()},
        "labels": {
            name: [printable(str(label), longest=60) for label in labels] for name, labels in explorer.labels.items()
        },
        "texts": [printable(text, longest=LONGEST_CELL) for text in explorer.texts],
        "generated": [int(one) for one in explorer.generated],
    }


def _table(table: Table) -> str:
    head = "".join(f"<th>{escaped(name)}</th>" for name in table.head)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    caption = f"<caption>{escaped(table.caption, longest=1000)}</caption>" if table.caption else ""
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, str):
        return f"<td>{escaped(value)}</td>"
    shown = f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f'<td class="n" data-n="{value!r}">{shown}</td>'


def escaped(text: str, longest: int = LONGEST_CELL) -> str:
    """`text` as it may stand in HTML, between tags or in a quoted attribute; one line, long ones cut in the middle."""
    return html.escape(printable(text, longest=longest), quote=True)


def embedded(value: Any) -> str:
    """JSON that may stand in a `<script>`: nothing in it can end one."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_uri(content: bytes, kind: str) -> str:
    """`content` as an address that needs no network."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _embedded_image(png: bytes) -> str:
    """A figure as an address: a JPEG where it holds photographs, whose PNG is large."""
    if len(png) < LARGEST_PNG:
        return data_uri(png, "image/png")
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(buffer, "JPEG", quality=86)
    return data_uri(buffer.getvalue(), "image/jpeg")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
