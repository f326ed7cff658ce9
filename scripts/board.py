"""`gatefold board`: TensorBoard over the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from scripts.shell import complain, print_path, run_verb


def board(
    runs: Annotated[Path, typer.Argument(help="A run, or a folder of runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 6006,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines look on.")] = "127.0.0.1",
) -> None:
    """Watch training in the browser; Ctrl-C stops it."""
    if not runs.is_dir():
        raise InputError(runs, "no such folder of runs")

    import threading

    from tensorboard import program

    server = program.TensorBoard()
    server.configure(logdir=str(runs), host=host, port=port, reload_interval=5)
    try:
        address = server.launch()
    except program.TensorBoardServerException as error:
        raise InputError(f"{host}:{port}", str(error)) from error
    try:
        print_path(address)
        complain("Ctrl-C stops it")
        threading.Event().wait()
    except KeyboardInterrupt:
        raise typer.Exit from None


if __name__ == "__main__":
    run_verb(board)
