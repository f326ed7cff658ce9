"""Finished covers by the command: their size, look and format, made again, and put into the tracks' tags."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.audio import load_audio
from data.covers import read_png
from data.jpeg import read_cover
from data.library import read_pictures
from data.synthetic import draw_tracks
from gans.finish import finish
from tests.conftest import wav_bytes


@pytest.fixture
def make(gatefold, hearing, tmp_path):
    """`make(*words)`: `gatefold generate` into `tmp_path / "covers"`, small, with the bundle that hears."""
    return lambda *words: gatefold(
        *("generate", "--model", hearing, "--out", tmp_path / "covers"),
        *(() if "raw" in words or "--size" in words else ("--size", "64")), *words,
    )  # fmt: skip


@pytest.fixture
def album(tmp_path) -> Path:
    """A folder of five tracks in two folders, with what else lies in such folders."""
    folder = tmp_path / "music"
    for place, track in enumerate(draw_tracks(5, seed=3)):
        path = folder / f"CD {1 + place // 3}" / f"0{1 + place % 3} song.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav_bytes(track, format="FLAC"))
    (folder / "cover.jpg").write_bytes(b"a picture")
    (folder / "CD 1" / "notes.txt").write_text("notes")
    (folder / ".hidden.flac").write_bytes(b"")
    return folder


def test_a_cover_is_finished_unless_its_own_pixels_are_asked_for(gatefold, hearing, songs, tmp_path):
    words = ("generate", "--model", hearing, "--out", tmp_path / "covers", songs[0], "--seed", "5")
    done, raw = gatefold(*words), gatefold(*words, "--finish", "raw")
    assert (done.code, done.err) == (0, "")
    image, text = read_png(done.lines[0])
    assert json.loads(text["finish"]) == {"look": "paper", "size": 1024}
    pixels, text = read_png(raw.lines[0])
    assert (pixels.shape, "finish" in text) == ((3, 32, 32), False)
    np.testing.assert_array_equal(image, finish(pixels, 1024, "paper", 5))


@pytest.mark.parametrize("look", ["paper", "brush", "grain", "halftone", "plain", "blocks"])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_every_look_in_both_formats_comes_out_again(gatefold, make, hearing, songs, look, kind):
    done = make(songs[0], "--finish", look, "--size", "96", "--format", kind)
    assert Path(done.lines[0]).name == f"calm-0.{'jpg' if kind == 'jpeg' else 'png'}"
    image, text = read_cover(done.lines[0])
    assert image.shape == (3, 96, 96)
    assert json.loads(text["finish"]) == {"look": look, "size": 96}
    again = gatefold("reproduce", "--model", hearing, done.lines[0], songs[0])
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out)["same"] is True


def test_a_jpeg_that_was_changed_is_told_apart(gatefold, make, hearing, songs):
    path = Path(make(songs[0], "--format", "jpeg").lines[0])
    with Image.open(path) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path, comment=image.info["comment"])
    again = gatefold("reproduce", "--model", hearing, path, songs[0])
    assert (again.code, json.loads(again.out)["same"]) == (1, False)
    assert "the picture was changed" in again.err


def test_a_cover_for_a_shop(make, songs):
    path = make(songs[0], "--size", "3000", "--format", "jpeg").lines[0]
    with Image.open(path) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (3000, 3000), "RGB")
        assert b"sRGB" in image.info["icc_profile"].replace(b"\0", b"")


def test_sizes_looks_and_formats_have_covers_of_their_own(make, songs):
    words = [(), ("--size", "80"), ("--finish", "grain"), ("--finish", "raw"), ("--format", "jpeg")]
    paths = [make(songs[0], *more).lines[0] for more in words]
    assert len(set(paths)) == len(words)
    assert [make(songs[0], *more).lines[0] for more in words] == paths


@pytest.mark.parametrize(
    "words",
    [
        ["--size", "15"],
        ["--size", "5000"],
        ["--size", "64", "--finish", "raw"],
        ["--finish", "oil"],
        ["--format", "gif"],
        ["--in-place"],
        ["--embed", "--count", "2"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked_for_is_one_line_and_two(gatefold, hearing, songs, tmp_path, words):
    done = gatefold("generate", "--model", hearing, "--out", tmp_path / "covers", songs[0], *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert not (tmp_path / "covers").exists()


def same_music(one: Path | str, other: Path | str) -> bool:
    return load_audio(one).fingerprint == load_audio(other).fingerprint


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_embedding_writes_a_copy_beside_the_cover(make, songs, tmp_path, kind):
    before = songs[0].read_bytes()
    for _ in range(2):
        done = make(songs[0], "--embed", "--format", kind)
        assert (done.code, done.err) == (0, "")
        cover, copy = map(Path, done.lines)
        assert copy == tmp_path / "covers" / "calm-0.wav"
        assert read_pictures(copy) == [cover.read_bytes()]
        assert same_music(copy, songs[0])
    assert songs[0].read_bytes() == before
    assert len(list(copy.parent.iterdir())) == 2


def test_a_copy_overwrites_nothing(make, songs, tmp_path):
    mine = tmp_path / "covers" / "calm-0.wav"
    mine.parent.mkdir()
    shutil.copy(songs[1], mine)
    for _ in range(2):
        assert Path(make(songs[0], "--embed").lines[1]).name != mine.name
    assert mine.read_bytes() == songs[1].read_bytes()
    assert len(list(mine.parent.iterdir())) == 3


def test_embedding_in_place_leaves_the_music_and_the_cover_can_be_made_again(gatefold, make, hearing, songs, tmp_path):
    song = Path(shutil.copy(songs[0], tmp_path / "calm.wav"))
    done = make(song, "--embed", "--in-place")
    cover = Path(done.lines[0])
    assert done.lines == [str(cover), str(song)]
    assert read_pictures(song) == [cover.read_bytes()]
    assert gatefold("reproduce", "--model", hearing, cover, song).code == 0
    with Image.open(io.BytesIO(read_pictures(song)[0])) as image:
        assert image.size == (64, 64)


def test_what_cannot_hold_a_cover_has_one_and_is_told(make, songs, tmp_path):
    import soundfile

    odd = tmp_path / "odd.au"
    soundfile.write(odd, load_audio(songs[1]).y, 22_050)
    done = make(songs[0], odd, "--embed")
    assert done.code == 0
    assert [Path(line).name for line in done.lines] == ["calm-0.png", "calm-0.wav", "odd-0.png"]
    assert done.err.splitlines()[0].startswith(f"{odd}: has no tags that a cover fits into")


def test_a_folder_is_all_the_music_in_it_in_order(make, album, tmp_path):
    done = make(album, "--sheet", tmp_path / "sheet.png")
    assert done.code == 0
    assert done.err == f"{album}: 2 files that are no music passed over\n"
    tracks = [path for cd in ("CD 1", "CD 2") for path in sorted((album / cd).glob("*.flac"))]
    assert done.lines == [*make(*tracks).lines, str(tmp_path / "sheet.png")]
    assert len(set(done.lines)) == 6


def test_results_in_the_folder_are_no_tracks(gatefold, hearing, album):
    words = ("generate", "--model", hearing, "--size", "64", "--out", album / "made", album, "--embed")
    first = gatefold(*words)
    assert (first.code, len(first.lines)) == (0, 10)
    assert gatefold(*words).lines == first.lines
    for cover, copy in zip(first.lines[::2], first.lines[1::2], strict=True):
        assert read_pictures(Path(copy)) == [Path(cover).read_bytes()]


def test_a_folder_without_music_is_one_line_and_the_rest_goes_on(make, songs, tmp_path):
    (tmp_path / "none").mkdir()
    alone = make(tmp_path / "none")
    assert (alone.code, alone.out, alone.err) == (2, "", f"{tmp_path / 'none'}: there is no music in this folder\n")
    done = make(tmp_path / "none", songs[0])
    assert (done.code, len(done.lines)) == (0, 1)


def test_an_album_is_a_folder_and_its_most_typical_track_is_named(gatefold, make, hearing, album):
    done = make("--album", "Both Sides", album, "--embed")
    tracks = [path for cd in ("CD 1", "CD 2") for path in sorted((album / cd).glob("*.flac"))]
    assert done.code == 0
    _, typical = done.err.splitlines()
    assert typical.removeprefix("the most typical track of Both Sides is ") in map(str, tracks)
    cover, *copies = map(Path, done.lines)
    assert cover.name == "Both Sides-0.png"
    assert len(set(copies)) == 5
    for copy, track in zip(copies, tracks, strict=True):
        assert read_pictures(copy) == [cover.read_bytes()]
        assert same_music(copy, track)
    assert gatefold("reproduce", "--model", hearing, cover, *tracks).code == 0
