"""What is measured of generators that are compared: the same questions, data and moments for each."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.copies import EMBEDDING, HASH, CopyCheck
from analysis.descriptors import compute_descriptors
from analysis.detectors import DESCRIPTORS, Detector
from analysis.distances import frechet_distance
from analysis.neighbours import measure_overlap
from analysis.probes import artist_folds, fit_ridge, score_correlation
from data.covers import decode_cover, resize_cover
from data.errors import InputError
from data.files import read_json, write_json
from data.shards import Dataset
from data.splits import normalised_artist
from gans.bundle import MODEL, load_bundle
from gans.conditions import Layout, blocks_of
from gans.networks import count_parameters
from gans.snapshots import SNAPSHOTS, draw_many
from gans.training import TrainingData
from scripts.comparison import Measured
from scripts.measure import run_process
from scripts.shell import complain

DRAWS = 5
"""Sets of covers that each generator draws; intervals are over them."""

FOLDS = 5
KNOWN = ("attributes", "emotions")
MOST_COVERS = 1000
LEAST_HELD_OUT, FEW_HELD_OUT = 6, 100
_T95 = 2.776445  # of Student's t with DRAWS − 1 = 4 degrees of freedom
_LEDGER = "compared.json"


@dataclass(frozen=True)
class Gallery:
    """What generators are held against: features of `real [N, d]` covers that training never saw, the conditions
    `c [N, c_dim]` and artists `[N]` of these, and features of `training [M, d]` covers. asked bool `[c_dim]`: the
    numbers of a condition that covers are to show; detector: what features are, and how: of which covers, in
    words; copies: what tells copies of training covers from honest ones."""

    real: np.ndarray
    c: np.ndarray
    artists: np.ndarray
    training: np.ndarray
    asked: np.ndarray
    detector: Detector
    copies: tuple[CopyCheck, ...]
    how: str

    @classmethod
    def of(
        cls,
        real: np.ndarray,
        training: np.ndarray,
        c: np.ndarray,
        artists: np.ndarray,
        asked: np.ndarray,
        detector: Detector = DESCRIPTORS,
    ) -> Gallery:
        """From covers uint8 `real [N, 3, H, W]` and `training [M, 3, H, W]`."""
        copies = tuple(CopyCheck.fit(eye, training, real, crops=False) for eye in (EMBEDDING, HASH))
        how = detector.how(real.shape[-1])
        return cls(detector(real), c, artists, detector(training), asked, detector, copies, how)

    @classmethod
    def open(cls, dataset: Dataset, data: TrainingData, detector: Detector = DESCRIPTORS) -> Gallery:
        """From a dataset made ready for training; `InputError` where too few of its covers are held out."""
        rows = data.held_out[:MOST_COVERS]
        if len(rows) < LEAST_HELD_OUT:
            raise InputError(
                dataset.folder, f"{len(rows)} covers are held out; a comparison needs {LEAST_HELD_OUT}: add tracks"
            )
        if len(rows) < FEW_HELD_OUT:
            complain(f"{len(rows)} covers are held out: too few for figures to be held against those of others")
        names = dataset.read(["artist"])["artist"].to_pylist()
        artists = np.array([normalised_artist(names[row]) or f"row {row}" for row in rows], dtype=str)
        seen = np.unique(data.rows)
        c = np.asarray(data.conditions[rows])
        real, training = (np.asarray(data.covers[part]) for part in (rows, seen))
        return cls.of(real, training, c, artists, asked_of(c, data.layout), detector)


@dataclass(frozen=True)
class Row:
    """One trained recipe: its run's last bundle, and what the training took."""

    name: str
    bundle: Path
    minutes: float
    peak_mb: float


def train_row(name: str, arguments: Sequence[str], run: Path, minutes: float) -> Row:
    """Trains one recipe for `minutes` in a process of its own, or finds that this was done; `arguments` of `train`.

    The run gets its name when it is done: one that was killed begins again, since going on would be a second budget.
    """
    if not run.exists():
        begun = run.with_name(f"{run.name}.part")
        if begun.exists():
            shutil.rmtree(begun)
        command = [sys.executable, "-m", "scripts.train", *arguments, "--minutes", f"{minutes:g}", "--out", str(begun)]
        try:
            _, peak = run_process(*command)
        except RuntimeError as error:
            raise InputError(name, str(error).splitlines()[-1]) from error
        write_json(begun / _LEDGER, {"minutes": minutes, "peak_mb": peak})
        begun.rename(run)
    if not (run / _LEDGER).exists():
        raise InputError(run, "is there already and no finished run of a comparison; give another --out")
    noted = read_json(run / _LEDGER)
    if noted["minutes"] != minutes:
        raise InputError(run, f"was trained for {noted['minutes']:g} minutes, not {minutes:g}; give another --out")
    newest = sorted(path.parent for path in run.glob(f"{SNAPSHOTS}/*/{MODEL}"))[-1]
    return Row(name, newest, minutes, noted["peak_mb"])


