"""Remixes a dataset's clips into another dataset, for encoders to hear: `python -m scripts.remix DATASET --out NEW`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.shell import print_path, run_verb


def remix(
    dataset: Annotated[Path, typer.Argument(help="A dataset with audio.")],
    out: Annotated[Path, typer.Option(help="The remixes' dataset; what is there already stays.")],
) -> None:
    """Write three remixes of each clip, but of none of the validation split; prints the new dataset's folder."""
    from data.shards import Dataset
    from scripts.built import remixed

    print_path(remixed(Dataset(dataset), out).folder)


if __name__ == "__main__":
    run_verb(remix)
