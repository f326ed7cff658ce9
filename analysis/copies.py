"""Copies: whether a cover is nearer to one that is known than honest covers come, by the learned embedding and by
perceptual hash, over mirrors and crops.

Nearness is relative: the distance to the nearest known cover over that to the tenth nearest (after Lowe 2004, section
7.1). A pencil drawing is near to all pencil drawings and copies none of them; a copy is near to one cover only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from analysis.blocks import row_blocks
from analysis.embedding import compute_embeddings, to_side
from data.duplicates import FLAT, perceptual_hash
from data.rows import squared_distances

RATE = 0.01
"""Share of honest covers that a threshold lets be flagged."""
CROP = 0.8
"""Side of the crops that are looked at, of the cover's."""
HASH_BITS = 64
NEIGHBOUR = 10
"""The known cover whose distance is the measure of the nearest one's."""
_THUMBNAIL, _THUMBNAIL_WEIGHT = 12, 0.7
_NINTHS = tuple((down / 2, across / 2) for down in range(3) for across in range(3))
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
    how far rows `[n, …]` are from rows `[m, …]`, float64 `[n, m]`."""

    name: str
    describe: Callable[[np.ndarray], np.ndarray]
    distances: Callable[[np.ndarray, np.ndarray], np.ndarray]


def euclidean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances float64 `[n, m]` of rows of `a [n, d]` and `b [m, d]`; of rows of length one 0 to 2."""
    return np.sqrt(squared_distances(a, b))


def with_thumbnails(images: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """Embeddings `[N, d]` beside thumbnails of 12 px about their mean, of length 0.7: what is where decides between
    covers that the embedding finds alike."""
    small = to_side(images, 4 * _THUMBNAIL).reshape(len(images), 3, _THUMBNAIL, 4, _THUMBNAIL, 4)
    thumbnails = small.mean(axis=(3, 5)).reshape(len(images), -1)
    thumbnails -= thumbnails.mean(axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(thumbnails, axis=1, keepdims=True), 1e-9)
    return np.concatenate([embeddings, _THUMBNAIL_WEIGHT * thumbnails / length], axis=1)


def _hashes(images: np.ndarray) -> np.ndarray:
    pictures = (Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))) for image in images)  # [H, W, 3]
    return np.array([perceptual_hash(picture) for picture in pictures], dtype=np.uint64)


