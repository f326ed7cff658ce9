"""Mean and covariance of any number of rows, a block at a time: what the Fréchet distance knows of a set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


class Moments:
    """Count, mean and scatter of rows in float64, in memory that does not grow with them: d² numbers.

    Blocks and other moments are taken in by the pairwise update of Chan, Golub & LeVeque (1983, eqs. 2.1): nothing
    large is ever subtracted from anything large, so the order and the sizes of blocks do not matter.

    n: rows so far; mean `[d]`; scatter `[d, d]`: Σ (x − mean)(x − mean)ᵀ.
    """

    def __init__(self, d: int) -> None:
        if d < 1:
            raise ValueError(f"needs at least one column, not {d}")
        self.n = 0
        self.mean = np.zeros(d)
        self.scatter = np.zeros((d, d))

    @classmethod
    def of(cls, blocks: np.ndarray | Iterable[np.ndarray]) -> Moments:
        """Of one array `[N, d]`, or of a stream of such blocks."""
        found: Moments | None = None
        for block in [blocks] if isinstance(blocks, np.ndarray) else blocks:
            found = found or cls(block.shape[-1])
            found.update(block)
        if found is None:
            raise ValueError("needs at least one block")
        return found

    def update(self, block: np.ndarray) -> None:
        """Takes in the rows of `block [n, d]`, n ≥ 0; `ValueError` for another shape or numbers that are not finite."""
        block = np.asarray(block, dtype=np.float64)
        if block.ndim != 2 or block.shape[1] != len(self.mean):
            raise ValueError(f"needs rows [n, {len(self.mean)}], not {block.shape}")
        if not np.isfinite(block).all():
            raise ValueError("needs finite numbers")
        if len(block):
            mean = block.mean(axis=0)
            centred = block - mean
            self._take(len(block), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Takes in all rows that `other` has seen, such as those of another process."""
        if len(other.mean) != len(self.mean):
            raise ValueError(f"needs moments of {len(self.mean)} columns, not {len(other.mean)}")
        if other.n:
            self._take(other.n, other.mean, other.scatter)

    def _take(self, n: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        total, apart = self.n + n, mean - self.mean
        self.scatter = self.scatter + scatter + np.outer(apart, apart) * (self.n * n / total)
        self.mean = self.mean + apart * (n / total)
        self.n = total

    @property
    def covariance(self) -> np.ndarray:
        """`[d, d]`, over n − 1; `ValueError` where fewer than two rows are known."""
        if self.n < 2:
            raise ValueError("needs at least 2 rows on each side")
        return self.scatter / (self.n - 1)


def by_label(x: np.ndarray, labels: Sequence[str] | np.ndarray) -> dict[str, Moments]:
    """The moments of the rows of `x [N, d]` for each of `labels [N]`; empty labels are no class."""
    kinds = np.asarray(labels, dtype=str)
    return {str(kind): Moments.of(x[kinds == kind]) for kind in np.unique(kinds[kinds != ""])}
