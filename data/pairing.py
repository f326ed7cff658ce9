"""Pairs of music and cover where none are given: attributes drawn from genres, and shared out among covers.

Two steps, both recorded in a model's card, since a model can only learn what its pairs hold:

`genre`: a cover's tags name genres, and each genre has mean attributes; a row's own are drawn around them, with
the spread that tracks within one genre have.

`crossmodal`: which of the drawn attributes go to which cover of a pool is decided by the associations that people
have been shown to make between music and colour. Faster and happier music goes with more saturated, lighter
and yellower colours, slower and sadder music with desaturated, darker and bluer ones (Palmer, Schloss, Xu &
Prado-León, PNAS 2013); energy goes with contrast and dense edges (arousal; Whiteford, Schloss, Helwig & Palmer,
i-Perception 2018). Every cover and every draw is used exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES

SPREAD: Mapping[str, float] = {
    "danceability": 0.13,
    "acousticness": 0.20,
    "energy": 0.17,
    "instrumentalness": 0.20,
    "liveness": 0.13,
    "loudness": 3.0,
    "speechiness": 0.06,
    "tempo": 24.0,
    "valence": 0.20,
}
"""Standard deviation of each attribute among tracks of one genre, on its own scale; round figures."""

TRAITS = ("saturation", "lightness", "yellowness", "edges")

ASSOCIATIONS: Mapping[str, Mapping[str, float]] = {
    "saturation": {"energy": 0.4, "valence": 0.4, "tempo": 0.2},
    "lightness": {"valence": 0.7, "tempo": 0.3},
    "yellowness": {"valence": 0.6, "tempo": 0.4},
    "edges": {"energy": 0.7, "loudness": 0.3},
}
"""Which attributes a trait of the cover goes with, and their shares."""

TRAIT_WEIGHTS = (1.0, 1.0, 0.7, 1.0)
"""How much each trait counts in the cost, in the order of `TRAITS`: hue is the least certain finding."""


def draw_attributes(genre_means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One draw of attributes float32 `[N, 10]` around genre means `[N, 10]` (own scales; NaN stays NaN).

    Normal with the deviations of `SPREAD`, held within each attribute's scale. Popularity says nothing about
    how music sounds and stays unknown.
    """
    deviations = np.array([SPREAD.get(name, 0.0) for name in ATTRIBUTE_NAMES])
    drawn = genre_means + deviations * rng.standard_normal(genre_means.shape)
    drawn = np.clip(drawn, [a.low for a in ATTRIBUTES], [a.high for a in ATTRIBUTES])
    drawn[:, ATTRIBUTE_NAMES.index("popularity")] = np.nan
    return drawn.astype(np.float32)


def cover_traits(images: np.ndarray) -> np.ndarray:
    """Traits float64 `[N, 4]` (the order of `TRAITS`) of covers uint8 `[N, 3, H, W]`, each 0…1 but yellowness −1…1.

    saturation: mean of max − min over the channels; lightness: mean luma (Rec. 601); yellowness: mean of
    (R + G) / 2 − B; edges: mean absolute difference of luma between neighbours.
    """
    x = images.astype(np.float32) / 255
    luma = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), x, axes=(0, 1))  # [N, H, W]
    edges = np.abs(np.diff(luma, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(luma, axis=2)).mean(axis=(1, 2))
    return np.stack(
        [
            (x.max(axis=1) - x.min(axis=1)).mean(axis=(1, 2)),
            luma.mean(axis=(1, 2)),
            ((x[:, 0] + x[:, 1]) / 2 - x[:, 2]).mean(axis=(1, 2)),
            edges / 2,
        ],
        axis=1,
    ).astype(np.float64)


def expected_traits(attributes: np.ndarray) -> np.ndarray:
    """What the associations expect of the covers of tracks with attributes `[N, 10]`: scores `[N, 4]`, higher for more.

    Weighted means of the attributes' ranks within the N, so no attribute's unit matters.
    """
    ranks = {name: _ranks(attributes[:, place]) for place, name in enumerate(ATTRIBUTE_NAMES)}
    return np.stack([sum(share * ranks[name] for name, share in ASSOCIATIONS[trait].items()) for trait in TRAITS], 1)


def couple(traits: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Which row of attributes `[N, 10]` each cover with traits `[N, 4]` gets: a permutation, int64 `[N]`.

    Minimises the sum of squared differences between the rank of each trait and the rank that the music
    expects, weighted by `TRAIT_WEIGHTS` (optimal assignment, so both marginals are kept).
    """
    if len(traits) != len(attributes):
        raise ValueError(f"{len(traits)} covers and {len(attributes)} rows of attributes; they must be as many")
    scale = np.sqrt(TRAIT_WEIGHTS)
    have = np.stack([_ranks(column) for column in traits.T], axis=1) * scale
    want = np.stack([_ranks(column) for column in expected_traits(attributes).T], axis=1) * scale
    cost = (have**2).sum(1)[:, None] + (want**2).sum(1)[None] - 2 * have @ want.T
    return linear_sum_assignment(cost)[1].astype(np.int64)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in ascending order, spread over 0…1; equal values keep their order."""
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = (np.arange(len(values)) + 0.5) / len(values)
    return ranks
