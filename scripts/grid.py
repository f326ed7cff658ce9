"""`gatefold grid`: tracks × seeds as one labelled picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from scripts.generate import check_sheet, save_sheet, shown
from scripts.making import Wishes, parse_seeds
from scripts.options import Model, Seeds, Strength, Tracks, Truncation
from scripts.shell import Batch, print_path, progress, run_verb

MOST_COVERS = 1_000


def grid(
    track: Tracks,
    out: Annotated[Path, typer.Option(help="The picture, a PNG.")] = Path("grid.png"),
    model: Model = None,
    seeds: Seeds = "0-5",
    truncation: Truncation = 1.0,
    strength: Strength = 1.0,
) -> None:
    """Lay covers out, a row a track and a column a seed; prints the picture's path."""
    numbers = parse_seeds(seeds)
    if len(numbers) * len(track) > MOST_COVERS:
        raise InputError("--seeds", f"{len(numbers)} seeds of {len(track)} tracks are more than {MOST_COVERS:,} covers")
    check_sheet(out)

    from scripts.pipeline import Listener
    from scripts.sheet import draw_grid

    listener = Listener.open(model)
    batch, names, rows = Batch(len(track)), [], []
    for path in progress(track, "tracks") if len(track) > 1 else track:
        with batch.item():
            subject = listener.subject(path, Wishes())
            rows.append([listener.draw(subject.c, seed, truncation, strength) for seed in numbers])
            names.append(shown(subject.name))
    if rows:
        save_sheet(out, draw_grid(rows, names, [f"seed {seed}" for seed in numbers]), len(numbers) * len(rows))
        print_path(out)
    batch.finish()


if __name__ == "__main__":
    run_verb(grid)
