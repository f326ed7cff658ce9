"""Audio: what is heard, where it is heard, and what is refused."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.audio import EXCERPT_S, SAMPLE_RATE, Excerpt, load_audio
from data.errors import InputError

Make = Callable[..., bytes]
FORMATS = {
    "wav": {"format": "WAV"},
    "wav-float": {"format": "WAV", "subtype": "FLOAT"},
    "wav-24": {"format": "WAV", "subtype": "PCM_24"},
    "flac": {"format": "FLAC"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "mp3": {"format": "MP3"},
    "aiff": {"format": "AIFF"},
    "wav-adpcm": {"format": "WAV", "subtype": "IMA_ADPCM"},
}


def pitch_hz(y: np.ndarray, sr: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(y))) * sr / len(y))


def steady(seconds: float, sr: int, channels: int = 1) -> np.ndarray:
    t = np.arange(round(seconds * sr)) / sr
    return np.repeat(0.5 * np.sin(2 * np.pi * 1000 * t)[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("how", FORMATS.values(), ids=FORMATS)
def test_every_format_is_heard_as_what_it_holds(sound: Make, how: dict[str, str]) -> None:
    heard = load_audio(sound(y=steady(2.0, 22_050), **how))
    assert heard.sr == SAMPLE_RATE
    assert heard.y.dtype == np.float32
    assert heard.y.shape == (pytest.approx(2.0 * SAMPLE_RATE, rel=0.05),)
    assert pitch_hz(heard.y, heard.sr) == pytest.approx(1000, abs=2)
    assert np.abs(heard.y).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("container", "video"), [("ipod", False), ("adts", False), ("mp4", True)])
def test_aac_and_video_containers_are_heard(aac: Make, container: str, video: bool) -> None:
    heard = load_audio(aac(3.0, container, video=video))
    assert len(heard.y) == pytest.approx(3.0 * SAMPLE_RATE, rel=0.05)


@pytest.mark.parametrize(("sr", "channels"), [(8_000, 1), (44_100, 2), (48_000, 8), (192_000, 2)])
def test_rates_and_channels_become_mono_at_one_rate(sound: Make, sr: int, channels: int) -> None:
    heard = load_audio(sound(sr=sr, channels=channels, y=steady(2.0, sr, channels)))
    assert heard.y.shape == (2 * SAMPLE_RATE,)
    assert pitch_hz(heard.y, heard.sr) == pytest.approx(1000, abs=1)
    assert np.abs(heard.y).max() == pytest.approx(0.5, abs=0.02)


def test_channels_are_averaged(sound: Make) -> None:
    left_only = steady(2.0, 22_050, 2)
    left_only[:, 1] = 0
    heard = load_audio(sound(channels=2, y=left_only))
    assert np.abs(heard.y).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG"])
def test_the_excerpt_is_the_centre(sound: Make, format: str) -> None:
    heard = load_audio(sound(90.0, format=format))
    assert heard.total_s == pytest.approx(90.0, abs=0.2)
    start_s = (90.0 - EXCERPT_S) / 2
    assert heard.start_s == pytest.approx(start_s, abs=0.1)
    assert len(heard.y) == EXCERPT_S * SAMPLE_RATE
    # The tone rises by 2 Hz a second: where the excerpt begins can be heard.
    assert pitch_hz(heard.y[:SAMPLE_RATE], SAMPLE_RATE) == pytest.approx(440 + 2 * (start_s + 0.5), abs=4)


@pytest.mark.parametrize("make", ["sound", "aac"])
def test_an_offset_is_where_it_says(make: str, request: pytest.FixtureRequest) -> None:
    content = request.getfixturevalue(make)(40.0)
    heard = load_audio(content, offset_s=10.0, duration_s=2.0)
    assert heard.start_s == pytest.approx(10.0, abs=0.05)
    assert len(heard.y) == 2 * SAMPLE_RATE
    assert pitch_hz(heard.y, SAMPLE_RATE) == pytest.approx(440 + 2 * 11, abs=3)
    with pytest.raises(InputError, match="beyond its end"):
        load_audio(content, offset_s=50.0, name="track")


def test_a_file_and_its_bytes_are_the_same_track(sound: Make, tmp_path: Path) -> None:
    path = tmp_path / "track.wav"
    path.write_bytes(sound())
    assert load_audio(path).fingerprint == load_audio(str(path)).fingerprint == load_audio(sound()).fingerprint
    assert load_audio(sound(2.5)).fingerprint != load_audio(path).fingerprint


def test_tags_do_not_change_the_fingerprint(sound: Make, tmp_path: Path) -> None:
    import mutagen.id3

    path = tmp_path / "track.mp3"
    path.write_bytes(sound(format="MP3"))
    before = load_audio(path).fingerprint
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text="another title"))
    tags.save(path)
    assert load_audio(path).fingerprint == before


@pytest.mark.parametrize(
    "name",
    ["with space.wav", 'it\'s "quoted".wav', "two\nlines.wav", "ünïcødé – 音楽.wav", "-dash.wav", "concat:a|b.wav"],
)
def test_any_file_name_will_do(sound: Make, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(sound(1.5))
    assert load_audio(path).total_s == pytest.approx(1.5)
    path.write_bytes(b"no music")
    with pytest.raises(InputError) as refusal:
        load_audio(path)
    assert "\n" not in str(refusal.value)


def test_a_name_that_is_not_utf_8_will_do(sound: Make, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/latin-\xe9.wav"
    Path(os.fsdecode(path)).write_bytes(sound(1.5))
    assert load_audio(os.fsdecode(path)).total_s == pytest.approx(1.5)


def with_samples(sound: Make, value: float) -> bytes:
    y = steady(2.0, 22_050)
    y[1000:1010] = value
    return sound(y=y, subtype="FLOAT")


BAD = {
    "silence": ("silent", lambda sound: sound(y=np.zeros((44_100, 1), np.float32))),
    "nearly silence": ("silent", lambda sound: sound(y=steady(2.0, 22_050) * 1e-4, subtype="FLOAT")),
    "10 ms": ("too short", lambda sound: sound(0.01)),
    "10 ms of mp3": ("too short|no audio", lambda sound: sound(0.01, format="MP3")),
    "no samples": ("no audio", lambda sound: sound(0.0)),
    "empty": ("empty file", lambda sound: b""),
    "text": ("not audio", lambda sound: b"Dear diary, today I renamed a text file.\n" * 100),
    "web page": ("not audio", lambda sound: b"<!DOCTYPE html><html><body>404</body></html>" * 50),
    "random": ("not audio|no audio", lambda sound: np.random.default_rng(1).bytes(20_000)),
    "playlist": ("not audio", lambda sound: b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nfile:///etc/passwd\n"),
    "header only": ("no audio|too short", lambda sound: sound()[:44]),
    "mp3 cut to nothing": ("not audio|no audio|too short", lambda sound: sound(format="MP3")[:300]),
    "NaN": ("not finite", lambda sound: with_samples(sound, np.nan)),
    "infinity": ("not finite", lambda sound: with_samples(sound, np.inf)),
    "huge samples": ("far outside", lambda sound: with_samples(sound, 1e30)),
    "sample rate": ("sample rate", lambda sound: sound(sr=22_050)[:24] + b"\xff\xff\xff\x7f" + sound()[28:]),
}


@pytest.mark.parametrize(("reason", "content"), BAD.values(), ids=BAD)
def test_bad_audio_is_refused_in_one_line(
    sound: Make, tmp_path: Path, reason: str, content: Callable[[Make], bytes]
) -> None:
    path = tmp_path / "bad.mp3"
    path.write_bytes(content(sound))
    with pytest.raises(InputError, match=reason) as refusal:
        load_audio(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_bad_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        load_audio(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_audio(tmp_path / "missing.mp3")
    with pytest.raises(InputError, match="not a usable path"):
        load_audio("zero\0byte.mp3")
    os.mkfifo(tmp_path / "pipe.mp3")
    with pytest.raises(InputError, match="is not a file"):
        load_audio(tmp_path / "pipe.mp3")


@pytest.mark.parametrize("format", ["MP3", "FLAC", "OGG", "WAV"])
def test_a_truncated_file_is_heard_as_far_as_it_goes(sound: Make, format: str) -> None:
    content = sound(60.0, format=format)
    heard = load_audio(content[: len(content) // 5])
    assert 9.0 < len(heard.y) / heard.sr <= 12.1


def test_what_a_header_claims_costs_nothing(sound: Make) -> None:
    claims_an_hour = bytearray(sound(2.0))
    claims_an_hour[40:44] = (2**31 - 1).to_bytes(4, "little")
    tracemalloc.start()
    heard = load_audio(bytes(claims_an_hour))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(heard.y) / heard.sr == pytest.approx(2.0, abs=0.01)
    assert peak < 20e6


def test_a_long_file_costs_what_a_short_one_does(sound: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an hour beside three minutes, on a smaller scale: what is decoded is what is heard."""
    monkeypatch.setattr("data.decoders.LONG_S", 100.0)
    peaks = []
    for seconds in (60.0, 300.0):
        path = tmp_path / f"{seconds}.mp3"
        path.write_bytes(sound(seconds, 16_000, format="MP3"))
        load_audio(path)
        tracemalloc.start()
        heard = load_audio(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(heard.y) == EXCERPT_S * SAMPLE_RATE
        assert heard.start_s == pytest.approx((seconds - EXCERPT_S) / 2, abs=0.011 * seconds)
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("gain", [0.01, 1.0, 3.0])
def test_at_full_scale_the_gain_is_gone(gain: float) -> None:
    y = (gain * np.sin(np.arange(22050) / 7)).astype(np.float32)
    excerpt = Excerpt(y, 22050, 0.0, 1.0)
    full = excerpt.at_full_scale()
    assert full.peak == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(full.y * excerpt.peak, y, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(excerpt.y, y)
