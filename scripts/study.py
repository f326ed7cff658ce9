"""What `gatefold analyze` looks at, as arrays: a dataset's covers and music, generated covers, and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from analysis.clusters import METHODS as CLUSTERINGS
from analysis.clusters import Clusters, find_clusters
from analysis.descriptors import compute_descriptors
from analysis.detectors import DESCRIPTORS, Detector
from analysis.maps import FEWEST, Map, fit_map, sample_rows
from analysis.traits import compute_traits
from analysis.words import colour_families
from data.cache import cover_cache, has_cover
from data.covers import decode_cover, resize_cover
from data.errors import InputError, printable
from data.labels import text_where_known
from data.shards import Dataset
from data.splits import normalised_artist
from data.where import matching_rows

RESOLUTION = 64
"""Pixels a side of the covers that are described and shown."""
LEAST_OF_A_KIND = 5
"""Rows below which a genre or a decade is no label of its own."""

MAP_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}

Told = Callable[[str, int, int | None], None]


@dataclass
class Generated:
    """Generated covers uint8 `[M, 3, 64, 64]`; `of [M]`: the dataset's row each was drawn for, −1 where none is known;
    `origin`: what they are, for the report; `c [M, c_dim]`: the conditions that a bundle drew them for."""

    covers: np.ndarray
    of: np.ndarray
    names: Sequence[str]
    origin: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    c: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    @cached_property
    def descriptors(self) -> np.ndarray:
        """float64 `[M, d]`."""
        return compute_descriptors(self.covers)

    @cached_property
    def traits(self) -> dict[str, np.ndarray]:
        """Each trait `[M]`."""
        return compute_traits(self.covers)


@dataclass
class Study:
    """Covers of the rows `rows [N]` of a dataset, and what is found in them; everything is the same for one `seed`.

    covers uint8 `[N, 3, 64, 64]`; codes float64 `[n, d]` of the rows `code_rows [n]` that can be heard; table: the
    dataset's words, a dict a row; bundle: what draws the generated covers, where that is a model; listen: whether to
    ask if the music matters; detector: what distances between real and generated covers are of.
    """

    dataset: Dataset
    rows: np.ndarray
    covers: np.ndarray
    table: list[dict[str, Any]]
    generated: Generated | None
    code_rows: np.ndarray
    codes: np.ndarray
    code_name: str
    seed: int
    map_names: Sequence[str]
    notes: list[str]
    bundle: Path | None = None
    listen: bool = False
    detector: Detector = DESCRIPTORS

    @cached_property
    def descriptors(self) -> np.ndarray:
        """float64 `[N, d]` of the real covers."""
        return compute_descriptors(self.covers)

    @cached_property
    def traits(self) -> dict[str, np.ndarray]:
        """Each trait `[N]` of the real covers; whether there is writing on them too, where that has been asked."""
        text = text_where_known(self.dataset)
        return {**compute_traits(self.covers), **({} if text is None else {"text": text[self.rows]})}

    @cached_property
    def maps(self) -> dict[str, Map]:
        """Maps of the real covers, by method."""
        return {name: fit_map(self.descriptors, name, self.seed) for name in self.map_names}

    @cached_property
    def placed(self) -> dict[str, np.ndarray]:
        """Where the generated covers lie on each map, `[M, 2]`."""
        new = self.generated.descriptors if self.generated else np.zeros((0, self.descriptors.shape[1]))
        return {name: fitted.place(new) for name, fitted in self.maps.items()}

    @cached_property
    def clusters(self) -> dict[str, Clusters]:
        """Clusters of the real covers, by method."""
        return {name: find_clusters(self.descriptors, name, self.seed) for name in CLUSTERINGS}

    @cached_property
    def colours(self) -> np.ndarray:
        """The colour family of each real cover, `[N]`."""
        return colour_families(self.descriptors)

    def genres(self, rows: np.ndarray) -> np.ndarray:
        """The first genre of each row `[n]`, empty where none is known or too few rows have it."""
        return frequent([(self.table[row]["genres"] or [""])[0] for row in rows])

    def decades(self, rows: np.ndarray) -> np.ndarray:
        """The decade of each row `[n]`, such as `1990s`, empty where it is not known."""
        years = [str(self.table[row]["release_date"] or "")[:4] for row in rows]
        return frequent([f"{year[:3]}0s" if year.isdigit() else "" for year in years])

    def artists(self, rows: np.ndarray) -> np.ndarray:
        """Who made each row `[n]`; rows without an artist stand for themselves."""
        return np.array([normalised_artist(self.table[row]["artist"]) or f"row {row}" for row in rows], dtype=str)

    def text(self, row: int) -> str:
        """A row in words, to be shown on hover."""
        known = self.table[row]
        names = " – ".join(str(known[key]) for key in ("artist", "title") if known[key]) or str(known["track_id"])
        return " · ".join(filter(None, [names, ", ".join((known["genres"] or [])[:4]), known["release_date"]]))


def frequent(labels: Sequence[str]) -> np.ndarray:
    """`labels [n]` with those that fewer than 5 rows (or 1 % of the labelled ones) have made empty."""
    names = [" ".join(str(label).split()).lower() for label in labels]
    counts = Counter(filter(None, names))
    least = max(LEAST_OF_A_KIND, counts.total() / 100)
    return np.array([name if counts[name] >= least else "" for name in names], dtype=str)


def open_study(
    folder: Path,
    generated: Path | None,
    told: Told,
    *,
    where: Sequence[str] = (),
    most: int | None = None,
    count: int = 500,
    seed: int = 0,
    maps: Sequence[str] = tuple(MAP_NAMES),
    listen: bool = False,
    detector: Detector = DESCRIPTORS,
) -> Study:
    """Reads a dataset and the covers generated for it (a folder of pictures, a bundle or a run).

    At most `most` covers are drawn from the rows that meet `where`; a bundle draws `count`. `InputError` where fewer
    than four covers and fewer than four clips are there, or nothing is in the folder of generated covers.
    """
    dataset = Dataset(folder)
    usable = matching_rows(dataset, where, told)
    table = dataset.read(["track_id", "artist", "title", "genres", "release_date"]).to_pylist()
    rows = np.flatnonzero(has_cover(dataset) & usable) if len(dataset) else np.zeros(0, dtype=np.int64)
    audible = dataset.present("audio") & usable if len(dataset) else np.zeros(0, dtype=bool)
    if max(len(rows), int(audible.sum())) < FEWEST:
        counted = f"{len(rows)} covers and {int(audible.sum())} clips"
        raise InputError(folder, f"{counted} are too few to analyse; at least {FEWEST} of one are needed")
    notes = []
    if most is not None and len(rows) > most:
        notes.append(f"{most:,} of {len(rows):,} covers, drawn at random, are looked at.")
        rows = rows[sample_rows(len(rows), most, seed)]
    covers = np.zeros((0, 3, RESOLUTION, RESOLUTION), dtype=np.uint8)
    if len(rows):
        cached = np.asarray(cover_cache(dataset, RESOLUTION, progress=lambda done, n: told("covers", done, n)))
        covers = cached if len(rows) == len(cached) else cached[rows]  # all of them stay on disk, mapped
    if len(rows) < FEWEST:
        notes.append(f"{len(rows)} covers are too few for a map: only the music is looked at.")
    code_rows, codes, code_name = _codes(dataset, audible, generated, told)
    made = None if generated is None else _read_generated(dataset, generated, rows, count, seed, told)
    notes += made.notes if made else []
    bundle = generated if generated is not None and is_bundle(generated) else None
    return Study(
        dataset, rows, covers, table, made, code_rows, codes, code_name, seed, maps, notes, bundle, listen, detector
    )


def is_bundle(folder: Path) -> bool:
    """Whether `folder` is a bundle, or a run with one, rather than a folder of pictures."""
    from gans.bundle import MODEL
    from gans.snapshots import find_bundle

    return (find_bundle(folder) / MODEL).exists()


def _codes(
    dataset: Dataset, audible: np.ndarray, generated: Path | None, told: Told
) -> tuple[np.ndarray, np.ndarray, str]:
    """Rows that can be heard, their codes `[n, d]`, and the encoder's name; empty where there is no music."""
    from encoders.heard import dataset_codes
    from scripts.pipeline import Listener
    from scripts.prepare import hear_dataset

    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, 1)), ""
    if not audible.any():
        return nothing
    encoder = Listener.open(generated if generated and is_bundle(generated) else None).encoder()
    if encoder is None:
        return nothing

    def listening(done: int, total: int) -> None:
        told("listening", done, total)

    heard = hear_dataset(dataset, listening, encoder=encoder)
    if heard is None:
        return nothing
    rows = np.flatnonzero(heard.usable() & audible)
    codes = np.asarray(dataset_codes(dataset, encoder, heard, progress=listening)[rows], dtype=np.float64)
    fine = np.isfinite(codes).all(axis=1)
    return rows[fine], codes[fine], encoder.name


