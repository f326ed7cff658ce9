"""MusicBrainz and the Cover Art Archive: who, what, when and which genres, and covers up to 1,200 px.

https://musicbrainz.org/doc/MusicBrainz_API, https://musicbrainz.org/doc/Cover_Art_Archive/API: one question a second
under a name of one's own (`data.sources.http.user_agent`), no key, no audio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from data.cells import clean_text, date_of
from data.errors import InputError
from data.sources.answers import entries, inner, isrc_of, last_part
from data.sources.base import Endpoint, Fill, Found, Gone, Item, Record, Service, Skip, Source, Terms, check
from data.sources.http import Http
from data.sources.matching import ALIKE, likeness
from data.table import make_row

_API = "https://musicbrainz.org/ws/2"
_COVERS = "https://coverartarchive.org"
_SIDES = (1200, 500, 250)
_PAGE = 100
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ON_RELEASES = "recordings isrcs artist-credits release-groups genres tags"
_ON_ISRCS = "releases release-groups artist-credits genres tags"


class MusicBrainz(Source):
    """artist, tag → release groups; of each the earliest official release that has a cover → its recordings."""

    name = "musicbrainz"
    service = Service(
        hosts=("musicbrainz.org",),
        file_hosts=("coverartarchive.org", "archive.org", "*.archive.org"),
        requests=1,
        per_s=1.0,
        at_once=1,
    )
    terms = Terms(
        "MusicBrainz' data are CC0, its genres and tags CC BY-NC-SA 3.0; the covers of the Cover Art Archive belong to "
        "their owners, and no right to train on them is given",
        may_train=False,
    )
    endpoints = (
        Endpoint("/ws/2/release-group", "an artist's or a tag's albums", "open to all, one question a second"),
        Endpoint("/ws/2/release", "recordings, ISRCs, date, genres, tags", "open to all, one question a second"),
        Endpoint("/ws/2/isrc", "recordings of an ISRC", "open to all, one question a second"),
        Endpoint("coverartarchive.org", "covers of 1,200, 500 and 250 px", "open to all"),
    )
    wants: ClassVar = {
        "artist": "all albums of an artist: a name, or an MBID or address",
        "release": "a release's MBID or address",
        "release-group": "an album's MBID or address",
        "tag": "all albums with a tag, such as a genre",
        "isrc": "a recording's ISRC",
    }
    divided = frozenset({"release-group"})

    def start(self, wishes: Sequence[tuple[str, str]]) -> Iterable[Item]:
        for name, value in wishes:
            known = last_part(value).lower()
            if name == "isrc":
                isrc = isrc_of(value)
                if isrc is None:
                    raise InputError(f"isrc={value}", "not an ISRC, such as GBDUW0000059")
                yield Item("isrc", isrc)
            elif name == "tag":
                yield Item("tag", f"{value}/0")
            elif _MBID.fullmatch(known):
                yield Item(name, f"{known}/0" if name == "artist" else known)
            elif name == "artist":
                yield Item("artist named", value)
            else:
                raise InputError(f"{name}={value}", "not an MBID, nor an address that ends with one")

    def expand(self, item: Item, http: Http) -> Iterator[Found]:
        if item.kind in ("artist", "tag"):
            yield from _release_groups(item, http)
        elif item.kind == "artist named":
            yield _named(item.key, http)
        elif item.kind == "release-group":
            answer = _ask(http, "release", {"release-group": item.key, "inc": _ON_RELEASES, "limit": _PAGE})
            releases = [release for release in entries(answer, "releases") if _mbid(release)]
            if not releases:
                raise Gone("no release")
            yield from _release(min(releases, key=_order))
        elif item.kind == "release":
            yield from _release(_ask(http, f"release/{item.key}", {"inc": _ON_RELEASES}))
        elif item.kind == "isrc":
            for recording in entries(_ask(http, f"isrc/{item.key}", {"inc": _ON_ISRCS}), "recordings"):
                yield _record(recording, _first_release(recording), item.key)
        else:
            isrc, _, track_id = item.key.partition(" ")
            recordings = entries(_ask(http, f"isrc/{isrc}", {"inc": _ON_ISRCS}), "recordings")
            if not recordings:
                raise Gone("no recording")
            release = _first_release(recordings[0])
            yield Fill(track_id, make_row(isrc=isrc, **_known(recordings[0], release)), _covers(release))

    def enrich(self, row: Mapping[str, Any]) -> Item | None:
        """By ISRC: genres, date, a cover."""
        isrc = isrc_of(row.get("isrc"))
        whole = row.get("genres") and row.get("release_date") and row.get("cover")
        return None if isrc is None or whole else Item("fill", f"{isrc} {row['track_id']}")


def _ask(http: Http, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return check(http.json(f"{_API}/{path}", {**params, "fmt": "json"}), dict, "answer")


def _named(name: str, http: Http) -> Item:
    """The artist of this name whom the search puts first."""
    for artist in entries(_ask(http, "artist", {"query": f"artist:{_quoted(name)}", "limit": 25}), "artists"):
        if _mbid(artist) and likeness(clean_text(artist.get("name")), name) >= ALIKE:
            return Item("artist", f"{_mbid(artist)}/0")
    raise Gone("no artist of this name")


def _quoted(text: str) -> str:
    """A phrase as Lucene's query language has it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _release_groups(item: Item, http: Http) -> Iterator[Found]:
    """One page of an artist's or a tag's release groups, and the next page where there is one."""
    name, _, start = item.key.rpartition("/")
    how = {"artist": name} if item.kind == "artist" else {"query": f"tag:{_quoted(name)}"}
    page = _ask(http, "release-group", {**how, "limit": _PAGE, "offset": int(start)})
    found = check(page.get("release-groups"), list, "release-groups")
    for rank, group in enumerate(entries(page, "release-groups"), int(start)):
        mbid = _mbid(group)
        yield Item("release-group", mbid, rank=rank) if mbid else Skip(f"release group {rank} of {name}", "no id")
    total = page.get("release-group-count", page.get("count"))
    following = int(start) + len(found)
    if found and isinstance(total, int) and following < total:
        yield Item(item.kind, f"{name}/{following}", rank=following)