def measure_row(row: Row, gallery: Gallery) -> tuple[list[Measured], list[np.ndarray]]:
    """All figures of one recipe, and the sets of covers uint8 `[N, 3, H, W]` that they are of."""
    bundle = load_bundle(row.bundle)
    draws = [draw_many(bundle.generator, gallery.c, torch.device("cpu"), seed=seed) for seed in range(DRAWS)]
    figures = list(score_covers(row.name, draws, gallery))
    shown, rate = bundle.model["images_shown"], bundle.model["images_shown"] / (60 * row.minutes)
    figures += [
        Measured("images shown", row.name, float(shown), "numbers", None, None, 1),
        Measured("speed", row.name, rate, "img/s", None, None, 1),
        Measured("parameters", row.name, float(count_parameters(bundle.generator)), "numbers", None, None, 1),
        Measured("peak memory", row.name, row.peak_mb, "MB", None, None, 1),
    ]
    return figures, draws


def score_covers(name: str, draws: Sequence[np.ndarray], gallery: Gallery) -> Iterator[Measured]:
    """What sets of covers uint8 `[N, 3, H, W]` score, each drawn for the gallery's conditions in their order.

    distance: Fréchet, between features and those of unseen real covers; precision and coverage: shares of overlap
    with these; copies: the share as near to a training cover as one in a hundred unseen real ones is, by the learned
    embedding and by perceptual hash, mirrored or upside down too; condition shown: mean correlation of what a linear
    probe reads off the covers' descriptors with what they were drawn for (attributes and emotions, where there are
    any), for artists it never saw.
    """
    features = [gallery.detector(covers) for covers in draws]
    n = len(gallery.real)
    yield from _distances(name, features, gallery, n)
    for check, what in zip(gallery.copies, ("copies", "copies by hash"), strict=True):
        shares = [check.look(covers).share for covers in draws]
        yield _over_draws(what, name, shares, "share", n, check.chance, check.how)
    if gallery.asked.any() and len(set(gallery.artists)) >= FOLDS:
        yield _condition_shown(name, compute_descriptors(draws[0]), gallery.c[:, gallery.asked], gallery.artists)


def asked_of(c: np.ndarray, layout: Layout) -> np.ndarray:
    """bool `[c_dim]`: which numbers of conditions `c [N, c_dim]` covers are asked to show: those that vary, of the
    blocks that people know (`KNOWN`) where there are any, else of all."""
    varies = c.std(axis=0) > 1e-6
    known = np.zeros(c.shape[1], dtype=bool)
    for name, _, values in blocks_of(layout):
        known[values] = name in KNOWN
    return varies & known if (varies & known).any() else varies


def _condition_shown(name: str, described: np.ndarray, c: np.ndarray, artists: np.ndarray) -> Measured:
    """Each fold's answers and truths about their own means: those of the other folds lie on the other side of the whole
    mean than the fold's own, and would look like a correlation below zero."""
    folds = artist_folds(artists, np.zeros(len(artists), dtype=np.int64), FOLDS)
    predicted, truth = np.empty_like(c, dtype=np.float64), np.array(c, dtype=np.float64)
    for fold in range(FOLDS):
        rest, held_out = folds != fold, folds == fold
        answers = fit_ridge(described[rest], c[rest], artists[rest]).answers(described[held_out])
        predicted[held_out] = answers - answers.mean(axis=0)
        truth[held_out] -= truth[held_out].mean(axis=0)
    return Measured.of(score_correlation(predicted, truth, artists), "condition shown", name, "r")


def score_real(gallery: Gallery) -> list[Measured]:
    """What as many training covers score, drawn without regard to conditions: no generator need beat it."""
    rng = np.random.default_rng(0)
    n = min(len(gallery.real), len(gallery.training))
    draws = [gallery.training[rng.choice(len(gallery.training), n, replace=False)] for _ in range(DRAWS)]
    return list(_distances("training covers", draws, gallery, n))


def _distances(name: str, features: Sequence[np.ndarray], gallery: Gallery, n: int) -> Iterator[Measured]:
    """How sets of features `[n, d]` lie to those of unseen real covers, and of what the distances are."""
    overlaps = [measure_overlap(gallery.real, x) for x in features]
    distances = [frechet_distance(x, gallery.real) for x in features]
    yield _over_draws("distance", name, distances, "Fréchet", n, how=gallery.how)
    yield _over_draws("precision", name, [overlap.precision for overlap in overlaps], "share", n, how=gallery.how)
    yield _over_draws("coverage", name, [overlap.coverage for overlap in overlaps], "share", n, how=gallery.how)


def _over_draws(
    what: str, name: str, values: Sequence[float], unit: str, n: int, chance: float | None = None, how: str = ""
) -> Measured:
    """The mean over draws with its 95 % interval."""
    mean, reach = float(np.mean(values)), _T95 * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    return Measured(what, name, mean, unit, (mean - reach, mean + reach), chance, n, how)


def read_covers(folder: Path, n: int, resolution: int) -> list[np.ndarray]:
    """Sets of `n` covers uint8 `[n, 3, H, W]` from a folder of PNGs drawn elsewhere; `InputError` for too few."""
    paths = sorted(folder.glob("*.png"))
    if len(paths) < DRAWS * n:
        raise InputError(folder, f"holds {len(paths)} PNGs; {DRAWS} sets of {n} are needed")
    covers = np.stack([resize_cover(decode_cover(path), resolution) for path in paths[: DRAWS * n]])
    return list(covers.reshape(DRAWS, n, *covers.shape[1:]))
