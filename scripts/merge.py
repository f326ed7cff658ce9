"""`gatefold merge`: datasets that were collected in parts become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.shell import complain, print_path, run_verb, stages


def merge(
    out: Annotated[Path, typer.Argument(help="The dataset to merge into, new or collected.")],
    parts: Annotated[list[Path], typer.Argument(help="Datasets that were collected; they stay as they are.")],
) -> None:
    """Merge collected datasets into one, each track once."""
    from data.merging import merge as merge_journals

    with stages() as progress:
        summary = merge_journals(out, parts, progress)
    if summary is None:
        complain("nothing new")
    else:
        splits = ", ".join(f"{count} {split}" for split, count in summary.splits.items())
        complain(f"{summary.rows} tracks: {splits}")
    print_path(out)


if __name__ == "__main__":
    run_verb(merge)
