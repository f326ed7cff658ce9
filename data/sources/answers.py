"""Reading a service's answers, in which anything may miss or be of another kind than it should."""

from __future__ import annotations

import re
from typing import Any

from data.cells import clean_text

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


def inner(answer: Any, *names: str) -> Any:
    """What lies under `names`, one inside the other; None where one of them is not there."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def entries(answer: Any, *names: str) -> list[dict[str, Any]]:
    """The objects of the list that lies under `names`; all else in it counts as not there."""
    found = inner(answer, *names)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def texts(answer: Any, *names: str) -> list[str]:
    """The clean texts of the list that lies under `names`, each once."""
    found = inner(answer, *names)
    cleaned = (clean_text(text) for text in found if isinstance(text, str)) if isinstance(found, list) else ()
    return list(dict.fromkeys(text for text in cleaned if text))


def number(answer: Any, *names: str) -> int | None:
    """The whole number above zero that lies under `names`, such as an id."""
    found = inner(answer, *names)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def isrc_of(value: Any) -> str | None:
    """An ISRC (ISO 3901) as it is written without hyphens; None for all else."""
    text = value.replace("-", "").strip().upper() if isinstance(value, str) else ""
    return text if _ISRC.fullmatch(text) else None


def last_part(value: str) -> str:
    """A wish that is a web page's address, as the id at its end; any other as it is."""
    if not value.startswith(("https://", "http://")):
        return value
    return value.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
