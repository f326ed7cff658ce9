"""Damaged bytes of every kind: a result or one `InputError`, within a bounded time and memory."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.audio import load_audio
from data.build import build_dataset
from data.cells import clean_text, date_of, parts_of
from data.covers import decode_cover, read_png, resize_cover
from data.errors import InputError
from data.library import read_music_folder
from data.shards import Dataset, DatasetWriter
from data.table import make_row
from data.tables import read_table

pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")
Make = Callable[..., bytes]
Change = tuple[str, int, bytes]
MOST_MB = 700
patient = settings(
    max_examples=60,
    deadline=timedelta(seconds=5),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
places = st.one_of(st.integers(0, 200), st.integers(0, 10**6))
edits = st.one_of(
    st.tuples(st.just("set"), places, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("set"), places, st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4])),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("drop"), places, st.binary(min_size=1, max_size=100)),
    st.tuples(st.just("cut"), places, st.just(b"")),
)  # fmt: skip


def mutated(content: bytes, changes: list[Change]) -> bytes:
    """`content` with each change made at its place (counted round the end)."""
    changed = bytearray(content)
    for kind, place, what in changes:
        at = place % max(1, len(changed))
        match kind:
            case "set":
                changed[at : at + len(what)] = what
            case "insert":
                changed[at:at] = what
            case "drop":
                del changed[at : at + len(what)]
            case "cut":
                del changed[at:]
    return bytes(changed)


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """The process grows by at most `MOST_MB` while damaged bytes are read."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_MB


def one_line(error: InputError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


SOUNDS = {
    "wav": {"format": "WAV"},
    "adpcm": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "flac": {"format": "FLAC"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "mp3": {"format": "MP3"},
    "aiff": {"format": "AIFF"},
}


@pytest.fixture(scope="module")
def whole_sounds(sound: Make, aac: Make) -> dict[str, bytes]:
    """A sound file of each kind before it is damaged."""
    return {kind: sound(1.5, **how) for kind, how in SOUNDS.items()} | {"m4a": aac(1.5), "mp4": aac(1.5, "mp4")}


@pytest.mark.parametrize("kind", [*SOUNDS, "m4a", "mp4"])
@patient
@given(changes=st.lists(edits, min_size=1, max_size=12))
def test_damaged_audio(whole_sounds: dict[str, bytes], kind: str, changes: list[Change]) -> None:
    try:
        heard = load_audio(mutated(whole_sounds[kind], changes), duration_s=2.0, name="damaged")
    except InputError as error:
        one_line(error)
    else:
        assert 22_050 <= len(heard.y) <= 2 * 22_050 + 1


IMAGES = {
    "jpeg": {"format": "JPEG"},
    "cmyk": {"format": "JPEG", "mode": "CMYK"},
    "png": {"format": "PNG"},
    "palette": {"format": "PNG", "mode": "P"},
    "gif": {"format": "GIF", "mode": "P"},
    "webp": {"format": "WEBP"},
    "tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    "bmp": {"format": "BMP"},
    "avif": {"format": "AVIF"},
    "jpeg2000": {"format": "JPEG2000"},
    "tga": {"format": "TGA"},
    "ico": {"format": "ICO"},
}


@pytest.mark.parametrize("kind", IMAGES)
@patient
@given(changes=st.lists(edits, min_size=1, max_size=8))
def test_damaged_images(picture: Make, kind: str, changes: list[Change]) -> None:
    content = mutated(picture(1, **IMAGES[kind]), changes)
    for read in (lambda: resize_cover(decode_cover(content), 16), lambda: read_png(content)):
        try:
            read()
        except InputError as error:
            one_line(error)


@patient
@given(content=st.binary(max_size=300))
def test_any_bytes_at_all(content: bytes) -> None:
    for read in (load_audio, decode_cover, read_png):
        with pytest.raises(InputError):
            read(content)


TABLES = {
    "csv": b'id,cover,artist,energy,tags\n1,covers/1.png,"A, B",0.5,"[""idm""]"\n2,covers/2.png,C,,\n',
    "jsonl": b'{"id": 1, "cover": "covers/1.png", "tags": ["a"], "energy": 0.5}\n{"cover": "covers/2.png"}\n',
}


@pytest.mark.parametrize("kind", TABLES)
@settings(patient, max_examples=40)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_a_damaged_table(cover_folder: Path, kind: str, changes: list[Change]) -> None:
    (cover_folder / f"metadata.{kind}").write_bytes(mutated(TABLES[kind], changes))
    out = cover_folder.parent / "out"
    try:
        summary = build_dataset(cover_folder, out, on_skip=lambda *why: one_line(InputError(*why)))
        assert summary.rows == len(Dataset(out)) <= 12
    except InputError as error:
        one_line(error)
    for shard in out.glob("part-*"):
        shard.unlink()


@patient
@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from(["id", "cover", "artist", "tags", "energy", "date", "clip", "cover\n"]),
            st.sampled_from(["covers/1.png", "covers", "../x"])
            | st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                max_leaves=5,
            ),
        ),
        max_size=4,
    )
)
def test_tables_of_anything(cover_folder: Path, rows: list[dict[str, object]]) -> None:
    (cover_folder / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    out = cover_folder.parent / "out"
    try:
        assert build_dataset(cover_folder, out).rows == len(Dataset(out))
    except InputError as error:
        one_line(error)
    for shard in out.glob("part-*"):
        shard.unlink()


@patient
@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.none()))
def test_cells_of_anything(value: object) -> None:
    assert clean_text(value) is None or isinstance(clean_text(value), str)
    assert date_of(value) is None or len(str(date_of(value))) in (4, 7, 10)
    assert isinstance(parts_of(value), list)


