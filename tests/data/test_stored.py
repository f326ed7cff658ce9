"""Clips kept in a row: small, heard as before, and the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable

import av
import numpy as np
import pytest
from PIL import Image

from data.audio import SAMPLE_RATE, Excerpt, load_audio
from data.errors import InputError
from data.stored import encode_clip, stored_clip, stored_cover


def music(seconds: float) -> Excerpt:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    y = 0.4 * np.sin(2 * np.pi * 330 * t) * (1 + 0.5 * np.sin(2 * np.pi * 2 * t))
    return Excerpt(y.astype(np.float32), SAMPLE_RATE, 0.0, seconds)


@pytest.mark.parametrize("seconds", [1.0, 7.3, 30.0])
def test_a_clip_is_heard_as_before(seconds: float) -> None:
    excerpt = music(seconds)
    heard = load_audio(encode_clip(excerpt)).y
    assert len(heard) == len(excerpt.y)
    assert np.corrcoef(heard, excerpt.y)[0, 1] > 0.99


def test_the_same_samples_give_the_same_bytes() -> None:
    """The encoder draws a serial number at random; it is set, and the checksums are renewed by our own
    sum.
    """
    content = encode_clip(music(5.0))
    assert content == encode_clip(music(5.0))
    # FFmpeg checks every page's checksum against its own: a wrong one loses the page's sound.
    with av.open(io.BytesIO(content), options={"err_detect": "crccheck+explode"}) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 5 * SAMPLE_RATE


def test_loud_samples_are_clipped_not_wrapped() -> None:
    loud = music(2.0)
    heard = load_audio(encode_clip(Excerpt(loud.y * 50, loud.sr, 0.0, 2.0)))
    assert np.abs(heard.y).max() < 1.5


@pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")
def test_a_cover_with_damaged_exif_is_kept_without_it(picture: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    content = bytearray(picture(size=(200, 200), format="JPEG", exif=exif))
    at = content.index(b"Exif")
    for damage in (b"\xff" * 12, bytes(12), b"MM\0*\xff\xff\xff\xff"):
        content[at + 6 : at + 6 + len(damage)] = damage
        kept = stored_cover(bytes(content))["bytes"]
        assert isinstance(kept, bytes)
        assert Image.open(io.BytesIO(kept)).getexif().get(0x0112, 1) == 1


def test_what_cannot_be_used_is_not_stored(sound: Callable[..., bytes], picture: Callable[..., bytes]) -> None:
    with pytest.raises(InputError, match="too short"):
        stored_clip(sound(0.1))
    with pytest.raises(InputError, match="too narrow"):
        stored_cover(picture(size=(20, 4000)), name="ribbon")
    with pytest.raises(InputError, match="not an image"):
        stored_cover(b"no picture", name="cover")
