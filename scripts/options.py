"""Options that mean the same in every verb that draws covers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.making import MAX_STRENGTH, MAX_TRUNCATION

Tracks = Annotated[list[Path], typer.Argument(help="Music files: mp3, flac, ogg, wav, m4a, video, …")]
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
