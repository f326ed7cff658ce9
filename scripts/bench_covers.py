"""The bench `covers`: how long a warm model takes from decoded audio to a finished, titled cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.measure import Figure

AT_MOST_S = 0.5
SIDE = 1024


def finishing(folder: Path, model: Path | None) -> Iterator[Figure]:
    """A decoded minute of music to a PNG of 1,024 px in cut paper with title and artist, warm; against what the network
    draws of the same.
    """
    from data.audio import EXCERPT_S, SAMPLE_RATE, Excerpt
    from data.covers import encode_png
    from data.synthetic import draw_tracks, synthesize
    from gans.typestyles import choose_style
    from scripts.making import DEFAULT_LOOK, Finish, Lettering, Wishes
    from scripts.measure import compare, seconds_of, turn_by_turn
    from scripts.pipeline import Heard, Listener, making_of

    listener = Listener.open(model)
    track = draw_tracks(1, seed=1)[0]
    excerpt = Excerpt(synthesize(track, EXCERPT_S), SAMPLE_RATE, 0.0, EXCERPT_S)

    def make(finished: bool) -> bytes:
        subject = listener.subject_of(Heard.of(excerpt, Path("song.wav")), Wishes())
        making = making_of(listener, subject, seed=0, truncation=1.0, strength=1.0)
        if finished:
            style, energy = choose_style(subject.attributes), subject.attributes["energy"]
            lettering = Lettering("Both Sides", "The Band", style, energy)
            making = replace(making, finish=Finish(DEFAULT_LOOK, SIDE), lettering=lettering)
        return encode_png(listener.make(making, subject.c), making.to_text())

    tasks = (partial(make, True), partial(make, False))
    for task in tasks:
        task()
    ours, plain = turn_by_turn([partial(seconds_of, task) for task in tasks], repeats=9)
    what = f"a decoded minute to a finished, titled cover of {SIDE:,} px, warm"
    yield compare(
        what, "s", ours, f"to the network's own {listener.bundle.generator.resolution} px", plain, absolute=AT_MOST_S
    )
