"""The report's parts about clusters: of covers and of music, what each is like, and which labels they follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from analysis.agreement import Agreement, measure_agreement
from analysis.charts import agreement_bars, cluster_curves, confusion, labelled_points
from analysis.clusters import METHODS as CLUSTERINGS
from analysis.clusters import Clusters, find_clusters
from analysis.descriptors import DESCRIPTOR_NAMES
from analysis.maps import FEWEST, fit_map, neighbourhood_hit, trustworthiness
from analysis.pictures import cover_rows
from analysis.report import Number, Picture, Section, Table
from analysis.words import distinguishing
from scripts.study import MAP_NAMES, Study

SHEET_COVERS, MOST_CONFUSED = 10, 12
_SHAPE = ("edges", "contrast")


def clusters(study: Study) -> Section | None:
    """Clusters of covers: how many, what each looks like, and whether they follow colour, genre or year."""
    if len(study.rows) < FEWEST:
        return None
    main = study.clusters["k-means"]
    if main.n < 2:
        return Section("Clusters of covers", [f"{main.note or 'one cluster'}."])
    shape = study.descriptors[:, [name.split()[0] in _SHAPE for name in DESCRIPTOR_NAMES]]
    spaces = {"covers": study.clusters, "covers, shape only": {"k-means": find_clusters(shape, seed=study.seed)}}
    labels = {"genre": study.genres(study.rows), "colour": study.colours, "decade": study.decades(study.rows)}
    table, numbers, bars = _agreements(study, study.rows, spaces, labels)
    words = [
        _answer(bars),
        "Chance deals each artist the labels of another, since covers by one artist look alike. Descriptors hold "
        "colour by construction; “shape only” clusters see edges and contrast and no colour.",
    ]
    told = [
        [f"{k + 1}", int((main.labels == k).sum()), _looks(study, main, k), _kinds(labels["genre"][main.labels == k])]
        for k in range(main.n)
    ]
    rows = [study.covers[main.typical(study.descriptors, k, SHEET_COVERS)] for k in range(main.n)]
    names = [f"cluster {k + 1} ({told[k][1]}): {_looks(study, main, k, 2)}" for k in range(main.n)]
    pictures = [
        Picture(
            "cluster-sheet",
            "The covers nearest to each cluster's centre, and what sets it apart.",
            cover_rows(rows, names),
            9.5,
            0.5 + 1.25 * main.n,
        ),
        Picture(
            "cluster-numbers",
            "How many clusters: each score's best is ringed.",
            cluster_curves(list(study.clusters.values())),
            9,
            3.4,
        ),
        Picture(
            "agreement",
            "Agreement of clusters (k-means) with labels; * where p < 0.01.",
            agreement_bars(bars),
            10,
            1.6 + 0.42 * len(bars),
        ),
    ]
    pictures += _confused(main, labels["genre"], "genre") + _confused(main, labels["colour"], "colour")
    looks = Table(["cluster", "covers", "what sets it apart", "commonest genres"], told)
    return Section("Clusters of covers", words, [looks, table], pictures, numbers)


def music(study: Study) -> Section | None:
    """Maps and clusters of the music's codes, as for the covers."""
    if len(study.codes) < FEWEST:
        return None
    genres = study.genres(study.code_rows)
    pictures, rows, numbers = [], [], []
    for name in study.map_names:
        fitted = fit_map(study.codes, name, study.seed)
        trust, known = trustworthiness(study.codes, fitted.points, seed=study.seed), genres != ""
        hit, chance = neighbourhood_hit(fitted.points[known], genres[known]) if known.sum() > 1 else (None, None)
        rows.append([MAP_NAMES[name], trust, hit, chance])
        numbers.append(Number(f"trustworthiness of {name} of codes", trust, "share", chance=0.5, n=len(study.codes)))
        caption = f"{MAP_NAMES[name]} of the music's codes ({study.code_name}), by genre."
        picture = labelled_points(fitted.points, genres, np.zeros((0, 2)))
        pictures.append(Picture(f"music-{name}", caption, picture, 9, 5.4))
    found = {name: find_clusters(study.codes, name, study.seed) for name in CLUSTERINGS}
    labels_of = {"genre": genres, "decade": study.decades(study.code_rows)}
    table, more, _ = _agreements(study, study.code_rows, {"music": found}, labels_of)
    if any(one.curve for one in found.values()):
        pictures.append(
            Picture(
                "music-cluster-numbers",
                "How many clusters of music: each score's best is ringed.",
                cluster_curves(list(found.values())),
                9,
                3.4,
            )
        )
    pictures += _confused(found["k-means"], genres, "genre", "music-")
    words = [f"k-means finds {found['k-means'].n} clusters in the codes of {len(study.codes)} pieces of music."]
    maps_table = Table(["map", "trustworthiness", "genre hit", "by chance"], rows)
    return Section("Music", words, [maps_table, table], pictures, [*numbers, *more])


