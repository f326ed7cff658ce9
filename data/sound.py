"""What a source found, made fit for the journal, whatever a service put into its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from data.errors import InputError, printable
from data.sources.base import Fill, Found, Item, Record, Skip
from data.table import make_row, validate_row

_LONGEST = 4096
_MOST_LINKS = 16
_MOST_PAYLOAD = 2**20

Change = Callable[[str], str]


def sound(found: Found, source: str, hide: Change) -> Found:
    """`found` without secrets; a `Skip` with the reason where it is nothing that the journal or the table can hold."""
    try:
        if isinstance(found, Item):
            return Item(_text(found.kind, hide), _text(found.key, hide), _payload(found.payload, hide), int(found.rank))
        if isinstance(found, Record):
            return _record(found, source, hide)
        if isinstance(found, Fill):
            row = make_row(**{**found.row, "track_id": found.track_id})
            validate_row(row)
            del row["track_id"]
            return Fill(found.track_id, _changed(row, hide), _links(found.covers, hide), _links(found.clips, hide))
        return Skip(hide(printable(str(found.subject))), hide(printable(str(found.reason))))
    except InputError as error:
        return Skip(hide(printable(error.subject)), hide(printable(error.reason)))
    except UnicodeEncodeError:
        return Skip(hide(ascii(found))[:200], "not a text")


def reveal(item: Item, show: Change) -> Item:
    """The item as its source gave it, secrets and all."""
    return Item(show(item.kind), show(item.key), _changed(item.payload, show), item.rank)


def _record(record: Record, source: str, hide: Change) -> Record:
    validate_row(record.row)
    track = record.row["track_id"]
    if not track.startswith(f"{source}:") or "\n" in track:
        raise InputError(track, "track_id does not begin with the source's name, or holds a line break")
    row = _changed(record.row, hide)
    return Record(row, _links(record.covers, hide), _links(record.clips, hide), tuple(record.needs))


def _text(value: Any, hide: Change) -> str:
    text = hide(str(value))
    text.encode()
    if len(text) > _LONGEST:
        raise InputError(text, "longer than any key")
    return text


def _links(links: Sequence[Any], hide: Change) -> tuple[str, ...]:
    """The links that are texts of a usable length; the others count as none."""
    texts = [link for link in links if isinstance(link, str) and 0 < len(link) <= _LONGEST]
    return tuple(_text(link, hide) for link in texts[:_MOST_LINKS])


def _payload(payload: Any, hide: Change) -> Any:
    if len(json.dumps(payload)) > _MOST_PAYLOAD:
        raise InputError("payload", "too large")
    return _changed(payload, hide)


def _changed(value: Any, change: Change) -> Any:
    """`value` with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_changed(part, change) for part in value]
    return value
