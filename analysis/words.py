"""Covers in words: the colour family of a cover, and what sets a cluster's covers apart, by the descriptors' names."""

from __future__ import annotations

import numpy as np

from analysis.descriptors import DESCRIPTOR_NAMES, GRID, HUES, WEIGHTS

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


def distinguishing(descriptors: np.ndarray, members: np.ndarray, count: int = 4) -> list[tuple[str, float]]:
    """What sets the rows `members` (bool `[N]`) of `descriptors [N, d]` apart: `(words, difference)`, largest first.

    The difference is between means of members and others, in standard deviations of all. One column is told of each
    family of descriptors (layout, lightness, chroma, hue, edges, contrast), since columns of a family move together.
    """
    x = np.asarray(descriptors, dtype=np.float64)
    if not members.any() or members.all():
        return []
    scale = x.std(axis=0)
    difference = (x[members].mean(axis=0) - x[~members].mean(axis=0)) / np.where(scale > 1e-9, scale, np.inf)
    told: dict[str, tuple[str, float]] = {}
    for column in np.argsort(-np.abs(difference), kind="stable"):
        family = DESCRIPTOR_NAMES[column].split()[0]
        if family not in told and abs(difference[column]) > 0.2:
            told[family] = (
                describe_column(DESCRIPTOR_NAMES[column], difference[column] > 0),
                float(difference[column]),
            )
    return list(told.values())[:count]


def describe_column(name: str, more: bool) -> str:
    """A descriptor's name in words a person would use: `layout 00 L` less → `darker top left`."""
    family, *rest = name.split()
    much = "more" if more else "less"
    if family == "layout":
        ends = {"L": ("lighter", "darker"), "a": ("redder", "greener"), "b": ("yellower", "bluer")}[rest[1]]
        return f"{ends[not more]} {_place(rest[0])}"
    if family == "hue":
        return f"{much} {_hue(int(rest[0]))}"
    if family in ("lightness", "chroma"):
        return _amount(family, rest, more)
    if family == "edges":
        angle = (int(rest[-1].split(".")[0]) + 90) % 180  # an edge runs across its gradient
        way = {0: "level", 45: "falling", 90: "upright", 135: "rising"}[45 * round(angle / 45) % 180]
        return f"{much} {way} edges {' '.join(rest[:-1])}"
    return f"{much} contrast between points {rest[1]} px apart"


def _amount(family: str, rest: list[str], more: bool) -> str:
    what = {"lightness": "light", "chroma": "colour"}[family]
    if rest[0] == "bin":
        bins = {"lightness": 8, "chroma": 6}[family]
        low, high = (100 * (int(rest[1]) + end) // bins for end in (0, 1))
        return f"{'more' if more else 'less'} area of {what} {low}–{high} %"
    if rest[0] == "std":
        return f"{'more' if more else 'less'} variety of {what}"
    which = {"mean": "", "p10": f", where {what} is least", "p90": f", where {what} is most"}[rest[0]]
    ends = {"lightness": ("lighter", "darker"), "chroma": ("more colourful", "paler")}[family]
    return f"{ends[not more]}{which}"


def _place(cell: str) -> str:
    row, column = (int(digit) for digit in cell)
    vertical = "top" if row == 0 else "bottom" if row == GRID - 1 else "middle"
    across = "left" if column < GRID // 2 else "right"
    return f"{vertical} {across}"


def _hue(degrees: int) -> str:
    names = (
        "pink",
        "red",
        "orange",
        "yellow",
        "lime",
        "green",
        "sea green",
        "cyan",
        "sky blue",
        "blue",
        "violet",
        "magenta",
    )
    return names[degrees * HUES // 360 % HUES]
