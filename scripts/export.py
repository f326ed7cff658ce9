"""`gatefold export`: a dataset in the form that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.shell import complain, print_path, run_verb, stages

FORMS = ("webdataset",)


def export(
    dataset: Annotated[Path, typer.Argument(help="A dataset, built or collected.")],
    out: Annotated[Path, typer.Argument(help="The folder to write; must not be there yet.")],
    to: Annotated[str, typer.Option(help="webdataset: tar files of samples, for streaming.")] = "webdataset",
    shard_mib: Annotated[int, typer.Option(min=1, help="The largest size of one tar file.")] = 512,
    where: Annotated[list[str] | None, typer.Option(help="Only rows that meet this; may be repeated.")] = None,
) -> None:
    """Write a dataset as WebDataset tar files. (Its own Parquet shards open in Hugging Face `datasets` as they are.)"""
    from data.checks import one_of
    from data.shards import Dataset
    from data.webdataset import write_webdataset
    from data.where import matching_rows

    one_of("--to", to, FORMS)
    opened = Dataset(dataset)
    with stages() as told:
        chosen = matching_rows(opened, where or (), told)
        written = write_webdataset(opened, out, chosen=chosen, shard_bytes=shard_mib * 2**20, progress=told)
    for path in written:
        print_path(path)
    complain(f"{int(chosen.sum()):,} tracks in {len(written):,} files")


if __name__ == "__main__":
    run_verb(export)
