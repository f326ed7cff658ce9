"""Splits: by artist, through a hash of the name, so that a track's side never depends on the rest of the
data.
"""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

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
    count = len(artists)
    if len(groups) != count or (keys is not None and len(keys) != count):
        raise ValueError(f"{count} artists, {len(groups)} groups and {len(keys or [])} keys do not match")
    owners = [owner_of(artist, keys[row] if keys is not None else str(row)) for row, artist in enumerate(artists)]
    sides = assign_sides(lambda: owners, np.asarray(groups), fractions=fractions, salt=salt)
    return [SPLITS[side] for side in sides]


def owner_of(artist: str | None, key: str) -> str:
    """Whom a row belongs to: its artist, or itself (by its key) where nobody is named."""
    name = normalised_artist(artist)
    return f"row:{key}" if name is None else f"artist:{name}"


def assign_sides(
    owners: Callable[[], Iterable[str]],
    groups: np.ndarray,
    *,
    fractions: Sequence[float] = FRACTIONS,
    salt: str = "",
) -> np.ndarray:
    """uint8 `[N]`: the position in `SPLITS` of each of N rows, as `assign_splits` says, in some tens of bytes a row.

    `owners()` gives what `owner_of` says of each row, in order; it is called twice. `groups` `[N]` are any integers.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    digests, own_sides = array("Q"), array("B")
    side_of = lru_cache(maxsize=65_536)(lambda owner: SPLITS.index(_split_of_key(owner, fractions, salt)))
    for owner in owners():
        spelt = owner.encode("utf-8", "backslashreplace")
        digests.append(int.from_bytes(hashlib.blake2b(spelt, digest_size=8).digest()))
        own_sides.append(side_of(owner))
    sides = np.frombuffer(own_sides, dtype=np.uint8).copy()
    if not len(sides):
        return sides
    # A graph between owners and groups: each row joins one of either kind.
    owner_ids = np.unique(np.frombuffer(digests, dtype=np.uint64), return_inverse=True)[1]
    group_ids = np.unique(groups, return_inverse=True)[1]
    owner_count = int(owner_ids.max()) + 1
    shape = (owner_count + int(group_ids.max()) + 1,) * 2
    graph = coo_array((np.ones(len(sides), dtype=np.int8), (owner_ids, owner_count + group_ids)), shape=shape)
    component = connected_components(graph, directed=False)[1]
    shared = (np.bincount(component[:owner_count], minlength=component.max() + 1) > 1)[component[owner_ids]]
    deciding: dict[int, str] = {}  # the first owner by name of each component that holds several
    if shared.any():
        for row, owner in enumerate(owners()):
            if shared[row]:
                label = int(component[owner_ids[row]])
                deciding[label] = min(owner, deciding.get(label, owner))
        for row in np.flatnonzero(shared).tolist():
            sides[row] = side_of(deciding[int(component[owner_ids[row]])])
    return sides
