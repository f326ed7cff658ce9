"""Covers: decoding anything Pillow reads, squares of any size, PNGs that carry text, and the one uint8 ⇄
float border.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from data.errors import InputError
from data.files import reason_of, write_bytes
from data.png import SIGNATURE, encode_rgb

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 2**20
MIN_SIDE = 16
RESIZE_FILTER = "lanczos"

_FILTER = Image.Resampling.LANCZOS
# These formats are programs or drawings for an outside renderer, which Pillow would start.
_REFUSED_FORMATS = frozenset({"EPS", "WMF"})
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_EXIF_ORIENTATION = 0x0112

# Twice as many are an error of Pillow's own, by which no filter of warnings has to hold: in threads none is sure to.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
# What it warns about is harmless: odd metadata, pictures of half that size.
warnings.filterwarnings("ignore", module=r"PIL\.")

Source = str | os.PathLike[str] | bytes
Array = TypeVar("Array")


def read_bounded(source: Source, *, name: str | None = None, max_bytes: int = MAX_BYTES) -> tuple[bytes, str]:
    """The bytes of a regular file (or `source` itself) and the name to use for it in messages.

    Raises `InputError`: missing, a directory, a pipe or device, empty, larger than `max_bytes`.
    """
    if isinstance(source, bytes):
        content, subject = source, name or "image"
    else:
        subject = name or os.fspath(source)
        try:
            status = os.stat(source)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(subject, "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a file")
            with open(source, "rb") as file:
                content = file.read(max_bytes + 1)
        except OSError as error:
            raise InputError(subject, reason_of(error)) from error
        except ValueError as error:  # a zero byte in the name
            raise InputError(subject, "not a usable path") from error
    if not content:
        raise InputError(subject, "empty file")
    if len(content) > max_bytes:
        raise InputError(subject, f"larger than {max_bytes // 2**20} MiB")
    return content, subject


def decode_cover(source: Source, *, name: str | None = None) -> Image.Image:
    """An upright RGB image from a file or its bytes.

    The first frame of an animation; EXIF orientation applied; transparency laid over white; CMYK through
    its embedded profile where it has one; 16-bit and floating-point greys scaled to 8 bits.

    Raises `InputError` for what is no image, is damaged or truncated, has a side under `MIN_SIDE`, more than
    `MAX_PIXELS` pixels or more than `MAX_BYTES` bytes. Nothing is decoded before its size is known.
    """
    content, subject = read_bounded(source, name=name)
    return _decode(content, subject, MIN_SIDE)


def _decode(content: bytes, subject: str, min_side: int, formats: tuple[str, ...] | None = None) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            _check_size(image, subject, min_side)
            if image.format in _REFUSED_FORMATS:
                raise InputError(subject, f"{image.format} is not a picture format that can be used")
            image.load()
            carried = {"text": getattr(image, "text", None), "comment": image.info.get("comment")}
            upright = _upright(_to_rgb(image), _orientation(image))
            upright.info = {name: text for name, text in carried.items() if text}
            return upright
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(subject, f"more than {MAX_PIXELS:,} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(subject, _not_an_image(content)) from error
    except MemoryError as error:
        raise InputError(subject, "too large to decode") from error
    except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
        raise InputError(subject, f"damaged or truncated image ({error})") from error


def _check_size(image: Image.Image, subject: str, min_side: int) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(subject, f"{width} × {height} is more than {MAX_PIXELS:,} pixels")
    if min(width, height) < min_side:
        raise InputError(subject, f"{width} × {height} pixels is too small for a cover (at least {min_side})")


def _not_an_image(content: bytes) -> str:
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or b"<head" in start:
        return "a web page, not an image"
    return "not an image"


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF must not cost the picture
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    for turn in _TURNS.get(orientation, ()):
        image = image.transpose(turn)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if image.mode == "RGB":
        return image.copy()
    return image.convert("RGB")


def _to_8_bit(grey: np.ndarray) -> np.ndarray:
    """uint8 `[H, W]` from deeper greys: 16-bit by 1/257; others by the range that their values show."""
    if grey.dtype.itemsize == 2:
        return (grey.astype(np.uint32) // 257).astype(np.uint8)
    values = np.nan_to_num(grey.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    full = next((scale for scale in (1.0, 255.0, 65535.0) if top <= scale), max(top, 1.0))
    if grey.dtype.kind != "f" and full == 1.0:
        full = 255.0  # an integer image that is almost black, not one on a scale of one
    return np.clip(np.floor(values * (255.999 / full)), 0, 255).astype(np.uint8)


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # an unusable profile: the plain formula below still shows the picture
    return image.convert("RGB")


def resize_cover(image: Image.Image, resolution: int) -> np.ndarray:
    """uint8 `[3, resolution, resolution]`: the centre square, through an antialiased Lanczos filter."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    # Cropped first: `resize(box=…)` lets the filter reach over the edges of the box.
    square = image.convert("RGB").crop((left, top, left + side, top + side))
    pixels = np.asarray(square.resize((resolution, resolution), _FILTER))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))  # [H, W, 3] -> [3, H, W]


