"""`python -m scripts.ceiling`: how much of their music real covers tell, beside what plain numbers of a cover tell.

The yardstick: a histogram of 64 colours, mean and deviation of hue, saturation and value, 4 × 4 mean colours and
histograms of gradients, by principal components (60) into the same ridge and logistic regression. Artists that are
asked about were met neither in learning nor in choosing penalties.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from scripts.shell import run_verb

if TYPE_CHECKING:
    from scripts.comparison import Measured

YARDSTICK, COMPONENTS = "yardstick", 60
RESOLUTION = 128
ASKED = ("energy", "acousticness", "loudness", "tempo", "valence")


def ceiling(
    dataset: Annotated[Path, typer.Argument(help="A dataset whose tracks have covers and attributes or genres.")],
    kinds: Annotated[str, typer.Option(help="Kinds of listeners to choose from.")] = "ridge,canonical,contrastive",
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the listeners.")] = 0,
    table: Annotated[bool, typer.Option("--table", help="A table for people instead of JSON lines.")] = False,
) -> None:
    """Measure what real covers tell of their music; prints one JSON object a measured thing."""
    from scripts.comparison import as_table

    measured = []
    for figure in _measure(dataset, [kind.strip() for kind in kinds.split(",")], seed):
        measured.append(figure)
        if not table:
            print(figure.to_json(), flush=True)
    if table:
        print(as_table(measured))


def _measure(folder: Path, kinds: list[str], seed: int) -> Iterator[Measured]:
    from analysis.listening import Pairs, score_attributes, teach
    from analysis.looks import compute_looks
    from analysis.probes import score_accuracy
    from data.cache import cover_cache, has_cover
    from data.errors import InputError
    from data.shards import Dataset
    from data.splits import normalised_artist
    from scripts.comparison import Measured
    from scripts.following import flat
    from scripts.shell import complain

    dataset = Dataset(folder)
    rows = np.flatnonzero(has_cover(dataset))
    records = dataset.read(["artist", "genres", *ASKED]).to_pylist()
    artists = np.array([normalised_artist(records[row]["artist"]) or f"row {row}" for row in rows], dtype=str)
    y = np.array([[np.nan if records[row][name] is None else records[row][name] for name in ASKED] for row in rows])
    covers = np.asarray(cover_cache(dataset, RESOLUTION)[rows])
    looks = compute_looks(covers)
    families = [part.shape[1] for part in looks.values()]
    genres, classes = np.unique([(records[row]["genres"] or [""])[0] for row in rows], return_inverse=True)
    seen: dict[str, tuple[np.ndarray, list[int] | None]] = {
        "looks": (flat(looks), families),
        YARDSTICK: (compute_yardstick(covers), None),
    }
    for name, (x, sizes) in seen.items():
        if len(genres) > 1:
            told = _tell_genres(x, classes, artists, sizes, seed)
            yield Measured.of(score_accuracy(told, classes, artists), "genre accuracy", name, "share")
        try:
            pairs = Pairs.of(x, y.astype(np.float64), ASKED, artists, sizes)
        except ValueError as error:
            raise InputError(folder, str(error)) from error
        listeners = teach(pairs, kinds if sizes else ("ridge",), seed=seed)
        complain(f"{name}: {', '.join(listeners.kinds)}")
        for what, score in score_attributes(listeners.hear(), pairs.names).items():
            yield Measured.of(score, what, name, "r")


def _tell_genres(
    x: np.ndarray, classes: np.ndarray, artists: np.ndarray, families: list[int] | None, seed: int
) -> np.ndarray:
    """The genre `[N]` told of each cover, its artist unmet: by logistic regression, of families of looks by a ridge on
    what the eye makes of them."""
    from analysis.listeners import Eye
    from analysis.probes import artist_folds, fit_classes, fit_ridge

    told = np.empty_like(classes)
    folds = artist_folds(artists, classes, min(5, len(np.unique(artists))), seed)
    for fold in range(int(folds.max()) + 1):
        rest, out = folds != fold, folds == fold
        if families is None:
            told[out] = fit_classes(x[rest], classes[rest], artists[rest]).predict(x[out])
        else:
            eye = Eye.fit(x[rest], families)
            probe = fit_ridge(eye.see(x[rest]), np.eye(int(classes.max()) + 1)[classes[rest]], artists[rest])
            told[out] = probe.answers(eye.see(x[out])).argmax(axis=1)
    return told


def compute_yardstick(covers: np.ndarray) -> np.ndarray:
    """The yardstick's 60 components float64 `[N, ≤ 60]` of uint8 covers `[N, 3, H, W]`, H = W a multiple of 4."""
    x = np.concatenate([_plain_numbers(cover) for cover in covers[:, None]])
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ axes[:COMPONENTS].T)


def _plain_numbers(cover: np.ndarray) -> np.ndarray:
    """`[1, 246]` of a cover uint8 `[1, 3, H, W]`."""
    pixels = cover[0].transpose(1, 2, 0)  # [H, W, 3]
    side = len(pixels)
    quarters = (pixels // 64).astype(np.int64)
    histogram = np.bincount((quarters @ [16, 4, 1]).ravel(), minlength=64) / side**2
    hsv = _to_hsv(pixels / 255).reshape(-1, 3)
    cells = pixels.reshape(4, side // 4, 4, side // 4, 3).mean(axis=(1, 3)) / 255
    dy, dx = np.gradient(pixels.mean(axis=2) / 255)
    direction = np.minimum((np.arctan2(dy, dx) / np.pi % 1.0 * 8).astype(np.int64), 7)
    strength = np.stack([np.hypot(dx, dy) * (direction == k) for k in range(8)])
    gradients = strength.reshape(8, 4, side // 4, 4, side // 4).mean(axis=(2, 4))
    return np.concatenate([histogram, hsv.mean(axis=0), hsv.std(axis=0), cells.ravel(), gradients.ravel()])[None]


def _to_hsv(rgb: np.ndarray) -> np.ndarray:
    from matplotlib.colors import rgb_to_hsv

    return np.asarray(rgb_to_hsv(rgb))


if __name__ == "__main__":
    run_verb(ceiling)
