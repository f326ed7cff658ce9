"""The sources by name. Each is imported only when it is asked for: some need a client library of their own."""

from __future__ import annotations

from collections.abc import Callable

from data.checks import one_of
from data.sources.base import Source


def _folder() -> Source:
    from data.sources.folder import Folder

    return Folder()


def _deezer() -> Source:
    from data.sources.deezer import Deezer

    return Deezer()


def _itunes() -> Source:
    from data.sources.itunes import ITunes

    return ITunes()


def _jamendo() -> Source:
    from data.sources.jamendo import Jamendo

    return Jamendo()


def _musicbrainz() -> Source:
    from data.sources.musicbrainz import MusicBrainz

    return MusicBrainz()


def _spotify() -> Source:
    from data.sources.spotify import Spotify

    return Spotify()


def _chart() -> Source:
    from data.sources.chart import DeezerChart

    return DeezerChart()


def _chart_itunes() -> Source:
    from data.sources.chart import ITunesChart

    return ITunesChart()


def _images() -> Source:
    from data.sources.images import Images

    return Images()


SOURCES: dict[str, Callable[[], Source]] = {
    "folder": _folder,
    "deezer": _deezer,
    "itunes": _itunes,
    "jamendo": _jamendo,
    "musicbrainz": _musicbrainz,
    "spotify": _spotify,
    "images": _images,
    "chart": _chart,
    "chart-itunes": _chart_itunes,
}


def source_named(name: str) -> Source:
    """The source of this name; `InputError` where there is none."""
    one_of("source", name, SOURCES)
    return SOURCES[name]()
