"""The ten attributes of a track: their names, order and scales (those of Spotify's audio features)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.errors import InputError


@dataclass(frozen=True)
class Attribute:
    """One attribute. `low` and `high` bound what is accepted, in `unit` ('' for a share of one)."""

    name: str
    low: float
    high: float
    unit: str = ""


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("popularity", 0, 100),
    Attribute("danceability", 0, 1),
    Attribute("acousticness", 0, 1),
    Attribute("energy", 0, 1),
    Attribute("instrumentalness", 0, 1),
    Attribute("liveness", 0, 1),
    Attribute("loudness", -60, 5, "dB"),
    Attribute("speechiness", 0, 1),
    Attribute("tempo", 0, 300, "BPM"),
    Attribute("valence", 0, 1),
)
ATTRIBUTE_NAMES: tuple[str, ...] = tuple(attribute.name for attribute in ATTRIBUTES)


def check_attributes(values: Mapping[str, float | None], subject: str = "attributes") -> dict[str, float]:
    """The known attributes of `values`, in order, each within its scale; None and NaN count as unknown.

    Raises `InputError` naming the attribute: an unknown name, infinity, or a value off its scale.
    """
    unknown = set(values) - set(ATTRIBUTE_NAMES)
    if unknown:
        raise InputError(subject, f"unknown attribute {min(unknown)!r}; known: {', '.join(ATTRIBUTE_NAMES)}")
    checked = {}
    for attribute in ATTRIBUTES:
        value = values.get(attribute.name)
        if value is None or math.isnan(value):
            continue
        if not attribute.low <= value <= attribute.high:
            scale = f"{attribute.low:g} to {attribute.high:g} {attribute.unit}".strip()
            raise InputError(subject, f"{attribute.name}={value:g} is outside {scale}")
        checked[attribute.name] = float(value)
    return checked


def parse_attributes(text: str) -> dict[str, float]:
    """`"energy=0.9,tempo=128"` → `{"energy": 0.9, "tempo": 128.0}`; `InputError` names what is wrong."""
    values: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(part, "an attribute is written name=number")
        if name in values:
            raise InputError(part, "given twice")
        try:
            values[name] = float(number)
        except ValueError as error:
            raise InputError(part, "an attribute is written name=number") from error
        if math.isnan(values[name]):
            raise InputError(part, "not a number")
    return check_attributes(values)


def attributes_array(values: Mapping[str, float | None]) -> np.ndarray:
    """float32 `[10]` in the order of `ATTRIBUTES`, NaN where unknown."""
    return np.array([_or_nan(values.get(name)) for name in ATTRIBUTE_NAMES], dtype=np.float32)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
