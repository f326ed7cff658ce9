"""From a music library to a dataset: covers in tags and beside the files, and odd files among them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.covers import decode_cover
from tests.data.building import built

Make = Callable[..., bytes]


@pytest.fixture
def library(tmp_path: Path, sound: Make, aac: Make, picture: Make) -> Path:
    """One album of each way to carry a cover: in ID3, FLAC, Ogg and MP4 tags, beside the files, above a
    disc.
    """
    import base64

    import mutagen
    from mutagen.flac import Picture
    from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1
    from mutagen.mp4 import MP4Cover

    root = tmp_path / "music"

    def put(path: str, content: bytes) -> Path:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
        return root / path

    id3 = ID3()
    for frame in (TIT2, TPE1, TALB, TCON, TDRC):
        text = {TIT2: "One", TPE1: "Ann", TALB: "First", TCON: "Techno; Dub", TDRC: "2004-03-13"}[frame]
        id3.add(frame(encoding=3, text=text))
    id3.add(APIC(encoding=3, mime="image/png", type=4, desc="back", data=picture(1)))
    id3.add(APIC(encoding=3, mime="image/png", type=3, desc="front", data=picture(0)))
    id3.save(put("Ann/First/1.mp3", sound(format="MP3")))

    block = Picture()
    block.type, block.mime, block.data = 3, "image/png", picture(2)
    flac = mutagen.File(put("Bob/Second/1.flac", sound(format="FLAC", sr=44_100)))
    flac.add_picture(block)
    flac["artist"], flac["title"] = "Bob", "Two"
    flac.save()

    block.data = picture(3)
    ogg = mutagen.File(put("Cem/1.ogg", sound(format="OGG", subtype="VORBIS")))
    ogg["metadata_block_picture"] = base64.b64encode(block.write()).decode()
    ogg["artist"] = "Cem"
    ogg.save()

    mp4 = mutagen.File(put("Dee/1.m4a", aac()))
    mp4["covr"] = [MP4Cover(picture(4), imageformat=MP4Cover.FORMAT_PNG)]
    mp4["\xa9ART"] = "Dee"
    mp4.save()

    put("Eve/Box/CD 2/1.wav", sound())
    put("Eve/Box/Folder.PNG", picture(5))
    put("Fay/1.wav", sound())
    put("Fay/back.jpg", picture(6, format="JPEG"))
    put("notes.csv", b"when,what\n1,2\n")
    return root


def test_a_music_library_becomes_true_pairs(library: Path, picture: Make) -> None:
    dataset, summary = built(library)
    assert (summary.rows, summary.with_cover, summary.with_audio) == (6, 5, 6)
    rows = {row["track_id"]: row for row in dataset.iter_rows()}
    covers = {track: row["cover"] and row["cover"]["bytes"] for track, row in rows.items()}
    assert covers == {
        "Ann/First/1.mp3": picture(0),
        "Bob/Second/1.flac": picture(2),
        "Cem/1.ogg": picture(3),
        "Dee/1.m4a": picture(4),
        "Eve/Box/CD 2/1.wav": picture(5),
        "Fay/1.wav": None,
    }
    ann = rows["Ann/First/1.mp3"]
    assert (ann["artist"], ann["album"], ann["title"], ann["release_date"]) == ("Ann", "First", "One", "2004-03-13")
    assert ann["genres"] == ["Techno", "Dub"]
    assert ann["album_id"] == "Ann/First"
    assert rows["Dee/1.m4a"]["artist"] == "Dee"
    assert ann["audio"]["path"] == "clip.mp3"


def test_damaged_tags_and_odd_names_do_not_stop_a_library(library: Path, sound: Make, picture: Make) -> None:
    hostile = library / 'it\'s "odd"\n– 音楽'
    hostile.mkdir()
    (hostile / "cover.jpg").write_bytes(b"<html>")
    (hostile / "front.png").write_bytes(picture(8))
    (hostile / "a b.wav").write_bytes(sound())
    Path(os.fsdecode(os.fsencode(library) + b"/latin-\xe9.wav")).write_bytes(sound())
    (library / "Ann" / "text.mp3").write_bytes(b"not music at all")
    (library / "Ann" / "empty.ogg").write_bytes(b"")
    (library / "Ann" / "quiet.wav").write_bytes(sound(y=np.zeros((44_100, 1), np.float32)))
    tagged = bytearray((library / "Ann" / "First" / "1.mp3").read_bytes())
    tagged[10:200] = bytes(190)
    (library / "Ann" / "tags.mp3").write_bytes(tagged)
    (library / "Ann" / "leads out.wav").symlink_to("/etc/hostname")
    skips: list[tuple[str, str]] = []
    dataset, _ = built(library, skips)
    tracks = {row["track_id"]: row["cover"] for row in dataset.iter_rows(["track_id", "cover"])}
    assert len(tracks) == 9
    assert tracks['it\'s "odd"\n– 音楽/a b.wav']["bytes"] == picture(8)
    assert "latin-\\xe9.wav" in tracks
    assert "Ann/tags.mp3" in tracks
    assert {subject: reason.split(":")[0] for subject, reason in skips} == {
        "Ann/text.mp3": "not audio that can be decoded",
        "Ann/empty.ogg": "empty file",
        "Ann/quiet.wav": "silent",
        "Ann/leads out.wav": "leaves the folder music",
    }


def test_every_cover_of_a_dataset_decodes(library: Path) -> None:
    for row in built(library)[0].iter_rows(["cover"]):
        if row["cover"] is not None:
            assert decode_cover(row["cover"]["bytes"]).mode == "RGB"
