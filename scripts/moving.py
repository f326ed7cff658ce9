"""One attribute of a condition moved, all else held: what changes in a bundle's covers, how steadily, as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.sensitivity import UNITS, Draw, measure_sensitivity
from analysis.steps import TOLD, measure_monotony, measure_steps, step_rows
from analysis.themes import DARK, LIGHT, render
from analysis.themes import Draw as DrawFigure
from data.attributes import ATTRIBUTES, Attribute
from data.errors import InputError
from data.files import write_bytes
from encoders.schema import ConditionSchema
from scripts.comparison import Measured
from scripts.following import changed

MOVED_TRACKS = 16
STEPS, LATENTS = 5, 240
"""Of so many latents a share of 80 % is right to about five points; of 48 it would be to eleven."""
REACH = 2.0
"""Deviations from the mean that steps go down and up, or to the end of the attribute's scale where that is nearer."""
WIDTH, ROW_HEIGHT = 13.0, 1.18
"""Inches of the picture."""


@dataclass(frozen=True)
class Moved:
    """For each attribute the values at its S steps, the covers uint8 `[S, 3, H, W]` of the first of n latents, and the
    traits of all, each `[n, S]`."""

    values: Mapping[str, np.ndarray]
    strips: Mapping[str, np.ndarray]
    traits: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def height(self) -> float:
        """Inches of the picture."""
        return 0.9 + ROW_HEIGHT * len(self.values)

    def picture(self) -> DrawFigure:
        """Covers of the first latent at each step of each attribute, beside the traits of all."""
        units = {one.name: f" {one.unit}" if one.unit else "" for one in ATTRIBUTES}
        names = {name: f"{name}\n{_short(at[0])} to {_short(at[-1])}{units[name]}" for name, at in self.values.items()}
        strips = {words: self.strips[name] for name, words in names.items()}
        curves = {words: self.traits[name] for name, words in names.items()}
        return step_rows(strips, curves, ["low", *[""] * (STEPS - 2), "high"])

    def write(self, path: Path) -> None:
        """Writes the picture as PNG or SVG to `path`, and in the dark theme beside it; else `InputError`."""
        kind = check_picture(path)
        for theme, place in ((LIGHT, path), (DARK, path.with_stem(f"{path.stem}-dark"))):
            write_bytes(place, render(self.picture(), theme, WIDTH, self.height, kind))


def _short(value: float) -> str:
    return (f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}").replace("-", "−")


def check_picture(path: Path) -> str:
    """The kind of picture that `path` names, `png` or `svg`; `InputError` for another."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise InputError(path, "is no picture that can be written; end the name in .png or .svg")
    return kind


def score_moves(name: str, draw: Draw, schema: ConditionSchema, c: np.ndarray) -> Iterator[Measured]:
    """What each attribute does to looks when it goes from a deviation below its mean to one above; chance is what
    another seed does. `c [N, c_dim]`: conditions of tracks that training never saw."""
    if len(c) < 2:
        return
    c = _spread(schema, c, min(MOVED_TRACKS, len(c)))
    moves = {one.name: (_with(c, place, -1.0), _with(c, place, 1.0)) for one, place, _, _ in known(schema)}
    for attribute, changes in measure_sensitivity(draw, moves).items():
        for look, change in changes.items():
            yield changed(f"{look} by {attribute}", name, change, UNITS[look])


def move(draw: Draw, schema: ConditionSchema, c: np.ndarray, n: int = LATENTS, seed: int = 0) -> Moved | None:
    """Each attribute in five steps under `n` latents, each with one of the conditions `c [N, c_dim]`; None where the
    schema knows no attribute, or there are no conditions."""
    if not known(schema) or not len(c):
        return None
    c = _spread(schema, c, n)
    values, strips, traits = {}, {}, {}
    for attribute, place, mean, deviation in known(schema):
        ends = ((attribute.low - mean) / deviation, (attribute.high - mean) / deviation)
        steps = np.linspace(max(ends[0], -REACH), min(ends[1], REACH), STEPS)
        values[attribute.name] = mean + deviation * steps
        covers = np.stack([draw(_with(c, place, step), seed) for step in steps])  # [S, n, 3, H, W]
        strips[attribute.name] = covers[:, 0].copy()
        traits[attribute.name] = measure_steps(covers)
    return Moved(values, strips, traits)


def score_monotony(name: str, moved: Moved) -> Iterator[Measured]:
    """For each attribute and trait the share of latents with which the trait rises at each of five steps, or falls,
    whichever it does on average; chance: one of 120 orders."""
    for attribute, traits in moved.traits.items():
        for look in TOLD:
            falling = bool(np.mean(traits[look][:, -1] - traits[look][:, 0]) < 0)
            score = measure_monotony(traits[look], falling)
            what = f"{look} {'falls' if falling else 'rises'} with {attribute}"
            yield Measured.of(score, what, name, "share of seeds")


def known(schema: ConditionSchema) -> list[tuple[Attribute, int, float, float]]:
    """Each attribute that a schema has a scale for (of others nothing was ever said), its place in a condition, its
    mean and deviation."""
    start = _presence(schema)
    scales = enumerate(zip(ATTRIBUTES, schema.attribute_mean, schema.attribute_std, strict=False))
    found = [] if start is None else [(one, start + 1 + k, mean, std) for k, (one, mean, std) in scales]
    return [each for each in found if each[2:] != (0.0, 1.0)]


def attributes_of(schema: ConditionSchema, c: np.ndarray) -> dict[str, np.ndarray]:
    """Each known attribute of conditions `c [N, c_dim]` in deviations from its mean `[N]`; NaN where absent."""
    start = _presence(schema)
    return {one.name: np.where(c[:, start] > 0, c[:, place], np.nan) for one, place, _, _ in known(schema)}


def _presence(schema: ConditionSchema) -> int | None:
    """Where a condition says whether attributes are present."""
    start = 0
    for block, size in schema.layout:
        if block == "attributes":
            return start
        start += 1 + size
    return None


def _spread(schema: ConditionSchema, c: np.ndarray, n: int) -> np.ndarray:
    """`n` of conditions `c [N, c_dim]`, spread over them (again from the first where there are fewer), attributes
    present."""
    c = c[np.linspace(0, len(c) - 1, n).astype(int)].copy()
    start = _presence(schema)
    if start is not None:
        c[:, start] = 1
    return c


def _with(c: np.ndarray, place: int, value: float) -> np.ndarray:
    changed = c.copy()
    changed[:, place] = value
    return changed
