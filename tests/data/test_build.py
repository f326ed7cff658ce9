"""From a user's folder with a table to a dataset: every spelling of it, and all that can be wrong."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.build import build_dataset
from data.emotions import EMOTIONS
from data.errors import InputError
from data.shards import Dataset
from tests.data.building import built

Make = Callable[..., bytes]


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def covers_named(column: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"t{n}", column: f"covers/{n}.png", "artist": f"artist {n % 6}"} | more for n in range(12)]


@pytest.mark.parametrize("column", ["file_name", "cover", "Image", "path", "image_path", "filename"])
def test_a_folder_of_covers_with_a_csv(cover_folder: Path, column: str, picture: Make) -> None:
    write_csv(cover_folder / "metadata.csv", covers_named(column))
    dataset, summary = built(cover_folder)
    assert summary.rows == summary.with_cover == len(dataset) == 12
    assert summary.with_audio == 0
    assert summary.skipped == {}
    rows = list(dataset.iter_rows())
    assert [row["track_id"] for row in rows] == [f"t{n}" for n in range(12)]
    assert [row["cover"]["bytes"] for row in rows] == [picture(n) for n in range(12)]
    assert {row["source"] for row in rows} == {"my covers"}
    for artist in {row["artist"] for row in rows}:
        assert len({row["split"] for row in rows if row["artist"] == artist}) == 1
    assert {split: len(dataset.indices(split)) for split in summary.splits} == summary.splits


def test_what_a_table_says_is_kept(cover_folder: Path) -> None:
    (cover_folder / "releases.jsonl").write_text(
        "\n".join(
            json.dumps(row)
            for row in covers_named(
                "cover", title="Dryrot", date="2004-03-13", tags=["idm", "dub"], genre="electronic", energy=0.7,
                bpm="128", popularity=None, archive_url="https://example.org/1", license="CC BY", notes="long",
            )
        )
    )  # fmt: skip
    row = built(cover_folder)[0].row(3)
    assert row["title"] == "Dryrot"
    assert row["release_date"] == "2004-03-13"
    assert row["genres"] == ["electronic", "idm", "dub"]
    assert row["energy"] == pytest.approx(0.7)
    assert row["tempo"] == 128
    assert row["popularity"] is None
    assert row["source"] == "https://example.org/1"
    assert row["licence"] == "CC BY"
    assert row["album"] is None


def test_nine_columns_of_emotions_become_one(cover_folder: Path) -> None:
    shares = {name: round(0.1 * place, 1) for place, name in enumerate(EMOTIONS)}
    spelt = {name.replace("_", " ").title(): share for name, share in shares.items()}
    rows = covers_named("cover", **spelt)
    rows[3] |= dict.fromkeys(spelt)  # nothing is known of this one
    rows[4] |= {"Power": None, "Sadness": ""}
    rows[5] |= {"Tension": 40}
    rows[6] |= {"Calmness": "much"}
    write_csv(cover_folder / "metadata.csv", rows)
    skips: list[tuple[str, str]] = []
    dataset, _ = built(cover_folder, skips)
    assert skips == [
        ("t4", "emotions are given all nine or none; missing: power, sadness"),
        ("t5", "tension=40 is outside 0 to 1"),
        ("t6", "calmness is not a number"),
    ]
    kept = {row["track_id"]: row["emotions"] for row in dataset.iter_rows(["track_id", "emotions"])}
    assert kept.pop("t3") is None
    assert len(kept) == 8
    assert all(emotions == pytest.approx(list(shares.values())) for emotions in kept.values())


def test_a_table_without_emotions_has_none(cover_folder: Path) -> None:
    write_csv(cover_folder / "metadata.csv", covers_named("cover", power="40 W", tension=9))
    dataset, summary = built(cover_folder)
    assert summary.skipped == {}
    assert not dataset.present("emotions").any()


def test_a_table_that_lacks_an_emotion_is_told(cover_folder: Path) -> None:
    write_csv(cover_folder / "metadata.csv", covers_named("cover", **dict.fromkeys(EMOTIONS[:8], 0.5)))
    with pytest.raises(InputError, match="all nine or none; missing: sadness"):
        built(cover_folder)


def test_imagefolder_splits_and_parquet_with_the_bytes_inside(
    cover_folder: Path, picture: Make, tmp_path: Path
) -> None:
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        (cover_folder / part).mkdir()
        for number in numbers:
            (cover_folder / "covers" / f"{number}.png").rename(cover_folder / part / f"{number}.png")
        write_csv(cover_folder / part / "metadata.csv", [{"file_name": f"{n}.png", "text": "x"} for n in numbers])
    dataset, _ = built(cover_folder)
    assert sorted(dataset.read(["track_id"]).column(0).to_pylist(), key=int) == [str(n) for n in range(12)]

    other = tmp_path / "hub"
    other.mkdir()
    rows = [{"image": {"bytes": picture(n), "path": f"{n}.png"}, "artist": "a"} for n in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), other / "metadata.parquet")
    assert built(other)[0].row(2)["cover"]["bytes"] == picture(2)


def test_pairs_of_clip_and_cover(cover_folder: Path, sound: Make) -> None:
    clips = {"short": sound(2.0, format="OGG", subtype="VORBIS"), "long": sound(100.0, format="FLAC")}
    for name, content in clips.items():
        (cover_folder / name).write_bytes(content)
    rows = [{"id": name, "clip": name, "cover": "covers/1.png"} for name in clips]
    write_csv(cover_folder / "pairs.csv", rows)
    dataset, summary = built(cover_folder)
    assert (summary.rows, summary.with_cover, summary.with_audio) == (2, 2, 2)
    short, long = dataset.iter_rows()
    assert short["audio"]["bytes"] == clips["short"]
    assert long["audio"]["bytes"][:4] == b"OggS"
    assert len(long["audio"]["bytes"]) < len(clips["long"]) / 5
    assert short["split"] == long["split"]  # the same cover


def test_one_cover_and_what_is_near_it_stay_on_one_side(cover_folder: Path, picture: Make) -> None:
    rows = covers_named("cover")
    for number in range(40):
        image = Image.open(io.BytesIO(picture(0))).resize((100 + number, 100 + number))
        image.save(cover_folder / "covers" / f"again-{number}.png")
        rows.append({"id": f"again-{number}", "cover": f"covers/again-{number}.png", "artist": f"other {number}"})
    write_csv(cover_folder / "metadata.csv", rows)
    dataset, summary = built(cover_folder)
    sides = {row["split"] for row in dataset.iter_rows(["track_id", "split"]) if "again" in row["track_id"]}
    assert len(sides) == 1
    assert summary.near_duplicates == 41


def test_large_and_odd_covers_are_kept_small_and_plain(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    gradient = Image.linear_gradient("L").convert("RGB")
    gradient.resize((1600, 1200)).save(folder / "large.png")
    gradient.convert("CMYK").save(folder / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient.resize((64, 32)).save(folder / "turned.jpg", exif=exif)
    gradient.convert("P").save(folder / "palette.gif")
    write_csv(folder / "metadata.csv", [{"file_name": path.name} for path in sorted(folder.iterdir())])
    kept = {row["track_id"]: Image.open(io.BytesIO(row["cover"]["bytes"])) for row in built(folder)[0].iter_rows()}
    assert {image.format for image in kept.values()} == {"JPEG"}
    assert {image.mode for image in kept.values()} == {"RGB"}
    assert kept["large"].size == (1024, 768)
    assert kept["turned"].size == (32, 64)


BAD_ROWS: dict[str, tuple[dict[str, str], str]] = {
    "leaves the folder": ({"cover": "../outside.png"}, "leaves the folder"),
    "absolute": ({"cover": "/etc/passwd"}, "leaves the folder"),
    "through a link": ({"cover": "link.png"}, "leaves the folder"),
    "missing": ({"cover": "covers/none.png"}, "no such file"),
    "a directory": ({"cover": "covers"}, "is a directory"),
    "no file named": ({"cover": ""}, "names no file"),
    "twice": ({"id": "t0"}, "duplicate id"),
    "not a number": ({"energy": "high"}, "energy is not a number"),
    "off the scale": ({"energy": "7"}, "outside 0 to 1"),
    "web page": ({"cover": "page.jpg"}, "a web page, not an image"),
    "one pixel": ({"cover": "dot.png"}, "too small"),
    "bad clip": ({"clip": "page.jpg"}, "not audio"),
    "missing clip": ({"clip": "none.mp3"}, "no such file"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_skipped_and_the_rest_goes_on(cover_folder: Path, case: str, picture: Make) -> None:
    change, reason = BAD_ROWS[case]
    (cover_folder.parent / "outside.png").write_bytes(picture(99))
    (cover_folder / "link.png").symlink_to(cover_folder.parent / "outside.png")
    (cover_folder / "page.jpg").write_bytes(b"<html><body>gone</body></html>")
    (cover_folder / "dot.png").write_bytes(picture(size=(1, 1)))
    rows = covers_named("cover", energy="0.5", clip="")
    write_csv(cover_folder / "metadata.csv", [*rows[:5], rows[0] | {"id": "bad\nrow"} | change, *rows[5:]])
    skips: list[tuple[str, str]] = []
    dataset, summary = built(cover_folder, skips)
    assert len(dataset) == 12
    assert len(skips) == 1
    assert reason in skips[0][1]
    assert list(summary.skipped.values()) == [1]


def test_nothing_usable_is_one_clear_error_and_no_dataset(cover_folder: Path, tmp_path: Path) -> None:
    write_csv(cover_folder / "metadata.csv", [{"file_name": f"none{n}.png"} for n in range(3)])
    with pytest.raises(InputError, match=r"no usable track; first of 3 skipped: none0: no such file"):
        build_dataset(cover_folder, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.parquet"))
    with pytest.raises(InputError, match="no dataset"):
        Dataset(tmp_path / "out")


@pytest.mark.parametrize(
    "name", [".", "..", "/", "\\ud800.png", "\\udce9.png", "\\u0000", "a" * 3000, "a/" * 3000, "~", "con:"]
)
def test_odd_paths_in_a_table_are_skipped(cover_folder: Path, name: str) -> None:
    rows = ['{"cover": "covers/1.png"}', f'{{"cover": "{name}"}}', '{"cover": "covers/2.png"}']
    (cover_folder / "metadata.jsonl").write_text("\n".join(rows))
    dataset, summary = built(cover_folder)
    assert dataset.read(["track_id"]).column(0).to_pylist() == ["covers/1", "covers/2"]
    assert sum(summary.skipped.values()) == 1


BAD_FOLDERS: dict[str, tuple[dict[str, str], str]] = {
    "nothing in it": ({}, "neither a table"),
    "no column for the file": (
        {"metadata.csv": "artist,title\na,b\n"},
        "no column names the cover.*it has artist, title",
    ),
    "loose table without it": ({"list.csv": "artist,title\na,b\n"}, "no column names the cover"),
    "empty table": ({"metadata.jsonl": ""}, "it is empty"),
    "only a header": ({"metadata.csv": "file_name,artist\n"}, "no usable track"),
    "two tables": ({"a.csv": "cover\nx\n", "b.csv": "cover\nx\n"}, "several tables name files"),
    "not a table": ({"metadata.csv": "\0\0\0"}, "metadata.csv"),
    "broken half way": ({"metadata.jsonl": '{"cover": "a.png"}\n{"cover":\n'}, "line 2 is not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, case: str) -> None:
    files, reason = BAD_FOLDERS[case]
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=reason):
        build_dataset(folder, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_places_that_are_no_folder(tmp_path: Path, cover_folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        build_dataset(tmp_path / "missing", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        build_dataset(tmp_path / "file", tmp_path / "out")
    write_csv(cover_folder / "metadata.csv", covers_named("cover"))
    build_dataset(cover_folder, tmp_path / "out")
    with pytest.raises(InputError, match="already holds a dataset"):
        build_dataset(cover_folder, tmp_path / "out")


def test_a_folder_that_changes_meanwhile_is_refused(cover_folder: Path, tmp_path: Path) -> None:
    """Splits found in the first pass must not go to other rows in the second."""
    write_csv(cover_folder / "metadata.csv", covers_named("cover"))

    def change(stage: str, done: int, total: int | None) -> None:
        if stage == "looking at covers" and done == 12:
            write_csv(cover_folder / "metadata.csv", covers_named("cover")[1:])

    with pytest.raises(InputError, match="changed while it was read"):
        build_dataset(cover_folder, tmp_path / "out", progress=change)
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_two_builds_are_equal_on_any_number_of_threads(cover_folder: Path, sound: Make, tmp_path: Path) -> None:
    (cover_folder / "long.flac").write_bytes(sound(95.0, format="FLAC"))
    write_csv(cover_folder / "metadata.csv", covers_named("cover", clip="long.flac")[:4])
    for jobs in (1, 3):
        build_dataset(cover_folder, tmp_path / str(jobs), jobs=jobs)
    assert Dataset(tmp_path / "1").fingerprint == Dataset(tmp_path / "3").fingerprint
