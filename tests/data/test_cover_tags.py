"""A cover goes into a file's tags: it is read back, the sound is the same to the bit, every other tag stays."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.flac import Picture
from mutagen.id3 import APIC, ID3, TALB, TIT2, TXXX
from mutagen.mp4 import MP4Cover

from data.cover_tags import MAX_FLAC_BYTES, embed_art
from data.covers import encode_png
from data.errors import InputError
from data.jpeg import encode_jpeg
from data.library import read_pictures

SR = 22_050
TONE = (0.3 * np.sin(np.arange(2 * SR) * 0.05) * np.linspace(1, 0.2, 2 * SR)).astype(np.float32)
COVER = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
PNG, JPEG, OLD, BACK = encode_png(COVER), encode_jpeg(COVER), encode_jpeg(255 - COVER), encode_png(COVER[:, ::2, ::2])


def sound(suffix: str) -> bytes:
    """Two seconds of music in a format."""
    buffer = io.BytesIO()
    if suffix in (".m4a", ".mka"):
        with av.open(buffer, "w", format={".m4a": "ipod", ".mka": "matroska"}[suffix]) as out:
            stream = out.add_stream("aac", rate=SR)
            stream.layout = "mono"
            for start in range(0, len(TONE) - 1023, 1024):
                frame = av.AudioFrame.from_ndarray(TONE[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = SR, start
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return buffer.getvalue()
    written = {
        ".mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
        ".flac": {"format": "FLAC"},
        ".ogg": {"format": "OGG", "subtype": "VORBIS"},
        ".opus": {"format": "OGG", "subtype": "OPUS"},
        ".wav": {"format": "WAV"},
        ".aiff": {"format": "AIFF"},
        ".au": {"format": "AU"},
    }[suffix]
    soundfile.write(buffer, TONE, 24_000 if suffix == ".opus" else SR, **written)
    return buffer.getvalue()


SOUNDS = {suffix: sound(suffix) for suffix in (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".aiff")}


def samples(path: Path) -> bytes:
    """What a decoder hears, to the bit."""
    with av.open(str(path)) as opened:
        return b"".join(frame.to_ndarray().tobytes() for frame in opened.decode(audio=0))


def block(picture: bytes, kind: int) -> Picture:
    made = Picture()
    made.type, made.mime, made.data = kind, "image/jpeg", picture
    return made


def with_tags(path: Path) -> None:
    """Gives a file a title, an odd tag, an old front cover and a back cover."""
    import base64

    audio = mutagen.File(path)
    if audio.tags is None:
        audio.add_tags()
    if path.suffix in (".mp3", ".wav", ".aiff"):
        audio.tags.add(TIT2(encoding=3, text="Sång"))
        audio.tags.add(TALB(encoding=3, text="Álbum"))
        audio.tags.add(TXXX(encoding=3, desc="mood", text="odd"))
        audio.tags.add(APIC(encoding=3, mime="image/png", type=4, desc="", data=BACK))
        audio.tags.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="old", data=OLD))
    elif path.suffix == ".m4a":
        audio.tags["\xa9nam"], audio.tags["\xa9alb"] = "Sång", "Álbum"
        audio.tags["----:com.apple.iTunes:mood"] = b"odd"
        audio.tags["covr"] = [MP4Cover(OLD, MP4Cover.FORMAT_JPEG), MP4Cover(BACK, MP4Cover.FORMAT_PNG)]
    else:
        audio.tags["title"], audio.tags["album"], audio.tags["mood"] = "Sång", "Álbum", "odd"
        if path.suffix == ".flac":
            audio.add_picture(block(BACK, 4))
            audio.add_picture(block(OLD, 3))
        else:
            blocks = [base64.b64encode(block(*one).write()).decode() for one in ((BACK, 4), (OLD, 3))]
            audio.tags["metadata_block_picture"] = [*blocks, "not a block"]
            audio.tags["coverart"] = base64.b64encode(OLD).decode()
    audio.save()


def other_tags(path: Path) -> dict[str, str]:
    """All tags but pictures, as text."""
    tags = mutagen.File(path).tags
    kept = {str(name): value for name, value in dict(tags).items()}
    return {name: str(value) for name, value in kept.items() if not name.startswith(("APIC", "covr", "cover", "meta"))}


@pytest.fixture(params=SOUNDS)
def track(request, tmp_path) -> Path:
    path = tmp_path / f"song{request.param}"
    path.write_bytes(SOUNDS[request.param])
    return path


@pytest.mark.parametrize("picture", [PNG, JPEG], ids=["png", "jpeg"])
def test_a_bare_track_gets_its_cover_and_keeps_its_sound(track, tmp_path, picture):
    before, made = track.read_bytes(), tmp_path / "out" / f"made{track.suffix}"
    embed_art(track, made, picture)
    assert track.read_bytes() == before
    assert read_pictures(made) == [picture]
    assert samples(made) == samples(track)
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_the_old_front_goes_and_everything_else_stays(track, tmp_path):
    with_tags(track)
    made = tmp_path / f"made{track.suffix}"
    embed_art(track, made, JPEG)
    assert read_pictures(track)[0] == OLD
    assert read_pictures(made) == [JPEG, BACK]
    assert other_tags(made) == other_tags(track)
    assert "Sång" in str(other_tags(made))
    assert samples(made) == samples(track)


def test_in_place_and_twice_is_the_same_as_once(track, tmp_path):
    with_tags(track)
    once = tmp_path / f"once{track.suffix}"
    embed_art(track, once, PNG)
    os.chmod(track, 0o640)
    for _ in range(2):
        embed_art(track, track, PNG)
        assert track.read_bytes() == once.read_bytes()
    assert stat.S_IMODE(track.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real.flac", tmp_path / "link.flac"
    real.write_bytes(SOUNDS[".flac"])
    link.symlink_to(real)
    embed_art(link, link, PNG)
    assert link.is_symlink()
    assert read_pictures(real) == [PNG]


@pytest.mark.parametrize("version", [3, 4])
def test_id3_keeps_its_version(tmp_path, version):
    path = tmp_path / "song.mp3"
    path.write_bytes(SOUNDS[".mp3"])
    tags = ID3()
    tags.add(TIT2(encoding=1, text="Sång"))
    tags.save(path, v2_version=version)
    embed_art(path, path, JPEG)
    again = ID3(path, translate=False)
    assert again.version[:2] == (2, version)
    assert (str(again["TIT2"]), again.getall("APIC")[0].data) == ("Sång", JPEG)


@pytest.mark.parametrize("suffix", [".au", ".mka"])
def test_what_has_no_place_for_a_cover_is_one_clear_error(tmp_path, suffix):
    path = tmp_path / f"song{suffix}"
    path.write_bytes(sound(suffix))
    with pytest.raises(InputError, match=rf"song\{suffix}: has no tags that a cover fits into; known: mp3"):
        embed_art(path, tmp_path / f"made{suffix}", PNG)
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_too_large_for_flac_is_one_clear_error(tmp_path):
    path = tmp_path / "song.flac"
    path.write_bytes(SOUNDS[".flac"])
    with pytest.raises(InputError, match="make it a JPEG"):
        embed_art(path, path, PNG + bytes(MAX_FLAC_BYTES))
    assert path.read_bytes() == SOUNDS[".flac"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.mp3", "no such file"), ("folder", "directory"), ("empty.mp3", "tags"), ("text.flac", "tags")],
)
def test_what_is_no_track_is_one_clear_error(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "text.flac").write_bytes(b"<html>" * 100)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=reason) as caught:
        embed_art(tmp_path / name, tmp_path / "made", PNG)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert sorted(tmp_path.iterdir()) == before


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SOUNDS)), st.data())
def test_damaged_files_are_an_error_or_a_copy_and_never_lost(tmp_path, suffix, data):
    content = bytearray(SOUNDS[suffix][: data.draw(st.integers(0, len(SOUNDS[suffix])))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 400) - 1))] = data.draw(st.integers(0, 255))
    source, made = tmp_path / f"bad{suffix}", tmp_path / "out" / f"made{suffix}"
    source.write_bytes(content)
    told = ""
    try:
        embed_art(source, made, JPEG)
    except InputError as error:
        told = str(error)
    assert (bool(told), told.count("\n")) == (not made.exists(), 0)
    made.unlink(missing_ok=True)
    assert source.read_bytes() == content
    assert not made.parent.exists() or not list(made.parent.iterdir())
