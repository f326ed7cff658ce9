"""`gatefold sources`: where tracks and covers come from, what each place gives today, and what its terms allow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from scripts.shell import run_verb

ANSWERS = {True: "yes", False: "**no**"}


def sources(
    table: Annotated[bool, typer.Option("--table", help="Tables for people instead of JSON lines.")] = False,
) -> None:
    """List the sources: endpoints and whether they can be had today, terms, limits, wishes, keys that are needed."""
    found = describe_sources()
    print(as_tables(found) if table else "\n".join(json.dumps(line, ensure_ascii=False) for line in found))


def describe_sources() -> list[dict[str, Any]]:
    """One object a source, as its class says."""
    from data.sources.registry import SOURCES

    described = []
    for name, make in SOURCES.items():
        source = make()
        service = source.service
        described.append(
            {
                "source": name,
                "endpoints": [
                    {"name": endpoint.name, "gives": endpoint.gives, "today": endpoint.today}
                    for endpoint in source.endpoints
                ],
                "terms": source.terms.says,
                "may_train": source.terms.may_train,
                "hosts": list(service.hosts),
                "limit": {"requests": service.requests, "per_s": service.per_s} if service.hosts else None,
                "wants": dict(source.wants),
                "needs_secrets": list(source.needs_secrets),
            }
        )
    return described


def as_tables(described: list[dict[str, Any]]) -> str:
    """The same in Markdown: what can be had, then on which terms."""
    endpoints = [
        (one["source"], f"`{endpoint['name']}`", endpoint["gives"], endpoint["today"])
        for one in described
        for endpoint in one["endpoints"]
    ]
    terms = [
        (one["source"], ANSWERS[one["may_train"]], one["terms"], _limit(one["limit"]), _named(one["needs_secrets"]))
        for one in described
    ]
    wishes = [(one["source"], f"`{name}=`", help) for one in described for name, help in one["wants"].items()]
    return "\n\n".join(
        (
            _table(("source", "endpoint", "gives", "today"), endpoints),
            _table(("source", "may be trained on", "terms", "asked at most", "keys"), terms),
            _table(("source", "wish", "for"), wishes),
        )
    )


def _limit(limit: dict[str, Any] | None) -> str:
    if limit is None:
        return "–"
    times = "time" if limit["requests"] == 1 else "times"
    return f"{limit['requests']:,} {times} in {limit['per_s']:g} s"


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    run_verb(sources)
