"""What was gathered in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.collecting import Gathering
from data.shards import Dataset

Gather = Callable[..., Gathering]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(Dataset(folder).iter_rows())


def tracks_of(folder: Path) -> set[str]:
    return {row["track_id"] for row in rows_of(folder)}
