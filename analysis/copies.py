"""Copies: whether a cover is nearer to one that is known than honest covers come, by the eye of the learned embedding
and by perceptual hash, over mirrors and crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from analysis.blocks import row_blocks
from analysis.embedding import compute_embeddings
from analysis.search import squared_distances
from data.duplicates import FLAT, perceptual_hash

RATE = 0.01
"""Share of honest covers that a threshold lets be flagged."""
CROP = 0.8
"""Side of the crops that are looked at, of the cover's."""
HASH_BITS = 64
_CORNERS = (
    ("centre", 0.5, 0.5),
    ("top left", 0, 0),
    ("top right", 0, 1),
    ("bottom left", 1, 0),
    ("bottom right", 1, 1),
)


@dataclass(frozen=True)
class Eye:
    """One way to see how alike covers are: `describe` makes a row of each of uint8 `[N, 3, H, W]`, `distances` tells
    how far rows `[n, …]` are from rows `[m, …]`, float64 `[n, m]`, in `unit`."""

    name: str
    unit: str
    describe: Callable[[np.ndarray], np.ndarray]
    distances: Callable[[np.ndarray, np.ndarray], np.ndarray]


def euclidean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances float64 `[n, m]` of rows of `a [n, d]` and `b [m, d]`; of rows of length one 0 to 2."""
    return np.sqrt(squared_distances(a.astype(np.float64), b.astype(np.float64)))


def _hashes(images: np.ndarray) -> np.ndarray:
    pictures = (Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))) for image in images)  # [H, W, 3]
    return np.array([perceptual_hash(picture) for picture in pictures], dtype=np.uint64)


def _bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Bits that differ, 0 to 64; 64 where one is of a cover of one colour, which has no hash."""
    differ = np.bitwise_count(a[:, None] ^ b).astype(np.float64)
    differ[a == FLAT] = HASH_BITS
    differ[:, b == FLAT] = HASH_BITS
    return differ


EMBEDDING = Eye("embedding", "distance", compute_embeddings, euclidean)
HASH = Eye("perceptual hash", "bits", _hashes, _bits)
EYES = (EMBEDDING, HASH)


def views(images: np.ndarray, crops: bool = True) -> Iterator[tuple[str, np.ndarray]]:
    """Views of covers uint8 `[N, 3, H, H]`, by name: as they are, mirrored, upside down, and five crops of either hand.

    Crops are of 80 % of the side: of a cover that shows a known one within a margin, one of them is that cover.
    """
    mirrored = images[..., ::-1]
    yield from (("as it is", images), ("mirrored", mirrored), ("upside down", images[..., ::-1, :]))
    side = images.shape[-1]
    kept = round(CROP * side)
    for hand, name in ((images, ""), (mirrored, ", mirrored")) if crops else ():
        for corner, down, across in _CORNERS:
            top, left = round(down * (side - kept)), round(across * (side - kept))
            yield f"crop {corner}{name}", hand[..., top : top + kept, left : left + kept]


class Copies(NamedTuple):
    """For each of M covers the nearest that is known, over all views: its `distance [M]`, its row `nearest [M]`, the
    `view [M]` (a name) that came nearest; and whether that is as near as a copy: `flagged` bool `[M]`."""

    distance: np.ndarray
    nearest: np.ndarray
    view: np.ndarray
    flagged: np.ndarray

    @property
    def share(self) -> float:
        """The share of the covers that is flagged."""
        return float(self.flagged.mean())


@dataclass(frozen=True)
class CopyCheck:
    """What is known (`known [N, …]`, rows of the `eye`), and how near honest covers come: `honest [U]`, ascending.

    A cover is flagged where it is nearer than `threshold`, as at most a share of `rate` of the honest ones is. `crops`:
    whether covers are looked at in crops too, which takes four times as long.
    """

    eye: Eye
    known: np.ndarray
    honest: np.ndarray
    rate: float
    crops: bool

    @classmethod
    def fit(
        cls,
        eye: Eye,
        known: np.ndarray,
        unseen: np.ndarray,
        *,
        barred: tuple[np.ndarray, np.ndarray] | None = None,
        rate: float = RATE,
        crops: bool = True,
    ) -> CopyCheck:
        """From covers uint8 `[N, 3, H, H]` that may have been copied, and real ones `[U, 3, H, H]` that are no copies.

        barred: labels `[N]` and `[U]` (such as artists); covers of one label are not compared, so that `unseen` may be
        some of the `known`. `ValueError` where there are none of either.
        """
        if not len(known) or not len(unseen):
            raise ValueError("needs covers that are known, and honest ones")
        rows = eye.describe(known)
        honest = _nearest(eye, unseen, rows, crops, barred)[0]
        return cls(eye, rows, np.sort(honest), rate, crops)

    @property
    def threshold(self) -> float:
        """The distance that a share of at most `rate` of the honest covers is under."""
        return float(self.honest[int(self.rate * len(self.honest))])

    @property
    def chance(self) -> float:
        """The share of the honest covers that is flagged."""
        return float((self.honest < self.threshold).mean())

    def look(self, covers: np.ndarray) -> Copies:
        """What of the known the covers uint8 `[M, 3, H, H]` are nearest to."""
        distance, nearest, view = _nearest(self.eye, covers, self.known, self.crops)
        return Copies(distance, nearest, view, distance < self.threshold)


def _nearest(
    eye: Eye,
    covers: np.ndarray,
    known: np.ndarray,
    crops: bool,
    barred: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The least distance `[M]` over views and known rows, that row `[M]`, and that view's name `[M]`."""
    best = np.full(len(covers), np.inf)
    nearest, view = np.zeros(len(covers), dtype=np.int64), np.full(len(covers), "", dtype=object)
    for name, seen in views(covers, crops):
        described = eye.describe(seen)
        for part in row_blocks(len(described), len(known)):
            distance = eye.distances(described[part], known)  # [n, N]
            if barred is not None:
                distance[barred[1][part, None] == barred[0]] = np.inf
            where = distance.argmin(axis=1)
            least = distance[np.arange(len(where)), where]
            nearer = np.flatnonzero(least < best[part])
            rows = part.start + nearer
            best[rows], nearest[rows], view[rows] = least[nearer], where[nearer], name
    return best, nearest, view
