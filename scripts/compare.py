"""`gatefold compare`: recipes trained for the same time on the same data, and asked the same questions."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError, printable
from scripts.shell import Batch, complain, progress, run_verb

if TYPE_CHECKING:
    import numpy as np

PICTURED = 10
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)")
_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def compare(
    dataset: Annotated[Path, typer.Argument(help="A dataset whose tracks have covers.")],
    recipes: Annotated[str, typer.Option(help="Rows of gans/recipes.py, separated by commas; default: all.")] = "",
    budget: Annotated[str, typer.Option(help="Time that each is trained for: 90s, 20m, 2h.")] = "20m",
    clock: Annotated[str, typer.Option(help="What the budget counts: wall, or cpu, where a machine is busy.")] = "wall",
    out: Annotated[
        Path, typer.Option(help="The runs' folder; the same command on it goes on with the next one.")
    ] = Path("runs/compare"),
    resolution: Annotated[int, typer.Option(help="Side of the covers in pixels.")] = 64,
    encoder: Annotated[str, typer.Option(help="As for `train`.")] = "pca",
    seed: Annotated[int, typer.Option(min=0, help="Of every training.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="[RECIPE:]KEY=VALUE", help="An option of all trainings or of one; repeatable."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="PNGs drawn by another program, to be scored too; repeatable."),
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="Only rows that meet this; as for `train`.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw a picture with a row of covers a recipe: a PNG.")] = None,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
) -> None:
    """Compare recipes under equal conditions; prints one JSON object a measured thing."""
    from data.checks import one_of
    from gans.config import parse_overrides
    from gans.recipes import resolve
    from scripts.generate import check_sheet
    from scripts.train import CLOCKS

    names = [name.strip() for name in recipes.split(",") if name.strip()] or recipes_at_hand()
    minutes = parse_budget(budget)
    one_of("--clock", clock, CLOCKS)
    own = {name: _settings_of(name, names, settings or []) for name in names}
    for name in names:
        resolve(name, {"resolution": resolution, **parse_overrides(own[name])})  # mistakes before anything is trained
    if sheet is not None:
        check_sheet(sheet)
    others = [_named_folder(text) for text in also or []]

    from data.shards import Dataset
    from scripts.comparison import as_table
    from scripts.contest import Gallery, measure_row, read_covers, score_covers, score_real, train_row
    from scripts.prepare import prepare

    prepared = prepare(dataset, resolution, None if encoder == "none" else encoder, where or ())
    gallery = Gallery.open(Dataset(dataset), prepared.data)
    common = [str(dataset), "--resolution", str(resolution), "--encoder", encoder, "--seed", str(seed)]
    common += ["--images", str(10**9), "--device", device, "--clock", clock]
    common += [word for condition in where or [] for word in ("--where", condition)]
    measured, shown = score_real(gallery), []

    def tell(figures: list) -> None:
        measured.extend(figures)
        if not table:
            print("\n".join(figure.to_json() for figure in figures), flush=True)

    if not table:
        print("\n".join(figure.to_json() for figure in measured), flush=True)
    batch = Batch(len(names) + len(others))  # a recipe that diverges is told, and the rest goes on
    for name in progress(names, "recipes"):
        with batch.item():
            words = [*common, "--recipe", name, *(word for text in own[name] for word in ("--set", text))]
            figures, draws = measure_row(train_row(name, words, out / name, minutes), gallery)
            tell(figures)
            shown.append((name, draws[0]))
    for name, folder in others:
        with batch.item():
            draws = read_covers(folder, len(gallery.real), resolution)
            tell(list(score_covers(name, draws, gallery)))
            shown.append((name, draws[0]))
    if table:
        print(as_table(measured))
    if sheet is not None and shown:
        _write_picture(sheet, shown)
        complain(f"drawn: {sheet}")
    batch.finish()


def recipes_at_hand() -> list[str]:
    """All recipes but those whose extra is not installed."""
    from gans.recipes import RECIPES

    missing = [] if find_spec("pennylane") else ["quantum"]
    return [name for name in RECIPES if name not in missing]


def parse_budget(text: str) -> float:
    """Minutes of `90s`, `20m` or `2h`."""
    found = _BUDGET.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise InputError("--budget", f"{printable(text)} is no time such as 90s, 20m or 2h")
    return float(found[1]) * _MINUTES[found[2]]


def _settings_of(name: str, names: list[str], settings: list[str]) -> list[str]:
    """What `--set` says of one recipe."""
    own = []
    for text in settings:
        recipe, colon, rest = text.partition(":")
        if not colon or "=" in recipe:
            own.append(text)
        elif recipe not in names:
            raise InputError(text, f"no such recipe is compared; compared: {', '.join(names)}")
        elif recipe == name:
            own.append(rest)
    return own


def _named_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not name.strip() or not Path(folder).is_dir():
        raise InputError(text, "is written NAME=FOLDER, a folder with PNGs")
    return name.strip(), Path(folder)


def _write_picture(sheet: Path, shown: list[tuple[str, np.ndarray]]) -> None:
    """A row of covers a recipe, the same tracks in every row."""
    from data.covers import write_png
    from scripts.generate import SHEET_MARK
    from scripts.sheet import draw_grid

    names, covers = [name for name, _ in shown], [list(images[:PICTURED]) for _, images in shown]
    write_png(sheet, draw_grid(covers, names, [""] * PICTURED), {SHEET_MARK: f"{len(names)} recipes"})


if __name__ == "__main__":
    run_verb(compare)
