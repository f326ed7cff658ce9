"""Traits as pictures: how far generated covers lie from real ones in each, and palettes. Draw functions for
`themes.render`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.palettes import Palettes
from data.colour import lab_to_rgb

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.themes import Draw, Theme


def difference_bars(names: Sequence[str], differences: Sequence[float], reaches: Sequence[float]) -> Draw:
    """Differences in standard deviations as bars with intervals of ± `reaches`, the largest on top: to the left where
    generated covers have less."""
    order = np.argsort(np.abs(differences), kind="stable")

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.add_subplot()
        values, reach = np.asarray(differences)[order], np.asarray(reaches)[order]
        colours = [theme.real if v < 0 else theme.generated for v in values]
        axes.barh(range(len(order)), values, xerr=reach, color=colours, ecolor=theme.ink, error_kw={"linewidth": 1})
        axes.set_yticks(range(len(order)), [names[k] for k in order])
        axes.axvline(0, color=theme.ink, linewidth=0.8)
        most = 1.05 * max(float((np.abs(values) + reach).max()), 0.5)
        axes.set_xlim(-most, most)
        axes.set_xlabel("generated less real, in standard deviations of real covers")
        axes.tick_params(left=False)
        axes.grid(axis="x")
        axes.set_axisbelow(True)

    return draw


def palette_strips(names: Sequence[str], palettes: Sequence[Palettes]) -> Draw:
    """A strip for each name: its palette (of one, `[1, k]`), each colour as wide as it weighs."""

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.add_subplot()
        for down, palette in enumerate(palettes):
            left = 0.0
            for colour, weight in zip(lab_to_rgb(palette.colours[0]), palette.weights[0], strict=True):
                axes.barh(down, weight, left=left, height=0.82, color=colour, linewidth=0)
                left += weight
            # A frame, since the first colour may be that of the paper.
            axes.barh(down, 1.0, height=0.82, facecolor="none", edgecolor=theme.soft, linewidth=1)
        axes.set_yticks(range(len(names)), [name[:40] for name in names])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.spines[:].set_visible(False)
        axes.tick_params(left=False)

    return draw


def layout_tiles(names: Sequence[str], layouts: Sequence[np.ndarray]) -> Draw:
    """For each name the colours of its 4 × 4 cells, CIE L*a*b* `[16, 3]`, as a tile of them."""
    columns = min(6, len(names))

    def draw(figure: Figure, theme: Theme) -> None:
        for place, (name, layout) in enumerate(zip(names, layouts, strict=True)):
            axes = figure.add_subplot(-(-len(names) // columns), columns, place + 1)
            axes.imshow(lab_to_rgb(layout).reshape(4, 4, 3), interpolation="nearest")
            axes.set_title(name[:24], fontsize=10, weight="normal")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(True)

    return draw