def _bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Bits that differ, 0 to 64; 64 where one is of a cover of one colour, which has no hash."""
    differ = np.bitwise_count(a[:, None] ^ b).astype(np.float64)
    differ[a == FLAT] = HASH_BITS
    differ[:, b == FLAT] = HASH_BITS
    return differ


def _embedded(images: np.ndarray) -> np.ndarray:
    return with_thumbnails(images, compute_embeddings(images))


EMBEDDING = Eye("embedding and thumbnail", _embedded, euclidean)
HASH = Eye("perceptual hash", _hashes, _bits)
EYES = (EMBEDDING, HASH)


def views(images: np.ndarray, crops: bool = True) -> Iterator[tuple[str, np.ndarray]]:
    """Views of covers uint8 `[N, 3, H, H]`, by name: as they are, mirrored, upside down, and five crops of either hand.

    Crops are of 80 % of the side: of a cover that shows a known one within a margin, one of them is that cover.
    """
    mirrored = images[..., ::-1]
    yield from (("as it is", images), ("mirrored", mirrored), ("upside down", images[..., ::-1, :]))
    for hand, name in ((images, ""), (mirrored, ", mirrored")) if crops else ():
        for corner, down, across in _CORNERS:
            yield f"crop {corner}{name}", _crop(hand, down, across)


def _crop(images: np.ndarray, down: float, across: float) -> np.ndarray:
    """80 % of the side of images `[N, 3, H, H]`; `down` and `across` say where, 0 to 1."""
    side = images.shape[-1]
    kept = round(CROP * side)
    top, left = round(down * (side - kept)), round(across * (side - kept))
    return images[..., top : top + kept, left : left + kept]


class Copies(NamedTuple):
    """For each of M covers the nearest that is known, over all views: its relative `distance [M]`, its row
    `nearest [M]`, the `view [M]` (a name) that came nearest; and whether that is as near as a copy: `flagged [M]`."""

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

    Honest covers are best ones that the embedding was not trained on either: those it has seen it holds apart. A cover
    is flagged where it is nearer than `threshold`, as at most a share of `rate` of the honest ones is. `crops`:
    whether covers are looked at in crops too, and the known cover nearest to each in crops of its own, which takes
    about six times as long. covers `[N, 3, H, H]`: those that are known.
    """

    eye: Eye
    covers: np.ndarray
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
        check = cls(eye, known, eye.describe(known), np.zeros(0), rate, crops)
        return replace(check, honest=np.sort(check._nearest(unseen, barred)[0]))

    @property
    def threshold(self) -> float:
        """The distance that a share of at most `rate` of the honest covers is under."""
        return float(self.honest[int(self.rate * len(self.honest))])

    @property
    def how(self) -> str:
        """What was looked at, in words, to stand beside every figure."""
        seen = "mirrors and crops" if self.crops else "mirrors"
        return f"{self.eye.name}, {seen}; nearest real cover under {self.threshold:.3g} of the tenth nearest's distance"

    @property
    def chance(self) -> float:
        """The share of the honest covers that is flagged."""
        return float((self.honest < self.threshold).mean())

    def look(self, covers: np.ndarray) -> Copies:
        """What of the known the covers uint8 `[M, 3, H, H]` are nearest to."""
        distance, nearest, view = self._nearest(covers)
        return Copies(distance, nearest, view, distance < self.threshold)

    def _nearest(
        self, covers: np.ndarray, barred: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The least relative distance `[M]` over views and known rows, that row `[M]`, and that view's name `[M]`."""
        best, tenth = np.full(len(covers), np.inf), np.zeros(len(covers))
        nearest, view = np.zeros(len(covers), dtype=np.int64), np.full(len(covers), "", dtype=object)
        whole = {}
        for name, seen in views(covers, self.crops):
            described = self.eye.describe(seen)
            if name in ("as it is", "mirrored"):
                whole[name] = described
            for part in row_blocks(len(described), len(self.known)):
                distance = self.eye.distances(described[part], self.known)  # [n, N]
                if barred is not None:
                    distance[barred[1][part, None] == barred[0]] = np.inf
                if name == "as it is":
                    place = min(NEIGHBOUR, len(self.known)) - 1
                    tenth[part] = np.partition(distance, place, axis=1)[:, place]
                where = distance.argmin(axis=1)
                least = distance[np.arange(len(where)), where]
                nearer = np.flatnonzero(least < best[part])
                rows = part.start + nearer
                best[rows], nearest[rows], view[rows] = least[nearer], where[nearer], name
        if self.crops:
            self._look_closer(whole, nearest, best, view)
        # Where ten are equal to it there is no measure, and where fewer than ten are compared the nearest is its own.
        measure = np.where(np.isfinite(tenth), np.maximum(tenth, 1e-9), np.maximum(best, 1e-9))
        return best / measure, nearest, view

    def _look_closer(
        self, whole: Mapping[str, np.ndarray], nearest: np.ndarray, best: np.ndarray, view: np.ndarray
    ) -> None:
        """Holds each whole cover against nine crops of the known one nearest to it: it may be one of these. `best` and
        `view` are changed where it is nearer so."""
        for down, across in _NINTHS:
            described = self.eye.describe(_crop(self.covers[nearest], down, across))
            for name, rows in whole.items():
                pairs = zip(rows, described, strict=True)
                least = np.array([self.eye.distances(a[None], b[None])[0, 0] for a, b in pairs])
                nearer = least < best
                best[nearer], view[nearer] = least[nearer], f"{name}, a crop of it"
