"""JPEGs as shops take them (sRGB with its profile, no colour left out), which carry text as covers in PNG do."""

from __future__ import annotations

import functools
import io
import json
import os
import struct
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageCms

from data.covers import decode_carrier, read_bounded, read_png
from data.errors import InputError
from data.png import SIGNATURE

QUALITY = 92
MAX_TEXT_BYTES = 65_533
"""A JPEG's comment is no longer."""
_START = b"\xff\xd8\xff"
_DATE, _SOME_DAY = slice(24, 36), struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # ICC.1, section 7.2: when it was made


def encode_jpeg(image: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """JPEG bytes of uint8 `[3, H, W]`: 4:4:4, sRGB profile, `text` as one JSON object in the comment.

    The same image and text give the same bytes. Raises `InputError` for more text than a comment holds.
    """
    comment = json.dumps(dict(text or {}), ensure_ascii=True).encode()
    if len(comment) > MAX_TEXT_BYTES:
        raise InputError("--format", f"a JPEG holds {MAX_TEXT_BYTES:,} bytes of text; this cover has more: write a PNG")
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))  # [3, H, W] → [H, W, 3]
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0, icc_profile=_srgb_profile(), comment=comment)
    return buffer.getvalue()


def read_cover(path: str | os.PathLike[str]) -> tuple[np.ndarray, dict[str, str]]:
    """uint8 `[3, H, W]` and the text of a PNG or JPEG; `InputError` where it is neither or is damaged."""
    content, subject = read_bounded(path)
    if content.startswith(SIGNATURE):
        return read_png(content, name=subject)
    if not content.startswith(_START):
        raise InputError(subject, "not a PNG or JPEG")
    image = decode_carrier(content, subject, "JPEG")
    try:
        text = json.loads(image.info.get("comment", b"{}"))
    except (ValueError, RecursionError):
        text = {}  # a comment of somebody else's
    if not isinstance(text, dict) or not all(isinstance(value, str) for value in text.values()):
        text = {}
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)), text


def is_jpeg(path: str | os.PathLike[str]) -> bool:
    """Whether a readable file begins as a JPEG does."""
    with open(path, "rb") as file:
        return file.read(len(_START)) == _START


def as_jpeg(image: np.ndarray) -> np.ndarray:
    """uint8 `[3, H, W]` as it is read back from a JPEG."""
    again = decode_carrier(encode_jpeg(image), "cover", "JPEG")
    return np.asarray(again).transpose(2, 0, 1)


@functools.cache
def _srgb_profile() -> bytes:
    """The sRGB profile as LittleCMS writes it, without the date on which it did."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE] = _SOME_DAY
    return bytes(profile)
