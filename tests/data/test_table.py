"""The track table: its columns, and what a row may hold."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from data.attributes import ATTRIBUTE_NAMES
from data.emotions import EMOTIONS
from data.errors import InputError
from data.table import COLUMNS, SCHEMA, make_row, validate_row


def test_the_columns_are_those_of_the_design() -> None:
    names = ["track_id", "album_id", "isrc", "artist", "album", "title", "genres", "release_date"]
    last = ["emotions", "cover", "audio", "licence", "source", "subset", "split"]
    assert list(COLUMNS) == [*names, *ATTRIBUTE_NAMES, *last]


def test_hugging_face_is_told_of_image_and_audio() -> None:
    features = json.loads(SCHEMA.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == list(COLUMNS)
    assert features["cover"] == {"_type": "Image"}
    assert features["audio"] == {"_type": "Audio"}
    assert features["genres"]["_type"] == "Sequence"
    assert features["emotions"] == {"feature": features["tempo"], "_type": "Sequence"}
    assert features["tempo"] == {"dtype": "float32", "_type": "Value"}


def test_a_row_of_little_is_whole() -> None:
    row = make_row(track_id="1")
    assert tuple(row) == COLUMNS
    assert row["genres"] == []
    assert row["split"] == "train"
    validate_row(row)
    with pytest.raises(InputError, match="unknown column 'colour'"):
        make_row(track_id="1", colour="red")


BAD: dict[str, tuple[str, Any]] = {
    "title": ("not a text", 7),
    "artist": ("not a text", "a" * 5000),
    "album": ("not a text", "lone surrogate \udce9"),
    "split": ("not one of", "dev"),
    "genres": ("not a list", "techno"),
    "cover": ("not {bytes, path}", b"raw bytes"),
    "audio": ("not {bytes, path}", {"bytes": None, "path": "x.mp3"}),
    "energy": ("outside 0 to 1", 1.5),
    "tempo": ("not a number", "fast"),
    "valence": ("not a finite", math.nan),
    "liveness": ("not a number", True),
    "emotions": ("not a list of 9 numbers", [0.5] * 8),
}


@pytest.mark.parametrize(("column", "reason", "value"), [(name, *bad) for name, bad in BAD.items()], ids=BAD)
def test_a_bad_cell_is_refused_with_its_track_and_column(column: str, reason: str, value: Any) -> None:
    with pytest.raises(InputError, match=reason) as refusal:
        validate_row(make_row(track_id="track 9") | {column: value})
    assert "track 9" in str(refusal.value)
    assert column in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "reason"), [(1.01, "tension=1.01 is outside"), (math.inf, "not finite"), (math.nan, "not finite"),
                          ("0.5", "not a list of 9 numbers"), (None, "not a list of 9 numbers")]
)  # fmt: skip
def test_one_bad_emotion_of_the_nine_is_refused(value: Any, reason: str) -> None:
    shares = {name: 0.25 for name in EMOTIONS}
    validate_row(make_row(track_id="track 9", emotions=list(shares.values())))
    with pytest.raises(InputError, match=rf"track 9: column emotions: {reason}"):
        validate_row(make_row(track_id="track 9", emotions=list((shares | {"tension": value}).values())))


def test_a_row_without_an_id_or_with_odd_columns_is_refused() -> None:
    with pytest.raises(InputError, match="track_id is missing"):
        validate_row(make_row(track_id=""))
    row = make_row(track_id="1")
    del row["title"]
    with pytest.raises(InputError, match="title: missing"):
        validate_row(row)
    with pytest.raises(InputError, match="colour: not a column"):
        validate_row(make_row(track_id="1") | {"colour": "red"})
