"""What a generator changes when one thing is moved and all else held: its condition, its seed, how a track was
recorded.

Nothing is known here of networks: covers come from a callable `draw(c, seed)`, which makes uint8 covers `[n, 3, H, W]`
of conditions `[n, c_dim]`, all with the latent that the seed gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from analysis.descriptors import compute_descriptors
from analysis.traits import TRAITS, compute_layout, compute_traits

Draw = Callable[[np.ndarray, int], np.ndarray]
LOOKS = ("hue", "lightness", "saturation", "edges", "layout")
UNITS = {**{look: TRAITS[look].unit for look in LOOKS if look in TRAITS}, "layout": "ΔE"}
_Z95 = 1.959964


class Change(NamedTuple):
    """What one move does to one look: the mean over `n` tracks, its 95 % interval, and `by_seed`: the mean size of what
    another seed does. Hue, lightness, saturation and edges have a direction; layout is a size, of which chance has
    some."""

    value: float
    low: float
    high: float
    by_seed: float
    n: int


def measure_changes(before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    """For each of `LOOKS` the change float64 `[N]` from covers `before` to `after`, uint8 `[N, 3, H, W]` both.

    Hue, lightness, saturation and edges are those of `traits`; hue: degrees −180…180, 0 where one of the two has none;
    layout: root mean square ΔE (CIE 1976) of 4 × 4 cells, each less the cover's mean colour.
    """
    old, new = compute_traits(before), compute_traits(after)
    layouts = [compute_layout(images) for images in (before, after)]
    cells = [layout - layout.mean(axis=1, keepdims=True) for layout in layouts]  # [N, 16, 3]
    return {
        "hue": np.nan_to_num((new["hue"] - old["hue"] + 180) % 360 - 180),
        **{look: new[look] - old[look] for look in ("lightness", "saturation", "edges")},
        "layout": np.sqrt(((cells[1] - cells[0]) ** 2).sum(axis=2).mean(axis=1)),
    }


def measure_sensitivity(
    draw: Draw, moves: Mapping[str, tuple[np.ndarray, np.ndarray]], seeds: Sequence[int] = (0, 1)
) -> dict[str, dict[str, Change]]:
    """What each move, from conditions to conditions `[n, c_dim]` with the seed held, changes in each of `LOOKS`.

    Changes are averaged over `seeds` first, so the interval is over tracks. Raises `ValueError` for fewer than two
    tracks or seeds.
    """
    if len(seeds) < 2 or any(len(before) < 2 for before, _ in moves.values()):
        raise ValueError("needs at least two tracks and two seeds")
    table = {}
    for name, (before, after) in moves.items():
        drawn = [draw(before, seed) for seed in seeds]
        moved = [measure_changes(old, draw(after, seed)) for old, seed in zip(drawn, seeds, strict=True)]
        noise = measure_changes(drawn[0], drawn[1])
        table[name] = {
            look: _change(np.mean([each[look] for each in moved], axis=0), float(np.abs(noise[look]).mean()))
            for look in LOOKS
        }
    return table


def _change(values: np.ndarray, by_seed: float) -> Change:
    mean, reach = float(values.mean()), _Z95 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return Change(mean, mean - reach, mean + reach, by_seed, len(values))


def measure_indifference(draw: Draw, c: np.ndarray, altered: np.ndarray, seed: int = 0) -> Change:
    """How far covers move when what must not matter is altered (conditions `c` to `altered`, `[n, c_dim]` both), over
    the distance between the covers of two tracks, all with one seed: 0 where it does not matter, 1 where it matters as
    much as being another track. `by_seed` is how far another seed moves them. Distances are between descriptors.

    Where all tracks get the same cover nothing matters, and the answer is 0.
    """
    if len(c) < 2:
        raise ValueError("needs at least two tracks")
    own, other, reseeded = (compute_descriptors(x) for x in (draw(c, seed), draw(altered, seed), draw(c, seed + 1)))
    apart = np.linalg.norm(own[:, None] - own[None], axis=2)[np.triu_indices(len(own), k=1)].mean()
    if apart < 1e-9:
        return Change(0.0, 0.0, 0.0, 0.0, len(c))
    moved, noise = (np.linalg.norm(x - own, axis=1) / apart for x in (other, reseeded))
    return _change(moved, float(noise.mean()))
