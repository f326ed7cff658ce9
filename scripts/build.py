"""`gatefold build`: a folder of covers with a table, or of music with its art → a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import printable
from scripts.shell import complain, print_path, run_verb, stages


def build(
    folder: Annotated[
        Path, typer.Argument(help="Covers beside a table that names their files, or a tree of music files.")
    ],
    dataset: Annotated[Path, typer.Argument(help="The folder to write the dataset to; must hold none yet.")],
) -> None:
    """Turn a folder of covers, or your own music library, into a dataset."""
    from data.build import build_dataset

    with stages() as progress:
        summary = build_dataset(folder, dataset, on_skip=_tell, progress=progress)
    skipped = sum(summary.skipped.values())
    if skipped:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in summary.skipped.items())
        complain(printable(f"{skipped} skipped: {reasons}", longest=600))
    parts = ", ".join(f"{count} {split}" for split, count in summary.splits.items())
    covers = f"{summary.with_cover} with a cover ({summary.near_duplicates} of them nearly another's)"
    complain(f"{summary.rows} tracks: {parts}; {covers}, {summary.with_audio} with a clip")
    print_path(dataset)


def _tell(name: str, reason: str) -> None:
    complain(f"skipped {printable(name)}: {printable(reason)}")


if __name__ == "__main__":
    run_verb(build)
