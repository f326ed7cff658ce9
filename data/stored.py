"""What a row keeps of a cover and of a clip: the user's own bytes where they will do, else one plain form."""

from __future__ import annotations

import io
import os
import stat
import zlib

import numpy as np
from PIL import Image

from data.audio import EXCERPT_S, Excerpt, load_audio
from data.covers import MIN_SIDE, Source, decode_cover, read_bounded
from data.duplicates import perceptual_hash
from data.errors import InputError

KEPT_SIDE = 1024
KEPT_CLIP_S = 1.5 * EXCERPT_S
KEPT_CLIP_BYTES = 2 * 2**20
JPEG_QUALITY = 92
_EXIF_ORIENTATION = 0x0112
_BLOCK = 16_384  # samples; libsndfile's Vorbis encoder keeps what it is given at once on the stack
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def stored_cover(source: Source, *, name: str | None = None) -> dict[str, object]:
    """`{bytes, path}` for the cover column; `InputError` as from `decode_cover`.

    An upright, opaque JPEG or PNG of at most `KEPT_SIDE` px is kept as it is; all else becomes a JPEG of
    quality 92 without chroma subsampling, its longer side at most `KEPT_SIDE`.
    """
    content, subject = read_bounded(source, name=name)
    return _stored(content, decode_cover(content, name=subject), subject)


def look_at_cover(source: Source, *, name: str | None = None) -> tuple[dict[str, object], int]:
    """`stored_cover` and the perceptual hash of a cover, which is decoded once."""
    content, subject = read_bounded(source, name=name)
    image = decode_cover(content, name=subject)
    seen = perceptual_hash(image)
    return _stored(content, image, subject), seen


def _stored(content: bytes, image: Image.Image, subject: str) -> dict[str, object]:
    kept = _kept_suffix(content)
    if kept is None:
        if max(image.size) * MIN_SIDE > min(image.size) * KEPT_SIDE:
            raise InputError(subject, f"{image.width} × {image.height} pixels is too narrow for a cover")
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        content, kept = buffer.getvalue(), ".jpg"
    return {"bytes": content, "path": f"cover{kept}"}


def _kept_suffix(content: bytes) -> str | None:
    """The file suffix under which a cover that any reader shows rightly is kept, or None."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            plain = image.mode in ("RGB", "L") and "transparency" not in image.info
            still = getattr(image, "n_frames", 1) == 1
            upright = image.getexif().get(_EXIF_ORIENTATION, 1) == 1
            if not (plain and still and upright and max(image.size) <= KEPT_SIDE):
                return None
            return {"JPEG": ".jpg", "PNG": ".png"}.get(image.format or "")
    except Exception:  # it has been decoded, but damaged EXIF or further frames would trouble other readers
        return None


def stored_clip(source: Source, *, name: str | None = None) -> dict[str, object]:
    """`{bytes, path}` for the audio column; `InputError` as from `load_audio`.

    A file that is itself a clip (at most 90 s and 2 MiB) is kept as it is; of a longer one the centre 60
    s are kept as Ogg Vorbis, mono, at 22,050 Hz.
    """
    excerpt = load_audio(source, name=name)
    size = len(source) if isinstance(source, bytes) else os.stat(source)[stat.ST_SIZE]
    if excerpt.total_s <= KEPT_CLIP_S and size <= KEPT_CLIP_BYTES:
        content, subject = read_bounded(source, name=name)
        suffix = os.path.splitext(subject)[1].lower()
        return {"bytes": content, "path": f"clip{suffix if suffix.isascii() else ''}"}
    return {"bytes": encode_clip(excerpt), "path": "clip.ogg"}


def encode_clip(excerpt: Excerpt) -> bytes:
    """Ogg Vorbis bytes of an excerpt, mono at its own rate; the same samples give the same bytes."""
    import soundfile

    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", excerpt.sr, 1, format="OGG", subtype="VORBIS") as sound:
        for start in range(0, len(excerpt.y), _BLOCK):
            sound.write(np.clip(excerpt.y[start : start + _BLOCK], -1.0, 1.0))
    return _with_serial(buffer.getvalue(), serial=1)


def _with_serial(ogg: bytes, serial: int) -> bytes:
    """The Ogg stream with its serial number, which encoders draw at random, set and each page's checksum renewed.

    Page layout: RFC 3533, section 6: serial number at byte 14, checksum at 22, segment table from 26.
    """
    pages = bytearray(ogg)
    position = 0
    while position < len(pages):
        segments = pages[position + 26]
        body = position + 27 + segments
        end = body + sum(pages[position + 27 : body])
        pages[position + 14 : position + 18] = serial.to_bytes(4, "little")
        pages[position + 22 : position + 26] = bytes(4)
        pages[position + 22 : position + 26] = _ogg_checksum(bytes(pages[position:end])).to_bytes(4, "little")
        position = end
    return bytes(pages)


def _ogg_checksum(page: bytes) -> int:
    """CRC-32 of polynomial 0x04c11db7, most significant bit first, from zlib's mirrored and inverted one."""
    mirrored = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
