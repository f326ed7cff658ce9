"""Whether a bundle's covers show kinship: tracks of one album beside tracks of different genres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.kinship import find_kin, measure_kinship
from analysis.sensitivity import Draw
from data.labels import album_groups
from data.shards import Dataset
from encoders.tags import normalise_tag
from scripts.comparison import Measured

MOST_PAIRS, FEWEST_PAIRS = 100, 5


def score_kinship(
    name: str, draw: Draw, dataset: Dataset, rows: np.ndarray, c: np.ndarray, artists: np.ndarray, seed: int = 0
) -> Iterator[Measured]:
    """How much more alike covers of one album are than those of different genres, where the dataset has both. rows
    `[n]`: tracks that training never saw, with conditions `c [n, c_dim]` and `artists [n]`."""
    table = dataset.read(["genres"]).to_pylist()
    genres = np.array([normalise_tag((table[row]["genres"] or [""])[0]) for row in rows], dtype=str)
    kin = find_kin(album_groups(dataset)[rows], genres, artists, MOST_PAIRS, seed)
    if len(kin) >= FEWEST_PAIRS and len(set(artists[kin[:, 0]])) > 1 and c.shape[1]:
        score = measure_kinship(draw, c, kin, artists)
        yield Measured.of(score, "one album beside two genres", name, "of a distance")
