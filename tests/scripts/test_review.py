"""`gatefold review`: sheets to look at, ids to strike."""

import json

import pytest
from PIL import Image

from data.shards import Dataset
from data.synthetic import write_world


@pytest.fixture
def dataset(tmp_path):
    return write_world(tmp_path / "d", 7, 0, audio=False)


def test_a_list_from_a_sheet_strikes_tracks_out(gatefold, dataset, tmp_path):
    done = gatefold("review", dataset.folder, "--out", tmp_path / "sheets")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(tmp_path / "sheets" / "sheet-001.png")]
    assert Image.open(tmp_path / "sheets" / "sheet-001.png").width > 1000
    lines = (tmp_path / "sheets" / "sheet-001.txt").read_text().splitlines()
    ids = dataset.read(["track_id"])["track_id"].to_pylist()
    assert [line.split("\t")[0] for line in lines] == ids
    (tmp_path / "bad.txt").write_text(f"{lines[2]}\n\n{ids[4]}\n")
    done = gatefold("review", dataset.folder, "--drop", tmp_path / "bad.txt", "--drop", ids[0])
    assert done.code == 0, done.err
    assert [json.loads(line)["track_id"] for line in done.out.splitlines()] == [ids[0], ids[2], ids[4]]
    assert "3 struck out" in done.err
    left = Dataset(dataset.folder)
    assert left.read(["track_id"])["track_id"].to_pylist() == [ids[1], ids[3], ids[5], ids[6]]


def test_sheets_show_the_rows_that_are_meant(gatefold, dataset):
    album = dataset.row(0)["album"]
    count = sum(row["album"] == album for row in dataset.iter_rows(["album"]))
    done = gatefold("review", dataset.folder, "--where", f"album={album}")
    assert done.code == 0, done.err
    assert len((dataset.cache_dir / "review" / "sheet-001.txt").read_text().splitlines()) == count


def test_an_unknown_id_is_one_line(gatefold, dataset):
    done = gatefold("review", dataset.folder, "--drop", "none")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("holds no track 'none'\n")
