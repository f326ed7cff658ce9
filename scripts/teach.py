"""The ears of the shipped model: all four encoders, trained on the clips of `music/` and on what taggers hear, in other
clips too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scripts.shell import complain

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

    settings = [] if steps is None or name == "pca" else [f"steps={steps}"]
    return train_encoder(
        name, dataset, out, rows=rows, held_out=held_out, config=options_of(name, settings),
        teachers=teachers if teachers.is_dir() else None, also=also, listener=Listener(losses=say),
    )  # fmt: skip