def to_float(images: Array) -> Array:
    """uint8 → float32 in −1…1, of any shape; a NumPy array or a torch tensor, the same arithmetic for both."""
    values: Any = images
    if not str(values.dtype).endswith("uint8"):
        raise ValueError(f"pixels are uint8, not {values.dtype}")
    # A fresh array, so the two steps may work in place.
    floats: Any = values.astype(np.float32) if isinstance(values, np.ndarray) else values.float()
    floats /= 127.5
    floats -= 1.0
    return floats


def to_uint8(images: Array) -> Array:
    """Float in −1…1 → uint8, rounded and clamped; the inverse of `to_float` for all 256 values."""
    values: Any = images
    if isinstance(values, np.ndarray):
        return np.clip(np.rint((values.astype(np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)  # type: ignore[return-value]
    return ((values.float() + 1.0) * 127.5).round().clamp(0, 255).byte()


def encode_png(image: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """PNG bytes of uint8 `[3, H, W]` with `text` as text chunks (keys of 1–79 Latin-1 characters)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"an image is uint8 [3, H, W], not {image.dtype} {list(image.shape)}")
    texts = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        texts.add_text(key, value.encode("utf-8", "backslashreplace").decode())
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))  # [3, H, W] -> [H, W, 3]
    return encode_rgb(pixels, [(name, content) for name, content, *_ in texts.chunks])


def read_png(path: Source, *, name: str | None = None) -> tuple[np.ndarray, dict[str, str]]:
    """uint8 `[3, H, W]` and the text chunks of a PNG; `InputError` where it is not one or is damaged.

    Pillow refuses a text chunk over 1 MiB, or texts of over 64 MiB together, before inflating them further.
    """
    content, subject = read_bounded(path, name=name)
    if not content.startswith(SIGNATURE):
        raise InputError(subject, "not a PNG")
    image = decode_carrier(content, subject, "PNG")
    text = {str(key): str(value) for key, value in image.info.get("text", {}).items()}
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)), text


def decode_carrier(content: bytes, subject: str, kind: str) -> Image.Image:
    """An RGB image of any size from the bytes of a `kind` ("PNG", "JPEG"), with what text it carries in `info`."""
    return _decode(content, subject, min_side=1, formats=(kind,))


def write_png(path: str | Path, image: np.ndarray, text: Mapping[str, str] | None = None) -> None:
    """Writes `encode_png(image, text)` to `path` atomically."""
    write_bytes(path, encode_png(image, text))


def tile(images: np.ndarray, columns: int, pad: int = 2, background: int = 255) -> np.ndarray:
    """Contact sheet uint8 `[3, H', W']` of uint8 `[N, 3, H, W]`, row by row, `pad` pixels between and
    around.
    """
    count, channels, height, width = images.shape
    columns = max(1, min(columns, count)) if count else 1
    rows = max(1, -(-count // columns))
    sheet = np.full((channels, rows * (height + pad) + pad, columns * (width + pad) + pad), background, dtype=np.uint8)
    for index, image in enumerate(images):
        top = pad + (index // columns) * (height + pad)
        left = pad + (index % columns) * (width + pad)
        sheet[:, top : top + height, left : left + width] = image
    return sheet
