"""A folder of covers (and clips) with a table that names the files → one entry a row."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.attributes import ATTRIBUTE_NAMES, check_attributes
from data.cells import clean_text, date_of, parts_of
from data.emotions import EMOTIONS, check_emotions
from data.errors import InputError
from data.files import inside
from data.table import MAX_GENRES, make_row
from data.tables import TABLE_SUFFIXES, columns_of, read_table

AUDIO_SUFFIXES = frozenset({
    ".mp3", ".m4a", ".m4b", ".mp4", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wav", ".aif", ".aiff", ".wma",
    ".ape", ".wv", ".mka", ".webm", ".mpc", ".au", ".caf",
})  # fmt: skip
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2",
})  # fmt: skip

# What tables call our columns, the likeliest first. The last ones may name either kind of file.
_COVER = (
    "cover", "image", "cover_file_name", "image_file_name", "cover_path", "image_path", "cover_file", "image_file",
    "artwork", "img", "picture",
)  # fmt: skip
_AUDIO = ("clip", "audio", "audio_file_name", "clip_path", "audio_path", "audio_file", "clip_file")
_EITHER = ("file_name", "filename", "filepath", "file_path", "file", "path")
_TEXTS: dict[str, tuple[str, ...]] = {
    "track_id": ("track_id", "id", "uid", "spotify_id"),
    "album_id": ("album_id", "track_album_id"),
    "isrc": ("isrc",),
    "artist": ("artist", "artists", "artist_name", "artist_names", "track_artist", "performer", "band"),
    "album": ("album", "album_name", "track_album_name", "album_title", "release"),
    "title": ("title", "track_name", "track", "song", "song_name", "name"),
    "licence": ("licence", "license"),
    "source": ("source", "archive_url", "source_url", "url"),
    "subset": ("subset",),
}
_DATES = ("release_date", "date", "year", "released", "album_release_date", "track_album_release_date")
_GENRES = (
    "genres", "genre", "tags", "tag", "movement", "styles", "style", "track_genre", "playlist_genre",
    "playlist_subgenre", "kinds",
)  # fmt: skip
_ATTRIBUTES = {name: (name,) for name in ATTRIBUTE_NAMES} | {
    "popularity": ("popularity", "track_popularity"),
    "tempo": ("tempo", "tempo_bpm", "bpm"),
    "loudness": ("loudness", "loudness_db"),
}

OnSkip = Callable[[str, str], None]
FileSource = Path | bytes


@dataclass(frozen=True)
class Entry:
    """One track before its files are read: its row without them, and where they lie.

    `covers` are tried in order until one can be decoded; no covers means a track without one.
    """

    row: Mapping[str, Any]
    covers: Sequence[FileSource] = ()
    audio: FileSource | None = None


def find_tables(folder: Path) -> list[Path]:
    """The tables that describe a folder: every `metadata.*` in it or (imagefolder splits) up to two levels down;
    else its one table with a column that names a file; [] where there is none.

    Raises `InputError` where several tables could be meant.
    """
    for pattern in ("metadata.*", "*/metadata.*", "*/*/metadata.*"):
        found = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in TABLE_SUFFIXES)
        if found:
            return found
    naming = [path for path in _loose_tables(folder) if _names_files(path)]
    if len(naming) > 1:
        names = ", ".join(path.name for path in naming[:5])
        raise InputError(folder, f"several tables name files ({names}); call the right one metadata{naming[0].suffix}")
    return naming


def why_no_table(folder: Path) -> InputError | None:
    """Where `find_tables` found none although there is a table: what is wrong with it."""
    for table in _loose_tables(folder):
        try:
            return _no_file_column(table, columns_of(table))
        except InputError as error:
            return error
    return None


def _loose_tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())


def _names_files(table: Path) -> bool:
    try:
        return bool(_file_columns(columns_of(table)))
    except InputError:
        return False


def _file_columns(columns: Sequence[str]) -> list[str]:
    return [column for column in (*_COVER, *_AUDIO, *_EITHER) if column in columns]


def _no_file_column(table: Path, columns: Sequence[str]) -> InputError:
    has = f"it has {', '.join(columns[:20])}" if columns else "it is empty"
    return InputError(table, f"no column names the cover or clip (such as file_name, cover, clip); {has}")


def read_cover_folder(folder: Path, on_skip: OnSkip) -> Iterator[Entry]:
    """The rows of a folder's table(s), in order; a row that cannot be used goes to `on_skip(subject, reason)`.

    Raises `InputError` for a table that cannot be read at all or has no column naming a file.
    """
    seen: set[str] = set()
    for table in find_tables(folder):
        columns = columns_of(table)
        if not _file_columns(columns):
            raise _no_file_column(table, columns)
        for number, cells in enumerate(read_table(table), start=1):
            subject = f"{table.name} row {number}"
            try:
                entry = _entry(table.parent, cells, folder)
                subject = entry.row["track_id"]
                if subject in seen:
                    raise InputError(subject, "duplicate id")
            except InputError as error:
                on_skip(subject if error.subject in ("row", "") else error.subject, error.reason)
                continue
            seen.add(subject)
            yield entry


def _entry(base: Path, cells: Mapping[str, Any], folder: Path) -> Entry:
    cover, cover_name = _file(base, cells, _COVER, audio=False)
    audio, audio_name = _file(base, cells, _AUDIO, audio=True)
    if cover is None and audio is None:
        raise InputError("row", "names no file")
    known: dict[str, Any] = {column: _text(cells, names) for column, names in _TEXTS.items()}
    known["track_id"] = known["track_id"] or clean_text(os.path.splitext(cover_name or audio_name or "")[0])
    if not known["track_id"]:
        raise InputError("row", "has no id")
    known["source"] = known["source"] or folder.resolve().name
    known["genres"] = _genres(cells)
    known["release_date"] = next((date for name in _DATES if (date := date_of(cells.get(name)))), None)
    known.update(check_attributes(_numbers(cells, _ATTRIBUTES, known["track_id"]), known["track_id"]))
    known["emotions"] = _emotions(cells, known["track_id"])
    return Entry(make_row(**known), (cover,) if cover is not None else (), audio)


def _file(
    base: Path, cells: Mapping[str, Any], names: Sequence[str], *, audio: bool
) -> tuple[FileSource | None, str | None]:
    """A file that a row names (or holds, as `{bytes, path}`), and its name in the row."""
    either = [name for name in _EITHER if _is_audio(cells.get(name)) == audio]
    for column in (*names, *either):
        value = cells.get(column)
        if isinstance(value, Mapping):
            content, path = value.get("bytes"), value.get("path")
            if isinstance(content, bytes) and content:
                return content, path if isinstance(path, str) else None
            value = path
        if isinstance(value, str) and value.strip():
            try:
                value.encode("utf-8", "surrogateescape")
            except UnicodeEncodeError as error:
                raise InputError(value, "not a usable path") from error
            return inside(base, value.strip()), value.strip()
    return None, None


def _is_audio(value: Any) -> bool:
    return isinstance(value, str) and Path(value.strip()).suffix.lower() in AUDIO_SUFFIXES


def _text(cells: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := clean_text(cells.get(name)))), None)


def _genres(cells: Mapping[str, Any]) -> list[str]:
    parts = (clean_text(part) for name in _GENRES for part in parts_of(cells.get(name)))
    return list(dict.fromkeys(part for part in parts if part))[:MAX_GENRES]


def _emotions(cells: Mapping[str, Any], subject: str) -> list[float] | None:
    if 2 * sum(name in cells for name in EMOTIONS) < len(EMOTIONS):
        return None  # a column or two such as `power` speak of something else
    return check_emotions(_numbers(cells, {name: (name,) for name in EMOTIONS}, subject), subject)


def _numbers(cells: Mapping[str, Any], columns: Mapping[str, Sequence[str]], subject: str) -> dict[str, float | None]:
    """The number in the first filled of its columns for each name that has one; None for `nan`."""
    values: dict[str, float | None] = {}
    for wanted, names in columns.items():
        value = next((cells[name] for name in names if cells.get(name) not in (None, "")), None)
        if value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(subject, f"{wanted} is not a number") from None
        values[wanted] = None if math.isnan(number) else number
    return values