def _read_generated(dataset: Dataset, source: Path, rows: np.ndarray, count: int, seed: int, told: Told) -> Generated:
    if not source.is_dir():
        raise InputError(source, "no folder of generated covers and no bundle")
    return _draw(dataset, source, rows, count, seed, told) if is_bundle(source) else _read_folder(source, told)


def _read_folder(folder: Path, told: Told) -> Generated:
    """All pictures in a folder; what is none is counted and told."""
    covers, names, strays = [], [], []
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for done, path in enumerate(paths):
        told("generated", done, len(paths))
        try:
            covers.append(resize_cover(decode_cover(path), RESOLUTION))
        except InputError as error:
            strays.append(f"{path.name} ({error.reason})")
        else:
            names.append(path.stem)
    if not covers:
        raise InputError(folder, f"holds no picture ({len(strays)} other files)")
    notes = []
    if strays:
        told_of = "; ".join(printable(stray, longest=80) for stray in strays[:3]) + (" …" if len(strays) > 3 else "")
        notes.append(f"{len(strays)} of {len(paths)} files in the generated folder are no usable picture: {told_of}")
    origin = {"folder": folder.resolve().name, "covers": len(covers)}
    return Generated(np.stack(covers), np.full(len(covers), -1), names, origin, notes)


def _draw(dataset: Dataset, folder: Path, rows: np.ndarray, count: int, seed: int, told: Told) -> Generated:
    """One cover for each of at most `count` rows, those held out of training first where there are enough."""
    import torch
    from PIL import Image

    from encoders.conditions import dataset_conditions
    from gans.snapshots import draw_many
    from scripts.pipeline import Listener
    from scripts.prepare import hear_dataset

    listener = Listener.open(folder)
    held_out = rows[~np.isin(rows, dataset.indices("train"))]
    pool = held_out if len(held_out) >= min(count, len(rows)) else rows
    of = pool[sample_rows(len(pool), count, seed)] if len(pool) else np.full(count, -1)
    c = np.zeros((len(of), listener.bundle.generator.c_dim), dtype=np.float32)
    notes = [] if listener.schema and len(pool) else ["The generator is asked without any music."]
    if listener.schema is not None and len(pool):
        heard = hear_dataset(dataset, lambda done, total: told("listening", done, total))
        ears = listener.own_encoder if heard else None
        c = dataset_conditions(dataset, listener.schema, ears, heard, name_encoder=listener.name_encoder)[of]
    told("drawing", 0, None)
    covers = draw_many(listener.bundle.generator, np.array(c), torch.device("cpu"), seed=seed)
    if covers.shape[-1] != RESOLUTION:
        pictures = (Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0))) for cover in covers)
        covers = np.stack([resize_cover(picture, RESOLUTION) for picture in pictures])
    origin = {"bundle": listener.bundle.hash, "recipe": listener.bundle.model.get("recipe"), "covers": len(covers)}
    return Generated(covers, of, [f"for row {row}" for row in of], origin, notes, np.array(c))
