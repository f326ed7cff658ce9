"""A dataset of a folder, in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.build import build_dataset
from data.shards import Dataset


def built(folder: Path, skips: list[tuple[str, str]] | None = None) -> tuple[Dataset, Any]:
    """The dataset built of `folder`, beside it, and the summary; what was skipped goes to `skips`."""
    out = folder.parent / f"{folder.name} dataset"
    told = skips if skips is not None else []
    summary = build_dataset(folder, out, on_skip=lambda subject, reason: told.append((subject, reason)))
    assert sum(summary.skipped.values()) == len(told)
    return Dataset(out), summary
