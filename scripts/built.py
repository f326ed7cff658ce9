"""Datasets that a script needs, made where they are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import InputError
from scripts.shell import complain

if TYPE_CHECKING:
    from data.shards import Dataset

REMIXES = 3
"""Remixes of each clip."""


def built(folder: Path, out: Path) -> Dataset:
    """The dataset `out`, built from `folder`."""
    from data.build import build_dataset
    from data.shards import Dataset

    if not is_complete(out):
        summary = build_dataset(folder, out, on_skip=lambda who, why: complain(f"{who}: {why}"))
        complain(f"{folder.name}: {summary.rows} rows")
    return Dataset(out)


def remixed(dataset: Dataset, out: Path) -> Dataset:
    """The dataset `out` of remixes of all clips but those of the validation split, which stays unheard."""
    from data.remixes import write_remixes
    from data.shards import Dataset

    if not is_complete(out):
        rows = np.setdiff1d(dataset.indices("all"), dataset.indices("validation"))
        complain(f"remixing {len(rows)} clips in {out}")
        write_remixes(dataset, rows, out, REMIXES * len(rows))
    return Dataset(out)


def is_complete(folder: Path) -> bool:
    """Whether there is a dataset in `folder`."""
    from data.shards import Dataset

    try:
        Dataset(folder)
    except InputError:
        return False
    return True
