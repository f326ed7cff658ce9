"""What Spotify's objects and links mean: ids, covers, rows of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from data.attributes import ATTRIBUTES, Attribute
from data.cells import clean_text, date_of
from data.errors import InputError
from data.sources.answers import entries, inner, isrc_of
from data.sources.base import Record, Skip
from data.table import make_row

LICENCE = "Spotify Developer Policy: not for training models"
COVER_PX = 640
_ID = re.compile(r"[0-9A-Za-z]{22}")
_LINK = re.compile(
    r"(?:spotify:|(?:https?://)?open\.spotify\.com/(?:intl-\w+/)?)(artist|album|track|playlist)[:/]([0-9A-Za-z]{22})"
    r"(?:[?#].*)?"
)
_FEATURES = tuple(attribute.name for attribute in ATTRIBUTES if attribute.name != "popularity")


def id_of(value: Any) -> str | None:
    """A native id out of an answer, None where it is none."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def parse_link(text: str) -> tuple[str, str] | None:
    """(artist, album, track or playlist; id) of a Spotify link or URI, None where it is none."""
    match = _LINK.fullmatch(text)
    return (match[1], match[2]) if match else None


def parse_id(kind: str, text: str) -> str:
    """The id out of an id, a link or a URI of this kind; `InputError` where it is none."""
    link = parse_link(text)
    if link is not None and link[0] != kind:
        raise InputError(f"{kind}={text}", f"leads to another thing ({link[0]})")
    found = link[1] if link else id_of(text)
    if found is None:
        raise InputError(f"{kind}={text}", "neither a Spotify id (22 letters and digits) nor a link")
    return found


def record_of(track: Mapping[str, Any], genres: Sequence[str], features: Mapping[str, Any]) -> Record | Skip:
    """A full track object and its audio features as a record; what it lacks is null."""
    native, title, album = (
        id_of(track.get("id")),
        clean_text(track.get("name")),
        clean_text(inner(track, "album", "name")),
    )
    if native is None:
        return Skip(f"{title} on {album}", "no id")
    album_id, preview = id_of(inner(track, "album", "id")), track.get("preview_url")
    known = {"popularity": track.get("popularity")} | {name: features.get(name) for name in _FEATURES}
    row = make_row(
        track_id=f"spotify:{native}",
        album_id=album_id and f"spotify:{album_id}",
        isrc=isrc_of(inner(track, "external_ids", "isrc")),
        artist=main_artist(track),
        album=album,
        title=title,
        genres=list(genres),
        release_date=date_of(inner(track, "album", "release_date")),
        licence=LICENCE,
        source="spotify",
        **{attribute.name: _on_scale(known[attribute.name], attribute) for attribute in ATTRIBUTES},
    )
    return Record(row, covers_of(track.get("album")), [preview] if isinstance(preview, str) else [])


def main_artist(thing: Mapping[str, Any]) -> str | None:
    """The name of a track's or an album's first artist."""
    return next((clean_text(artist.get("name")) for artist in entries(thing, "artists")), None)


def covers_of(album: Any) -> list[str]:
    """The links to an album's cover: the largest up to 640 px first, then smaller ones, then larger ones."""

    def order(image: Mapping[str, Any]) -> tuple[bool, float]:
        sides = [side for side in (image.get("width"), image.get("height")) if isinstance(side, int | float)]
        side = max(sides, default=0)
        return side > COVER_PX, side if side > COVER_PX else -side

    images = [image for image in entries(album, "images") if isinstance(image.get("url"), str)]
    return [image["url"] for image in sorted(images, key=order)]


def _on_scale(value: Any, attribute: Attribute) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and attribute.low <= value <= attribute.high else None
