"""What covers say of themselves: each label against covers whose labels are plain, kept once, renewed with the rows."""

import shutil

import numpy as np
import pytest
from PIL import Image

import data.labels
from data.duplicates import FLAT
from data.errors import InputError
from data.labels import LABELS, cover_hashes, label, text_where_known
from data.shards import Dataset, DatasetWriter
from data.table import make_row
from data.where import matching_rows


def write(folder, picture):
    """Six tracks on two albums and two on none: (cover, width × height, album_id)."""
    covers = [
        (picture(1, (60, 60)), "a"),
        (picture(1, (96, 96), format="JPEG", quality=90), "a"),
        (None, "b"),
        (picture(3, (100, 64)), "b"),
        (b"no picture", "b"),
        (picture(5, (64, 65)), None),
    ]
    with DatasetWriter(folder, rows_per_shard=4) as writer:
        for number, (cover, album) in enumerate(covers):
            stored = cover and {"bytes": cover, "path": "cover.png"}
            writer.write(make_row(track_id=f"t{number}", album_id=album, cover=stored))
    return Dataset(folder)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, picture):
    return write(tmp_path_factory.mktemp("labels") / "d", picture)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("width", [60, 96, None, 100, None, 64]),
        ("height", [60, 96, None, 64, None, 65]),
        ("square", [True, True, None, False, None, True]),
        ("near_duplicate", [False, True, None, False, None, False]),
        ("first_of_album", [True, False, None, True, None, True]),
    ],
)
def test_each_row_has_the_labels_that_its_cover_shows(dataset, name, values):
    assert label(dataset, name) == values


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        (["square=yes"], [0, 1, 5]),
        (["square=NO"], [3]),
        (["square!=yes"], [2, 3, 4]),
        (["width>=80"], [1, 3]),
        (["width>=64", "height>=65"], [1, 5]),
        (["near_duplicate=no"], [0, 3, 5]),
        (["square=yes", "first_of_album=yes"], [0, 5]),
        (["square=yes|no"], [0, 1, 3, 5]),
    ],
)
def test_labels_are_columns_to_choose_by(dataset, conditions, rows):
    assert matching_rows(dataset, conditions).nonzero()[0].tolist() == rows


def test_hashes_tell_covers_apart_and_none_from_one(dataset):
    hashes = cover_hashes(dataset)
    assert hashes.dtype == np.uint64
    assert (hashes == FLAT).tolist() == [False, False, True, False, True, False]
    assert np.bitwise_count(hashes[0] ^ hashes[1]) <= 6 < np.bitwise_count(hashes[0] ^ hashes[3])


def test_an_album_without_an_id_goes_by_its_artist_and_name(tmp_path, picture):
    with DatasetWriter(tmp_path) as writer:
        for number, (artist, album) in enumerate([("Å", "X"), ("A", "x"), ("B", "X"), (None, None), (None, None)]):
            cover = {"bytes": picture(number), "path": "cover.png"}
            writer.write(make_row(track_id=str(number), artist=artist, album=album, cover=cover))
    assert label(Dataset(tmp_path), "first_of_album") == [True, False, True, True, True]


def test_covers_are_looked_at_once_and_again_for_other_rows(tmp_path, dataset, picture, monkeypatch):
    shutil.copytree(dataset.folder, tmp_path / "d", ignore=shutil.ignore_patterns("cache"))
    copy, looked = Dataset(tmp_path / "d"), []
    look = data.labels._look
    monkeypatch.setattr(data.labels, "_look", lambda content: looked.append(1) or look(content))
    told = []
    first = [label(copy, name, lambda *what: told.append(what)) for name in LABELS if name != "text"]
    assert len(looked) == 5
    assert told[-1] == ("looking at covers", 6, 6)
    assert [label(Dataset(copy.folder), name) for name in LABELS if name != "text"] == first
    assert len(looked) == 5
    (copy.cache_dir / "labels.parquet").write_bytes(b"damaged")
    assert label(copy, "width") == first[0]
    shutil.rmtree(copy.folder)
    with DatasetWriter(copy.folder) as writer:
        writer.write(make_row(track_id="t", cover={"bytes": picture(9, (70, 70)), "path": "cover.png"}))
    (copy.cache_dir).mkdir()
    shutil.copy(dataset.cache_dir / "labels.parquet", copy.cache_dir)
    assert label(Dataset(copy.folder), "width") == [70]


def test_text_is_what_the_reader_sees(tmp_path, dataset, monkeypatch):
    shutil.copytree(dataset.folder, tmp_path / "d")
    monkeypatch.setattr(data.labels, "text_finder", lambda: lambda image: image.width < 65)
    copy = Dataset(tmp_path / "d")
    assert text_where_known(copy) is None
    assert label(copy, "text") == [True, False, None, False, None, True]
    np.testing.assert_array_equal(text_where_known(copy), [1, 0, np.nan, 0, np.nan, 1])
    monkeypatch.undo()
    assert matching_rows(copy, ["text=no"]).nonzero()[0].tolist() == [1, 3]  # kept


def test_without_the_extra_text_is_one_line(monkeypatch):
    from data.lettering import text_finder

    text_finder.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "rapidocr", None)
    with pytest.raises(InputError, match=r'text: needs RapidOCR: pip install "gatefold\[text\]"'):
        text_finder()


def test_the_reader_finds_writing():
    pytest.importorskip("rapidocr")
    from PIL import ImageDraw, ImageFont

    from data.lettering import text_finder

    noise = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    plain = Image.fromarray(noise).resize((300, 300), Image.Resampling.BICUBIC)
    written = plain.copy()
    ImageDraw.Draw(written).text((40, 120), "GREATEST HITS", fill="white", font=ImageFont.load_default(28))
    has_text = text_finder()
    assert has_text(written)
    assert not has_text(plain)
