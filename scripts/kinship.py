"""`python -m scripts.kinship`: whether a bundle's covers show kinship: albums beside genres, for music it can hear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from scripts.shell import run_verb

if TYPE_CHECKING:
    from analysis.sensitivity import Draw
    from data.shards import Dataset
    from scripts.comparison import Measured

MOST_PAIRS, FEWEST_PAIRS = 100, 5


def kinship(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or the run that it is of.")],
    dataset: Annotated[
        Path, typer.Argument(help="A dataset whose tracks have albums and genres, with or without covers.")
    ],
    seed: Annotated[int, typer.Option(min=0, help="Of the pairs.")] = 0,
) -> None:
    """Print how far apart covers of one album are, over how far apart those of different genres are, as JSON. Tracks
    that the bundle was trained on are left out, where it was trained on this dataset."""
    from data.errors import InputError
    from data.shards import Dataset
    from encoders.conditions import dataset_conditions
    from scripts.following import drawer
    from scripts.pipeline import Listener
    from scripts.prepare import hear_dataset
    from scripts.shell import stages

    listener, stored = Listener.open(bundle), Dataset(dataset)
    model = listener.bundle.model
    if listener.schema is None:
        raise InputError(bundle, "hears nothing")
    with stages() as told:
        heard = hear_dataset(stored, lambda done, n: told("listening", done, n), encoder=listener.own_encoder)
    own = listener.own_encoder if heard else None
    c = np.asarray(dataset_conditions(stored, listener.schema, own, heard, name_encoder=listener.name_encoder))
    trained_on_it = model.get("data", {}).get("fingerprint") == stored.fingerprint
    rows = np.setdiff1d(np.arange(len(stored)), stored.indices("train") if trained_on_it else [])
    figures = list(score_kinship(bundle.resolve().name, drawer(listener.bundle.generator), stored, rows, c[rows], seed))
    if not figures:
        raise InputError(dataset, f"fewer than {FEWEST_PAIRS} pairs of one album, of known and different genres")
    for figure in figures:
        print(figure.to_json())


def score_kinship(
    name: str, draw: Draw, dataset: Dataset, rows: np.ndarray, c: np.ndarray, seed: int = 0
) -> Iterator[Measured]:
    """How much more alike covers of one album are than those of different genres, where the dataset has both. rows
    `[n]`: tracks that training never saw, with conditions `c [n, c_dim]`."""
    from analysis.kinship import find_kin, measure_kinship
    from data.labels import album_groups
    from data.splits import normalised_artist
    from encoders.tags import normalise_tag
    from scripts.comparison import Measured

    table = dataset.read(["genres", "artist"]).to_pylist()
    genres = np.array([normalise_tag((table[row]["genres"] or [""])[0]) for row in rows], dtype=str)
    artists = np.array([normalised_artist(table[row]["artist"]) or f"row {row}" for row in rows], dtype=str)
    kin = find_kin(album_groups(dataset)[rows], genres, artists, MOST_PAIRS, seed)
    if len(kin) >= FEWEST_PAIRS and len(set(artists[kin[:, 0]])) > 1 and c.shape[1]:
        score = measure_kinship(draw, c, kin, artists)
        yield Measured.of(score, "one album beside two genres", name, "of a distance")


if __name__ == "__main__":
    run_verb(kinship)
