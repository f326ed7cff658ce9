"""`gatefold status`: what a gathering came to so far, also while it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.shell import run_verb


def status(
    dataset: Annotated[Path, typer.Argument(help="A dataset that was or is being collected.")],
    each: Annotated[
        bool, typer.Option("--details", help="A line for each thing asked for, and for each track that was skipped.")
    ] = False,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
) -> None:
    """Show what a gathering asked for, got, waits for and skipped, and why."""
    from data.tally import as_table, details
    from data.tally import status as read_status

    if each:
        for line in details(dataset):
            print(json.dumps(line, ensure_ascii=False))
        return
    lines = read_status(dataset)
    print(as_table(lines) if table else "\n".join(json.dumps(line, ensure_ascii=False) for line in lines))


if __name__ == "__main__":
    run_verb(status)
