"""The report's parts about maps: what was looked at, the covers laid out, generated beside real, genre by genre."""

from __future__ import annotations

from collections import Counter

import numpy as np

from analysis.charts import density_pair, labelled_points
from analysis.maps import FEWEST, neighbourhood_hit, trustworthiness
from analysis.pictures import cover_grid, cover_map, cover_rows, small_multiples
from analysis.report import Number, Picture, Section, Table
from scripts.distance_numbers import measure_distances
from scripts.study import MAP_NAMES, Study

MATCHED, MOST_PANELS = 6, 12


def looked_at(study: Study) -> Section:
    """What there is, and what is wrong with it."""
    words = [
        f"{len(study.rows):,} covers, {len(study.codes):,} pieces of music that can be heard"
        f"{f' (codes by {study.code_name})' if len(study.codes) else ''}, "
        f"{len(study.generated.covers) if study.generated else 0:,} generated covers."
    ]
    if len(study.rows):
        if (study.descriptors == study.descriptors[0]).all():
            words.append("All covers look the same: there is nothing to map and nothing to cluster.")
        genres = study.genres(study.rows)
        if len(set(genres) - {""}) < 2:
            kinds = "one genre" if set(genres) - {""} else "no genre"
            words.append(f"Enough covers of {kinds} only are there, so nothing can be said of genres.")
    return Section("What was looked at", [*words, *study.notes])


def maps(study: Study) -> Section | None:
    """The covers on maps, each with how far it is to be trusted."""
    if len(study.rows) < FEWEST:
        return None
    genres, drawn = study.genres(study.rows), study.generated
    known = genres != ""
    rows, numbers, pictures, words = [], [], [], []
    for name, fitted in study.maps.items():
        trust = trustworthiness(study.descriptors, fitted.points, seed=study.seed)
        numbers.append(Number(f"trustworthiness of {name}", trust, "share", chance=0.5, n=len(study.rows)))
        hit, chance = neighbourhood_hit(fitted.points[known], genres[known]) if known.sum() > 1 else (None, None)
        if hit is not None:
            numbers.append(
                Number(f"neighbourhood hit of genre on {name}", hit, "share", chance=chance, n=int(known.sum()))
            )
        colour, by_chance = neighbourhood_hit(fitted.points, study.colours)
        numbers.append(
            Number(f"neighbourhood hit of colour on {name}", colour, "share", chance=by_chance, n=len(study.rows))
        )
        rows.append([MAP_NAMES[name], trust, hit, chance, colour, by_chance])
        words += [f"{MAP_NAMES[name]}: {fitted.note}."] if fitted.note else []
    first = next(iter(study.maps))
    points = np.concatenate([study.maps[first].points, study.placed[first]])
    covers = np.concatenate([study.covers, drawn.covers]) if drawn else study.covers
    made = np.arange(len(points)) >= len(study.rows)
    pictures.append(
        Picture(
            "covers-on-the-map",
            f"Covers where {MAP_NAMES[first]} of their descriptors places them"
            f"{'; generated ones, framed, placed among the real' if drawn else ''}. A spread-out choice.",
            cover_map(points, covers, made),
            10,
            8.6,
        )
    )
    pictures.append(
        Picture(
            "covers-on-a-grid",
            "The same map as a grid: every cover takes the cell that moves all of them least (optimal assignment).",
            cover_grid(points, covers, made),
            10,
            10,
        )
    )
    for name, fitted in study.maps.items():
        labels = genres if known.any() else study.colours
        caption = f"{MAP_NAMES[name]} by {'genre' if known.any() else 'colour'}{', generated as +' if drawn else ''}."
        pictures.append(
            Picture(f"points-{name}", caption, labelled_points(fitted.points, labels, study.placed[name]), 9, 5.4)
        )
    head = ["map", "trustworthiness", "genre hit", "by chance", "colour hit", "by chance"]
    caption = (
        "Trustworthiness: share of a point's neighbours on the map that were its neighbours (0.5 is a random map). "
        "Hit: share of a point's six neighbours with its own label."
    )
    return Section("Maps", words, [Table(head, rows, caption)], pictures, numbers)


def beside(study: Study) -> Section | None:
    """Generated covers beside real ones: where they lie, how far apart the two are, and pairs to look at."""
    drawn = study.generated
    if drawn is None or len(study.rows) < FEWEST:
        return None
    first = next(iter(study.maps))
    pictures = [
        Picture(
            "densities",
            "Where real covers lie on the map, where generated ones do, and the difference: what the "
            "generator leaves out, and what it makes too often. The line holds all but the rarest real covers.",
            density_pair(study.maps[first].points, study.placed[first]),
            11,
            4,
        )
    ]
    numbers = list(measure_distances(study, drawn))
    place = {int(row): index for index, row in enumerate(study.rows)}
    matched = [index for index, row in enumerate(drawn.of) if int(row) in place]
    if matched:
        picked = [matched[k] for k in np.unique(np.linspace(0, len(matched) - 1, MATCHED).astype(int))]
        rows = [_pair(study, place[int(drawn.of[index])], index) for index in picked]
        names = [study.text(int(drawn.of[index]))[:90] for index in picked]
        pictures.append(
            Picture(
                "matched-rows",
                "A real cover and the one drawn for the same row, then its four nearest real covers.",
                cover_rows(rows, names, ["real", "generated", "nearest"]),
                7,
                9.5,
            )
        )
    words = [
        "Distances and shares are of equally many covers: “by chance” is what other real covers score in the generated "
        "ones' place."
    ]
    told = [[x.name, x.value, *(x.interval or (None, None)), x.chance, x.n, x.how] for x in numbers]
    table = Table(["measure", "value", "95 % from", "to", "by chance", "covers", "how"], told)
    found = bool(numbers)
    return Section("Generated beside real", words * found, [table] * found, pictures, numbers)


def _pair(study: Study, row: int, index: int) -> np.ndarray:
    assert study.generated is not None
    distance = ((study.descriptors - study.generated.descriptors[index]) ** 2).sum(axis=1)
    nearest = study.covers[np.argsort(distance, kind="stable")[:4]]
    return np.concatenate([study.covers[row : row + 1], study.generated.covers[index : index + 1], nearest])


def genres_and_decades(study: Study) -> Section | None:
    """Where each genre and each decade lies on the map."""
    if len(study.rows) < FEWEST:
        return None
    name, fitted = next(iter(study.maps.items()))
    pictures = []
    for what, labels in (("genre", study.genres(study.rows)), ("decade", study.decades(study.rows))):
        names = [label for label, _ in Counter(labels[labels != ""].tolist()).most_common(MOST_PANELS)]
        names = sorted(names) if what == "decade" else names
        if len(names) > 1:
            lines = -(-len(names) // 4)
            pictures.append(
                Picture(
                    f"by-{what}",
                    f"Each {what} on the {MAP_NAMES[name]} map, all covers in grey.",
                    small_multiples(fitted.points, labels, names),
                    10,
                    0.4 + 2.6 * lines,
                )
            )
    return Section("Genres and decades", (), (), pictures) if pictures else None
