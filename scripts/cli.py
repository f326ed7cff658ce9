"""The `gatefold` command: every verb is a file of this folder, heavy imports stay inside the verbs."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from scripts import shell
from scripts.adopt import adopt
from scripts.align import align
from scripts.analyze import analyze
from scripts.board import board
from scripts.build import build
from scripts.card import card
from scripts.collect import collect
from scripts.compare import compare
from scripts.compare_encoders import compare_encoders
from scripts.demo import demo
from scripts.encode import encode
from scripts.evaluate import evaluate
from scripts.export import export
from scripts.generate import generate
from scripts.grid import grid
from scripts.merge import merge
from scripts.mix import mix
from scripts.reproduce import reproduce
from scripts.review import review
from scripts.sources import sources
from scripts.status import status
from scripts.train import train
from scripts.train_encoder import train_encoder
from scripts.walk import walk

VERBS = (
    demo, generate, reproduce, grid, mix, walk, encode, build,
    sources, collect, status, merge, review, card, export,
    train, compare, evaluate, train_encoder, compare_encoders, adopt, align, analyze, board,
)  # fmt: skip

app = shell.new_app(epilog="Any verb takes --debug, which shows where an error comes from.")
for _verb in VERBS:
    app.command()(_verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gatefold {version('gatefold')}")
        raise typer.Exit


@app.callback()
def gatefold(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Music in, album covers out."""


def main() -> NoReturn:
    """Entry point of the `gatefold` command."""
    shell.run(app)


if __name__ == "__main__":
    main()
