"""Type on a cover: title and artist set where the picture is quiet, in a colour of its own that can be read there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from data.colour import relative_luminance
from gans.inks import BLACK, WHITE, Ground, Ink, Inks, choose_ink, luminance_of, palette
from gans.letters import Box
from gans.placing import MARGIN, Terrain, arrange, box_of, quietest
from gans.typefaces import clean_type
from gans.typesetting import Placed, draw_mask
from gans.typestyles import PLATE, Style

AROUND = 0.008
"""How far around the letters the ground counts, as a part of the cover's side."""
_PAD = 0.04
_FADE = 0.22
_BAND = 0.55
"""A plate as wide as this goes over the whole width."""
_STRENGTHS = tuple(step / 40 for step in range(14, 41))
_DARK = 0.3
_COARSE_PX = 512


@dataclass(frozen=True)
class Backing:
    """What is laid between picture and type: a colour, and how much of it (0 to 1) each row and each column gets."""

    ink: Ink
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def plate(cls, ink: Ink, box: Box, side: int) -> Backing:
        """A label under `box` that runs over the edges of the cover that it is near to."""
        left, top, right, bottom = box
        near = MARGIN + _PAD
        wide = right - left >= _BAND
        left = 0.0 if wide or left < near else left - _PAD
        right = 1.0 if wide or right > 1 - near else right + _PAD
        top = 0.0 if top < near else top - _PAD
        bottom = 1.0 if bottom > 1 - near else bottom + _PAD
        at = (np.arange(side) + 0.5) / side
        return cls(ink, ((at >= top) & (at <= bottom)).astype(float), ((at >= left) & (at <= right)).astype(float))

    @classmethod
    def veil(cls, ink: Ink, box: Box, side: int, strength: float) -> Backing:
        """A veil over the cover's width that is even under `box` and on to the edge it is near to, and fades away."""
        _, top, _, bottom = box
        near = MARGIN + _PAD
        at = (np.arange(side) + 0.5) / side
        above = np.zeros(side) if top < near else np.maximum(0, top - _PAD - at)
        below = np.zeros(side) if bottom > 1 - near else np.maximum(0, at - bottom - _PAD)
        faded = np.clip(1 - (above + below) / _FADE, 0, 1)
        return cls(ink, strength * faded**2 * (3 - 2 * faded), np.ones(side))

    def lay(self, picture: Image.Image) -> None:
        """Lays it on a picture."""
        share = np.rint(255 * np.outer(self.rows, self.columns)).astype(np.uint8)  # [side, side]
        picture.paste(self.ink, (0, 0, *picture.size), Image.fromarray(share))


class Text:
    """A text in its place on a cover of one size: its letters, and the pixels under and around them."""

    def __init__(self, lines: Sequence[Placed], cover: np.ndarray) -> None:
        """Lines for the cover uint8 `[3, side, side]`."""
        side = cover.shape[1]
        self.lines = lines
        left, top, right, bottom = box_of(lines)
        reach = 2 * AROUND + 2 / side
        rows, columns = (
            slice(max(0, int((low - reach) * side)), min(side, int(np.ceil((high + reach) * side))))
            for low, high in ((top, bottom), (left, right))
        )
        self._corner = (columns.start, rows.start)
        self._letters = draw_mask(lines, side)[rows, columns]
        around = _widened(self._letters > 0, side)
        self._rows, self._columns = (
            at + start.start for at, start in zip(around.nonzero(), (rows, columns), strict=True)
        )
        self._pixels = cover[:, rows, columns][:, around]  # [3, N]

    @cached_property
    def ground(self) -> Ground:
        """What the text stands on."""
        return Ground(relative_luminance(self._pixels))

    def ground_on(self, backing: Backing) -> Ground:
        """What it stands on with a backing under it."""
        share = (backing.rows[self._rows] * backing.columns[self._columns]).astype(np.float32)
        colour = np.array(backing.ink, dtype=np.float32)[:, None]
        return Ground(relative_luminance((self._pixels + share * (colour - self._pixels)).astype(np.uint8)))

    def print(self, picture: Image.Image, ink: Ink) -> None:
        """Prints the letters on a picture."""
        height, width = self._letters.shape
        x, y = self._corner
        picture.paste(ink, (x, y, x + width, y + height), Image.fromarray(self._letters))


