"""What a gathering came to so far: asked, got, waiting, skipped and why, for each source and each kind of thing."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data.frontier import DONE, FAILED, LEFT, OTHERS, STRUCK
from data.journal import Journal

_MOST_REASONS = 10
_NAMES = {DONE: "got", FAILED: "skipped", STRUCK: "skipped", LEFT: "left"}  # any other state is waiting


def tally(journal: Journal) -> list[dict[str, Any]]:
    """One object a source and kind of thing (`requests`, then each kind of item, then `tracks`).

    `asked` counts what is known and ours to ask for; `why` has the commonest reasons of what was skipped. The object of
    the requests also says which endpoints are `closed` to this user, and `until` when the service lets nobody ask.
    """
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    reasons: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    items = "SELECT source, kind, state, reason, count(*) FROM items GROUP BY 1, 2, 3, 4 ORDER BY 1, 2"
    records = "SELECT source, 'tracks', state, reason, count(*) FROM records GROUP BY 1, 2, 3, 4 ORDER BY 1"
    for statement in (items, records):
        for source, kind, state, reason, count in journal.do(statement):
            if state == OTHERS:
                continue
            if statement is items:
                kind = _line_of(kind)
            counted[source, kind]["asked"] += count
            counted[source, kind][_NAMES.get(state, "waiting")] += count
            if state == FAILED:
                reasons[source, kind][reason or "no reason given"] += count
            elif state == STRUCK:
                reasons[source, kind]["struck out"] += count
    lines = []
    for source in sorted({source for source, _ in counted}):
        rest = journal.note(f"until {source}") or {}
        lines.append(
            {
                "source": source,
                "what": "requests",
                "asked": journal.note(f"asked {source}", 0),
                "closed": journal.note(f"closed {source}", {}),
                "until": moment(rest["until"]) if rest.get("until", 0) > time.time() else None,
            }
        )
        for (owner, kind), counts in counted.items():
            if owner == source:
                numbers = {name: counts[name] for name in ("asked", "got", "waiting", "left", "skipped")}
                why = dict(reasons[owner, kind].most_common(_MOST_REASONS))
                lines.append({"source": source, "what": kind, **numbers, "why": why})
    return lines


def _line_of(kind: str) -> str:
    """What an item's kind is called, also where it is called like one of the other lines."""
    return f"questions for {kind}" if kind in ("requests", "tracks") else kind


def status(dataset: Path) -> list[dict[str, Any]]:
    """`tally` of a dataset, also while a collector is at work; `InputError` where nothing was collected there."""
    with Journal(dataset, read_only=True) as journal:
        return tally(journal)


def details(dataset: Path) -> Iterator[dict[str, Any]]:
    """One object for each thing that was asked for and each track that was skipped: what it is, and what came of it."""
    items = "SELECT source, kind, key, state, reason FROM items WHERE state != ? ORDER BY source, kind, id"
    skipped = "SELECT source, 'tracks', track, state, reason FROM records WHERE state IN (?, ?) ORDER BY source, track"
    with Journal(dataset, read_only=True) as journal:
        asked = journal.do(items, (OTHERS,))
        for found in (asked, journal.do(skipped, (FAILED, STRUCK))):
            for source, kind, key, state, reason in found:
                name = key.removeprefix(f"{source}\n")  # what is no track bears its source's name
                why = "struck out" if state == STRUCK else reason
                kind = _line_of(kind) if found is asked else kind
                yield {"source": source, "what": kind, "name": name, "state": _NAMES.get(state, "waiting"), "why": why}


def as_table(lines: Sequence[dict[str, Any]]) -> str:
    """The same for people, in Markdown."""
    head = ("source", "what", "asked", "got", "waiting", "left", "skipped", "why")
    rows = [head, ("---",) * len(head)]
    for line in lines:
        why = "; ".join(f"{count} × {reason}" for reason, count in line.get("why", {}).items())
        closed = "; ".join(f"{endpoint} closed: {reason}" for endpoint, reason in line.get("closed", {}).items())
        until = f"rests until {line['until']}" if line.get("until") else ""
        numbers = [f"{line[name]:,}" if line.get(name) else "" for name in head[2:7]]
        said = "; ".join(filter(None, (why, closed, until)))
        rows.append((line["source"], line["what"], *numbers, said.replace("|", "¦")))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def moment(clock_time: float) -> str:
    """A clock time as people write it here, to the minute (rounded up)."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(clock_time + 59))
