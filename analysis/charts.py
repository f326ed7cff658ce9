"""Numbers as pictures: densities of real and generated, curves of the number of clusters, agreement, confusion. Draw
functions for `themes.render`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.agreement import Agreement
from analysis.clusters import Clusters
from analysis.themes import Draw, Theme, amounts, differences

BINS = 48


def map_densities(
    points: np.ndarray, places: np.ndarray, size: int = BINS
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, float]]:
    """Shares of `points [N, 2]` and of `places [M, 2]` in the cells of one grid `[size, size]`, smoothed with a
    deviation of 1.5 cells, each summing to 1; and the grid's edges x0, x1, y0, y1.
    """
    from scipy.ndimage import gaussian_filter

    both = np.concatenate([points, places])
    low, high = both.min(axis=0), both.max(axis=0)
    middle, reach = (low + high) / 2, max(float((high - low).max()), 1e-9) * 0.53
    edges = (middle[0] - reach, middle[0] + reach, middle[1] - reach, middle[1] + reach)
    shares = []
    for part in (points, places):
        counts = np.histogram2d(part[:, 1], part[:, 0], size, [edges[2:], edges[:2]])[0]
        smooth = gaussian_filter(counts, 1.5, mode="constant")
        shares.append(smooth / max(smooth.sum(), 1e-300))
    return shares[0], shares[1], edges


def density_pair(points: np.ndarray, places: np.ndarray) -> Draw:
    """Where real covers lie on the map, where generated ones, and where there are more of the one than of the other."""
    real, generated, edges = map_densities(points, places)

    def draw(figure: Figure, theme: Theme) -> None:
        panels = [(f"real ({len(points)})", real), (f"generated ({len(places)})", generated)]
        top = max(real.max(), generated.max())
        for place, (title, share) in enumerate(panels):
            axes = figure.add_subplot(1, 3, place + 1, title=title)
            axes.imshow(
                share, origin="lower", extent=edges, cmap=amounts(theme), vmin=0, vmax=top, interpolation="bicubic"
            )
            axes.set_axis_off()
        axes = figure.add_subplot(1, 3, 3, title="generated − real")
        reach = float(np.abs(generated - real).max())
        shown = axes.imshow(
            generated - real,
            origin="lower",
            extent=edges,
            cmap=differences(theme),
            vmin=-reach,
            vmax=reach,
            interpolation="bicubic",
        )
        axes.contour(real, levels=[real.max() / 20], extent=edges, colors=[theme.ink], linewidths=0.8)
        axes.set_axis_off()
        bar = figure.colorbar(shown, ax=axes, shrink=0.7, ticks=[-reach, 0, reach])
        bar.ax.set_yticklabels(["more real", "as many", "more generated"])
        bar.outline.set_visible(False)

    return draw


def cluster_curves(found: Sequence[Clusters]) -> Draw:
    """The score of each number of clusters, the chosen one marked."""
    curves = [clusters for clusters in found if clusters.curve]

    def draw(figure: Figure, theme: Theme) -> None:
        for place, clusters in enumerate(curves):
            axes = figure.add_subplot(1, len(curves), place + 1)
            numbers, scores = zip(*clusters.curve, strict=True)
            best = (max if clusters.score == "silhouette" else min)(clusters.curve, key=lambda point: point[1])
            axes.plot(numbers, scores, marker="o", color=theme.real)
            axes.plot(
                *best, marker="o", markersize=13, markerfacecolor="none", markeredgewidth=2, color=theme.generated
            )
            word = "highest" if clusters.score == "silhouette" else "lowest"
            edge = ", the most tried" if best[0] == numbers[-1] else ""
            axes.set_title(f"{clusters.method}: {best[0]} clusters ({word}{edge})")
            axes.set_xlabel("clusters")
            axes.set_ylabel(clusters.score)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(axis="y")

    return draw


def agreement_bars(measured: Mapping[str, Sequence[Agreement]]) -> Draw:
    """Each index for each label beside its 95th percentile by chance (the mark across the bar)."""
    names = list(measured)
    indices = [one.name for one in measured[names[0]]]

    def draw(figure: Figure, theme: Theme) -> None:
        for place, index in enumerate(indices):
            axes = figure.add_subplot(1, len(indices), place + 1, title=index)
            for row, name in enumerate(names):
                one = next(one for one in measured[name] if one.name == index)
                axes.barh(row, max(one.value, 0), color=theme.real, height=0.6)
                axes.plot(
                    [one.chance_95] * 2,
                    [row - 0.38, row + 0.38],
                    color=theme.generated,
                    linewidth=2.5,
                    label="95 % of chance lies left of it" if row == 0 and place == 0 else None,
                )
                starred = f" {one.value:.2f}" + (" *" if one.p < 0.01 else "")
                axes.text(max(one.value, one.chance_95, 0), row, starred, va="center", fontsize=9)
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names))
            axes.invert_yaxis()
            axes.set_xlim(
                0, 1.25 * max(max(one.value, one.chance_95) for part in measured.values() for one in part) + 0.02
            )
            axes.tick_params(left=False)
        figure.legend(loc="outside lower center", fontsize=9.5)

    return draw


def confusion(counts: np.ndarray, rows: Sequence[str], columns: Sequence[str], across: str, down: str) -> Draw:
    """Counts `[R, C]` shaded by their share of the row, with the row's and column's meanings beside them."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.add_subplot()
        axes.imshow(share, cmap=amounts(theme), vmin=0, vmax=max(float(share.max()), 1e-9), aspect="auto")
        for (row, column), count in np.ndenumerate(counts):
            ink = theme.paper if share[row, column] > 0.45 * share.max() else theme.ink
            axes.text(column, row, f"{int(count)}", ha="center", va="center", fontsize=9, color=ink)
        turn = 35 if max(map(len, columns)) > 3 else 0
        axes.set_xticks(
            range(len(columns)), [name[:16] for name in columns], rotation=turn, ha="right" if turn else "center"
        )
        axes.set_yticks(range(len(rows)), [name[:24] for name in rows])
        axes.set_xlabel(across)
        axes.set_ylabel(down)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    return draw


