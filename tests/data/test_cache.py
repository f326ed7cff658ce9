"""The cover cache: the covers of the rows, made once, made again when the rows change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.cache import cover_cache, has_cover
from data.covers import decode_cover, resize_cover
from data.errors import InputError
from data.shards import Dataset, DatasetWriter
from data.table import make_row

Make = Callable[..., bytes]


@pytest.fixture
def dataset(tmp_path: Path, picture: Make) -> Dataset:
    with DatasetWriter(tmp_path / "d", rows_per_shard=50) as writer:
        for number in range(130):
            cover = None if number == 7 else {"bytes": picture(number, (60, 40)), "path": "cover.png"}
            writer.write(make_row(track_id=str(number), cover=cover))
    return Dataset(tmp_path / "d")


def test_the_cache_holds_each_rows_cover(dataset: Dataset, picture: Make) -> None:
    told: list[tuple[int, int]] = []
    covers = cover_cache(dataset, 32, progress=lambda done, total: told.append((done, total)))
    assert isinstance(covers, np.memmap)
    assert covers.shape == (130, 3, 32, 32)
    assert covers.dtype == np.uint8
    for number in (0, 63, 64, 129):
        assert np.array_equal(covers[number], resize_cover(decode_cover(picture(number, (60, 40))), 32))
    assert not covers[7].any()
    assert np.flatnonzero(~has_cover(dataset)).tolist() == [7]
    assert told[-1] == (130, 130)
    with pytest.raises(ValueError, match="read-only"):
        covers[0] = 0


def test_it_is_the_same_on_any_number_of_threads(dataset: Dataset) -> None:
    one = np.array(cover_cache(dataset, 16, jobs=1))
    (dataset.cache_dir / "covers-16.json").unlink()
    assert np.array_equal(cover_cache(dataset, 16, jobs=4), one)


def test_it_is_made_once(dataset: Dataset) -> None:
    cover_cache(dataset, 16)
    path = dataset.cache_dir / "covers-16.npy"
    made = path.stat().st_mtime_ns
    cover_cache(Dataset(dataset.folder), 16)
    assert path.stat().st_mtime_ns == made
    assert cover_cache(dataset, 24).shape[-1] == 24
    assert path.stat().st_mtime_ns == made


@pytest.mark.parametrize("damage", ["note", "no note", "array cut", "array of another kind", "pickle"])
def test_a_stale_or_damaged_cache_is_made_again(dataset: Dataset, damage: str) -> None:
    right = np.array(cover_cache(dataset, 16))
    path, note = dataset.cache_dir / "covers-16.npy", dataset.cache_dir / "covers-16.json"
    match damage:
        case "note":
            note.write_text(note.read_text().replace(dataset.fingerprint, "0" * 64))
        case "no note":
            note.unlink()
        case "array cut":
            path.write_bytes(path.read_bytes()[:1000])
        case "array of another kind":
            np.save(path, np.zeros(4))
        case "pickle":
            np.save(path, np.array([{"code": "any"}], dtype=object), allow_pickle=True)
    if damage in ("note", "no note"):
        np.save(path, np.zeros_like(right))
    assert np.array_equal(cover_cache(dataset, 16), right)


def test_a_cover_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d") as writer:
        writer.write(make_row(track_id="odd one", cover={"bytes": b"no picture", "path": "cover.jpg"}))
    with pytest.raises(InputError, match=r"odd one.*not an image"):
        cover_cache(Dataset(tmp_path / "d"), 16)
    assert not list((tmp_path / "d" / "cache").glob("covers-*"))


@pytest.mark.parametrize("resolution", [0, -4, 100_000])
def test_a_resolution_off_the_scale_is_refused(dataset: Dataset, resolution: int) -> None:
    with pytest.raises(InputError, match="resolution"):
        cover_cache(dataset, resolution)
