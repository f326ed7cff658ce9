"""The analysis, measured: descriptors, maps beside the libraries' own calls, and a report on 50,000 covers."""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from scripts.measure import Figure

COVERS_A_SECOND = 300
REPORT_S, REPORT_MB = 600, 4000
_SMALL = 32


def describing(folder: Path, model: Path | None, sides: Sequence[int] = (64, 128), n: int = 256) -> Iterator[Figure]:
    """Descriptors of covers that lie in memory, on one core, beside Pillow's reading of the same covers as JPEG: CPU
    time, which is what it takes on a core of one's own."""
    from threadpoolctl import threadpool_limits

    from analysis.descriptors import compute_descriptors
    from data.covers import decode_cover
    from scripts.measure import compare, turn_by_turn

    for side in sides:
        covers = _covers(n, side)
        files = [_jpeg(cover) for cover in covers]
        describe, read = partial(compute_descriptors, covers), partial(_all, decode_cover, files)
        with threadpool_limits(1):
            timed = [partial(_cpu_s_of, task) for task in (describe, read)]
            turn_by_turn(timed, repeats=1)
            ours, theirs = ([1000 * spent / n for spent in times] for times in turn_by_turn(timed, repeats=5))
        name = f"descriptors of a cover of {side} px"
        yield compare(name, "ms", ours, "Pillow reads it from JPEG", theirs, absolute=1000 / COVERS_A_SECOND)


def mapping(
    folder: Path, model: Path | None, sizes: Sequence[int] = (2000, 5000), methods: Sequence[str] = ("tsne", "umap")
) -> Iterator[Figure]:
    """Maps beside scikit-learn's t-SNE and umap-learn's UMAP of the same arrays, CPU time on one core each."""
    from threadpoolctl import threadpool_limits

    from analysis.maps import fit_map, fit_reduction
    from scripts.measure import compare

    for method in methods:  # the first calls import, and compile
        _cpu_s_of(partial(fit_map, _points(60), method))
        if method == "umap":  # above 4,096 points it searches its neighbours in another way
            _cpu_s_of(partial(_library(method, force_approximation_algorithm=True)[1], _points(60)))
    for n in sizes:
        x = _points(n)
        reduced = fit_reduction(x)(x)
        for method in methods:
            yardstick, fit = _library(method)
            with threadpool_limits(1):
                ours, theirs = (_cpu_s_of(task) for task in (partial(fit_map, x, method), partial(fit, reduced)))
            yield compare(f"{method} of {n:,} points", "s", [ours], yardstick, [theirs])


def _library(method: str, **settings: bool) -> tuple[str, Callable[[np.ndarray], object]]:
    """What a library calls this kind of map, and the call, with the settings that maps of ours have."""
    from analysis.maps import PERPLEXITY, UMAP_NEIGHBOURS

    if method == "tsne":
        from sklearn.manifold import TSNE

        return "scikit-learn's t-SNE", lambda x: TSNE(
            perplexity=min(PERPLEXITY, (len(x) - 1) / 3), init="pca", random_state=0, n_jobs=1
        ).fit_transform(x)
    from umap import UMAP

    return "umap-learn's UMAP", UMAP(n_neighbors=UMAP_NEIGHBOURS, random_state=0, n_jobs=1, **settings).fit_transform


def reporting(folder: Path, model: Path | None, few: int = 5_000, many: int = 50_000) -> Iterator[Figure]:
    """`gatefold analyze` on `many` covers of the synthetic world, a process on two cores, against `few`."""
    from data.synthetic import write_world
    from scripts.measure import compare, watch_process

    spent = []
    for n in (few, many):
        dataset = write_world(folder / f"{n} covers", n, seed=3, resolution=_SMALL, audio=False).folder
        report = folder / f"report on {n}"
        with _on_two_cores():
            spent.append(watch_process(sys.executable, "-m", "scripts.cli", "analyze", dataset, "--out", report))
    less, more = spent
    what, yardstick = f"analyze {many:,} covers", f"analyze {few:,}"
    yield compare(f"{what}: time", "s", [more.seconds], yardstick, [less.seconds], absolute=REPORT_S)
    yield compare(f"{what}: CPU time", "s", [more.cpu_s], yardstick, [less.cpu_s])
    yield compare(f"{what}: peak memory", "MB", [more.peak_mb], yardstick, [less.peak_mb], absolute=REPORT_MB)


@contextlib.contextmanager
def _on_two_cores() -> Iterator[None]:
    """This process, and those that it starts, on two cores at most, where the system can say so."""
    import os

    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu_s_of(task: Callable[[], object]) -> float:
    """CPU seconds of one call, without what it says: libraries warn and print."""
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
        begin = time.process_time()
        task()
        return time.process_time() - begin


def _all(task: Callable[[bytes], object], files: Sequence[bytes]) -> None:
    for file in files:
        task(file)


def _covers(n: int, side: int) -> np.ndarray:
    """Covers uint8 `[n, 3, side, side]`: sixteen of the synthetic world by turns, each with a noise of its own."""
    import numpy as np

    from data.synthetic import draw_tracks, render_cover

    drawn = np.stack([render_cover(track, side) for track in draw_tracks(16, seed=4)])
    noise = np.random.default_rng(4).normal(0, 12, (n, 3, side, side))
    return np.clip(np.resize(drawn, noise.shape) + noise, 0, 255).astype(np.uint8)


def _jpeg(cover: np.ndarray) -> bytes:
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0))).save(file, "JPEG", quality=90)
    return file.getvalue()


def _points(n: int) -> np.ndarray:
    """Descriptors `[n, d]` of covers of the synthetic world."""
    import numpy as np

    from analysis.descriptors import compute_descriptors
    from data.synthetic import draw_tracks, render_cover

    return compute_descriptors(np.stack([render_cover(track, _SMALL) for track in draw_tracks(n, seed=5)]))
