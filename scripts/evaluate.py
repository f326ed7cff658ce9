"""`gatefold evaluate`: a bundle in numbers: distances, coverage, copies, and whether its covers follow their music."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.shell import run_verb

if TYPE_CHECKING:
    from scripts.comparison import Measured


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or the run that it is of.")],
    dataset: Annotated[Path, typer.Argument(help="A dataset whose tracks have covers.")],
    listeners: Annotated[
        str, typer.Option(help="Kinds of listeners, of which validation chooses.")
    ] = "ridge,canonical,contrastive",
    features: Annotated[
        str, typer.Option(metavar="NAME|FILE.pt", help="What distances are of: descriptors, embedding, or TorchScript.")
    ] = "descriptors",
    seeds: Annotated[
        int, typer.Option(min=2, max=10_000, help="Compositions under which each attribute is moved in steps.")
    ] = 240,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds, the listeners and the shuffles.")] = 0,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw what each attribute does to covers here (.png or .svg; and in dark, -dark)."),
    ] = None,
) -> None:
    """Measure a bundle on a dataset; prints one JSON object a measured thing."""
    from analysis.detectors import open_detector
    from analysis.listeners import KINDS
    from data.checks import one_of
    from data.shards import Dataset
    from gans.bundle import load_bundle
    from gans.snapshots import find_bundle
    from scripts.contest import DRAWS, Gallery, score_covers, score_real
    from scripts.following import Material, drawer, score_alterations, score_following
    from scripts.kinship import score_kinship
    from scripts.moving import check_picture, move, score_monotony, score_moves
    from scripts.pipeline import Listener
    from scripts.prepare import prepare

    kinds = [kind.strip() for kind in listeners.split(",")]
    for kind in kinds:
        one_of("--listeners", kind, KINDS)
    detector = open_detector(features)
    if picture is not None:
        check_picture(picture)
    folder = find_bundle(bundle)
    opened = load_bundle(folder)
    ears = Listener(opened)
    generator, name = opened.generator, bundle.resolve().name
    prepared = prepare(dataset, generator.resolution, None, start=folder)
    stored = Dataset(dataset)
    gallery = Gallery.open(stored, prepared.data, detector)
    measured: list[Measured] = []

    def tell(figure: Measured) -> None:
        measured.append(figure)
        if not table:
            print(figure.to_json(), flush=True)

    for figure in score_real(gallery):
        tell(figure)
    draw = drawer(generator)
    for figure in score_covers(name, [draw(gallery.c, number) for number in range(DRAWS)], gallery):
        tell(figure)
    material = Material.open(stored, prepared)
    for figure in score_following(name, draw, material, kinds, seed):
        tell(figure)
    if ears.schema is not None and generator.c_dim:
        unseen = material.c[material.unseen]
        for figure in score_moves(name, draw, ears.schema, unseen):
            tell(figure)
        moved = move(draw, ears.schema, unseen, seeds, seed)
        if moved is not None:
            for figure in score_monotony(name, moved):
                tell(figure)
            if picture is not None:
                moved.write(picture)
    asked = material.rows[material.unseen]
    for figure in score_alterations(name, ears, stored, asked):
        tell(figure)
    for figure in score_kinship(name, draw, stored, asked, material.c[material.unseen], seed):
        tell(figure)
    if table:
        print(as_rows(measured))


def as_rows(measured: Sequence[Measured]) -> str:
    """A table for people, in Markdown: a thing a row, a subject a column, 95 % intervals behind the scores."""
    from scripts.comparison import how_lines

    subjects = list(dict.fromkeys(figure.subject for figure in measured))
    lines = [["", "unit", *subjects, "chance"], ["---"] * (len(subjects) + 3)]
    for name in dict.fromkeys(figure.name for figure in measured):
        figures = {figure.subject: figure for figure in measured if figure.name == name}
        chances = {f"{figure.chance:.2f}" for figure in figures.values() if figure.chance is not None}
        cells = [_cell(figures[subject]) if subject in figures else "" for subject in subjects]
        lines.append([name, next(iter(figures.values())).unit, *cells, " / ".join(sorted(chances))])
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + how_lines(measured))


def _cell(figure: Measured) -> str:
    between = "" if figure.interval is None else f" ({figure.interval[0]:.2f} to {figure.interval[1]:.2f})"
    return f"{figure.value:.2f}{between}"


if __name__ == "__main__":
    run_verb(evaluate)
