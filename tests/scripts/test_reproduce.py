"""`gatefold reproduce`: the same pixels again, or the reason why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.covers import encode_png, read_png

WISHES = (
    *("--seed", "5", "--attributes", "energy=0.3,tempo=133.25", "--tags", "folk", "--year", "1971"),
    *("--truncation", "0.7", "--strength", "1.25"),
)


@pytest.fixture
def cover(gatefold, bundle, songs, tmp_path) -> Path:
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", songs[0], *WISHES, "--finish", "raw")
    return Path(done.lines[0])


@pytest.fixture
def reproduce(gatefold, bundle):
    return lambda *words: gatefold("reproduce", "--model", bundle, *words)


def test_a_cover_comes_out_again(reproduce, cover, songs):
    done = reproduce(cover, songs[0])
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {"cover": str(cover), "track": str(songs[0]), "same": True, "seed": 5}


def test_the_same_music_under_another_name_is_the_same_track(reproduce, cover, songs, tmp_path):
    assert reproduce(cover, shutil.copy(songs[0], tmp_path / "renamed.wav")).code == 0


def fails(done, code: int, reason: str) -> None:
    assert done.code == code
    assert done.err.count("\n") == 1
    assert reason in done.err
    assert "Traceback" not in done.err


def test_another_track_is_told_apart(reproduce, cover, songs):
    fails(reproduce(cover, songs[1]), 2, "not the music")


@pytest.fixture
def album_cover(gatefold, hearing, songs, tmp_path) -> Path:
    done = gatefold(
        "generate",
        "--model",
        hearing,
        "--out",
        tmp_path / "covers",
        "--album",
        "Both",
        *songs,
        *WISHES,
        "--finish",
        "raw",
    )
    return Path(done.lines[0])


def test_an_albums_cover_comes_out_again(gatefold, hearing, album_cover, songs):
    done = gatefold("reproduce", "--model", hearing, album_cover, *songs)
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert told == {"cover": str(album_cover), "album": [str(song) for song in songs], "same": True, "seed": 5}


@pytest.mark.parametrize(
    ("picked", "reason"),
    [
        ([1, 0], "not made from these 2 tracks in this order"),
        ([0, 1, 1], "not made from these 3 tracks in this order"),
        ([0, 0], "not made from these 2 tracks in this order"),
        ([0], "not the music"),
    ],
    ids=str,
)
def test_other_tracks_or_another_order_are_told_apart(gatefold, hearing, album_cover, songs, picked, reason):
    fails(gatefold("reproduce", "--model", hearing, album_cover, *(songs[place] for place in picked)), 2, reason)


def test_an_album_is_not_made_from_what_cannot_be_heard(gatefold, hearing, album_cover, songs, tmp_path):
    fails(gatefold("reproduce", "--model", hearing, album_cover, songs[0], tmp_path / "none.mp3"), 2, "no such file")


def test_another_model_is_told_apart(gatefold, other_bundle, cover, songs):
    fails(gatefold("reproduce", "--model", other_bundle, cover, songs[0]), 2, "made by the model")


def test_changed_pixels_are_counted(reproduce, cover, songs):
    image, text = read_png(cover)
    image[:, :16] ^= 1
    cover.write_bytes(encode_png(image, text))
    done = reproduce(cover, songs[0])
    fails(done, 1, "50.0% of the pixels differ, by 1 of 255 at most")
    assert json.loads(done.out)["same"] is False


def test_another_size_is_said(reproduce, cover, songs):
    image, text = read_png(cover)
    cover.write_bytes(encode_png(np.repeat(image, 2, axis=2), text))
    fails(reproduce(cover, songs[0]), 1, "is 64 × 32 pixels, not 32 × 32 as it was made")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encode_png(np.zeros((3, 32, 32), np.uint8)), "does not say how it was made"),
        (encode_png(np.zeros((3, 32, 32), np.uint8), {"condition": "[]"}), "damaged"),
        (b"<html>", "not a PNG or JPEG"),
        (b"", "empty"),
    ],
    ids=["no text", "damaged text", "a web page", "nothing"],
)
def test_pictures_of_elsewhere_are_refused(reproduce, songs, tmp_path, content, reason):
    (tmp_path / "picture.png").write_bytes(content)
    fails(reproduce(tmp_path / "picture.png", songs[0]), 2, reason)


def test_a_missing_cover_or_track_is_said(reproduce, cover, songs, tmp_path):
    fails(reproduce(tmp_path / "none.png", songs[0]), 2, "no such file")
    fails(reproduce(cover, tmp_path / "none.mp3"), 2, "no such file")
