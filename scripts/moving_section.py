"""The report's parts about a bundle that is led: tracks beside the covers drawn for them, attributes moved in steps."""

from __future__ import annotations

import numpy as np

from analysis.matched import Match, matched_rows
from analysis.report import Number, Picture, Section, Table
from analysis.sensitivity import LOOKS, UNITS, Draw
from analysis.steps import TOLD
from data.audio import load_audio
from data.errors import InputError, printable
from encoders.schema import ConditionSchema
from scripts.comparison import Measured
from scripts.following import drawer
from scripts.moving import STEPS, WIDTH, attributes_of, move, score_monotony, score_moves
from scripts.pipeline import Listener
from scripts.shell import complain
from scripts.study import Generated, Study

MATCHED, DRAWN, LATENTS = 6, 3, 16


def matched(study: Study) -> Section | None:
    """A few tracks with their sound, attributes, real cover and the covers drawn for them, where a bundle draws."""
    asked = _asked(study)
    if asked is None:
        return None
    draw, schema, made = asked
    place = {int(row): index for index, row in enumerate(study.rows)}
    attributes = attributes_of(schema, made.c)
    heard = study.dataset.present("audio")[np.maximum(made.of, 0)]
    known = heard if heard.any() else np.isfinite(list(attributes.values())).any(axis=0) & np.ones_like(heard)
    best = np.flatnonzero(known & np.array([int(row) in place for row in made.of]))
    if not len(best):
        return None
    picked = best[np.unique(np.linspace(0, len(best) - 1, MATCHED).astype(int))]
    drawn = np.stack([draw(made.c[picked], seed) for seed in range(study.seed, study.seed + DRAWN)], axis=1)
    matches = [
        Match(
            study.text(int(made.of[index]))[:110],
            _sound(study, int(made.of[index])) if heard[index] else None,
            {name: float(values[index]) for name, values in attributes.items() if np.isfinite(values).any()},
            study.covers[place[int(made.of[index])]],
            covers,
        )
        for index, covers in zip(picked, drawn, strict=True)
    ]
    caption = (
        "Tracks with their waveform where they can be heard, what the model is told of them (bars about the mean of "
        "its training tracks, three deviations to either side), their real cover, and covers drawn under three seeds."
    )
    width = 6.6 + 2.2 * bool(attributes) + 2.7 * bool(heard[picked].any())
    picture = Picture("matched-tracks", caption, matched_rows(matches), width, 0.9 + 1.45 * len(matches))
    return Section("Tracks and their covers", (), (), [picture])


def moves(study: Study) -> Section | None:
    """What each attribute does to covers when it alone is moved: changes of looks, how steadily, and five steps."""
    asked = _asked(study)
    if asked is None:
        return None
    draw, schema, made = asked
    moved = move(draw, schema, made.c, LATENTS, study.seed)
    if moved is None:
        return None
    name = "generated covers"
    changes = list(score_moves(name, draw, schema, made.c))
    steady = list(score_monotony(name, moved))
    by_move = {figure.name: figure.value for figure in changes}
    table = Table(
        ["attribute", *(f"{look}, {UNITS[look]}" for look in LOOKS)],
        [[one, *(by_move.get(f"{look} by {one}") for look in LOOKS)] for one in moved.values],
        "What covers change by, with the latent held, when an attribute goes from a deviation below its mean to one "
        "above. Layout is a size, the others have a direction.",
    )
    by_step = {figure.name: figure.value for figure in steady}
    how = Table(
        ["attribute", *TOLD],
        [[one, *(by_step.get(f"{look} rises with {one}", by_step.get(f"{look} falls with {one}")) for look in TOLD)]
         for one in moved.values],
        f"Share of {LATENTS} seeds with which a trait moves the same way at each of {STEPS} steps (the way it goes on "
        "average); by chance 1 in 120.",
    )  # fmt: skip
    caption = (
        "Each attribute moved alone, from two deviations below its mean (or its scale's end) to two above: covers of "
        f"one seed, and the traits of {LATENTS}: median, middle half, middle 90 %."
    )
    picture = Picture("moved", caption, moved.picture(), WIDTH, moved.height)
    numbers = [_number(figure) for figure in [*changes, *steady]]
    return Section("What moves a cover", (), [table, how], [picture], numbers)


def _asked(study: Study) -> tuple[Draw, ConditionSchema, Generated] | None:
    """What draws, what it hears, and the covers that it drew; None where no bundle does, or one that hears nothing."""
    made = study.generated
    if study.bundle is None or made is None or not made.c.shape[1]:
        return None
    listener = Listener.open(study.bundle)
    return None if listener.schema is None else (drawer(listener.bundle.generator), listener.schema, made)


def _sound(study: Study, row: int) -> np.ndarray | None:
    record = study.dataset.row(row)
    try:
        return load_audio(record["audio"]["bytes"], name=record["track_id"]).y
    except InputError as error:
        complain(f"{printable(record['track_id'])}: {error}")
        return None


def _number(figure: Measured) -> Number:
    return Number(figure.name, figure.value, figure.unit, figure.interval, figure.chance, figure.n)
