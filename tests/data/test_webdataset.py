"""Export to WebDataset: every row is one sample, in a tar file of its split, and other libraries read it."""

import json
import tarfile

import numpy as np
import pytest

from data.errors import InputError
from data.shards import Dataset, DatasetWriter
from data.table import BYTES_COLUMNS, SPLITS, make_row
from data.webdataset import write_webdataset


@pytest.fixture
def dataset(tmp_path, picture):
    with DatasetWriter(tmp_path / "d") as writer:
        for number in range(9):
            row = make_row(
                track_id=f"../{number}/눈.x", title="a.b/c", genres=["dub"], tempo=100.5, split=SPLITS[number % 3],
                cover={"bytes": picture(number), "path": ["cover.PNG", "odd.x/../y", None][number % 3]},
                audio={"bytes": b"sound", "path": "clip.ogg"} if number % 2 else None,
            )  # fmt: skip
            writer.write(row if number != 8 else row | {"cover": None})
    return Dataset(tmp_path / "d")


def samples(paths):
    found = {}
    for path in paths:
        with tarfile.open(path) as tar:
            names = [member.name for member in tar]
            assert names == sorted(names, key=lambda name: name.split(".")[0])  # a sample's files lie together
            for name in names:
                key, suffix = name.split(".")
                found.setdefault(key, {"split": path.name.split("-")[0]})[suffix] = tar.extractfile(name).read()
    return found


@pytest.mark.parametrize("shard_bytes", [1, 2_000, 10**9])
def test_every_row_is_one_sample_of_its_split(tmp_path, dataset, shard_bytes):
    paths = write_webdataset(dataset, tmp_path / "out", shard_bytes=shard_bytes)
    assert len(paths) == 9 if shard_bytes == 1 else len(paths) >= 3
    found = samples(paths)
    assert sorted(found) == [f"{number:09d}" for number in range(9)]
    for number, row in enumerate(dataset.iter_rows()):
        sample = found[f"{number:09d}"]
        assert sample["split"] == row["split"]
        assert json.loads(sample["json"]) == {name: row[name] for name in row if name not in BYTES_COLUMNS}
        assert sample.get("ogg") == (row["audio"] and row["audio"]["bytes"])
        assert sample.get("png" if number % 3 == 0 else "img") == (row["cover"] and row["cover"]["bytes"])
    assert all(path.stat().st_size < shard_bytes + 30_000 for path in paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "out"]


def test_the_same_rows_give_the_same_bytes_and_others_are_left_out(tmp_path, dataset):
    chosen = np.arange(9) % 2 == 0
    both = [write_webdataset(dataset, tmp_path / name, chosen=chosen) for name in ("a", "b")]
    assert [path.read_bytes() for path in both[0]] == [path.read_bytes() for path in both[1]]
    assert sorted(samples(both[0])) == [f"{number:09d}" for number in range(0, 9, 2)]


def test_a_folder_that_is_there_is_left_alone(tmp_path, dataset):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_webdataset(dataset, tmp_path / "out")


def test_hugging_face_datasets_streams_it(tmp_path, monkeypatch, dataset):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    alike = np.isin(np.arange(9), [0, 6])  # that library wants all samples to have the same kinds of files
    paths = write_webdataset(dataset, tmp_path / "out", chosen=alike)
    train = next(path for path in paths if path.name.startswith("train"))
    opened = datasets.load_dataset("webdataset", data_files=str(train), split="train", streaming=True)
    rows = list(opened)
    assert [row["__key__"] for row in rows] == ["000000000", "000000006"]
    assert rows[1]["json"]["title"] == "a.b/c"
    assert rows[0]["png"].size == (64, 64)
