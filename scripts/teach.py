"""The ears of the shipped model: all four encoders, trained on the clips of `music/` and on what taggers hear, in other
clips too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.shell import complain

STEPS = 600
"""Of the networks of sound: beside remixes there is four times as much to hear."""

MORE_SOUND = ("pairs", "clips")
"""Folders of further clips that are heard, beside remixes of those of `music/`."""

if TYPE_CHECKING:
    from data.shards import Dataset
    from encoders.base import Encoder


def teach(
    dataset: Dataset, teachers: Path, out: Path, steps: int | None = None, also: Sequence[Dataset] = ()
) -> list[Encoder]:
    """The encoders, the best first, trained in `out/<name>`; the same call on the same folders goes on.

    The artists of the validation split are held out: on them the temperature of the probabilities is measured.
    `teachers` is learnt from where it is a folder, by what they hear in `also` as well.
    """
    from scripts.ears import BEST

    return [teach_one(name, dataset, teachers, out / name, steps, also) for name in BEST]


def teach_one(
    name: str, dataset: Dataset, teachers: Path, out: Path, steps: int | None = None, also: Sequence[Dataset] = ()
) -> Encoder:
    """One of them, in the folder `out`."""
    from encoders.recipes import options_of
    from encoders.sound_training import SOUND_ENCODERS
    from encoders.stored import CARD_FILE, read_encoder
    from encoders.task import Listener
    from encoders.training import train_encoder

    if (out / CARD_FILE).is_file():
        return read_encoder(out)
    complain(f"training {out}")
    held_out = dataset.indices("validation")
    rows = np.setdiff1d(dataset.indices("all"), held_out)

    def say(step: int, figures: object) -> None:
        if step % 100 == 0:
            complain(f"{name}: step {step}")

    steps = steps or (STEPS if name in SOUND_ENCODERS else None)
    settings = [] if steps is None or name == "pca" else [f"steps={steps}"]
    return train_encoder(
        name, dataset, out, rows=rows, held_out=held_out, config=options_of(name, settings),
        teachers=teachers if teachers.is_dir() else None, also=also, listener=Listener(losses=say),
    )  # fmt: skip


def ears_of(start: Path | None) -> list[Encoder]:
    """The encoders of the bundle that a training begins with, first the one that it hears with; none where it hears
    nothing."""
    from gans.bundle import load_bundle
    from scripts.ears import own_encoder, read_ears

    if start is None:
        return []
    bundle = load_bundle(start)
    encoders = read_ears(bundle)
    own = own_encoder(bundle, encoders)
    return [] if own is None else [own, *(each for each in encoders.values() if each is not own)]


def teach_ears(data: Path, store: Path, music: Dataset, ears: Path, steps: int | None) -> list[Encoder]:
    """All four, taught in the folder `ears`, the best first."""
    from scripts.built import built, remixed

    more = [built(data / name, store / name) for name in MORE_SOUND if (data / name).is_dir()]
    more.append(remixed(music, store / "remixes"))
    return teach(music, data / "teachers", ears, steps, more)
