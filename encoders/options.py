"""Options of a training: one frozen object that is validated, overridden by name, and written as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from data.checks import key_and_value, number_within, one_of, scalar
from data.errors import InputError


@dataclass(frozen=True)
class Options:
    """Base of all options: fields of int, float, bool, str or tuple[int, ...], in any order."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal object back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Values perhaps typed at a command line; `InputError` names an unknown key or a value of a wrong type."""
        known = {field.name: str(field.type) for field in dataclasses.fields(cls)}
        for key in values:
            one_of("option", key, known)
        return cls(**{key: _typed(key, value, known[key]) for key, value in values.items()})

    def changed(self, settings: Sequence[str]) -> Self:
        """With `["steps=100", "channels=8+16"]` in place of what stands there."""
        given = {}
        for text in settings:
            key, value = key_and_value(text)
            given[key] = value
        return type(self).from_json({**dataclasses.asdict(self), **given})


def within(options: Options, low: float, high: float, *names: str) -> None:
    """`InputError` where one of these fields (or a number in it) is not from `low` to `high`."""
    for name in names:
        value = getattr(options, name)
        for number in value if isinstance(value, tuple) else (value,):
            number_within(name, number, low, high)


def _typed(key: str, value: Any, kind: str) -> Any:
    """`value`, perhaps a string from the command line, as the field's type."""
    if not kind.startswith("tuple"):
        return scalar(key, value, kind)
    try:
        return tuple(scalar(key, part, "int") for part in (value.split("+") if isinstance(value, str) else value))
    except (InputError, TypeError) as error:
        raise InputError(key, f"{value!r} is not whole numbers with +") from error
