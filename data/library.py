"""A person's own music: a folder tree of audio files with embedded art or a cover beside them → one
entry a file.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.cells import clean_text, date_of, parts_of
from data.covers import MAX_BYTES
from data.errors import InputError
from data.files import inside
from data.folders import AUDIO_SUFFIXES, IMAGE_SUFFIXES, Entry, FileSource, OnSkip
from data.table import MAX_GENRES, make_row

_COVER_NAMES = ("cover", "folder", "front", "albumart", "album", "artwork")
_DISC = re.compile(r"(cd|disc|disk)[ _-]*\d+", re.IGNORECASE)
_FRONT = 3  # the picture type "front cover" of ID3 and FLAC


def has_music(folder: Path) -> bool:
    """Whether there is an audio file anywhere in the tree."""
    return any(map(is_music, files_in(folder)))


def read_music_folder(folder: Path, on_skip: OnSkip) -> Iterator[Entry]:
    """Every audio file of the tree, in the order of its path, with what its tags say.

    A track's covers are its embedded pictures, the front one first, then `cover.jpg`, `folder.jpg`, …
    beside it (or, from a folder such as `CD 1`, in the one above). Its id is its path in the folder. A
    file that leaves the folder through a link goes to `on_skip(subject, reason)`; damaged tags count as
    none.
    """
    for path in filter(is_music, files_in(folder)):
        relative = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
        try:
            inside(folder, str(path.relative_to(folder)))
        except InputError as error:
            on_skip(relative, error.reason)
            continue
        tags, pictures = _read_tags(path)
        beside = _covers_beside(path.parent)
        if not beside and _DISC.fullmatch(path.parent.name) and path.parent != folder:
            beside = _covers_beside(path.parent.parent)
        yield Entry(_row(relative, tags, folder), (*pictures, *beside), path)


def files_in(folder: Path) -> Iterator[Path]:
    """Every file of the tree that is not hidden, a folder's own before those of the folders in it, each by name."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(base, name) for name in sorted(names) if not name.startswith("."))


def is_music(path: Path) -> bool:
    """Whether a file is named like one of music."""
    return path.suffix.lower() in AUDIO_SUFFIXES


@lru_cache(maxsize=8)
def _covers_beside(folder: Path) -> tuple[Path, ...]:
    pictures: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            pictures.setdefault(path.stem.lower(), path)
    return tuple(pictures[name] for name in _COVER_NAMES if name in pictures)


def _row(relative: str, tags: dict[str, list[str]], folder: Path) -> dict[str, Any]:
    def first(name: str) -> str | None:
        return clean_text(tags[name][0]) if tags.get(name) else None

    artist, album = first("artist"), first("album")
    owner = first("albumartist") or artist
    parts = (clean_text(part) for value in tags.get("genre", []) for part in parts_of(value))
    genres = dict.fromkeys(part for part in parts if part)
    return make_row(
        track_id=relative[-4096:],
        album_id=f"{owner or ''}/{album}" if album else None,
        isrc=first("isrc"),
        artist=artist or owner,
        album=album,
        title=first("title"),
        genres=list(genres)[:MAX_GENRES],
        release_date=date_of(first("date")),
        licence=first("copyright"),
        source=folder.resolve().name,
    )


def read_names(path: Path) -> tuple[str | None, str | None, str | None]:
    """Artist, album and title as a file's tags have them, None where they do not say."""
    row = _row(path.name, _read_tags(path)[0], path.parent)
    return row["artist"], row["album"], row["title"]


def read_album(path: Path) -> tuple[str | None, str | None]:
    """The album that a file's tags name: whose it is (the track's artist where only that is told), and its name."""
    tags = _read_tags(path)[0]
    row = _row(path.name, tags, path.parent)
    owner = next(filter(None, map(clean_text, tags.get("albumartist", []))), None)
    return owner or row["artist"], row["album"]


def read_genres(path: Path) -> list[str]:
    """The genres that a file's tags name."""
    return list(_row(path.name, _read_tags(path)[0], path.parent)["genres"])


def read_pictures(path: Path) -> list[bytes]:
    """The pictures in a file's tags, the front cover first; none where they are damaged."""
    return [picture for picture in _read_tags(path)[1] if isinstance(picture, bytes)]


def _read_tags(path: Path) -> tuple[dict[str, list[str]], list[FileSource]]:
    """What a file's tags say, under one set of names, and its embedded pictures."""
    import mutagen

    try:
        full = mutagen.File(path)
        named = _named(path, getattr(full, "tags", None))
    except Exception:  # mutagen's parsers raise almost anything on damaged tags; the music may still be sound
        return {}, []
    tags: dict[str, list[str]] = {}
    for name, values in named.items():
        texts = values if isinstance(values, list) else [values]
        tags[str(name).lower()] = [str(value) for value in texts if str(value).strip()]
    return tags, [picture for picture in _pictures(full) if 0 < len(picture) <= MAX_BYTES]


def _named(path: Path, tags: Any) -> dict[str, Any]:
    """A file's `tags` under mutagen's easy names; mutagen itself gives them to ID3 in MP3, not in WAV and AIFF."""
    import mutagen
    from mutagen.easyid3 import EasyID3
    from mutagen.id3 import ID3

    if not isinstance(tags, ID3):
        return dict(getattr(mutagen.File(path, easy=True), "tags", None) or {})
    named = {}
    for name, texts_of in EasyID3.Get.items():
        with suppress(KeyError, ValueError):  # there is no such frame; it is damaged
            named[name] = texts_of(tags, name)
    return named


def _pictures(file: Any) -> list[bytes]:
    """Embedded pictures, the front cover first: ID3 APIC, FLAC and Ogg picture blocks, MP4 covr, ASF and
    APE.
    """
    found: list[tuple[bool, bytes]] = [
        (picture.type != _FRONT, picture.data) for picture in getattr(file, "pictures", [])
    ]
    for name, value in dict(getattr(file, "tags", None) or {}).items():
        for part in value if isinstance(value, list) else [value]:
            try:
                picture = _picture(str(name).lower(), part)
            except Exception:  # a damaged picture block
                continue
            if picture is not None:
                found.append(picture)
    return [data for _, data in sorted(found, key=lambda picture: picture[0])]


def _picture(name: str, value: Any) -> tuple[bool, bytes] | None:
    """(not the front, its bytes) where a tag is a picture."""
    if name.startswith(("apic", "wm/picture")):
        if hasattr(value, "data"):
            return value.type != _FRONT, bytes(value.data)
        return _asf_picture(bytes(value.value))
    if name == "covr":
        return False, bytes(value)
    if name == "metadata_block_picture":
        from mutagen.flac import Picture

        block = Picture(base64.b64decode(value))
        return block.type != _FRONT, bytes(block.data)
    if name.startswith("cover art"):
        # APEv2: a file name, a zero byte, the picture.
        return "front" not in name, bytes(value.value).partition(b"\0")[2]
    return None


def _asf_picture(block: bytes) -> tuple[bool, bytes]:
    """WM/Picture: type, length (32 bits), two zero-ended UTF-16 texts, the picture."""
    length = int.from_bytes(block[1:5], "little")
    return block[0] != _FRONT, block[-length:]
