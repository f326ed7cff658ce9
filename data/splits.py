"""Splits: by artist, through a hash of the name, so that a track's side never depends on the rest of the
data.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np

from data.table import SPLITS

FRACTIONS = (0.8, 0.1, 0.1)
# What stands in the artist's place of a compilation or of an untagged file names no artist.
_NOBODY = frozenset(
    {"", "na", "none", "unknown", "unknownartist", "va", "various", "variousartist", "variousartists", "artist"}
)


def normalised_artist(artist: str | None) -> str | None:
    """One spelling for one artist: without case, accents, spaces and punctuation; None where nobody is
    named.
    """
    text = unicodedata.normalize("NFKD", artist or "").casefold()
    plain = "".join(character for character in text if character.isalnum())
    if not plain:  # a name of signs only
        plain = "".join(text.split())
    return None if plain in _NOBODY else plain


def split_of(artist: str, fractions: Sequence[float] = FRACTIONS, salt: str = "") -> str:
    """The split of an artist: `train`, `validation` or `test`, in the given shares of the hash's range.

    It depends on the name (as `normalised_artist` spells it) and the salt alone.
    """
    return _split_of_key(f"artist:{normalised_artist(artist) or ''}", fractions, salt)


def _split_of_key(key: str, fractions: Sequence[float], salt: str) -> str:
    digest = hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "backslashreplace")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    bounds = np.cumsum(np.asarray(fractions, dtype=np.float64) / sum(fractions))
    return SPLITS[min(int(np.searchsorted(bounds, draw, side="right")), len(SPLITS) - 1)]


def assign_splits(
    artists: Sequence[str | None],
    groups: Sequence[int] | np.ndarray,
    *,
    keys: Sequence[str] | None = None,
    fractions: Sequence[float] = FRACTIONS,
    salt: str = "",
) -> list[str]:
    """The split of each of N rows: rows of one artist, and rows of one near-duplicate group, stay together.

    Rows that hang together through either form a component; its first artist by name decides, through
    `split_of` (the first, not the least hash: the least of many draws is small, and would favour
    `train`). A row without an artist stands for itself, by its entry in `keys` (its track_id; its
    position where None).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(artists)
    if len(groups) != count or (keys is not None and len(keys) != count):
        raise ValueError(f"{count} artists, {len(groups)} groups and {len(keys or [])} keys do not match")
    names = [normalised_artist(artist) for artist in artists]
    owners = [
        f"artist:{name}" if name is not None else f"row:{keys[row] if keys is not None else row}"
        for row, name in enumerate(names)
    ]
    group_ids = np.unique(np.asarray(groups, dtype=np.int64), return_inverse=True)[1]
    owner_names, owner_ids = np.unique(np.array(owners, dtype=object), return_inverse=True)
    # A graph between groups and owners: each row joins one of either kind.
    shape = (len(owner_names) + int(group_ids.max(initial=-1)) + 1,) * 2
    edges = (owner_ids, len(owner_names) + group_ids)
    graph = coo_array((np.ones(count, dtype=np.int8), edges), shape=shape)
    component = connected_components(graph, directed=False)[1]
    deciding: dict[int, str] = {}
    # Names are sorted, and "artist:" stands before "row:": the first seen of each component decides.
    for owner, label in zip(owner_names, component[: len(owner_names)], strict=True):
        deciding.setdefault(int(label), str(owner))
    sides = {label: _split_of_key(owner, fractions, salt) for label, owner in deciding.items()}
    return [sides[int(component[owner])] for owner in owner_ids]
