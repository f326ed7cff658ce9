"""What a generator changes when one thing is moved and all else held: its condition, its seed, how a track was
recorded.

Nothing is known here of networks: covers come from a callable `draw(c, seed)`, which makes uint8 covers `[n, 3, H, W]`
of conditions `[n, c_dim]`, all with the latent that the seed gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from analysis.descriptors import compute_descriptors, rgb_to_lab

Draw = Callable[[np.ndarray, int], np.ndarray]
LOOKS = ("hue", "lightness", "saturation", "edges", "layout")
UNITS = {"hue": "degrees", "lightness": "L", "saturation": "share", "edges": "L/px", "layout": "ΔE"}
_Z95 = 1.959964
_GRID = 4


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

    hue: degrees −180…180 by which the mean colour turns in the a*b* plane; lightness: mean L* 0…100; saturation: mean
    HSV saturation 0…1; edges: mean gradient of L* by pixel; layout: root mean square ΔE (CIE 1976) of 4 × 4 cells, each
    less the cover's mean colour.
    """
    (a, saturation_a), (b, saturation_b) = ((rgb_to_lab(x), _saturation(x)) for x in (before, after))
    means = [x.mean(axis=(2, 3)) for x in (a, b)]  # [N, 3]
    angles = [np.arctan2(mean[:, 2], mean[:, 1]) for mean in means]
    turned = (np.rad2deg(angles[1] - angles[0]) + 180) % 360 - 180
    cells = [_cells(x) - mean[:, :, None] for x, mean in zip((a, b), means, strict=True)]
    return {
        "hue": turned,
        "lightness": means[1][:, 0] - means[0][:, 0],
        "saturation": saturation_b - saturation_a,
        "edges": _edges(b[:, 0]) - _edges(a[:, 0]),
        "layout": np.sqrt(((cells[1] - cells[0]) ** 2).sum(axis=1).mean(axis=1)),
    }


def _saturation(images: np.ndarray) -> np.ndarray:
    high = images.max(axis=1).astype(np.float64)
    return np.asarray(((high - images.min(axis=1)) / np.maximum(high, 1)).mean(axis=(1, 2)))


def _cells(lab: np.ndarray) -> np.ndarray:
    """Means `[N, 3, 16]` of a 4 × 4 grid; what the grid does not divide is left out at the right and below."""
    side = lab.shape[2] // _GRID
    kept = lab[:, :, : _GRID * side, : _GRID * side].reshape(len(lab), 3, _GRID, side, _GRID, side)
    return np.asarray(kept.mean(axis=(3, 5)).reshape(len(lab), 3, -1))


def _edges(lightness: np.ndarray) -> np.ndarray:
    dy, dx = np.gradient(lightness, axis=(1, 2))
    return np.asarray(np.hypot(dx, dy).mean(axis=(1, 2)))


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