def _widened(lit: np.ndarray, side: int) -> np.ndarray:
    """bool `[h, w]`: what is lit and all within `AROUND` of it; on large covers by a coarser grid and a little more."""
    coarse = max(1, side // _COARSE_PX)
    wide = np.asarray(Image.fromarray(lit).convert("L").reduce(coarse)) > 0
    for _ in range(max(1, -(-round(AROUND * side) // coarse))):
        wide[1:] |= wide[:-1].copy()
        wide[:-1] |= wide[1:].copy()
        wide[:, 1:] |= wide[:, :-1].copy()
        wide[:, :-1] |= wide[:, 1:].copy()
    return wide.repeat(coarse, axis=0).repeat(coarse, axis=1)[: lit.shape[0], : lit.shape[1]]


@dataclass(frozen=True)
class Group:
    """Texts that stand together, their ink, and what is laid under them."""

    texts: Sequence[Text]
    ink: Ink
    backing: Backing | None = None


def set_type(cover: np.ndarray, title: str, artist: str, style: Style) -> np.ndarray:
    """The cover uint8 `[3, side, side]` with title and artist on it; either may be empty, with neither it stays.

    The layout is the same at every size. All but one in fifty of the pixels under and around the letters of a text
    have a contrast of at least 4.5 to their colour. Raises `InputError` for a text that cannot be set (`clean_type`),
    `ValueError` for a cover that is not a square.
    """
    if cover.dtype != np.uint8 or cover.ndim != 3 or cover.shape[0] != 3 or cover.shape[1] != cover.shape[2]:
        raise ValueError(f"a cover is uint8 [3, side, side], not {cover.dtype} {list(cover.shape)}")
    picture = Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0)))  # [3, side, side] → [side, side, 3]
    for group in lay_out(cover, clean_type(title, "title")[0], clean_type(artist, "artist")[0], style):
        if group.backing is not None:
            group.backing.lay(picture)
        for text in group.texts:
            text.print(picture, group.ink)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def lay_out(cover: np.ndarray, title: str, artist: str, style: Style) -> list[Group]:
    """What `set_type` prints on a cover, of texts that are clean; the title's group first."""
    if not title and not artist:
        return []
    terrain = Terrain(cover)
    layout = quietest(terrain, arrange(title, artist, style))
    inks = Inks.of(palette(terrain.pixels))
    groups = [[Text(lines, cover) for lines in texts] for texts in layout.groups]
    common = choose_ink(inks.all, [text.ground for texts in groups for text in texts])
    found: list[Group] = []
    for texts in groups:
        ink = common or choose_ink(inks.all, [text.ground for text in texts])
        if ink is None and style.backing == PLATE:
            found.append(_on_plate(texts, inks, cover.shape[1]))
        elif ink is None:
            found.append(_on_veil(texts, inks, cover.shape[1], found[0].ink if found else None))
        else:
            found.append(Group(texts, ink))
    return found


def _on_plate(texts: Sequence[Text], inks: Inks, side: int) -> Group:
    plate = Ground.flat(inks.label)
    ink = max((inks.tint, inks.shade), key=plate.contrast)
    if not plate.reads(ink):
        ink = max((WHITE, BLACK), key=plate.contrast)
    box = box_of([line for text in texts for line in text.lines])
    return Group(texts, ink, Backing.plate(inks.label, box, side))


def _on_veil(texts: Sequence[Text], inks: Inks, side: int, beside: Ink | None) -> Group:
    """Light type on a dark veil or the reverse, by what the picture is there or what stands `beside` on it; the veil
    no stronger than it has to be.
    """
    dark = np.mean([text.ground.mean for text in texts]) < _DARK if beside is None else luminance_of(beside) > _DARK
    ink, veil = (inks.tint, inks.shade) if dark else (inks.shade, inks.tint)
    box = box_of([line for text in texts for line in text.lines])

    def reads(strength: float) -> bool:
        backing = Backing.veil(veil, box, side, strength)
        return all(text.ground_on(backing).reads(ink) for text in texts)

    strength = _STRENGTHS[min(bisect_left(_STRENGTHS, True, key=reads), len(_STRENGTHS) - 1)]
    return Group(texts, ink, Backing.veil(veil, box, side, strength))