def _agreements(
    study: Study,
    rows: np.ndarray,
    spaces: Mapping[str, Mapping[str, Clusters]],
    labels: Mapping[str, np.ndarray],
) -> tuple[Table, list[Number], dict[str, list[Agreement]]]:
    """A table, numbers, and the k-means rows `{name: [Agreement]}` of clusters with labels."""
    lines: list[list[object]] = []
    numbers, bars = [], {}
    artists = study.artists(rows)
    for space, found in spaces.items():
        for method, one in found.items():
            for what, kinds in labels.items():
                known = (kinds != "") & (one.labels >= 0)
                if len(set(kinds[known])) < 2 or len(set(one.labels[known])) < 2:
                    continue
                measured = measure_agreement(one.labels[known], kinds[known], artists[known], seed=study.seed)
                for each in measured:
                    lines.append(
                        [
                            space,
                            method,
                            one.n,
                            what,
                            each.name,
                            each.value,
                            each.chance,
                            each.chance_95,
                            each.p,
                            each.n,
                        ]
                    )
                    numbers.append(
                        Number(
                            f"{each.name} of {method} clusters ({space}) with {what}",
                            each.value,
                            each.name,
                            chance=each.chance,
                            n=each.n,
                            p=each.p,
                        )
                    )
                if method == "k-means":
                    bars[f"{space} – {what}"] = measured
    head = ["of", "by", "clusters", "with", "index", "value", "by chance", "95 % of chance", "p", "rows"]
    return Table(head, lines, "Agreement of clusters with labels; p by 499 permutations among artists."), numbers, bars


def _answer(bars: Mapping[str, Sequence[Agreement]]) -> str:
    """Colour or genre, in a sentence."""
    told = {
        what: {one.name: one for one in bars[f"covers – {what}"]}
        for what in ("colour", "genre")
        if f"covers – {what}" in bars
    }
    parts = [
        f"{what} (adjusted Rand index {one['ARI'].value:.3f}, chance {one['ARI'].chance:.3f}, p = {one['ARI'].p:.3f})"
        for what, one in told.items()
    ]
    if len(parts) < 2:
        return f"How far clusters of covers follow {parts[0] if parts else 'anything'}; no more labels are known."
    leader = max(told, key=lambda what: told[what]["ARI"].value)
    return f"Do covers cluster by colour or by genre? By {leader}: " + "; ".join(parts) + "."


def _looks(study: Study, found: Clusters, k: int, count: int = 4) -> str:
    colour = Counter(study.colours[found.labels == k].tolist()).most_common(1)[0][0]
    apart = distinguishing(study.traits, found.labels == k, count)
    return ", ".join([f"mostly {colour}", *(words for words, _ in apart)])


def _kinds(labels: np.ndarray) -> str:
    known = labels[labels != ""]
    return ", ".join(f"{name} {count / len(known):.0%}" for name, count in Counter(known.tolist()).most_common(3))


def _confused(found: Clusters, labels: np.ndarray, what: str, prefix: str = "") -> list[Picture]:
    known = (labels != "") & (found.labels >= 0)
    names = [name for name, _ in Counter(labels[known].tolist()).most_common(MOST_CONFUSED)]
    if len(names) < 2 or found.n < 2:
        return []
    counts = np.array([[int(((labels == name) & (found.labels == k)).sum()) for k in range(found.n)] for name in names])
    draw = confusion(counts, names, [f"{k + 1}" for k in range(found.n)], "cluster", what)
    caption = f"How those of each {what} fall into the clusters (shade: share of the row)."
    return [Picture(f"{prefix}clusters-by-{what}", caption, draw, 3 + 0.62 * found.n, 1.4 + 0.36 * len(names))]
