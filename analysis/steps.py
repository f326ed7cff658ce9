"""A condition moved in steps with the latent held: the traits at each step, how often they rise at every one, and both
as a picture.

Nothing is known here of networks: covers come from a callable `draw(c, seed)`, as in `sensitivity`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.probes import Score
from analysis.traits import TRAITS, compute_traits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.themes import Draw, Theme

TOLD = ("lightness", "saturation", "warmth", "contrast", "edge density")
"""The traits that are told of at each step."""
_Z95 = 1.959964


def measure_monotony(values: np.ndarray, falling: bool = False) -> Score:
    """The share of rows of `values [n, S]` that rise (or fall) at every one of S steps, with its 95 % interval (Wilson
    1927). By chance, S values in any order alike, it is one of S! orders. A row that stands still does neither; nor
    does one with a NaN."""
    n, steps = values.shape
    if n < 1 or steps < 2:
        raise ValueError(f"needs a row and two steps, not {values.shape}")
    moved = np.diff(values, axis=1)
    share = float(((moved < 0) if falling else (moved > 0)).all(axis=1).mean())
    spread = _Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Score(share, max(middle - reach, 0.0), min(middle + reach, 1.0), 1 / math.factorial(steps), n)


def measure_steps(covers: np.ndarray) -> dict[str, np.ndarray]:
    """The traits `TOLD`, each `[n, S]`, of covers uint8 `[S, n, 3, H, W]`: n latents, each at S steps."""
    steps, n = covers.shape[:2]
    traits = compute_traits(covers.reshape(steps * n, *covers.shape[2:]))
    return {look: traits[look].reshape(steps, n).T for look in TOLD}


def step_rows(
    strips: Mapping[str, np.ndarray], curves: Mapping[str, Mapping[str, np.ndarray]], ticks: Sequence[str]
) -> Draw:
    """Small multiples: a row for each thing moved, its covers `strips[name]` uint8 `[S, 3, H, W]` from the lowest step
    to the highest, all of one latent, and beside them a curve for each trait of `curves[name]` (`[n, S]`): the median
    over n latents, with bands that hold the middle half and the middle 90 % of them. `ticks`: words for the steps.
    """
    looks = list(next(iter(curves.values())))
    # One scale for a trait in all rows, so that what moves it most is seen to.
    reach = {look: _reach([rows[look] for rows in curves.values()]) for look in looks}

    def draw(figure: Figure, theme: Theme) -> None:
        steps = len(next(iter(strips.values())))
        grid = figure.add_gridspec(len(strips), 1 + len(looks), width_ratios=[1.2 * steps, *[1.4] * len(looks)])
        for down, (name, covers) in enumerate(strips.items()):
            axes = figure.add_subplot(grid[down, 0])
            _strip(axes, covers)
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
            last = down == len(strips) - 1
            if last:
                axes.set_xticks([(k + 0.5) * covers.shape[-1] * 1.06 for k in range(steps)], ticks, fontsize=9)
            for across, look in enumerate(looks):
                axes = figure.add_subplot(grid[down, 1 + across])
                _curve(axes, curves[name][look], theme)
                axes.set_ylim(*reach[look])
                axes.set_xticks([0, steps - 1], [ticks[0], ticks[-1]] if last else ["", ""], fontsize=8)
                if down == 0:
                    unit = TRAITS[look].unit
                    axes.set_title(look if unit in ("share", "scale") else f"{look}, {unit}", fontsize=9.5)

    return draw


def _reach(parts: Sequence[np.ndarray]) -> tuple[float, float]:
    low, high = (np.concatenate([np.nanquantile(part, share, axis=0) for part in parts]) for share in (0.05, 0.95))
    margin = 0.05 * max(float(high.max() - low.min()), 1e-6)
    return float(low.min()) - margin, float(high.max()) + margin


def _strip(axes: Axes, covers: np.ndarray) -> None:
    """Covers side by side, with a gap of 6 % of a side."""
    side = covers.shape[-1]
    for place, cover in enumerate(covers):
        left = place * side * 1.06
        axes.imshow(cover.transpose(1, 2, 0), extent=(left, left + side, 0, side), interpolation="antialiased")
    axes.set_xlim(0, (len(covers) - 1) * side * 1.06 + side)
    axes.set_ylim(0, side)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _curve(axes: Axes, values: np.ndarray, theme: Theme) -> None:
    at = np.arange(values.shape[1])
    low, lower, middle, upper, high = np.nanquantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    axes.fill_between(at, low, high, color=theme.generated, alpha=0.15, linewidth=0)
    axes.fill_between(at, lower, upper, color=theme.generated, alpha=0.3, linewidth=0)
    axes.plot(at, middle, color=theme.generated, linewidth=2)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y")
    axes.locator_params(axis="y", nbins=3)
