"""Rows by blocks, so that what is made of all pairs of rows never takes the memory of all pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

BLOCK_NUMBERS = 4_000_000
"""Numbers in one block of a matrix of pairs: 32 MB in float64."""


def row_blocks(n: int, width: int) -> Iterator[slice]:
    """The rows 0…n − 1 of a matrix `[n, width]` in slices of at most `BLOCK_NUMBERS` numbers, of one row at least."""
    size = max(1, BLOCK_NUMBERS // max(width, 1))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def rebatched(blocks: np.ndarray | Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The rows of a stream of blocks `[·, d]` in blocks of exactly `size` rows; what is left at the end is dropped."""
    waiting: list[np.ndarray] = []
    count = 0
    for block in [blocks] if isinstance(blocks, np.ndarray) else blocks:
        waiting.append(block)
        count += len(block)
        if count >= size:
            rows = np.concatenate(waiting)
            kept = count - count % size
            yield from (rows[start : start + size] for start in range(0, kept, size))
            waiting, count = [rows[kept:]], count - kept


def checked_pair(a: np.ndarray, b: np.ndarray, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """`a [N, d]` and `b [M, d]` in float64; `ValueError` for other shapes, fewer than `least` rows on a side, or
    numbers that are not finite."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.shape[1]:
        raise ValueError(f"needs [N, d] and [M, d], not {a.shape} and {b.shape}")
    if min(len(a), len(b)) < least:
        raise ValueError(f"needs at least {least} {'row' if least == 1 else 'rows'} on each side")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("needs finite numbers")
    return a, b
