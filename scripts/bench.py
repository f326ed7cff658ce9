"""`python -m scripts.bench`: how fast and how small, each figure beside a yardstick measured in the same run.

Every file that is needed is synthesised here; nothing is stored and nothing comes from elsewhere.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from scripts.bench_analysis import describing, mapping, reporting
from scripts.bench_collecting import collecting
from scripts.bench_covers import finishing
from scripts.bench_encoders import encoding
from scripts.bench_listening import hearing, memory, scaling
from scripts.shell import complain, run_verb

if TYPE_CHECKING:
    from scripts.measure import Figure


def bench(
    only: Annotated[list[str] | None, typer.Argument(help="Which to measure; default: all.")] = None,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="The bundle to generate with; default: the one that comes with Gatefold.")
    ] = None,
) -> None:
    """Measure speed and memory; prints one JSON object a figure."""
    from scripts.measure import as_table

    wanted = only or list(BENCHES)
    for name in wanted:
        if name not in BENCHES:
            raise InputError(name, f"nothing that is measured; known: {', '.join(BENCHES)}")
    figures = []
    with tempfile.TemporaryDirectory(prefix="gatefold-bench-") as folder:
        for name in wanted:
            complain(f"measuring {name}")
            for figure in BENCHES[name](Path(folder), model):
                figures.append(figure)
                if not table:
                    print(figure.to_json(), flush=True)
    if table:
        print(as_table(figures))


def generating(folder: Path, model: Path | None) -> Iterator[Figure]:
    """One track, the whole process; then a track of an hour against it."""
    from scripts.measure import compare, run_process, turn_by_turn, write_mp3

    short, long = write_mp3(folder / "3 minutes.mp3", 3), write_mp3(folder / "60 minutes.mp3", 60)
    chosen = [] if model is None else ["--model", str(model)]

    def generate(track: Path) -> tuple[float, float]:
        return run_process(
            sys.executable, "-m", "scripts.cli", "generate", *chosen, "--out", folder / "covers", "--", track
        )

    generate(short)  # the first run on a machine fills its file caches
    tasks = (
        lambda: generate(short),
        lambda: generate(long),
        lambda: run_process(sys.executable, "-c", "import torch"),
    )
    (short_s, short_mb), (long_s, long_mb), (torch_s, torch_mb) = (
        zip(*runs, strict=True) for runs in turn_by_turn(tasks, repeats=5)
    )
    torch = 'python -c "import torch"'
    yield compare("generate, 3 minutes of mp3: time", "s", short_s, torch, torch_s, at_most=3)
    yield compare("generate, 3 minutes of mp3: peak memory", "MB", short_mb, torch, torch_mb, absolute=1200)
    yield compare("generate, an hour of mp3: time", "s", long_s, "3 minutes of mp3", short_s, at_most=1.5)
    yield compare("generate, an hour of mp3: peak memory", "MB", long_mb, "3 minutes of mp3", short_mb, at_most=1.5)


def helping(folder: Path, model: Path | None) -> Iterator[Figure]:
    """`gatefold --help`."""
    from scripts.measure import compare, run_process, turn_by_turn

    tasks = (
        lambda: run_process(sys.executable, "-m", "scripts.cli", "--help")[0],
        lambda: run_process(sys.executable, "-c", "pass")[0],
    )
    helped, passed = turn_by_turn(tasks, repeats=7)
    yield compare("gatefold --help", "s", helped, 'python -c "pass"', passed, absolute=0.4)


def reading(folder: Path, model: Path | None) -> Iterator[Figure]:
    """Batches for training at 64 px: from the cover cache, and with Pillow from 256 px JPEGs in the loop."""
    import numpy as np
    from PIL import Image

    from data.covers import decode_cover, resize_cover, to_float
    from data.synthetic import draw_tracks, render_cover
    from scripts.measure import compare, turn_by_turn

    n, size, resolution = 256, 32, 64
    files = []
    for track in draw_tracks(n, seed=2):
        files.append(folder / f"{track.track_id}.jpg")
        pixels = render_cover(track, 256).transpose(1, 2, 0)  # [3, H, W] -> [H, W, 3]
        Image.fromarray(np.ascontiguousarray(pixels)).save(files[-1], quality=90)
    cached = np.stack([resize_cover(decode_cover(file), resolution) for file in files])
    np.save(folder / "covers-64.npy", cached)
    cache = np.load(folder / "covers-64.npy", mmap_mode="r")
    order = np.random.default_rng(0).permutation(n).reshape(-1, size)

    def from_cache() -> None:
        for rows in order:
            to_float(cache[rows])

    def from_files() -> None:
        for rows in order:
            to_float(np.stack([resize_cover(decode_cover(files[row]), resolution) for row in rows]))

    from_cache()
    ours, theirs = turn_by_turn([lambda: _rate(from_cache, n), lambda: _rate(from_files, n)], repeats=5)
    yield compare("reading covers at 64 px", "img/s", ours, "Pillow in the loop", theirs, at_least=10)


def training(folder: Path, model: Path | None) -> Iterator[Figure]:
    """Training at 64 px as it is, against the same networks and losses in a plain fp32 loop."""
    from multiprocessing import get_context

    from scripts.measure import compare, turn_by_turn
    from scripts.training_speed import our_rate, plain_rate

    # Each in a process of its own: the loop changes how its process allocates memory.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        ours, plain = turn_by_turn([lambda: pool.apply(our_rate), lambda: pool.apply(plain_rate)], repeats=3)
    yield compare("training at 64 px", "img/s", ours, "a plain fp32 loop", plain, at_least=2)


def _rate(task: Callable[[], None], count: int) -> float:
    from scripts.measure import seconds_of

    return 1.0 / seconds_of(task, count)


BENCHES: dict[str, Callable[[Path, Path | None], Iterator[Figure]]] = {
    "generate": generating,
    "covers": finishing,
    "help": helping,
    "features": hearing,
    "scaling": scaling,
    "memory": memory,
    "encoders": encoding,
    "reading": reading,
    "training": training,
    "collecting": collecting,
    "descriptors": describing,
    "maps": mapping,
    "report": reporting,
}

if __name__ == "__main__":
    run_verb(bench)
