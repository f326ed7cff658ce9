"""What the cells of a table and the tags of a file mean: clean texts, lists, dates."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from data.table import MAX_TEXT

_ABSENT = frozenset({"", "nan", "none", "null"})
_DATE = re.compile(r"\s*(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", re.ASCII)


def clean_text(value: Any) -> str | None:
    """One line of valid Unicode, of a length that the table takes; None for nothing, `nan`, `none` and
    `null`.
    """
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value if part is not None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = " ".join(str(value).encode("utf-8", "replace").decode().replace("\0", " ").split())[:MAX_TEXT]
    return None if text.lower() in _ABSENT else text


def parts_of(value: Any) -> list[Any]:
    """A list from a list, from its text (`["a", "b"]`, `['a', 'b']`), or from `a; b`, `a|b`, `a, b`."""
    if value is None or isinstance(value, list):
        return [part for part in value or [] if part is not None]
    text = str(value).strip()
    if text.startswith("[") and text.endswith("]") and len(text) <= MAX_TEXT:
        for parse in (json.loads, ast.literal_eval):
            try:
                parsed = parse(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(parsed, list):
                return parsed
        text = text[1:-1]
    between = next((sign for sign in ";|," if sign in text), ",")
    return text.split(between)


def date_of(value: Any) -> str | None:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD` where the value begins with one, else None."""
    match = _DATE.match("" if value is None else str(value))
    return "-".join(part for part in match.groups() if part) if match else None
