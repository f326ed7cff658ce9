"""Near-duplicate covers: a perceptual hash, and groups of covers whose hashes differ in a few bits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from PIL import Image

MAX_DISTANCE = 6
# The hash of a cover of one colour. A true hash has about half of its bits set, so it is never this.
FLAT = 0
_FLAT_DEVIATION = 2.0  # of 255
_BANDS = 4
_BAND_BITS = 16
_PAIRS_AT_ONCE = 4_000_000


def perceptual_hash(image: Image.Image) -> int:
    """64-bit perceptual hash: the signs of the low 8 × 8 cosine coefficients of the 32 × 32 grey image, about their
    median (ImageHash's `phash`). `FLAT` for an image of practically one colour, whose signs would be noise.
    """
    import imagehash

    # As `phash` does to larger ones, but of large ones whole blocks are averaged first: five times as fast.
    grey = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if np.asarray(grey, dtype=np.float64).std() < _FLAT_DEVIATION:
        return FLAT
    bits = imagehash.phash(grey, hash_size=8).hash  # bool [8, 8]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_duplicate_groups(hashes: np.ndarray, max_distance: int = MAX_DISTANCE) -> np.ndarray:
    """int64 `[N]`: the group of each of the uint64 hashes `[N]`, numbered by first appearance.

    Two hashes are in one group where a chain of hashes leads from one to the other in steps of at most
    `max_distance` bits. `FLAT` hashes are each a group of their own.

    Hashes within d bits agree within ⌊d/4⌋ bits in at least one of four 16-bit bands, so only those that
    do are compared: about N·log N steps for hashes that are spread out.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 <= max_distance < _BANDS * 3:
        raise ValueError(f"max_distance is within 0 and {_BANDS * 3 - 1}, not {max_distance}")
    values, inverse = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    edges = [np.concatenate(pair) for pair in zip(*_near_pairs(values, max_distance), strict=True)]
    left, right = edges if edges else (np.zeros(0, dtype=np.int64),) * 2
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(len(values),) * 2)
    labels = connected_components(graph, directed=False)[1].astype(np.int64)[inverse]
    flat = np.flatnonzero(np.asarray(hashes, dtype=np.uint64) == FLAT)
    labels[flat] = labels.max(initial=0) + 1 + np.arange(len(flat))
    return _by_first_appearance(labels)


def _near_pairs(values: np.ndarray, max_distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Index pairs (int64 `[P]`, int64 `[P]`) of distinct values within `max_distance` bits; some come
    twice.
    """
    for band in range(_BANDS):
        keys = ((values >> np.uint64(band * _BAND_BITS)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        for mask in _masks(max_distance // _BANDS):
            low = np.searchsorted(ordered, keys ^ mask, side="left")
            counts = np.searchsorted(ordered, keys ^ mask, side="right") - low
            for first, second in _expand(low, counts):
                other = order[second]
                close = (first < other) & (np.bitwise_count(values[first] ^ values[other]) <= max_distance)
                yield first[close], other[close]


def _masks(most: int) -> list[int]:
    """All 16-bit numbers with at most `most` bits set."""
    return [sum(1 << bit for bit in bits) for size in range(most + 1) for bits in combinations(range(_BAND_BITS), size)]


def _expand(low: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each row i its positions low[i] … low[i]+counts[i]−1, as flat (i, position), a bounded number
    at once.
    """
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        part = counts[start:stop]
        rows = np.repeat(np.arange(start, stop), part)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(part) - part, part)
        yield rows, np.repeat(low[start:stop], part) + within
        start = stop


def _by_first_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
