"""Colours that can be read: contrast by WCAG, a picture's palette, and the ink that it offers for type on it.

Contrast is that of the Web Content Accessibility Guidelines 2.2 (relative luminance, contrast ratio); 4.5 is what
they ask of text of any size (success criterion 1.4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data.colour import contrast_ratio, lab_to_rgb, relative_luminance, rgb_to_lab

LEAST_CONTRAST = 4.5
WORST_SHARE = 0.02
"""The contrast that counts is that at this quantile of the pixels: all but one in fifty have more."""
NEAR_BLACK, NEAR_WHITE, BLACK, WHITE = (16, 16, 18), (250, 249, 246), (0, 0, 0), (255, 255, 255)
_SPARE = 1.01
"""What is asked beyond the least, for what rounding takes."""

_BINS = 4095
_COUNT = 6
_STEPS = 12
_TINT, _SHADE = 94.0, 11.0
_PALE = 14.0
"""Lightness of a tint and a shade, and the most chroma that they keep."""
_EXTREME, _GREY = 0.6, 18.0

Ink = tuple[int, int, int]


@lru_cache(maxsize=256)
def luminance_of(ink: Ink) -> float:
    """WCAG's relative luminance of one colour."""
    return float(relative_luminance(np.array(ink, dtype=np.uint8)))


class Ground:
    """The pixels that a piece of type stands on, as their luminances."""

    def __init__(self, luminances: np.ndarray) -> None:
        """Of float `[N]`, N at least 1."""
        counts = np.bincount((luminances * _BINS + 0.5).astype(np.int64).ravel(), minlength=_BINS + 1)
        self._levels = np.flatnonzero(counts)
        self._shares = counts[self._levels] / counts.sum()
        self.mean = float((self._levels * self._shares).sum() / _BINS)

    def contrast(self, ink: Ink) -> float:
        """The contrast that an ink has with all but `WORST_SHARE` of the pixels."""
        ratios = contrast_ratio(luminance_of(ink), self._levels / _BINS)
        order = np.argsort(ratios)
        place = np.searchsorted(np.cumsum(self._shares[order]), WORST_SHARE)
        return float(ratios[order[min(int(place), len(order) - 1)]])

    @classmethod
    def flat(cls, ink: Ink) -> Ground:
        """A ground of one colour."""
        return cls(np.array([luminance_of(ink)]))

    def reads(self, ink: Ink) -> bool:
        """Whether that contrast is enough."""
        return self.contrast(ink) >= LEAST_CONTRAST * _SPARE


def palette(pixels: np.ndarray) -> np.ndarray:
    """The colours that a picture is made of: CIE L*a*b* float64 `[k, 3]`, k up to six, of uint8 sRGB `[N, 3]`, the most
    frequent first. By k-means from the pixels that lie farthest from one another: the same every time.
    """
    lab = rgb_to_lab(pixels)
    centres = [lab[np.square(lab - lab.mean(axis=0)).sum(axis=1).argmin()]]
    nearest = np.square(lab - centres[0]).sum(axis=1)
    while len(centres) < _COUNT and nearest.max() > 1:
        centres.append(lab[nearest.argmax()])
        nearest = np.minimum(nearest, np.square(lab - centres[-1]).sum(axis=1))
    found = np.stack(centres)
    for _ in range(_STEPS):
        apart = np.square(found).sum(axis=1) - 2 * lab @ found.T  # [N, k], less the pixel's own square
        owner = apart.argmin(axis=1)
        sizes = np.bincount(owner, minlength=len(found))
        sums = np.stack([np.bincount(owner, lab[:, axis], len(found)) for axis in range(3)], axis=1)
        found = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], found)
    return found[np.argsort(-sizes, kind="stable")]


@dataclass(frozen=True)
class Inks:
    """What a palette offers to print with: its own colours, the strong and the extreme before the dull; a light and a
    dark one of its hue; and what a label is made of, the strongest or, of a grey picture, the light one.
    """

    own: tuple[Ink, ...]
    tint: Ink
    shade: Ink
    label: Ink

    @classmethod
    def of(cls, colours: np.ndarray) -> Inks:
        """Of a palette, CIE L*a*b* `[k, 3]`."""
        chroma = np.hypot(colours[:, 1], colours[:, 2])
        worth = chroma + _EXTREME * np.abs(colours[:, 0] - 50)
        hue = colours[chroma.argmax(), 1:] / max(float(chroma.max()), _PALE)
        shifted = [(light, *(hue * _PALE)) for light in (_TINT, _SHADE)]
        rgb = lab_to_rgb(np.concatenate([colours[np.argsort(-worth, kind="stable")], shifted]))
        *own, tint, shade = map(_ink, rgb)
        label = own[0] if chroma.max() > _GREY else tint
        return cls(tuple(own), tint, shade, label)

    @property
    def all(self) -> tuple[Ink, ...]:
        """In the order in which they are tried; on a flat colour one of the last two always reads."""
        return *self.own, self.tint, self.shade, NEAR_WHITE, NEAR_BLACK, WHITE, BLACK


def _ink(rgb: np.ndarray) -> Ink:
    """The ink nearest to a colour 0…1 `[3]`."""
    red, green, blue = map(int, np.rint(255 * rgb))
    return red, green, blue


def choose_ink(inks: Sequence[Ink], grounds: Sequence[Ground]) -> Ink | None:
    """The first ink that reads on all `grounds`; None where there is none."""
    return next((ink for ink in inks if all(ground.reads(ink) for ground in grounds)), None)
