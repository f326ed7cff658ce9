"""Sounds, pictures and folders that the tests of `data` are made of."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image


def tone(seconds: float, sr: int = 22_050, channels: int = 1, pitch_hz: float = 440.0) -> np.ndarray:
    """float32 `[n, channels]`: a tone that rises with time (so that places can be told apart) and some
    noise.
    """
    t = np.arange(round(seconds * sr)) / sr
    noise = np.random.default_rng(0).standard_normal(len(t))
    y = 0.3 * np.sin(2 * np.pi * (pitch_hz + t) * t) + 0.02 * noise
    return np.repeat(y[:, None], channels, axis=1).astype(np.float32)


@pytest.fixture(scope="session")
def sound() -> Callable[..., bytes]:
    """`sound(seconds, sr, channels, format=, subtype=)`: bytes of a sound file; `y=` gives the samples."""

    def make(
        seconds: float = 3.0,
        sr: int = 22_050,
        channels: int = 1,
        *,
        y: np.ndarray | None = None,
        format: str = "WAV",
        subtype: str | None = None,
    ) -> bytes:
        samples = tone(seconds, sr, channels) if y is None else y
        buffer = io.BytesIO()
        with soundfile.SoundFile(buffer, "w", sr, channels, format=format, subtype=subtype) as file:
            for start in range(0, len(samples), sr):  # the Vorbis encoder takes no minute at once
                file.write(samples[start : start + sr])
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def aac() -> Callable[..., bytes]:
    """`aac(seconds, container)`: bytes of AAC audio in `ipod` (m4a), `adts` or with a picture stream in
    `mp4`.
    """

    def make(seconds: float = 3.0, container: str = "ipod", sr: int = 44_100, video: bool = False) -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as output:
            stream = output.add_stream("aac", rate=sr)
            stream.layout = "stereo"
            frames = tone(seconds, sr, 2).T  # [2, n]
            if video:
                picture = output.add_stream("mpeg4", rate=5)
                picture.width = picture.height = 64
                picture.pix_fmt = "yuv420p"
                for _ in range(round(seconds * 5)):
                    frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                    output.mux(picture.encode(frame))
                output.mux(picture.encode(None))
            for start in range(0, frames.shape[1], 4096):
                block = np.ascontiguousarray(frames[:, start : start + 4096])
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                frame.sample_rate = sr
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """`picture(seed, size, format=, mode=)`: bytes of an image of coloured blocks; each seed is another
    picture.
    """

    def make(
        seed: int = 0, size: tuple[int, int] = (64, 64), *, format: str = "PNG", mode: str = "RGB", **how
    ) -> bytes:
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        image = Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).convert(mode)
        buffer = io.BytesIO()
        image.save(buffer, format, **how)
        return buffer.getvalue()

    return make


@pytest.fixture
def cover_folder(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    """Twelve covers of six artists, without a table."""
    folder = tmp_path / "my covers"
    (folder / "covers").mkdir(parents=True)
    for number in range(12):
        (folder / "covers" / f"{number}.png").write_bytes(picture(number))
    return folder
