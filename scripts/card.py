"""`gatefold card`: what is in a dataset, how it was split, and what it may be used for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.shell import complain, run_verb, stages


def card(
    dataset: Annotated[Path, typer.Argument(help="A dataset, built or collected.")],
    table: Annotated[bool, typer.Option("--table", help="Tables for people instead of a JSON object.")] = False,
) -> None:
    """Say what a dataset holds, that nothing crosses its split, and which rows may be trained on."""
    from data.card import as_markdown, make_card, write_card
    from data.shards import Dataset

    opened = Dataset(dataset)
    with stages() as told:
        made = make_card(opened, told)
    written = write_card(opened, made)
    print(as_markdown(made, opened.folder.resolve().name) if table else json.dumps(made, ensure_ascii=False))
    complain(f"written to {written} and card.json beside it")


if __name__ == "__main__":
    run_verb(card)
