"""Matched rows: a track's sound and what is known of it, its real cover, and those that were drawn for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.themes import Draw, Theme

_BINS = 240
_REACH = 3.0


class Match(NamedTuple):
    """A track: its name, its waveform `[n_samples]` (None where it cannot be heard), its attributes in deviations from
    their means by name (NaN where unknown), and its covers uint8: `real [3, H, W]`, `drawn [k, 3, S, S]`."""

    name: str
    y: np.ndarray | None
    attributes: Mapping[str, float]
    real: np.ndarray
    drawn: np.ndarray


def outline(y: np.ndarray, bins: int = _BINS) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest sample of each of at most `bins` equal stretches of a waveform, its peak being 1."""
    edges = np.linspace(0, len(y), min(bins, len(y)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
    peak = max(float(np.abs(y).max()), 1e-9)
    return low / peak, high / peak


def matched_rows(matches: Sequence[Match]) -> Draw:
    """A row for each track: waveform (where any can be heard), attributes as bars about their means, covers."""
    heard = any(one.y is not None for one in matches)
    names = list(dict.fromkeys(name for one in matches for name in one.attributes))
    drawn = max(len(one.drawn) for one in matches)
    widths = [2.2] * heard + [1.8] * bool(names) + [1.0] * (1 + drawn)

    def draw(figure: Figure, theme: Theme) -> None:
        grid = figure.add_gridspec(len(matches), len(widths), width_ratios=widths)
        for down, one in enumerate(matches):
            cells = iter([figure.add_subplot(grid[down, across]) for across in range(len(widths))])
            first = None
            if heard:
                first = next(cells)
                _wave(first, one.y, theme)
            if names:
                axes = next(cells)
                first = first or axes
                _bars(axes, [one.attributes.get(name, np.nan) for name in names], theme)
                if down == len(matches) - 1:
                    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
            heads = ["real", "drawn for it", *[""] * drawn]
            for cover, head in zip([one.real, *one.drawn], heads, strict=False):
                axes = next(cells)
                first = first or axes
                axes.imshow(cover.transpose(1, 2, 0), interpolation="antialiased")
                if down == 0:
                    axes.set_xlabel(head, fontsize=9.5, weight="bold")
                    axes.xaxis.set_label_position("top")
                _bare(axes)
            for axes in cells:
                axes.set_axis_off()
            assert first is not None  # a real cover there is always
            first.set_title(one.name, fontsize=9.5, weight="normal")

    return draw


def _wave(axes: Axes, y: np.ndarray | None, theme: Theme) -> None:
    _bare(axes)
    if y is not None and len(y):
        low, high = outline(y)
        axes.fill_between(np.arange(len(low)), low, high, color=theme.real, linewidth=0.4)
    axes.set_ylim(-1.05, 1.05)


def _bars(axes: Axes, values: Sequence[float], theme: Theme) -> None:
    _bare(axes)
    held = np.clip(values, -_REACH, _REACH)
    axes.axhline(0, color=theme.ink, linewidth=0.8)
    axes.bar(range(len(held)), np.nan_to_num(held), color=[theme.real if v < 0 else theme.generated for v in held])
    axes.set_ylim(-_REACH, _REACH)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
