"""The track table: one row a track, in the column convention that Hugging Face `datasets` reads.

`cover` and `audio` are structs `{bytes, path}`; the schema's metadata declares them as Image and Audio,
so the shards open in `datasets` with no script, and in any Parquet reader as plain columns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from data.attributes import ATTRIBUTE_NAMES, check_attributes
from data.emotions import EMOTIONS, check_emotions
from data.errors import InputError

SPLITS = ("train", "validation", "test")
TEXT_COLUMNS = (
    "track_id", "album_id", "isrc", "artist", "album", "title", "release_date", "licence", "source", "subset", "split",
)  # fmt: skip
BYTES_COLUMNS = ("cover", "audio")
MAX_TEXT = 4096
MAX_GENRES = 256
LATER_COLUMNS = ("emotions", "subset")
"""Columns that shards written before them lack; they are read as null there."""

_FILE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


def _features() -> dict[str, Any]:
    """The `datasets` features that go with the columns, in the JSON that library reads."""
    text = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = {}
    for field in _FIELDS:
        if field.name == "cover":
            features[field.name] = {"_type": "Image"}
        elif field.name == "audio":
            features[field.name] = {"_type": "Audio"}
        elif field.name == "genres":
            features[field.name] = {"feature": text, "_type": "Sequence"}
        elif field.name == "emotions":
            features[field.name] = {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"}
        elif field.name in ATTRIBUTE_NAMES:
            features[field.name] = {"dtype": "float32", "_type": "Value"}
        else:
            features[field.name] = text
    return features


_FIELDS = (
    pa.field("track_id", pa.string()),
    pa.field("album_id", pa.string()),
    pa.field("isrc", pa.string()),
    pa.field("artist", pa.string()),
    pa.field("album", pa.string()),
    pa.field("title", pa.string()),
    pa.field("genres", pa.list_(pa.string())),
    pa.field("release_date", pa.string()),
    *(pa.field(name, pa.float32()) for name in ATTRIBUTE_NAMES),
    pa.field("emotions", pa.list_(pa.float32())),
    pa.field("cover", _FILE),
    pa.field("audio", _FILE),
    pa.field("licence", pa.string()),
    pa.field("source", pa.string()),
    pa.field("subset", pa.string()),
    pa.field("split", pa.string()),
)
SCHEMA = pa.schema(_FIELDS, metadata={"huggingface": json.dumps({"info": {"features": _features()}})})
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)


def make_row(**known: Any) -> dict[str, Any]:
    """A row with every column, in order: the `known` ones, else null (`genres` an empty list, `split` train).

    Raises `InputError` for a column that the table does not have.
    """
    unknown = set(known) - set(COLUMNS)
    if unknown:
        raise InputError("row", f"unknown column {min(unknown)!r}")
    return {name: known.get(name) for name in COLUMNS} | {
        "genres": list(known.get("genres") or []),
        "split": known.get("split") or "train",
    }


def validate_row(row: Mapping[str, Any]) -> None:
    """Refuses a row that the table cannot hold: `InputError` names the track and the column."""
    track = row.get("track_id")
    if not isinstance(track, str) or not track:
        raise InputError("row", "track_id is missing or not a text")

    def refuse(column: str, reason: str) -> None:
        raise InputError(track, f"column {column}: {reason}")

    if tuple(row) != COLUMNS and set(row) != set(COLUMNS):
        odd = min(set(row) ^ set(COLUMNS))
        refuse(odd, "missing" if odd in COLUMNS else "not a column of the table")
    for column in TEXT_COLUMNS:
        value = row[column]
        if value is not None and not _is_text(value):
            refuse(column, f"not a text of at most {MAX_TEXT:,} characters")
    if row["split"] not in SPLITS:
        refuse("split", f"not one of {', '.join(SPLITS)}")
    genres = row["genres"]
    if not isinstance(genres, list) or len(genres) > MAX_GENRES or not all(_is_text(genre) for genre in genres):
        refuse("genres", f"not a list of at most {MAX_GENRES} texts")
    for column in BYTES_COLUMNS:
        if row[column] is not None and not _is_file(row[column]):
            refuse(column, "not {bytes, path}")
    for column in ATTRIBUTE_NAMES:
        value = row[column]
        if value is not None and not _is_number(value):
            refuse(column, "not a number")
        if value is not None and not math.isfinite(value):
            refuse(column, "not a finite number")
    check_attributes({name: row[name] for name in ATTRIBUTE_NAMES}, subject=track)
    emotions = row["emotions"]
    if emotions is not None:
        if not isinstance(emotions, list) or len(emotions) != len(EMOTIONS) or not all(map(_is_number, emotions)):
            refuse("emotions", f"not a list of {len(EMOTIONS)} numbers")
        if not all(map(math.isfinite, emotions)):
            refuse("emotions", "not finite numbers")
        check_emotions(dict(zip(EMOTIONS, emotions, strict=True)), subject=f"{track}: column emotions")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates, from file names that are not UTF-8
        return False
    return True


def _is_file(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"bytes", "path"}
        and isinstance(value["bytes"], bytes)
        and (value["path"] is None or _is_text(value["path"]))
    )
