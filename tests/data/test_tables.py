"""Tables and their cells, as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.cells import clean_text, date_of, parts_of
from data.errors import InputError
from data.tables import MAX_LINE, columns_of, read_table

ROWS = [{"file_name": "a.jpg", "artist": "Björk, Guðmundsdóttir"}, {"file_name": "b.jpg", "artist": None}]
TEXTS = {
    "t.csv": 'File Name,artist\na.jpg,"Björk, Guðmundsdóttir"\nb.jpg,\n',
    "semicolons.csv": "file-name;Artist\r\na.jpg;Björk, Guðmundsdóttir\r\n\r\nb.jpg;\r\n",
    "excel.csv": '\ufefffile_name,artist\na.jpg,"Björk, Guðmundsdóttir"\nb.jpg,\n',
    "t.tsv": "file_name\tartist\na.jpg\tBjörk, Guðmundsdóttir\nb.jpg\t\n",
    "t.jsonl": '{"file_name": "a.jpg", "artist": "Björk, Guðmundsdóttir"}\n\n{"file_name": "b.jpg", "artist": null}\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_kind_of_table_is_the_same_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TEXTS[name].encode())
    assert list(read_table(tmp_path / name)) == ROWS
    assert columns_of(tmp_path / name) == ["file_name", "artist"]


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet")) == ROWS
    assert columns_of(tmp_path / "t.parquet") == ["file_name", "artist"]


BAD: dict[str, tuple[str, bytes]] = {
    "empty.csv": ("no header", b""),
    "latin.csv": ("not UTF-8", "file_name\nBj\u00f6rk.jpg\n".encode("latin-1")),
    "utf-16.csv": ("not UTF-8", "file_name\na.jpg\n".encode("utf-16")),
    "twice.csv": ("'artist' is there twice", b"file_name,artist,Artist\na,b,c\n"),
    "more.csv": ("line 3 has more cells", b"file_name,artist\na,b\na,b,c\n"),
    "open quote.csv": ("field larger", b'file_name\n"' + b"a\n" * 100_000),
    "long line.csv": ("longer than", b"file_name\n" + b"a" * (MAX_LINE + 1)),
    "wide.csv": ("more than 1000 columns", b",".join(b"c%d" % n for n in range(1001)) + b"\n"),
    "text.jsonl": ("line 1 is not valid JSON", b"hello\n"),
    "list.jsonl": ("line 2 is not a JSON object", b"{}\n[1, 2]\n"),
    "deep.jsonl": ("not valid JSON", b"[" * 100_000 + b"\n"),
    "not.parquet": ("not a Parquet", b"PAR1 or so"),
    "cut.parquet": ("not a Parquet", b"PAR1" + b"\0" * 40 + b"PAR1"),
    "sheet.xlsx": ("not a table", b"PK"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    reason, content = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as refusal:
        list(read_table(tmp_path / name))
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    for suffix in ("csv", "jsonl", "parquet"):
        with pytest.raises(InputError):
            list(read_table(tmp_path / f"missing.{suffix}"))


@pytest.mark.parametrize(
    ("value", "parts"),
    [(None, []), ("idm", ["idm"]), ('["a, b", "c"]', ["a, b", "c"]), ("['a', 'b']", ["a", "b"]),
     (["a", None, "b"], ["a", "b"]),
     ("a; b, c", ["a", " b, c"]), ("a|b", ["a", "b"]), ("R&B, Soul", ["R&B", " Soul"]), ("[broken", ["[broken"]),
     ("[a, b]", ["a", " b"]), ("[__import__('os')]", ["__import__('os')"])],
)  # fmt: skip
def test_lists_as_people_write_them(value: Any, parts: list[str]) -> None:
    assert parts_of(value) == parts


@pytest.mark.parametrize(
    ("value", "date"),
    [("2004-03-13", "2004-03-13"), ("2004-03", "2004-03"), (2004, "2004"), (2004.0, "2004"),
     ("2004-03-13T10:00:00Z", "2004-03-13"),
     (" 1999 ", "1999"), ("", None), (None, None), ("March", None), ("13/03/2004", None), ("nan", None)],
)  # fmt: skip
def test_dates_as_people_write_them(value: Any, date: str | None) -> None:
    assert date_of(value) == date


@pytest.mark.parametrize(
    ("value", "text"),
    [(" two\nlines\t", "two lines"), ("nan", None), ("", None), (7, "7"), (True, None), (None, None), ("a\0b", "a b"),
     ("a\udce9", "a?"), (["a", "b"], "a, b"), ("x" * 9000, "x" * 4096)],
)  # fmt: skip
def test_texts_become_what_the_table_takes(value: Any, text: str | None) -> None:
    assert clean_text(value) == text