def _order(release: Mapping[str, Any]) -> tuple[bool, bool, str, str]:
    """With a cover before without, official before others, the earliest first."""
    official = release.get("status") == "Official"
    return not _has_front(release), not official, date_of(release.get("date")) or "9999", str(_mbid(release))


def _first_release(recording: Mapping[str, Any]) -> dict[str, Any]:
    """Of the releases that a recording is on: the one whose cover and date it has."""
    return min((one for one in entries(recording, "releases") if _mbid(one)), key=_order, default={})


def _release(release: Mapping[str, Any]) -> Iterator[Found]:
    check(release.get("media"), list, "media")
    for medium in entries(release, "media"):
        for track in entries(medium, "tracks"):
            recording = inner(track, "recording")
            if isinstance(recording, dict) and not recording.get("video"):
                yield _record(recording, release)


def _record(recording: Mapping[str, Any], release: Mapping[str, Any], isrc: str | None = None) -> Found:
    mbid = _mbid(recording)
    if mbid is None:
        return Skip(f"recording {clean_text(recording.get('title'))}", "no id")
    album = _mbid(inner(release, "release-group")) or _mbid(release)
    isrcs = recording.get("isrcs")
    known = sorted(filter(None, map(isrc_of, isrcs))) if isinstance(isrcs, list) else []
    row = make_row(
        track_id=f"musicbrainz:{mbid}",
        album_id=f"musicbrainz:{album}" if album else None,
        isrc=isrc or next(iter(known), None),
        source="musicbrainz",
        **_known(recording, release),
    )
    return Record(row, _covers(release))


def _known(recording: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, Any]:
    """Its artist is the first who is named: by this one all that he did goes to one split."""
    group = inner(release, "release-group")
    credits = entries(recording, "artist-credit") or entries(release, "artist-credit")
    dates = (date_of(inner(group, "first-release-date")), date_of(release.get("date")))
    return {
        "artist": clean_text(inner(credits[0], "artist", "name") or credits[0].get("name")) if credits else None,
        "album": clean_text(release.get("title")),
        "title": clean_text(recording.get("title")),
        "genres": _names("genres", recording, release, group) or _names("tags", recording, release, group),
        "release_date": next(filter(None, dates), None),
    }


def _names(what: str, *answers: Any) -> list[str]:
    """The genres or tags that somebody stands for, of all `answers`, each once."""
    found = (entry for answer in answers for entry in entries(answer, what) if inner(entry, "count") != 0)
    names = (clean_text(entry.get("name")) for entry in found)
    return list(dict.fromkeys(name for name in names if name))


def _covers(release: Mapping[str, Any]) -> list[str]:
    """Links to the front cover of a release that has one, the largest first; to its group's, where nobody says."""
    if "cover-art-archive" in release and not _has_front(release):
        return []
    places = [("release-group", _mbid(inner(release, "release-group"))), ("release", _mbid(release))]
    if _has_front(release):
        places.reverse()
    return [f"{_COVERS}/{kind}/{mbid}/front-{side}" for kind, mbid in places if mbid for side in _SIDES]


def _has_front(release: Mapping[str, Any]) -> bool:
    return inner(release, "cover-art-archive", "front") is True


def _mbid(entity: Any) -> str | None:
    text = inner(entity, "id")
    return text if isinstance(text, str) and _MBID.fullmatch(text) else None
