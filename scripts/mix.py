"""`gatefold mix`: the composition of one track's cover in the colours and textures of another's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.checks import number_within
from data.errors import InputError
from scripts.generate import check_sheet, save_sheet, shown
from scripts.making import MAX_SEED, Wishes, parse_seeds
from scripts.options import Model, Seeds, Strength, Truncation
from scripts.shell import print_path, progress, run_verb


def mix(
    structure: Annotated[Path, typer.Argument(help="The track whose cover gives the coarse: the composition.")],
    style: Annotated[Path, typer.Argument(help="The track whose cover gives the fine: colours and textures.")],
    out: Annotated[Path, typer.Option(help="Folder for the covers.")] = Path("covers"),
    model: Model = None,
    seeds: Seeds = "0",
    style_seed: Annotated[
        int | None, typer.Option(min=0, max=MAX_SEED, help="The seed of the style's cover; default: the same one.")
    ] = None,
    from_level: Annotated[
        int | None,
        typer.Option(min=0, help="The first place, of those from coarse to fine, with the style; default: half-way."),
    ] = None,
    truncation: Truncation = 1.0,
    strength: Strength = 1.0,
    sheet: Annotated[
        Path | None, typer.Option(help="Also draw, here, a row a seed and a column for each level there is.")
    ] = None,
) -> None:
    """Mix the covers of two tracks, each heard under its own condition; prints one path a seed (the sheet's last)."""
    numbers = parse_seeds(seeds)
    if sheet is not None:
        check_sheet(sheet)

    from scripts.pipeline import Listener, making_of, mixed_with, write_cover
    from scripts.sheet import draw_grid

    listener = Listener.open(model)
    n_styles = listener.bundle.generator.n_styles
    if n_styles < 2:
        raise InputError(listener.bundle.folder, "draws with one style alone: there is no coarse and fine to mix")
    level = n_styles // 2 if from_level is None else from_level
    number_within("--from-level", level, 0, n_styles)
    base, other = (listener.subject(path, Wishes()) for path in (structure, style))
    rows = []
    for seed in progress(numbers, "covers"):
        own = making_of(listener, base, seed, truncation, strength)
        every = [mixed_with(own, other, seed if style_seed is None else style_seed, at) for at in range(n_styles + 1)]
        print_path(write_cover(listener, out, f"{base.name} + {other.name}", every[level], base.c, other.c))
        if sheet is not None:
            rows.append([listener.make(making, base.c, other.c) for making in reversed(every)])
    if sheet is not None:
        between = [f"from {at}" for at in range(n_styles - 1, 0, -1)]
        names = [shown(base.name), *between, shown(other.name)]
        save_sheet(sheet, draw_grid(rows, [f"seed {seed}" for seed in numbers], names), len(numbers) * len(names))
        print_path(sheet)


if __name__ == "__main__":
    run_verb(mix)
