"""The report's part about traits: what covers look like in numbers that a person reads, real beside generated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.maps import FEWEST, sample_rows
from analysis.palettes import compute_palettes, pool
from analysis.report import Number, Picture, Section, Table
from analysis.spreads import Spread, difference, spread_of
from analysis.trait_charts import difference_bars, layout_tiles, palette_strips
from analysis.traits import TRAITS, compute_layout
from scripts.study import Study

MOST_COLOURED, POOLED = 2000, 8
_Z95 = 1.959964


def traits(study: Study) -> Section | None:
    """Where real and generated covers stand in every trait, with its unit and range; palettes and colour maps."""
    if len(study.rows) < FEWEST:
        return None
    made = study.generated
    real = {name: spread_of(values, TRAITS[name]) for name, values in study.traits.items()}
    new = {name: spread_of(values, TRAITS[name]) for name, values in made.traits.items()} if made else {}
    apart = {name: difference(spread, real[name], TRAITS[name]) for name, spread in new.items()}
    rows, numbers = [], []
    for name, spread in real.items():
        trait, numbers_of = TRAITS[name], list(_numbers(f"{name} of real covers", spread, TRAITS[name].unit))
        row = [name, trait.unit, *_shown(spread.mean, spread.deviation)]
        if name in new:
            row += _shown(new[name].mean, new[name].deviation, apart[name][0])
            numbers_of += _numbers(f"{name} of generated covers", new[name], trait.unit)
            numbers_of += _apart(name, *apart[name], new[name].n)
        elif made:
            row += [None, None, None]
        rows.append(row)
        numbers += numbers_of
    head = ["trait", "unit", "real: mean", "spread"]
    head += ["generated: mean", "spread", "difference"] if made else []
    caption = "Spread: standard deviation over covers. Of angles, mean and spread are those of directions."
    caption += " Difference: between the means, in standard deviations of real covers." if made else ""
    meanings = [
        [name, trait.unit, float(trait.low), float(trait.high), trait.meaning] for name, trait in TRAITS.items()
    ]
    tables = [Table(head, rows, caption), Table(["trait", "unit", "least", "most", "what it is"], meanings)]
    pictures = _colours(study)
    told_of = [name for name, (value, _) in apart.items() if np.isfinite(value)]
    if told_of:
        chart = difference_bars(told_of, *zip(*(apart[name] for name in told_of), strict=True))
        shown = "How generated covers differ from real ones, trait by trait, with 95 % intervals."
        pictures.append(Picture("traits", shown, chart, 8.5, 6.2))
    return Section("Traits", (), tables, pictures, numbers)


def _colours(study: Study) -> list[Picture]:
    """What colours real covers, generated ones and each cluster are made of, and where on the cover they lie."""
    picked = sample_rows(len(study.rows), MOST_COLOURED, study.seed)
    sets = {f"real ({len(study.rows)})": study.covers[picked]}
    if study.generated:
        covers = study.generated.covers
        sets[f"generated ({len(covers)})"] = covers[sample_rows(len(covers), MOST_COLOURED, study.seed)]
    main = study.clusters["k-means"]
    for k in range(main.n if main.n > 1 else 0):
        mine = main.labels[picked] == k
        if mine.any():
            sets[f"cluster {k + 1} ({int((main.labels == k).sum())})"] = study.covers[picked[mine]]
    palettes = [pool(compute_palettes(covers), POOLED) for covers in sets.values()]
    layouts = [compute_layout(covers).mean(axis=0) for covers in sets.values()]
    shares = "Palettes: each colour as wide as the share of the pixels that it stands for; every cover counts alike."
    places = "Colour maps: the mean colour of each of 4 × 4 places."
    return [
        Picture("palettes", shares, palette_strips(list(sets), palettes), 9, 0.8 + 0.42 * len(sets)),
        Picture("layouts", places, layout_tiles(list(sets), layouts), 9, 0.3 + 1.7 * -(-len(sets) // 6)),
    ]


def _numbers(name: str, spread: Spread, unit: str) -> Iterator[Number]:
    if spread.n:
        reach = _Z95 * spread.deviation / np.sqrt(spread.n)
        yield Number(name, spread.mean, unit, (spread.mean - reach, spread.mean + reach), n=spread.n)


def _apart(name: str, value: float, reach: float, n: int) -> Iterator[Number]:
    if np.isfinite(value):
        unit = "standard deviations of real covers"
        yield Number(f"{name}, generated less real", value, unit, (value - reach, value + reach), 0.0, n)


def _shown(*values: float) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values]
