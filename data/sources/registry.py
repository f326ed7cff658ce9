"""The sources by name. Each is imported only when it is asked for: some need a client library of their own."""

from __future__ import annotations

from collections.abc import Callable

from data.checks import one_of
from data.sources.base import Source


def _folder() -> Source:
    from data.sources.folder import Folder

    return Folder()


SOURCES: dict[str, Callable[[], Source]] = {"folder": _folder}


def source_named(name: str) -> Source:
    """The source of this name; `InputError` where there is none."""
    one_of("source", name, SOURCES)
    return SOURCES[name]()
