"""`gatefold encode`: what the model hears in tracks, as JSON lines; or a whole dataset's cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from scripts.making import as_json
from scripts.shell import Batch, print_path, progress, run_verb, stages

if TYPE_CHECKING:
    from scripts.pipeline import Listener


def encode(
    track: Annotated[list[Path], typer.Argument(metavar="TRACK...|DATASET", help="Music files, or one dataset.")],
    encoder: Annotated[str | None, typer.Option(help="One of the model's encoders; default: the one it uses.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="A bundle or a run; default: the model that comes with Gatefold.")
    ] = None,
) -> None:
    """Print one JSON object a track: its code, attributes and tags; or fill a dataset's cache."""
    from scripts.pipeline import Listener

    listener = Listener.open(model)
    if len(track) == 1 and track[0].is_dir():
        for path in fill_cache(listener, track[0], encoder):
            print_path(path)
        return
    batch = Batch(len(track))
    for path in progress(track, "tracks") if len(track) > 1 else track:
        with batch.item():
            print(as_json(listener.describe(path, encoder)), flush=True)
    batch.finish()


def fill_cache(listener: Listener, folder: Path, encoder: str | None) -> list[Path]:
    """Fills a dataset's cache with what is heard of its clips and the model's conditions; what was written.

    Work that is there already is not done again; a killed run goes on where it stopped.
    """
    import numpy as np

    from data.shards import Dataset
    from encoders.conditions import dataset_conditions
    from scripts.prepare import hear_dataset

    dataset, ears = Dataset(folder), listener.encoder(encoder)
    if ears is not listener.encoder():
        raise InputError("--encoder", "a dataset's conditions take the encoder that the model was trained with")
    with stages() as told:
        heard = hear_dataset(dataset, lambda done, total: told("listening", done, total))
    written = [] if heard is None else [heard.path]
    if listener.schema is not None:
        c = dataset_conditions(dataset, listener.schema, ears if heard else None, heard)
        assert isinstance(c, np.memmap)
        written.append(Path(str(c.filename)))
    return written


if __name__ == "__main__":
    run_verb(encode)