def labelled_points(
    points: np.ndarray, labels: Sequence[str] | np.ndarray, places: np.ndarray, title: str = ""
) -> Draw:
    """Points `[N, 2]` coloured and shaped by their label, at most eight told apart, the others and those
    without one in grey; `places [M, 2]`: generated ones."""
    kinds = np.asarray(labels, dtype=str)
    names, counts = np.unique(kinds[kinds != ""], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")][:8]

    def draw(figure: Figure, theme: Theme) -> None:
        axes = figure.add_subplot(title=title)
        others = ~np.isin(kinds, names)
        axes.scatter(
            points[others, 0],
            points[others, 1],
            s=8,
            color=theme.soft,
            linewidths=0,
            rasterized=True,
            label=f"other ({int(others.sum())})" if others.any() else None,
        )
        for place, name in enumerate(names):
            mine = kinds == name
            axes.scatter(
                points[mine, 0],
                points[mine, 1],
                s=16,
                color=theme.colours[place],
                marker="os^D"[place % 4],
                linewidths=0.3,
                rasterized=True,
                edgecolors=theme.paper,
                label=f"{name[:24]} ({int(mine.sum())})",
            )
        if len(places):
            axes.scatter(
                places[:, 0],
                places[:, 1],
                s=22,
                color=theme.ink,
                marker="+",
                linewidths=0.9,
                label=f"generated ({len(places)})",
            )
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        figure.legend(loc="outside right center", fontsize=9.5)

    return draw


def distance_histograms(sides: Sequence[tuple[str, np.ndarray, np.ndarray, float]], across: str) -> Draw:
    """A panel for each `(name, real, generated, threshold)`: shares of the distances `real [U]` and `generated [M]`,
    and a line at the threshold; `across` names the axis."""

    def draw(figure: Figure, theme: Theme) -> None:
        for place, (name, real, generated, threshold) in enumerate(sides):
            axes = figure.add_subplot(1, len(sides), place + 1, title=name)
            bins = np.linspace(0, max(float(real.max()), float(generated.max()), 1e-9), BINS).tolist()
            for values, colour, label in ((real, theme.real, "real"), (generated, theme.generated, "generated")):
                weights = np.full(len(values), 1 / len(values))
                axes.hist(values, bins, weights=weights, color=colour, alpha=0.35)
                axes.hist(values, bins, weights=weights, color=colour, histtype="step", linewidth=1.6, label=label)
            axes.axvline(threshold, color=theme.ink, linewidth=1.2, linestyle="--", label="threshold")
            axes.set_xlabel(across)
            axes.set_ylabel("share of the covers" if place == 0 else "")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9.5)

    return draw
