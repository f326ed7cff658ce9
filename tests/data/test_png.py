"""PNGs and JPEGs of covers: what goes in comes out, pixels and words, in what shops ask for."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from data.covers import encode_png, read_png, write_png
from data.errors import InputError
from data.jpeg import MAX_TEXT_BYTES, as_jpeg, encode_jpeg, is_jpeg, read_cover
from data.png import encode_rgb

TEXT = {"seed": "7", "condition": '{"tags": ["été", "雪"]}'}


def image(height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, height, width), dtype=np.uint8)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 256), st.integers(0, 2**32))
def test_every_picture_comes_back(height, width, levels, seed):
    pixels = np.random.default_rng(seed).integers(0, levels, (3, height, width), dtype=np.uint8)
    back, text = read_png(encode_png(pixels, TEXT))
    np.testing.assert_array_equal(back, pixels)
    assert text == TEXT


def test_a_png_is_sound_and_says_that_it_is_srgb():
    content = encode_rgb(image().transpose(1, 2, 0))
    with Image.open(io.BytesIO(content)) as opened:
        opened.verify()
        assert opened.info["srgb"] == 0
    at = content.index(b"IDAT")
    length = int.from_bytes(content[at - 4 : at], "big")
    assert len(zlib.decompress(content[at + 4 : at + 4 + length])) == 24 * (1 + 3 * 40)


def test_flat_pictures_are_small():
    assert len(encode_png(np.full((3, 1000, 1000), 90, np.uint8))) < 20_000


def test_a_jpeg_is_what_shops_take_and_the_same_every_time():
    pixels = np.repeat(np.repeat(image(), 8, axis=1), 8, axis=2)
    content = encode_jpeg(pixels, TEXT)
    assert content == encode_jpeg(pixels, TEXT)
    with Image.open(io.BytesIO(content)) as opened:
        assert (opened.format, opened.mode, opened.size) == ("JPEG", "RGB", (320, 192))
        assert {component[1:3] for component in opened.layer} == {(1, 1)}  # no colour is left out
        profile = ImageCms.ImageCmsProfile(io.BytesIO(opened.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert np.abs(as_jpeg(pixels).astype(int) - pixels).mean() < 3


def test_the_profile_has_no_date_of_its_own():
    import data.jpeg

    profile = data.jpeg._srgb_profile()
    assert profile[24:36] == b"\x07\xd0\0\1\0\1" + bytes(6)


def test_a_cover_is_read_whatever_its_format(tmp_path):
    png, jpeg = tmp_path / "a.png", tmp_path / "b.jpg"
    write_png(png, image(), TEXT)
    jpeg.write_bytes(encode_jpeg(image(), TEXT))
    assert read_cover(png)[1] == read_cover(jpeg)[1] == TEXT
    np.testing.assert_array_equal(read_cover(png)[0], image())
    np.testing.assert_array_equal(read_cover(jpeg)[0], as_jpeg(image()))
    assert (is_jpeg(png), is_jpeg(jpeg)) == (False, True)


@pytest.mark.parametrize("comment", [b"", b"made with love", b"[1]", b'{"seed": 7}', b"[" * 60_000, b"\xff\xfe"])
def test_a_comment_of_somebody_elses_is_no_text(tmp_path, comment):
    path = tmp_path / "a.jpg"
    Image.fromarray(image().transpose(1, 2, 0)).save(path, comment=comment)
    assert read_cover(path)[1] == {}


@pytest.mark.parametrize("cut", [3, 100, 400, -50])
def test_a_damaged_jpeg_is_one_clear_error(tmp_path, cut):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_jpeg(image(200, 200), TEXT)[:cut])
    with pytest.raises(InputError, match=r"a\.jpg: "):
        read_cover(path)


def test_more_text_than_a_comment_holds_is_refused():
    with pytest.raises(InputError, match=r"^--format: .*write a PNG"):
        encode_jpeg(image(), {"tags": "x" * MAX_TEXT_BYTES})
