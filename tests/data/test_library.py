"""What a file's tags say is read under the same names whatever its format, and damage to them stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
from mutagen.id3 import APIC, TALB, TCON, TCOP, TDRC, TIT2, TPE1, TPE2, TSRC, UFID

from data.library import read_album, read_genres, read_music_folder, read_names, read_pictures

Make = Callable[..., bytes]
FRAMES = {TPE1: "Ann", TPE2: "Ann & Co.", TALB: "First", TIT2: "Öne", TCON: "Techno; Dub", TDRC: "2004-03-13"}
FRAMES |= {TSRC: "DEA620400001", TCOP: "CC BY 4.0"}


@pytest.fixture(params=["MP3", "WAV", "AIFF"])
def track(request, tmp_path: Path, sound: Make) -> Path:
    """A tagged file of each format that keeps its tags in ID3."""
    path = tmp_path / f"song.{request.param.lower()}"
    path.write_bytes(sound(format=request.param))
    audio = mutagen.File(path)
    audio.add_tags()
    for frame, text in FRAMES.items():
        audio.tags.add(frame(encoding=3, text=text))
    audio.save()
    return path


def test_id3_says_the_same_in_every_format_that_has_it(track):
    assert read_names(track) == ("Ann", "First", "Öne")
    assert read_album(track) == ("Ann & Co.", "First")
    assert read_genres(track) == ["Techno", "Dub"]
    [entry] = read_music_folder(track.parent, on_skip=lambda subject, reason: None)
    told = {name: entry.row[name] for name in ("album_id", "isrc", "release_date", "licence")}
    assert told == {
        "album_id": "Ann & Co./First",
        "isrc": "DEA620400001",
        "release_date": "2004-03-13",
        "licence": "CC BY 4.0",
    }


def test_a_file_without_tags_says_nothing(tmp_path, sound):
    (tmp_path / "bare.wav").write_bytes(sound())
    assert read_names(tmp_path / "bare.wav") == (None, None, None)
    assert read_album(tmp_path / "bare.wav") == (None, None)
    assert read_genres(tmp_path / "bare.wav") == []


def test_a_damaged_tag_costs_no_other(track, picture):
    audio = mutagen.File(track)
    audio.tags.add(UFID(owner="http://musicbrainz.org", data=b"\xff\xfe"))  # an id that is no text
    audio.tags.add(APIC(encoding=3, mime="image/png", type=3, data=picture()))
    audio.save()
    assert read_names(track) == ("Ann", "First", "Öne")
    assert read_pictures(track) == [picture()]
