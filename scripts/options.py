"""Options that mean the same in every verb that draws covers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from data.errors import InputError
from scripts.making import DEFAULT_SIZE, MAX_SIZE, MAX_STRENGTH, MAX_TRUNCATION, MIN_SIZE, Finish

Tracks = Annotated[list[Path], typer.Argument(help="Music files: mp3, flac, ogg, wav, m4a, video, …")]
TracksOrFolders = Annotated[
    list[Path] | None, typer.Argument(help="Music files: mp3, flac, ogg, wav, m4a, video, …; or folders with them.")
]
Model = Annotated[
    Path | None, typer.Option("--model", help="A bundle or a run; default: the model that comes with Gatefold.")
]
Seeds = Annotated[str, typer.Option("--seeds", metavar="N,N-N", help="Seeds, such as 0,5,9 or 0-5.")]
Truncation = Annotated[
    float,
    typer.Option(
        "--truncation", min=0.0, max=MAX_TRUNCATION, help="Below 1: nearer to the typical cover for this music."
    ),
]
Strength = Annotated[
    float,
    typer.Option("--strength", min=0.0, max=MAX_STRENGTH, help="Above 1: the music decides more; 0: not at all."),
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size", min=MIN_SIZE, max=MAX_SIZE, help=f"Pixels a side of the finished cover; default: {DEFAULT_SIZE:,}."
    ),
]
FinishName = Annotated[
    Literal["paper", "brush", "grain", "halftone", "plain", "blocks", "raw"],
    typer.Option("--finish", help="The look; raw: the network's own pixels, as few as they are."),
]


def parse_finish(look: str, size: int | None) -> Finish | None:
    """What `--finish` and `--size` ask for; None for the network's own pixels."""
    if look != "raw":
        return Finish(look, DEFAULT_SIZE if size is None else size)
    if size is not None:
        raise InputError("--size", "the network's own pixels have a size of their own; choose another --finish")
    return None
