"""What an option may be: one of some names, or a number within bounds; said in one line where it is not."""

from __future__ import annotations

import difflib
import math
from typing import Any

from data.errors import InputError

_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def one_of(name: str, value: Any, allowed: Any) -> None:
    """`InputError` where `value` is none of `allowed`, with what was perhaps meant."""
    if value not in allowed:
        names = list(map(str, allowed))
        near = difflib.get_close_matches(str(value), names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(name, f"unknown: {value}; known: {', '.join(names)}{hint}")


def key_and_value(text: str) -> tuple[str, str]:
    """`"steps=100"` → `("steps", "100")`; `InputError` where that is not how it is written."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise InputError(text, "an option is written key=value")
    return key, value


def scalar(name: str, value: Any, kind: str) -> bool | int | float | str:
    """`value`, perhaps a string from the command line, as a `bool`, `int`, finite `float` or `str`; `InputError` where
    it is none.
    """
    try:
        if kind == "bool":
            return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        if kind == "int":
            if isinstance(value, bool) or float(value) != int(float(value)):
                raise ValueError
            return int(float(value))
        if kind == "float":
            if isinstance(value, bool) or not math.isfinite(float(value)):
                raise ValueError
            return float(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(name, f"{value!r} is not {_WORDS[kind]}") from error
    return str(value)


def number_within(name: str, value: float, low: float, high: float) -> None:
    """`InputError` where `value` is not from `low` to `high`."""
    if not low <= value <= high:
        span = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise InputError(name, f"{value:g} is not {span}")
