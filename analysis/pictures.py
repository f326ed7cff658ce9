"""Covers as pictures: laid out on a map, on a grid, by cluster, and real beside generated. Draw functions for
`themes.render`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.layout import assign_grid, spread_out
from analysis.themes import Draw, Theme

MOST_THUMBNAILS = 420


def cover_map(
    points: np.ndarray, covers: np.ndarray, generated: np.ndarray, title: str = "", size: float = 0.042
) -> Draw:
    """Thumbnails at their places: `points [N, 2]`, covers uint8 `[N, 3, H, H]`, `generated` bool `[N]`: in a frame.

    At most 420 are shown, spread over the map, generated ones on top; `size` is a thumbnail's share of the map's side.
    """
    shown = spread_out(points, MOST_THUMBNAILS)
    shown = np.concatenate([shown[~generated[shown]], shown[generated[shown]]])
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    unit = (points[shown] - low) / max(float(extent.max()), 1e-9)
    side = covers.shape[-1]
    places = unit * side / size
    places[:, 1] = places[:, 1].max() - places[:, 1]  # pixels count downwards

    def draw(figure: Figure, theme: Theme) -> None:
        _paste(figure, theme, places, covers[shown], generated[shown], max(2, side // 14), title)

    return draw


def cover_grid(points: np.ndarray, covers: np.ndarray, generated: np.ndarray, title: str = "") -> Draw:
    """The same covers side by side: each takes the cell of a grid that moves all of them least."""
    shown = spread_out(points, MOST_THUMBNAILS)
    side = covers.shape[-1]
    frame = max(2, side // 16)
    places = assign_grid(points[shown])[:, ::-1] * float(side + 2 * frame)

    def draw(figure: Figure, theme: Theme) -> None:
        _paste(figure, theme, places, covers[shown], generated[shown], frame, title)

    return draw


def collage(
    places: np.ndarray, covers: np.ndarray, framed: np.ndarray, frame: int, colour: tuple[int, int, int]
) -> np.ndarray:
    """One picture uint8 `[H, W, 4]`, transparent between covers: each cover uint8 `[3, S, S]` with its top left corner
    at `places [N, 2]` (x, y in pixels, from 0), later ones on top; `framed` (bool `[N]`) ones in a frame of `frame` px.
    """
    side = covers.shape[-1]
    corners = places.round().astype(int) + frame
    width, height = corners.max(axis=0) + side + frame
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    for (x, y), cover, in_frame in zip(corners, covers, framed, strict=True):
        if in_frame:
            picture[y - frame : y + side + frame, x - frame : x + side + frame] = (*colour, 255)
        picture[y : y + side, x : x + side, :3] = cover.transpose(1, 2, 0)  # [3, S, S] -> [S, S, 3]
        picture[y : y + side, x : x + side, 3] = 255
    return picture


def _paste(
    figure: Figure, theme: Theme, places: np.ndarray, covers: np.ndarray, framed: np.ndarray, frame: int, title: str
) -> None:
    from matplotlib.colors import to_rgb

    red, green, blue = (round(255 * part) for part in to_rgb(theme.generated))
    axes = figure.add_subplot(title=title)
    axes.imshow(collage(places, covers, framed, frame, (red, green, blue)), interpolation="antialiased")
    axes.set_axis_off()
    if framed.any() and not framed.all():
        _legend(axes, [("generated", theme.generated)])


def cover_rows(rows: Sequence[np.ndarray], names: Sequence[str], heads: Sequence[str] = ()) -> Draw:
    """Rows of covers (each uint8 `[n, 3, H, W]`) under their names: a cluster a row, or a track with its real cover
    first. `heads` stand above the first columns.
    """
    columns = max(len(row) for row in rows)

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.add_subplot()
        for down, (row, name) in enumerate(zip(rows, names, strict=True)):
            y = -1.32 * down
            axes.text(-0.48, y + 0.55, name, ha="left", va="bottom", fontsize=9.5, color=theme.ink)
            side = row.shape[-1]
            strip = collage(_in_a_row(len(row), side), row, np.zeros(len(row), dtype=bool), side // 32, (0, 0, 0))
            extent = (-0.5, len(row) - 0.5, y - 0.5, y + 0.5)
            axes.imshow(strip, extent=extent, interpolation="antialiased", aspect="auto")
        for across, head in enumerate(heads[:columns]):
            axes.text(across, 0.92, head, ha="center", va="bottom", fontsize=9.5, weight="bold", color=theme.ink)
        axes.set_xlim(-0.55, columns - 0.45)
        axes.set_ylim(-1.32 * (len(rows) - 1) - 0.55, 1.15 if heads else 0.85)
        axes.set_aspect("equal")
        axes.axis("off")

    return draw


def small_multiples(
    points: np.ndarray, labels: Sequence[str] | np.ndarray, names: Sequence[str], title: str = ""
) -> Draw:
    """One small map for each of `names`: the points `[N, 2]` with this label, over all the others in grey."""
    kinds = np.asarray(labels, dtype=str)
    columns = min(4, len(names))
    lines = -(-len(names) // columns)

    def draw(figure: Figure, theme: Theme) -> None:
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        for place, name in enumerate(names):
            axes = figure.add_subplot(lines, columns, place + 1)
            mine = kinds == name
            axes.scatter(points[~mine, 0], points[~mine, 1], s=2, color=theme.soft, linewidths=0, rasterized=True)
            axes.scatter(
                points[mine, 0], points[mine, 1], s=9, color=theme.real, linewidths=0, alpha=0.8, rasterized=True
            )
            axes.set_title(f"{name[:28]} ({int(mine.sum())})", fontsize=10, weight="normal")
            _bare(axes, points, 0.0)

    return draw


def _in_a_row(count: int, side: int) -> np.ndarray:
    """Where covers of `side` pixels stand in a row, `[count, 2]`."""
    return np.stack([np.arange(count) * (side + 2.0 * (side // 32)), np.zeros(count)], axis=1)


def _legend(axes: Axes, kinds: Sequence[tuple[str, str]]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in kinds]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles), fontsize=10)


def _bare(axes: Axes, points: np.ndarray, margin: float) -> None:
    """Axes of a map: its numbers mean nothing, so none are shown."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = margin or 0.04 * float(max((high - low).max(), 1e-9))
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
