"""Covers: every kind of picture becomes the same upright RGB, the border is exact, and bad ones are
refused.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from data import covers
from data.covers import decode_cover, encode_png, read_png, resize_cover, tile, to_float, to_uint8, write_png
from data.errors import InputError

Make = Callable[..., bytes]


def saved(image: Image.Image, format: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **how)  # type: ignore[arg-type]
    return buffer.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours at the top left, top right, bottom left and bottom right."""
    width, height = image.size
    return [image.getpixel(at) for at in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1))]


def four_colours(width: int = 40, height: int = 60) -> Image.Image:
    image = Image.new("RGB", (width, height), "red")
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("white", (width // 2, height // 2, width, height))
    return image


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF", "WEBP", "JPEG", "AVIF", "JPEG2000"])
def test_every_format_is_the_same_picture(format: str) -> None:
    how = {"quality": 95} if format in ("JPEG", "AVIF") else {"lossless": True} if format == "WEBP" else {}
    image = decode_cover(saved(four_colours(), format, **how))
    assert image.mode == "RGB"
    assert image.size == (40, 60)
    np.testing.assert_allclose(corners(image), corners(four_colours()), atol=12)


@pytest.mark.parametrize("mode", ["P", "L", "1", "LA", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    grey = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        content = saved(ImageCms.applyTransform(grey, to_lab), "TIFF")
    else:
        format = {"CMYK": "TIFF", "YCbCr": "TIFF"}.get(mode, "PNG")
        adapted = {"palette": Image.Palette.ADAPTIVE} if mode == "P" else {}
        content = saved(grey.convert(mode, **adapted), format)
    shown = np.asarray(decode_cover(content)).astype(int)
    assert shown.shape == (64, 64, 3)
    if mode != "1":
        np.testing.assert_allclose(shown, np.asarray(grey).astype(int), atol=4)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_greys_keep_their_range(dtype: type) -> None:
    ramp = np.linspace(0, 1, 32)[None].repeat(32, 0)
    values = (ramp if dtype is np.float32 else ramp * 65535).astype(dtype)
    shown = np.asarray(decode_cover(saved(Image.fromarray(values), "TIFF")))[..., 0]
    np.testing.assert_allclose(shown, ramp * 255, atol=1)
    if dtype is np.uint16:
        shown = np.asarray(decode_cover(saved(Image.fromarray(values), "PNG")))[..., 0]
        np.testing.assert_allclose(shown, ramp * 255, atol=1)


def test_a_16_bit_rgb_png_keeps_its_range() -> None:
    """Pillow writes none, so one is made by hand: 20 × 20, the same 16-bit colour everywhere."""
    rows = (b"\0" + struct.pack(">3H", 65535, 32768, 0) * 20) * 20
    png = png_of(20, 20, rows, depth=16)
    np.testing.assert_allclose(decode_cover(png).getpixel((3, 3)), (255, 128, 0), atol=1)


def test_cmyk_jpegs_are_not_inverted() -> None:
    ink = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    np.testing.assert_allclose(decode_cover(saved(ink, "JPEG", quality=95)).getpixel((9, 9)), (255, 0, 0), atol=6)


def test_alpha_and_palette_transparency_lie_over_white() -> None:
    half = Image.new("RGBA", (32, 32), (255, 0, 0, 128))
    np.testing.assert_allclose(decode_cover(saved(half, "PNG")).getpixel((0, 0)), (255, 127, 127), atol=1)
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert decode_cover(saved(palette, "PNG", transparency=1)).getpixel((0, 0)) == (255, 255, 255)
    assert decode_cover(saved(palette, "PNG")).getpixel((0, 0)) == (10, 20, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    """A camera stores the picture turned and notes how; decoding must undo each of the eight turns."""
    undo = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}  # Transpose operations, by number
    stored = four_colours()
    for operation in undo.get(orientation, []):
        stored = stored.transpose(Image.Transpose(operation))
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format in ("JPEG", "PNG"):
        shown = decode_cover(saved(stored, format, exif=exif))
        assert shown.size == (40, 60)
        np.testing.assert_allclose(corners(shown), corners(four_colours()), atol=12)


def test_the_first_frame_of_an_animation_is_the_cover() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        how = {"lossless": True} if format == "WEBP" else {}
        content = saved(frames[0], format, save_all=True, append_images=frames[1:], **how)
        assert decode_cover(content).getpixel((5, 5)) == (255, 0, 0)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, rows: bytes, depth: int = 8) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, 2, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + data


BAD = {
    "empty": ("empty file", lambda make: b""),
    "web page": ("a web page, not an image", lambda make: b"\n<!DOCTYPE html><html><body>404</body></html>"),
    "text": ("not an image", lambda make: b"not a picture at all"),
    "one pixel": ("too small", lambda make: make(size=(1, 1))),
    "a thin line": ("too small", lambda make: make(size=(400, 2))),
    "truncated PNG": ("damaged or truncated", lambda make: make(size=(300, 300))[:500]),
    "truncated JPEG": ("damaged or truncated", lambda make: make(size=(300, 300), format="JPEG")[:800]),
    "truncated GIF": ("damaged or truncated|not an image", lambda make: make(size=(300, 300), format="GIF")[:60]),
    "header only": ("damaged or truncated|not an image", lambda make: make()[:40]),
    "bomb": ("more than 64,000,000 pixels", lambda make: png_of(8_001, 8_000, b"")),
    "larger bomb": ("pixels", lambda make: png_of(60_000, 60_000, bytes(50))),
    "largest bomb": ("pixels", lambda make: png_of(2**31 - 1, 2**31 - 1, b"")),
    "PostScript": ("EPS", lambda make: make(format="EPS")),
}


def test_a_bomb_is_refused_without_a_warning_whatever_other_threads_make_of_the_filters() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for width in (8_001, 9_500, 12_500):  # beyond Pillow's own limit it would warn, and raise from twice that on
            with pytest.raises(InputError, match="more than 64,000,000 pixels"):
                decode_cover(png_of(width, 8_000, b""))
    assert not told


@pytest.mark.parametrize(("reason", "content"), BAD.values(), ids=BAD)
def test_bad_images_are_refused_in_one_line(
    picture: Make, tmp_path: Path, reason: str, content: Callable[[Make], bytes]
) -> None:
    path = tmp_path / "new\nline.jpg"
    path.write_bytes(content(picture))
    with pytest.raises(InputError, match=reason) as refusal:
        decode_cover(path)
    assert "new\\nline.jpg: " in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_places_that_hold_no_image_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Make) -> None:
    with pytest.raises(InputError, match="is a directory"):
        decode_cover(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        decode_cover(tmp_path / "missing.png")
    with pytest.raises(InputError, match="larger than 64 MiB"):
        decode_cover(b"\0" * (covers.MAX_BYTES + 1), name="large")


def test_resizing_takes_the_centre_square() -> None:
    image = Image.new("RGB", (300, 100), "black")
    image.paste("white", (100, 0, 200, 100))
    assert resize_cover(image, 32).min() == 255
    assert resize_cover(image.transpose(Image.Transpose.ROTATE_90), 32).min() == 255


def test_resizing_is_antialiased() -> None:
    """One-pixel stripes come out as the grey between them, not as stripes of another width."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize_cover(Image.fromarray(stripes), 32)
    assert small.shape == (3, 32, 32)
    assert small.flags.c_contiguous
    assert abs(int(small.max()) - int(small.min())) < 12
    assert abs(float(small.mean()) - 127.5) < 2


def test_the_border_gives_every_byte_back() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    assert np.array_equal(to_uint8(to_float(every)), every)
    tensor = torch.from_numpy(every)
    assert torch.equal(to_uint8(to_float(tensor)), tensor)
    assert np.array_equal(to_float(tensor).numpy(), to_float(every))
    assert to_float(every).dtype == np.float32
    assert every[0, 0, 0, 7] == 7  # the pixels themselves are left alone
    with pytest.raises(ValueError, match="uint8"):
        to_float(to_float(every))
    assert (to_float(every).min(), to_float(every).max()) == (-1.0, 1.0)


def test_the_border_rounds_and_clamps_alike_for_arrays_and_tensors() -> None:
    values = np.random.default_rng(0).normal(0, 1, (3, 50, 50)).astype(np.float32)
    pixels = to_uint8(values)
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert np.array_equal(pixels, to_uint8(torch.from_numpy(values)).numpy())
    assert np.array_equal(to_uint8(np.array([-9.0, 0.0, 9.0])), [0, 128, 255])


def test_a_png_gives_back_its_pixels_and_text(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 20, 31), dtype=np.uint8)
    text = {"seed": "17", "condition": '{"energy": 0.9}', "track": "ünï – 音楽\nline", "surrogate": "a\udce9"}
    write_png(tmp_path / "cover.png", image, text)
    pixels, found = read_png(tmp_path / "cover.png")
    assert np.array_equal(pixels, image)
    assert found == text | {"surrogate": "a\\udce9"}
    assert encode_png(image, text) == encode_png(image, text)
    assert read_png(encode_png(image))[1] == {}


def test_text_that_would_swell_is_refused() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "a" * 3_000_000, zip=True)
    with pytest.raises(InputError, match=r"damaged|large"):
        read_png(saved(Image.new("RGB", (20, 20)), "PNG", pnginfo=info), name="cover.png")


def test_only_a_png_is_read_as_one(picture: Make) -> None:
    with pytest.raises(InputError, match="not a PNG"):
        read_png(picture(format="JPEG"), name="cover.jpg")
    with pytest.raises(InputError, match="damaged or truncated"):
        read_png(picture(size=(200, 200))[:300], name="cover.png")


@pytest.mark.parametrize(("count", "columns", "shape"), [(5, 3, (3, 22, 32)), (1, 4, (3, 12, 12)), (0, 3, (3, 12, 12))])
def test_a_contact_sheet_holds_every_image(count: int, columns: int, shape: tuple[int, int, int]) -> None:
    images = np.stack(
        [np.full((3, 8, 8), 10 * index, np.uint8) for index in range(count)] or [np.zeros((3, 8, 8), np.uint8)]
    )
    sheet = tile(images[:count], columns)
    assert sheet.shape == shape
    assert set(np.unique(sheet)) <= {255, *(10 * index for index in range(count))}
    if count == 5:
        assert sheet[0, 2, 2] == 0
        assert sheet[0, 12, 12] == 40
