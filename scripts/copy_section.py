"""The report's part about copies: the real cover nearest to every generated one, and whether that is nearer than real
covers of different artists come to one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.charts import distance_histograms
from analysis.copies import CROP, EYES, RATE, Copies, CopyCheck
from analysis.maps import FEWEST, sample_rows
from analysis.pictures import cover_rows
from analysis.report import Number, Picture, Section, Table
from scripts.study import Generated, Study

MOST_HONEST, FEW_HELD_OUT, MOST_SHOWN, MOST_TOLD = 1000, 100, 5, 50
UNIT = "of the tenth nearest's distance"


def copies(study: Study) -> Section | None:
    """Whether generated covers copy real ones; None without generated covers, or artists to compare."""
    drawn = study.generated
    artists = study.artists(study.rows)
    if drawn is None or len(study.rows) < FEWEST or len(set(artists)) < 2:
        return None
    honest = _honest(study)
    checks = [CopyCheck.fit(eye, study.covers, study.covers[honest], barred=(artists, artists[honest])) for eye in EYES]
    looks = [check.look(drawn.covers) for check in checks]
    numbers = [number for pair in zip(checks, looks, strict=True) for number in _numbers(*pair)]
    flagged = np.logical_or.reduce([found.flagged for found in looks])
    words = [
        f"Of {len(drawn.covers):,} generated covers {int(flagged.sum()):,} are flagged: nearer to a real one than "
        f"{1 - RATE:.0%} of real covers come to any by another artist, by the learned embedding or by perceptual hash. "
        f"So of covers that copy nothing about {RATE:.0%} would be flagged by each. A cover is looked at as it is, "
        f"mirrored, upside down, and in crops of {CROP:.0%} of its side; the nearest of these views counts. Distances "
        "are shares of that to the tenth nearest real cover: what is near to many copies none of them."
    ]
    if min(check.threshold for check in checks) == 0:
        words.append("Real covers of different artists are equal so often that copies cannot be told from them.")
    elif len(honest) < 1 / RATE:
        words.append(f"With {len(honest)} real covers the thresholds are those of the nearest two, and uncertain.")
    table = Table(
        ["measure", "value", "of real covers", "unit", "n"], [[x.name, x.value, x.chance, x.unit, x.n] for x in numbers]
    )
    tables = [table]
    if flagged.any():
        tables.append(_pairs(study, drawn, checks, looks, flagged))
    return Section("Copies", words, tables, _pictures(study, drawn, checks, looks, bool(flagged.any())), numbers)


def _honest(study: Study) -> np.ndarray:
    """Which covers `[n]` are honest: held-out ones where there are enough, else any."""
    held_out = np.flatnonzero(~np.isin(study.rows, study.dataset.indices("train")))
    pool = held_out if len(held_out) >= FEW_HELD_OUT else np.arange(len(study.rows))
    return pool[sample_rows(len(pool), MOST_HONEST, study.seed)]


def _numbers(check: CopyCheck, found: Copies) -> list[Number]:
    name, n, how = check.eye.name, len(found.distance), check.how
    typical = float(np.median(check.honest))
    return [
        Number(f"flagged by {name}", found.share, "share", chance=check.chance, n=n, how=how),
        Number(
            f"to the nearest real cover by {name}, median",
            float(np.median(found.distance)),
            UNIT,
            chance=typical,
            n=n,
            how=how,
        ),
    ]


def _pairs(
    study: Study, drawn: Generated, checks: Sequence[CopyCheck], looks: Sequence[Copies], flagged: np.ndarray
) -> Table:
    rows = []
    for index in np.flatnonzero(flagged)[:MOST_TOLD].tolist():
        for check, found in zip(checks, looks, strict=True):
            if found.flagged[index]:
                real = study.text(int(study.rows[found.nearest[index]]))
                rows.append([drawn.names[index], real, check.eye.name, float(found.distance[index]), found.view[index]])
    return Table(["generated", "is near to", "by", "distance", "seen"], rows, f"At most {MOST_TOLD} flagged covers.")


def _pictures(
    study: Study, drawn: Generated, checks: Sequence[CopyCheck], looks: Sequence[Copies], any_flagged: bool
) -> list[Picture]:
    rows, names = [], []
    for check, found in zip(checks, looks, strict=True):
        first = np.argsort(found.distance, kind="stable")[:MOST_SHOWN]
        rows += [drawn.covers[first], study.covers[found.nearest[first]]]
        names += [
            f"Generated, nearest first by {check.eye.name}",
            "The real covers they are nearest to: "
            + ", ".join(f"{found.distance[k]:.3g}{' flagged' if found.flagged[k] else ''}" for k in first),
        ]
    sides = [
        (check.eye.name, check.honest, found.distance, check.threshold)
        for check, found in zip(checks, looks, strict=True)
    ]
    said = "Flagged pairs come first." if any_flagged else "None is flagged; these are the nearest."
    return [
        Picture(
            "copies",
            f"The generated covers nearest to real ones, above these. {said}",
            cover_rows(rows, names),
            7,
            7.6,
        ),
        Picture(
            "copy-distances",
            "How near covers come to the nearest real one: real covers to those of other artists, and generated ones. "
            f"Left of the line lie {RATE:.0%} of the real covers; generated ones there are flagged.",
            distance_histograms(sides, "distance to the nearest, over that to the tenth"),
            10,
            3.6,
        ),
    ]
