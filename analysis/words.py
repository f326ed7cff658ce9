"""Covers in words: the colour family of a cover, and what sets a cluster's covers apart, by their traits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.descriptors import DESCRIPTOR_NAMES, HUES, WEIGHTS
from analysis.spreads import difference, spread_of
from analysis.traits import TRAITS

COLOUR_FAMILIES = ("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple")
_HUE_FAMILIES = (
    "red",
    "red",
    "orange",
    "yellow",
    "green",
    "green",
    "green",
    "blue",
    "blue",
    "blue",
    "purple",
    "purple",
)
"""The family of each 30° of CIE hue, which begins at magenta red: 90° is yellow, 180° green, 270° blue."""
_COLOURLESS = 0.08
"""Mean chroma, over 100, under which a cover is black, grey or white."""

LEAST_TOLD = 0.2
"""Differences, in standard deviations, below which nothing is said to set covers apart."""

_COLUMN = {name: index for index, name in enumerate(DESCRIPTOR_NAMES)}


def colour_families(descriptors: np.ndarray) -> np.ndarray:
    """The family `[N]`, one of `COLOUR_FAMILIES`, of covers by their `compute_descriptors` `[N, d]`.

    By lightness where there is next to no colour, else by the hue with the most chroma.
    """
    plain = np.asarray(descriptors, dtype=np.float64) / WEIGHTS
    chroma, lightness = plain[:, _COLUMN["chroma mean"]], plain[:, _COLUMN["lightness mean"]]
    hues = plain[:, [_COLUMN[f"hue {360 * k // HUES}"] for k in range(HUES)]] ** 2  # [N, 12], chroma a hue
    names = [family for family in COLOUR_FAMILIES if family in _HUE_FAMILIES]
    totals = np.stack([hues[:, np.array(_HUE_FAMILIES) == name].sum(axis=1) for name in names], axis=1)
    coloured = np.array(names)[totals.argmax(axis=1)]
    plainly = np.where(lightness < 0.35, "black", np.where(lightness > 0.7, "white", "grey"))
    return np.where(chroma < _COLOURLESS, plainly, coloured)


def distinguishing(traits: Mapping[str, np.ndarray], members: np.ndarray, count: int = 4) -> list[tuple[str, float]]:
    """What sets the rows `members` (bool `[N]`) of `traits` (each `[N]`) apart: `(words, difference)`, largest first.

    The difference is between the means of members and of others, in standard deviations of all. One trait is told of
    each family, since traits of a family move together; angles are not told.
    """
    if not members.any() or members.all():
        return []
    told: list[tuple[str, float, str]] = []
    for name, values in traits.items():
        trait = TRAITS[name]
        own, others, all_of_them = (spread_of(part, trait) for part in (values[members], values[~members], values))
        apart, _ = difference(own, others._replace(deviation=all_of_them.deviation), trait)
        if trait.more and abs(apart) > LEAST_TOLD:
            word = trait.more if apart > 0 else trait.less
            words = f"{word} ({name} {own.mean:.3g} against {others.mean:.3g}{_unit(trait.unit)})"
            told.append((words, apart, trait.family))
    told.sort(key=lambda one: -abs(one[1]))
    families: dict[str, tuple[str, float]] = {}
    for words, apart, family in told:
        families.setdefault(family, (words, apart))
    return list(families.values())[:count]


def _unit(unit: str) -> str:
    """A unit behind a number; what is a share, a correlation or an index needs none."""
    return "" if unit in ("share", "r", "M", "scale", "exponent") else unit if unit[0] in ":°" else f" {unit}"
