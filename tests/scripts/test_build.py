"""`gatefold build` on a user's folder: what can be used is used, what was skipped is told and counted."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.shards import Dataset
from data.synthetic import draw_tracks, render_cover

Row = dict[str, str]


@pytest.fixture
def covers(tmp_path) -> tuple[Path, list[Row]]:
    """A folder of six covers with names that need care, and the rows of a table that names them."""
    folder = tmp_path / "my covers"
    folder.mkdir()
    rows = []
    for track in draw_tracks(6, seed=3):
        name = f"{track.track_id} 'é\"雪.png"
        Image.fromarray(np.ascontiguousarray(render_cover(track, 64).transpose(1, 2, 0))).save(folder / name)
        rows.append({"file_name": name, "artist": track.artist, "genre": track.style})
    return folder, rows


def write_table(folder: Path, rows: list[Row]) -> None:
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_covers_and_their_table_become_a_dataset(gatefold, covers, tmp_path):
    folder, rows = covers
    write_table(folder, rows)
    done = gatefold("build", folder, tmp_path / "store")
    assert (done.code, done.lines) == (0, [str(tmp_path / "store")]), done.err
    assert len(Dataset(tmp_path / "store")) == 6
    assert "6 tracks" in done.err


def test_a_bad_cover_costs_only_itself(gatefold, covers, tmp_path):
    folder, rows = covers
    (folder / rows[1]["file_name"]).write_text("<html>not found</html>")
    (folder / "half\nway.png").write_bytes((folder / rows[2]["file_name"]).read_bytes()[:200])
    outside = tmp_path / "secret.png"
    outside.write_bytes((folder / rows[3]["file_name"]).read_bytes())
    rows[2]["file_name"] = "half\nway.png"
    rows[3]["file_name"] = "../secret.png"
    rows[4]["file_name"] = "missing.png"
    write_table(folder, rows)
    done = gatefold("build", folder, tmp_path / "store")
    assert done.code == 0, done.err
    assert len(Dataset(tmp_path / "store")) == 2
    assert sum(line.startswith("skipped ") for line in done.err.splitlines()) == 4, done.err
    assert "4 skipped: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "metadata.csv").write_text("artist,album\na,b\n"),
        lambda folder: (folder / "metadata.csv").write_bytes(b"\xff\xfe\x00\x00garbage"),
        lambda folder: (folder / "metadata.csv").write_text("file_name,artist\nmissing.png,a\n"),
        lambda folder: None,
    ],
    ids=["no column of files", "not text", "no file there", "no table"],
)
def test_nothing_usable_is_one_line_and_two(gatefold, tmp_path, spoil):
    folder = tmp_path / "folder"
    folder.mkdir()
    spoil(folder)
    done = gatefold("build", folder, tmp_path / "store")
    assert (done.code, done.out) == (2, "")
    told = [line for line in done.err.splitlines() if not line.startswith("skipped ")]
    assert len(told) == 1, done.err
    assert not list((tmp_path / "store").glob("*.parquet"))


def test_a_dataset_is_never_overwritten(gatefold, covers, tmp_path):
    folder, rows = covers
    write_table(folder, rows)
    assert gatefold("build", folder, tmp_path / "store").code == 0
    again = gatefold("build", folder, tmp_path / "store")
    assert again.code == 2
    assert "already" in again.err
    assert again.err.count("\n") == 1


def test_a_music_library_becomes_true_pairs(gatefold, library, tmp_path):
    (library / "broken.mp3").write_text("not music")
    done = gatefold("build", library, tmp_path / "store")
    assert done.code == 0, done.err
    rows = list(Dataset(tmp_path / "store").iter_rows())
    assert all(row["cover"] and row["audio"] for row in rows)
    assert len(rows) == 4
    assert "broken.mp3" in done.err
