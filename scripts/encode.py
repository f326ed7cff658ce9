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

HOP_S = 1.0
LONGEST_S = 3600.0
"""As `data.audio.MAX_DURATION_S`, which would load numpy for `gatefold --help`."""


def encode(
    track: Annotated[list[Path], typer.Argument(metavar="TRACK...|DATASET", help="Music files, or one dataset.")],
    encoder: Annotated[
        str | None,
        typer.Option(help="One of the model's encoders, or a folder of train-encoder; default: the model's own."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A bundle or a run; default: the model that comes with Gatefold.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="In words instead of JSON, with every error.")] = False,
    album: Annotated[bool, typer.Option("--album", help="One object for all tracks together.")] = False,
    window: Annotated[
        float | None,
        typer.Option(min=1.0, max=LONGEST_S, help="One object a window of this many seconds: the track's path."),
    ] = None,
    hop: Annotated[
        float | None, typer.Option(min=0.1, max=LONGEST_S, help="Seconds from one window to the next; default: 1.")
    ] = None,
    smooth: Annotated[
        float | None, typer.Option(min=0.0, max=1000.0, help="Windows that a path is smoothed over; default: none.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="For a dataset: processes that listen; -1: one a core; default: 1.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="For a dataset: a Dask cluster that listens, tcp://host:port.")
    ] = None,
) -> None:
    """Print one JSON object a track: its code, attributes, emotions and tags; or fill a dataset's cache."""
    if sum((explain, album, window is not None)) > 1:
        raise InputError("--explain, --album, --window", "only one of them at a time")
    if window is None and (hop is not None or smooth is not None):
        raise InputError("--hop, --smooth", "are for a path: give --window too")
    if jobs == 0 or (jobs is not None and scheduler is not None):
        raise InputError("--jobs", "is not 0, and not given with --scheduler: a cluster has workers of its own")
    of_dataset = len(track) == 1 and track[0].is_dir()
    if of_dataset and (explain or album or window is not None):
        raise InputError(track[0], "is a dataset; --explain, --album and --window are for tracks")
    if not of_dataset and (jobs is not None or scheduler is not None):
        raise InputError("--jobs, --scheduler", "are for a dataset")

    from scripts.pipeline import Listener

    listener = Listener.open(model)
    if of_dataset:
        for path in fill_cache(listener, track[0], encoder, jobs or 1, scheduler):
            print_path(path)
        return

    from scripts.describe import describe, describe_album, describe_windows
    from scripts.describe import explain as in_words

    # An encoder may travel with a bundle whose condition has no place for its code.
    ears = listener.encoder(encoder) or next(iter(listener.encoders.values()), None)
    if ears is None and (album or window is not None):
        raise InputError(listener.bundle.folder, "has no encoder, so a track has no code")
    batch, tracks = Batch(len(track)), []
    for path in progress(track, "tracks") if len(track) > 1 else track:
        with batch.item():
            if ears is not None and window is not None:
                for one in describe_windows(path, ears, window, HOP_S if hop is None else hop, smooth or 0.0):
                    print(as_json(one), flush=True)
            elif album:
                tracks.append(describe(path, ears))
            else:
                one = describe(path, ears)
                print(in_words(one) if explain else as_json(one), flush=True)
    if tracks:
        print(as_json(describe_album(tracks)), flush=True)
    batch.finish()


def fill_cache(
    listener: Listener, folder: Path, encoder: str | None = None, jobs: int = 1, scheduler: str | None = None
) -> list[Path]:
    """Fills a dataset's cache with what is heard of its clips, the codes and the model's conditions; what was written.

    Work that is there already is not done again; a killed run goes on where it stopped.
    """
    import numpy as np

    from data.shards import Dataset
    from encoders.conditions import dataset_conditions
    from encoders.heard import dataset_codes
    from scripts.prepare import hear_dataset

    dataset, ears = Dataset(folder), listener.encoder(encoder)
    written = []
    with stages() as told:

        def listening(done: int, total: int) -> None:
            told("listening", done, total)

        heard = hear_dataset(dataset, listening, jobs, scheduler, ears)
        if heard is not None:
            written.append(heard.path)
            if ears is not None:
                codes = dataset_codes(dataset, ears, heard, jobs=jobs, scheduler=scheduler, progress=listening)
                assert isinstance(codes, np.memmap)
                written.append(Path(str(codes.filename)))
    if listener.schema is not None and ears is listener.encoder():
        c = dataset_conditions(
            dataset, listener.schema, ears if heard else None, heard, name_encoder=listener.name_encoder
        )
        assert isinstance(c, np.memmap)
        written.append(Path(str(c.filename)))
    return written


if __name__ == "__main__":
    run_verb(encode)
