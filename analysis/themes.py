"""How figures look: a light and a dark theme, colours for colour-blind eyes, PNG and SVG with fixed bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.figures import COLOURS

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

DPI = 110


@dataclass(frozen=True)
class Theme:
    """Paper, ink (text), soft (frames, grids) and the accents of real and generated covers, as `#rrggbb`;
    strong: the colour of the largest amount."""

    name: str
    paper: str
    ink: str
    soft: str
    real: str
    generated: str
    strong: str
    colours: tuple[str, ...]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


_BRIGHT = tuple(_hex(colour) for colour in COLOURS[:-1])
LIGHT = Theme("light", "#fcfcfa", "#22252a", "#d9d9d4", "#0072b2", "#d55e00", "#08306b", (*_BRIGHT, "#3c3c3c"))
DARK = Theme("dark", "#16181c", "#e8e6e1", "#3a3d44", "#56b4e9", "#e69f00", "#9ecae1", (*_BRIGHT, "#d0d0d0"))

Draw = Callable[["Figure", Theme], None]


def amounts(theme: Theme) -> LinearSegmentedColormap:
    """The scale of amounts: one hue, from paper to `strong`."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("amounts", [theme.paper, theme.real, theme.strong])


def differences(theme: Theme) -> LinearSegmentedColormap:
    """The scale of differences: from the accent of real covers over paper to that of generated ones."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("differences", [theme.real, theme.paper, theme.generated])


def render(draw: Draw, theme: Theme, width: float, height: float, kind: str = "png") -> bytes:
    """The bytes of a PNG or SVG of `width` × `height` inches that `draw(figure, theme)` fills, the same each time."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_settings(theme)):
        figure = Figure((width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, theme)
        buffer = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def _settings(theme: Theme) -> Any:
    return {
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "axes.edgecolor": theme.soft,
        "grid.color": theme.soft,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "svg.hashsalt": "gatefold",
        "svg.fonttype": "path",
        "text.parse_math": False,
    }
