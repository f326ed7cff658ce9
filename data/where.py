"""Which rows of a dataset are meant: `year<1980`, `genres=jazz|blues`, `popularity>=50`, `subset=boy-group`.

A condition is a column, a comparison and a value. Numbers compare as numbers, dates as far as the given one says
(`1979` leaves the months aside), texts without regard to case; a list of genres meets `=` where one of them does. A row
that does not know the column meets nothing but `!=`.

Beside the stored columns stand those that the covers themselves tell (`data.labels`): `square=yes`, `width>=640`,
`near_duplicate=no`, `first_of_album=yes`, `text=no`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.attributes import ATTRIBUTE_NAMES
from data.errors import InputError
from data.labels import LABELS, NUMBERS, Progress, label
from data.shards import Dataset
from data.table import TEXT_COLUMNS

_SYNTAX = re.compile(r"\s*([A-Za-z_]+)\s*(<=|>=|!=|=|<|>)\s*(.*\S)\s*", re.DOTALL)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip
YEAR, DATE, GENRES = "year", "release_date", "genres"
WHERE_COLUMNS = (*TEXT_COLUMNS, GENRES, YEAR, *ATTRIBUTE_NAMES, *LABELS)
YES_OR_NO = tuple(name for name in LABELS if name not in NUMBERS)


@dataclass(frozen=True)
class Condition:
    """One comparison: of `column` with any of `values`."""

    column: str
    comparison: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Condition:
        """From the command line's words; `InputError` says what is wrong with them."""
        found = _SYNTAX.fullmatch(text)
        if found is None:
            raise InputError(text, "a condition is written COLUMN=VALUE (or <, <=, >, >=, !=), such as year<1980")
        column, comparison, values = found[1].lower(), found[2], tuple(v.strip() for v in found[3].split("|"))
        if column not in WHERE_COLUMNS:
            raise InputError(text, f"no such column; known: {', '.join(WHERE_COLUMNS)}")
        if comparison not in ("=", "!=") and len(values) > 1:
            raise InputError(text, "several values go with = and != only")
        if column in (YEAR, *ATTRIBUTE_NAMES, *NUMBERS):
            for value in values:
                if not _is_number(value):
                    raise InputError(text, f"{value!r} is not a number")
        elif column in YES_OR_NO and not set(map(str.lower, values)) <= {"yes", "no"}:
            raise InputError(text, f"{column} is yes or no")
        elif column != DATE and comparison not in ("=", "!="):
            raise InputError(text, f"{column} is no number: it goes with = and != only")
        return cls(column, comparison, values)

    def values_of(self, dataset: Dataset, progress: Progress | None = None) -> list[Any]:
        """What each row of `dataset` knows of the column, as `meets` takes it."""
        if self.column in NUMBERS:
            return label(dataset, self.column, progress)
        if self.column in YES_OR_NO:
            said = {True: "yes", False: "no", None: None}
            return [said[value] for value in label(dataset, self.column, progress)]
        stored = DATE if self.column == YEAR else self.column
        return dataset.read([stored])[stored].to_pylist()

    def meets(self, stored: Any) -> bool:
        """Whether a row's value is among those meant."""
        if self.comparison == "!=":
            return not Condition(self.column, "=", self.values).meets(stored)
        known = stored if isinstance(stored, list) else [] if stored is None else [stored]
        return any(self._compares(one, value) for one in known for value in self.values)

    def _compares(self, stored: Any, value: str) -> bool:
        order = _ORDER[self.comparison]
        if self.column == YEAR:
            year = str(stored)[:4]
            return year.isdigit() and order(float(year), float(value))
        if self.column in (*ATTRIBUTE_NAMES, *NUMBERS):
            return order(float(np.float32(stored)), float(np.float32(value)))
        if self.column == DATE:
            return order(str(stored)[: len(value)], value)
        return str(stored).casefold() == value.casefold()


def matching_rows(dataset: Dataset, conditions: Sequence[str], progress: Progress | None = None) -> np.ndarray:
    """bool `[N]`: the rows that meet every one of `conditions`; `progress(stage, done, total)` is told where covers are
    looked at for it. `InputError` for what is no condition, and for no rows.
    """
    met = np.ones(len(dataset), dtype=bool)
    for condition in list(map(Condition.parse, conditions)):
        values = condition.values_of(dataset, progress)
        met &= np.fromiter(map(condition.meets, values), dtype=bool, count=len(values))
    if conditions and not met.any():
        raise InputError(dataset.folder, f"no row meets {' and '.join(conditions)}")
    return met


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False
