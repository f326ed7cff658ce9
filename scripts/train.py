"""`gatefold train`: a dataset and a recipe → a run that can be watched, stopped, and gone on with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import InputError
from data.files import read_json
from scripts.shell import INTERRUPTED, complain, print_path, run_verb

if TYPE_CHECKING:
    import torch

LINE_EVERY_S = 60.0
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}


def train(
    dataset: Annotated[Path, typer.Argument(help="A dataset, made by `gatefold build`.")],
    out: Annotated[Path, typer.Option(help="The run's folder; the same command on it goes on.")],
    recipe: Annotated[str, typer.Option(help="A row of gans/recipes.py.")] = "logistic-r1",
    resolution: Annotated[int, typer.Option(help="Side of the covers in pixels: 32, 64, 128, 256 or 512.")] = 64,
    encoder: Annotated[
        str, typer.Option(help="The encoder that hears the dataset's audio; `none` leaves the audio out.")
    ] = "pca",
    seed: Annotated[int | None, typer.Option(min=0, help="Another number, another run.")] = None,
    batch: Annotated[int | None, typer.Option(help="Covers a step.")] = None,
    images: Annotated[int | None, typer.Option(help="Covers to show before the run is done.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.0, help="Stop after this long; go on another time.")] = None,
    clock: Annotated[str, typer.Option(help="What --minutes counts: wall, or cpu, processor time.")] = "wall",
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="BUNDLE", help="Begin with the weights of a bundle or a run that fit."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Only rows that meet this: year<1980, genres=jazz|blues, subset=…; may be repeated."),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    compile: Annotated[bool, typer.Option("--compile", help="Compile the networks; minutes, before it pays.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the run's config.json and stop.")] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any option of the config; may be repeated.")
    ] = None,
) -> None:
    """Train a generator on a dataset; prints the run's folder."""
    from data.checks import one_of
    from gans.config import parse_overrides
    from gans.recipes import resolve

    one_of("--clock", clock, CLOCKS)
    if compile and device == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise InputError("--compile", "needs a C++ compiler (g++), and there is none here")
    flags = {
        "resolution": resolution,
        "seed": seed,
        "batch_size": batch,
        "total_images": images,
        "precision": precision,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    options = parse_overrides(settings or [])
    config = resolve(recipe, given | options)

    from gans.fine_tune import Start, sized_as
    from gans.parallel import first_goes_ahead, is_first, together
    from gans.run import begin_run
    from gans.snapshots import find_bundle
    from gans.training import train as train_gan
    from scripts.prepare import prepare

    hardware = open_device(device)
    with together(hardware):
        with first_goes_ahead():
            theirs = None if start is None else find_bundle(start)
            if theirs is not None:
                config = resolve(recipe, given | sized_as(theirs, config.network, options))
            prepared = prepare(dataset, config.resolution, None if encoder == "none" else encoder, where or (), theirs)
        if dry_run:
            with first_goes_ahead():
                begin_run(out, config, prepared.data.card, hardware)
            if is_first():
                print_path(out)
            return
        weights = None if theirs is None else Start.read(theirs)
        with (
            stopping(minutes, CLOCKS[clock]) as (stop, interrupted),
            showing(config.total_images) as show,
            one_line_failures(out),
        ):
            around = prepared.surroundings(stop, show, weights, compile)
            snapshot = train_gan(config, prepared.data, out, around, hardware)
        if not is_first():
            return
    shown = read_json(snapshot / "model.json")["images_shown"]
    complain(f"{shown:,} of {config.total_images:,} images shown")
    print_path(out)
    if interrupted():
        complain("stopped; the same command goes on from here")
        raise typer.Exit(INTERRUPTED)


def open_device(name: str) -> torch.device:
    """The device `name`; `InputError` where there is none such here."""
    import torch

    try:
        device = torch.device(name)
        if device == torch.device("cuda") and "LOCAL_RANK" in os.environ:
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))  # torchrun: a GPU for each process
        if device.type not in ("cpu", "cuda", "mps"):
            raise InputError("--device", f"{name} is none of cpu, cuda and mps")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError("--device", f"{name} cannot be used here") from error
    return device


@contextlib.contextmanager
def one_line_failures(out: Path) -> Iterator[None]:
    """Turns what ends a training through no fault of the code into one clear line about the run `out`."""
    import torch

    from gans.training import DivergedError

    try:
        yield
    except DivergedError as error:
        raise InputError(out, str(error)) from error
    except torch.OutOfMemoryError as error:
        raise InputError(out, "the device has too little memory for this; lower --batch or --resolution") from error


@contextlib.contextmanager
def stopping(
    minutes: float | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[Callable[[], bool], Callable[[], bool]]]:
    """Two questions: whether to stop after this step (`minutes` have gone by on the `clock`), and whether a person
    asked for it.

    The first Ctrl-C or SIGTERM lets the step end and the state be written; the second ends the process.
    """
    deadline = None if minutes is None else clock() + 60 * minutes
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked or (deadline is not None and clock() >= deadline), lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def showing(total_images: int) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """A progress bar on the images-shown clock, with the losses beside it; a line a minute where none can be drawn."""
    import sys

    from tqdm import tqdm

    from gans.parallel import is_first

    with tqdm(total=total_images, unit="img", disable=None if is_first() else True, file=sys.stderr) as bar:
        told = time.monotonic()

        def show(shown: int, figures: Mapping[str, float]) -> None:
            bar.n = shown
            bar.set_postfix({name: f"{value:.3g}" for name, value in figures.items() if "adversarial" in name})
            nonlocal told
            if bar.disable and time.monotonic() >= told + LINE_EVERY_S:
                told = time.monotonic()
                rate = figures.get("speed/images_per_second", 0.0)
                complain(f"{shown:,} of {total_images:,} images shown, {rate:.0f} a second")

        yield show


if __name__ == "__main__":
    run_verb(train)
