"""Remixes a dataset's clips into another dataset, for encoders to hear: `python -m scripts.remix DATASET --out NEW`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from scripts.shell import print_path, run_verb


def remix(
    dataset: Annotated[Path, typer.Argument(help="A dataset with audio.")],
    out: Annotated[Path, typer.Option(help="The remixes' dataset.")],
) -> None:
    """Write three remixes of each clip, but of none of the validation split; prints the new dataset's folder."""
    from data.shards import Dataset
    from scripts.built import is_complete, remixed

    if is_complete(out):
        raise InputError(out, "is a dataset already: name a new folder")
    print_path(remixed(Dataset(dataset), out).folder)


if __name__ == "__main__":
    run_verb(remix)
