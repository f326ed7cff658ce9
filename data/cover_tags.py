"""A cover into the tags of an audio file: the sound and all other tags stay as they are.

ID3 (MP3, WAV, AIFF), FLAC, Ogg (Vorbis, Opus, Speex, FLAC) and MP4. A front cover that is there already is replaced;
other pictures stay. The source is only read: the tags are written into a copy, which appears whole.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from data.errors import InputError
from data.files import atomic_path, reason_of

FRONT = 3
"""The picture type "front cover" of ID3 and FLAC."""
MAX_FLAC_BYTES = 2**24 - 1 - 1024
"""A FLAC block is shorter than 16 MiB, and has a description before the picture."""
_KNOWN = "mp3, flac, ogg, opus, m4a, wav, aiff"


def embed_art(source: str | os.PathLike[str], target: str | os.PathLike[str], picture: bytes) -> None:
    """Writes `source` to `target` with `picture`, a PNG or JPEG, as its front cover; they may be the same file.

    Raises `InputError` naming the source where it has no tags for pictures, is damaged, or cannot be read.
    """
    import mutagen

    path = Path(source)
    try:
        path.open("rb").close()
        kind = type(mutagen.File(path))
    except OSError as error:
        raise InputError(path, reason_of(error)) from error
    except Exception as error:  # mutagen's parsers raise almost anything on damaged tags
        raise InputError(path, f"its tags cannot be read ({error})") from error
    with atomic_path(Path(target).resolve()) as temporary:
        shutil.copyfile(path, temporary)
        if path.resolve() == Path(target).resolve():
            shutil.copymode(path, temporary)
        try:
            _put(kind, temporary, picture)
        except InputError as error:
            raise InputError(path, error.reason) from error
        except OSError:
            raise
        except Exception as error:
            raise InputError(path, f"its tags cannot be written ({error})") from error


def _put(kind: type, path: Path, picture: bytes) -> None:
    from mutagen.aiff import AIFF
    from mutagen.flac import FLAC
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.ogg import OggFileType
    from mutagen.wave import WAVE

    if issubclass(kind, (MP3, WAVE, AIFF)):
        _put_id3(kind, path, picture)
    elif issubclass(kind, FLAC):
        _put_flac(kind(path), picture)
    elif issubclass(kind, OggFileType):
        _put_ogg(kind(path), picture)
    elif issubclass(kind, MP4):
        _put_mp4(kind(path), picture)
    else:
        raise InputError(path, f"has no tags that a cover fits into; known: {_KNOWN}")


def _put_id3(kind: Any, path: Path, picture: bytes) -> None:
    from mutagen.id3 import APIC, PictureType

    audio = kind(path)
    if audio.tags is None:
        audio.add_tags()
    version = 3 if audio.tags.version[1] == 3 else 4
    if version == 3:  # as it is, not brought to 2.4 on the way
        audio = kind(path, v2_version=3)
    tags = audio.tags
    for frame in tags.getall("APIC"):
        if frame.type == PictureType.COVER_FRONT:
            del tags[frame.HashKey]
    description = ""
    while f"APIC:{description}" in tags:  # another picture's: two of one description would be one
        description += " "
    tags.add(APIC(encoding=0, mime=_mime(picture), type=PictureType.COVER_FRONT, desc=description, data=picture))
    audio.save(v2_version=version)


def _put_flac(audio: Any, picture: bytes) -> None:
    others = [block for block in audio.pictures if block.type != FRONT]
    audio.clear_pictures()
    for block in (_block(picture), *others):
        audio.add_picture(block)
    audio.save()


def _put_ogg(audio: Any, picture: bytes) -> None:
    if audio.tags is None:
        audio.add_tags()
    others = [text for text in audio.tags.get("metadata_block_picture", []) if not _is_front(text)]
    audio.tags["metadata_block_picture"] = [base64.b64encode(_block(picture).write()).decode(), *others]
    for old in ("coverart", "coverartmime"):  # how covers were kept before there were picture blocks
        if old in audio.tags:
            del audio.tags[old]
    audio.save()


def _put_mp4(audio: Any, picture: bytes) -> None:
    from mutagen.mp4 import MP4Cover

    if audio.tags is None:
        audio.add_tags()
    kind = MP4Cover.FORMAT_PNG if _mime(picture) == "image/png" else MP4Cover.FORMAT_JPEG
    audio.tags["covr"] = [MP4Cover(picture, kind), *audio.tags.get("covr", [])[1:]]  # the first is the front
    audio.save()


def _block(picture: bytes) -> Any:
    """FLAC's picture block of a front cover, which Ogg keeps too."""
    from mutagen.flac import Picture

    if len(picture) > MAX_FLAC_BYTES:
        raise InputError("cover", f"the cover has more than the {MAX_FLAC_BYTES:,} bytes that fit in; make it a JPEG")
    block = Picture()
    block.type, block.mime, block.data, block.depth = FRONT, _mime(picture), picture, 24
    with Image.open(io.BytesIO(picture)) as image:
        block.width, block.height = image.size
    return block


def _is_front(text: str) -> bool:
    """Whether a Vorbis comment holds a front cover; what cannot be read is none."""
    from mutagen.flac import Picture

    try:
        return bool(Picture(base64.b64decode(text)).type == FRONT)
    except Exception:  # a damaged block
        return False


def _mime(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
