"""What music looks like to people: the associations between music and pictures that studies have found, as numbers.

Faster music and music in major goes with more saturated, lighter and yellower colours, slower music and music in minor
with desaturated, darker and bluer ones, and what carries this is emotion: colours are chosen that feel as the music
feels (Palmer, Schloss, Xu & Prado-León, PNAS 110, 2013). The same holds over 34 genres, where what is agitated goes
with strong colours and what is calm with weak ones (Whiteford, Schloss, Helwig & Palmer, i-Perception 9, 2018). Bright
sounds go with lightness, and so do high ones (Marks, J. Exp. Psychol. HPP 13, 1987; Spence, Atten. Percept. Psychophys.
73, 2011). Energy and dense onsets with edges and contrast, complexity with complexity: by analogy, as arousal (Berlyne,
Aesthetics and Psychobiology, 1971); these two are the least proven.

The directions are the studies'; the shares and weights below are round figures of ours.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from data.colour import luma

TRAITS = ("saturation", "lightness", "yellowness", "edges", "contrast", "complexity")
"""What is measured of a cover, in order."""

MUSIC = (
    "energy", "loudness", "tempo", "valence",
    "majorness", "onsets", "brightness", "complexity",
    "joy", "arousal",
)  # fmt: skip
"""What may be known of a track, in order: four attributes, four descriptors, and two of what its listeners felt."""

ASSOCIATIONS: Mapping[str, Mapping[str, float]] = {
    "saturation": {"energy": 0.5, "valence": 0.2, "tempo": 0.15, "arousal": 0.1, "majorness": 0.05},
    "lightness": {"valence": 0.4, "brightness": 0.2, "joy": 0.15, "majorness": 0.15, "tempo": 0.1},
    "yellowness": {"tempo": 0.35, "valence": 0.35, "joy": 0.15, "majorness": 0.15},
    "edges": {"energy": 0.5, "onsets": 0.3, "arousal": 0.2},
    "contrast": {"energy": 0.6, "loudness": 0.2, "arousal": 0.2},
    "complexity": {"complexity": 1.0},
}
"""Which properties of the music each trait goes with, and their shares."""

TRAIT_WEIGHTS: Mapping[str, float] = {
    "saturation": 1.5, "lightness": 1.0, "yellowness": 0.7, "edges": 1.5, "contrast": 0.4, "complexity": 0.4,
}  # fmt: skip
"""How much each trait counts: hue is the least certain finding, contrast and complexity rest on analogy."""

GENRE_WEIGHT = 1.0
"""What it costs to put a cover of one genre with music of another: as much as one trait that is as wrong as can be."""

LEVELS = 4
"""Steps of each channel in the palette that complexity counts."""


def cover_traits(images: np.ndarray) -> np.ndarray:
    """Traits float64 `[N, 6]` (the order of `TRAITS`) of covers uint8 `[N, 3, H, W]`, each 0…1 but yellowness −1…1.

    saturation: mean of max − min over the channels; lightness: mean luma (Rec. 601); yellowness: mean of
    (R + G) / 2 − B; edges: mean absolute difference of luma between neighbours; contrast: twice the standard deviation
    of luma; complexity: entropy of the colours in a palette of 4³, as a share of the largest there is.
    """
    return np.concatenate([np.zeros((0, len(TRAITS))), *(_traits(image) for image in images)])


def _traits(image: np.ndarray) -> np.ndarray:
    x = image.astype(np.float32) / 255
    light = luma(x)  # [H, W]
    edges = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean()
    saturation, yellowness = (x.max(axis=0) - x.min(axis=0)).mean(), ((x[0] + x[1]) / 2 - x[2]).mean()
    return np.array([[saturation, light.mean(), yellowness, edges / 2, 2 * light.std(), _entropy(_palette(image))]])


def _palette(image: np.ndarray) -> np.ndarray:
    """The share `[64]` of each colour of a palette in an image uint8 `[3, H, W]`."""
    steps = image // (256 // LEVELS)
    colours = (steps[0].astype(np.int64) * LEVELS + steps[1]) * LEVELS + steps[2]
    return np.bincount(colours.ravel(), minlength=LEVELS**3) / colours.size


def _entropy(shares: np.ndarray) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum() / np.log(len(shares)))


def plainness(images: np.ndarray) -> np.ndarray:
    """The share float64 `[N]` of the commonest colour in each cover of uint8 `[N, 3, H, W]`: 1 is a blank sheet."""
    return np.array([_palette(image).max() for image in images])


def expected_traits(music: np.ndarray) -> np.ndarray:
    """What the associations expect of covers for tracks `[M, 10]` (columns as `MUSIC`): scores `[M, 6]`, 0…1.

    Weighted means of the ranks within the M, so no property's unit matters. Properties that are not known (NaN) are
    left out of the mean, and a trait for which nothing is known is expected in its middle.
    """
    known = np.isfinite(music)
    ranks = np.where(known, np.stack([_known_ranks(column) for column in music.T], axis=1), 0.0)
    shares = np.array([[ASSOCIATIONS[trait].get(name, 0.0) for name in MUSIC] for trait in TRAITS])  # [traits, music]
    told = known @ shares.T
    return np.where(told > 0, ranks @ shares.T / np.where(told > 0, told, 1), 0.5)


def pairing_cost(traits: np.ndarray, music: np.ndarray, strangers: np.ndarray | None = None) -> np.ndarray:
    """What it costs to give each cover with traits `[N, 6]` each track `[M, 10]`: float64 `[N, M]`.

    The squared differences between the rank that a cover has among the covers and the rank among the tracks of what
    the music expects, weighted by `TRAIT_WEIGHTS`; and `GENRE_WEIGHT` times `strangers` `[N, M]` (0…1: how far cover
    and track are known to be of other genres), where it is given.
    """
    scale = np.sqrt([TRAIT_WEIGHTS[trait] for trait in TRAITS])
    have = np.stack([_known_ranks(column) for column in traits.T], axis=1) * scale
    want = np.stack([_known_ranks(column) for column in expected_traits(music).T], axis=1) * scale
    cost = (have**2).sum(axis=1)[:, None] + (want**2).sum(axis=1)[None] - 2 * have @ want.T
    return cost if strangers is None else cost + GENRE_WEIGHT * strangers


def _known_ranks(values: np.ndarray) -> np.ndarray:
    """Places in ascending order among what is known, spread over 0…1; equal values share one, NaN stays."""
    return (rankdata(values, nan_policy="omit") - 0.5) / max(int(np.isfinite(values).sum()), 1)
