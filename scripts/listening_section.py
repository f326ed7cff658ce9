"""The report's part about whether the music matters: what `gatefold evaluate` measures, as a table."""

from __future__ import annotations

from analysis.report import Number, Section, Table
from data.errors import InputError
from scripts.study import Study

TITLE = "Does the music matter?"


def listening(study: Study) -> Section | None:
    """Whether real covers follow their music (the ceiling), and what share of that a bundle's covers reach; where it
    was asked for.
    """
    if study.bundle is None or not study.listen:
        return None
    from gans.snapshots import find_bundle
    from scripts.following import Material, drawer, score_following
    from scripts.pipeline import Listener
    from scripts.prepare import prepare

    generator = Listener.open(study.bundle).bundle.generator
    name = study.bundle.resolve().name
    try:
        prepared = prepare(study.dataset.folder, generator.resolution, None, start=find_bundle(study.bundle))
        material = Material.open(study.dataset, prepared)
        measured = list(score_following(name, drawer(generator), material, seed=study.seed))
    except (InputError, ValueError) as error:
        return Section(TITLE, [f"It could not be asked: {error}."])
    rows = [
        [one.name, one.subject, one.value, *(one.interval or (None, None)), one.chance, one.unit, one.n]
        for one in measured
    ]
    numbers = [
        Number(f"{one.name}, {one.subject}", one.value, one.unit, one.interval, one.chance, one.n) for one in measured
    ]
    words = [
        "Listeners learn from real covers what music they go with, and are asked about artists they never met. What "
        "they hear in real covers is the ceiling; a generator's share of it says how far it lets itself be led."
    ]
    head = ["measure", "of", "value", "95 % from", "to", "by chance", "unit", "rows"]
    return Section(TITLE, words, [Table(head, rows)], (), numbers)
