"""The folder source: the same rows as `gatefold build`, through the collector; run again, it takes in what is new."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.build import build_dataset
from data.collecting import collect
from data.errors import InputError
from data.shards import Dataset
from data.sources.folder import Folder
from data.tally import status
from tests.sources.standin import jpeg


def by_title(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by title, without what says whence they come."""
    rows = list(Dataset(folder).iter_rows())
    return {row["title"] or row["track_id"].rpartition("/")[2]: row | {"track_id": None} for row in rows}


def gather(folder: Path, to: Path) -> None:
    assert collect(Folder(), to, [("path", str(folder))]).ending.reason is None


def test_a_library_is_gathered_as_it_is_built(library: Path, tmp_path: Path) -> None:
    build_dataset(library, tmp_path / "built")
    gather(library, tmp_path / "store")
    assert by_title(tmp_path / "store") == by_title(tmp_path / "built")
    assert all(row["cover"] and row["audio"] for row in by_title(tmp_path / "store").values())


def test_what_is_new_is_taken_in(library: Path, tmp_path: Path) -> None:
    gather(library, tmp_path / "store")
    before = Dataset(tmp_path / "store").fingerprint
    gather(library, tmp_path / "store")
    assert Dataset(tmp_path / "store").fingerprint == before
    song = next(library.rglob("*.flac"))
    (song.parent / "02 again.flac").write_bytes(song.read_bytes())
    gather(library, tmp_path / "store")
    assert len(Dataset(tmp_path / "store")) == 5


def test_embedded_art_and_a_table_and_names_of_any_bytes(tmp_path: Path, library: Path) -> None:
    from mutagen.flac import FLAC, Picture

    song = next(library.rglob("*.flac"))
    art = Picture()
    art.data, art.type, art.mime = jpeg(5), 3, "image/jpeg"
    tagged = FLAC(song)
    tagged.add_picture(art)
    tagged.save()
    odd = os.fsdecode(os.fsencode(library) + b"/\xff 'odd\" name.flac")
    os.replace(song, odd)
    gather(library, tmp_path / "store")
    covers = [row["cover"]["bytes"] for row in Dataset(tmp_path / "store").iter_rows()]
    assert jpeg(5) in covers
    assert len(covers) == 4

    folder = tmp_path / "covers"
    folder.mkdir()
    rows = [{"id": f"t{n}", "file_name": f"{n}.jpg", "artist": "a"} for n in range(4)]
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(jpeg(n))
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, {"id": "t5", "file_name": "../secret.jpg"}])
    gather(folder, tmp_path / "store")  # two folders in one dataset
    assert len(Dataset(tmp_path / "store")) == 7
    why = next(line["why"] for line in status(tmp_path / "store") if line["what"] == "tracks")
    assert why == {"cover: no such file": 1, "leaves the folder covers": 1}


def test_what_cannot_be_gathered_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        gather(tmp_path / "none", tmp_path / "store")
    inside = tmp_path / "inside"
    inside.mkdir()
    table = pa.Table.from_pylist([{"image": {"bytes": jpeg(1), "path": "1.jpg"}, "artist": "a"}])
    pq.write_table(table, inside / "metadata.parquet")
    gather(inside, tmp_path / "store")
    why = next(line["why"] for line in status(tmp_path / "store") if line["what"] == "tracks")
    assert why == {"its files lie inside the table: give the folder to gatefold build": 1}