@settings(patient, max_examples=40)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_a_damaged_shard(tmp_path: Path, changes: list[Change]) -> None:
    shard = tmp_path / "d" / "part-00000.parquet"
    if not shard.exists():
        with DatasetWriter(tmp_path / "d", rows_per_group=4) as writer:
            for number in range(10):
                writer.write(make_row(track_id=str(number), cover={"bytes": bytes(100), "path": "x"}))
        shard.rename(tmp_path / "whole")
    shard.write_bytes(mutated((tmp_path / "whole").read_bytes(), changes))
    try:
        dataset = Dataset(tmp_path / "d")
        list(dataset.iter_rows())
        dataset.indices("train")
        dataset.present("cover")
        if len(dataset):
            dataset.row(len(dataset) - 1)
    except InputError as error:
        one_line(error)


@settings(patient, max_examples=30)
@given(changes=st.lists(edits, min_size=1, max_size=6))
def test_a_damaged_parquet_table(tmp_path: Path, changes: list[Change]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"file_name": ["a.jpg", "b.jpg"], "energy": [0.1, 0.2]}), path)
    path.write_bytes(mutated(path.read_bytes(), changes))
    try:
        list(read_table(path))
    except InputError as error:
        one_line(error)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg"])
@settings(patient, max_examples=40)
@given(changes=st.lists(edits, min_size=1, max_size=8))
def test_damaged_tags(
    tmp_path: Path, whole_sounds: dict[str, bytes], picture: Make, kind: str, changes: list[Change]
) -> None:
    import mutagen
    from mutagen.flac import Picture
    from mutagen.id3 import APIC, ID3, TIT2

    folder = tmp_path / "music"
    folder.mkdir(exist_ok=True)
    path = folder / f"track.{kind}"
    path.write_bytes(whole_sounds[kind])
    if kind == "mp3":
        tags = ID3()
        tags.add(TIT2(encoding=3, text="title"))
        tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=picture()))
        tags.save(path)
    else:
        file = mutagen.File(path)
        file["title"] = "title"
        if kind == "flac":
            block = Picture()
            block.data = picture()
            file.add_picture(block)
        file.save()
    path.write_bytes(mutated(path.read_bytes()[:4000], changes))
    (entry,) = read_music_folder(folder, lambda subject, reason: None)
    assert entry.row["track_id"] == f"track.{kind}"
