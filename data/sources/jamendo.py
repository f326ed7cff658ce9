"""Jamendo: whole tracks under Creative Commons, each with its licence, cover and tags.

https://developer.jamendo.com/v3.0: a client id (free) goes with every question; errors come with status 200.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from data.cells import clean_text, date_of
from data.checks import one_of
from data.errors import InputError
from data.sources.answers import entries, inner, last_part, texts
from data.sources.base import (
    Endpoint,
    Found,
    Gone,
    Item,
    Later,
    Record,
    Service,
    Skip,
    Source,
    Terms,
    Trouble,
    check,
)
from data.sources.http import Http
from data.table import make_row

_KEY = "JAMENDO_CLIENT_ID"
_API = "https://api.jamendo.com/v3.0/tracks/"
_PAGE = 200
_RATE_WAIT_S = 3600.0
_ORDERS = (
    "popularity_total", "popularity_month", "popularity_week", "releasedate_desc", "releasedate_asc", "id", "relevance",
)  # fmt: skip


class Jamendo(Source):
    """A question → pages of tracks. Where an artist does not allow downloads, a track comes without its music."""

    name = "jamendo"
    service = Service(hosts=("api.jamendo.com",), file_hosts=("*.jamendo.com",), requests=5, per_s=5.0, at_once=2)
    terms = Terms(
        "Jamendo's tracks are under the Creative Commons licence that stands beside each: name the artist; many are "
        "for non-commercial use only, or may not be passed on changed; its API is for non-commercial use",
        may_train=True,
    )
    endpoints = (
        Endpoint("/v3.0/tracks", "whole tracks, licence, cover of 600 px, genres, date", "open with a client id"),
    )
    wants: ClassVar = {
        "tag": "a genre or another tag",
        "artist": "an artist's name, or id or address",
        "track": "a track's id or address",
        "search": "words in titles, names and tags",
        "order": f"for all other wishes: {', '.join(_ORDERS)}",
    }
    needs_secrets = (_KEY,)

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        orders = [value for name, value in wishes if name == "order"] or ["id"]
        for order in orders:
            one_of("order", order, _ORDERS)
        for name, value in wishes:
            known = last_part(value)
            if name == "track" and not known.isdecimal():
                raise InputError(f"track={value}", "not an id, nor an address that ends with one")
            if name == "artist":
                name = "artist_id" if known.isdecimal() else "artist_name"
            if name != "order":
                parameter = {"tag": "tags", "track": "id"}.get(name, name)
                value = known if parameter in ("id", "artist_id") else value
                yield from (Item("tracks", f"{parameter} {order} 0 {value}") for order in orders)

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        parameter, order, start, value = item.key.split(" ", 3)
        params = {
            "client_id": http.secrets[_KEY],
            "format": "json",
            "limit": _PAGE,
            "offset": int(start),
            "order": order,
            "include": "musicinfo",
            "type": "single albumtrack",
            "imagesize": 600,
            "audiodlformat": "mp32",
            parameter: value,
        }
        page = http.json(_API, params, check=_check)
        found = check(inner(page, "results"), list, "results")
        for track in entries(page, "results"):
            yield _record(track)
        if len(found) >= _PAGE:
            following = int(start) + len(found)
            yield Item("tracks", f"{parameter} {order} {following} {value}", rank=following)


def _check(answer: Any) -> None:
    """Errors that come with status 200 (https://developer.jamendo.com/v3.0/response-codes)."""
    if inner(answer, "headers", "status") != "failed":
        return
    code = inner(answer, "headers", "code")
    if code == 6:
        raise Later("rate limit exceeded", _RATE_WAIT_S)
    if code in (5, 11, 12, 13):
        raise InputError(_KEY, f"not accepted by Jamendo (code {code})")
    if code == 1:
        raise Trouble("error of the service (code 1)")
    raise Gone(f"error (code {code})" if isinstance(code, int) else "error")


def _record(track: Mapping[str, Any]) -> Found:
    native, licence = _id(track, "id"), clean_text(track.get("license_ccurl"))
    if native is None:
        return Skip(f"track {clean_text(track.get('name'))}", "no id")
    if licence is None:
        return Skip(f"track {native}", "no licence")
    album = _id(track, "album_id")
    row = make_row(
        track_id=f"jamendo:{native}",
        album_id=f"jamendo:{album}" if album else None,
        artist=clean_text(track.get("artist_name")),
        album=clean_text(track.get("album_name")),
        title=clean_text(track.get("name")),
        genres=texts(track, "musicinfo", "tags", "genres") or texts(track, "musicinfo", "tags", "vartags"),
        release_date=None if str(track.get("releasedate")).startswith("0000") else date_of(track.get("releasedate")),
        licence=licence,
        source="jamendo",
    )
    allowed = track.get("audiodownload_allowed") is True
    return Record(row, _links(track, "image", "album_image"), _links(track, "audiodownload") if allowed else [])


def _id(track: Mapping[str, Any], name: str) -> str | None:
    """Ids are numbers written as texts."""
    text = str(track.get(name))
    return text if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def _links(track: Mapping[str, Any], *names: str) -> list[str]:
    found = (track.get(name) for name in names)
    return list(dict.fromkeys(link for link in found if isinstance(link, str) and link))
