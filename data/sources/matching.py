"""How alike two names are, for services that know tracks by their names alone."""

from __future__ import annotations

import difflib
import re
import unicodedata

ALIKE = 0.9
"""Two names that are at least so alike are taken for the same one."""

_LONGEST = 300  # characters: comparing takes their square
_ASIDE = re.compile(
    r"[(\[][^)\]]*\b(feat|ft|with|remaster|remastered|version|edit|mono|stereo|explicit|deluxe)\b[^)\]]*[)\]]"
    r"|\s(feat|ft)\.?\s.*|\s-\s[^-]*\b(remaster|remastered|version|edit|mono|stereo)\b.*",
    re.IGNORECASE,
)


def plain_name(name: str | None) -> str:
    """A name without case, accents, signs, guests and the name of its edition; '' where nothing is left."""
    text = unicodedata.normalize("NFKD", _ASIDE.sub("", (name or "")[:_LONGEST])).casefold().replace("&", " and ")
    signs = (sign if sign.isalnum() else " " for sign in text if not unicodedata.combining(sign))
    return " ".join("".join(signs).split())


def likeness(one: str | None, other: str | None) -> float:
    """0 (nothing in common, or one is not known) to 1 (the same name): twice the share of signs in common order."""
    first, second = plain_name(one), plain_name(other)
    if not first or not second:
        return 1.0 if one and one == other else 0.0
    return difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()
