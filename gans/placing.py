"""Where type goes on a cover: the few places that sleeves use, and which of them is quiet on this picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data.colour import relative_luminance, rgb_to_lab
from gans.inks import NEAR_BLACK, NEAR_WHITE, Ground
from gans.letters import Box, Cut, box_around
from gans.typefaces import cased, face_for_letters, is_right_to_left
from gans.typesetting import LEAST_CAP, Block, Placed, fit, place
from gans.typestyles import CENTRE, LEFT, POSTER, SPLIT, STACK, Style

MARGIN = 0.06
"""From the cover's edges to the nearest ink, as a part of its side."""
_MEASURE = 1 - 2 * MARGIN
_LEAST_ARTIST = 0.8
_EASY_ARTIST, _LARGEST_ARTIST = 0.024, 0.042
"""An artist's capitals, as parts of the cover's side: under a long title no smaller than the first if it can be, since
covers are mostly seen small, and never larger than the second.
"""
_TITLE_HEIGHT, _ARTIST_HEIGHT = 0.37, 0.36
_WIDEST_GAP = 0.045
_GRID = 96
_NARROW = 0.6
"""Blocks up to this width may also stand on the right."""
_UNREADABLE = 0.3
_EDGES, _CHANGE = 3.0, 1.0
_LEADING = 1.5
_HABIT = 0.02
"""How much quieter a place must be than one that is more usual."""


class Terrain:
    """How quiet each part of a picture is."""

    def __init__(self, cover: np.ndarray) -> None:
        """Of uint8 `[3, side, side]`."""
        channels = [Image.fromarray(channel).resize((_GRID, _GRID), Image.Resampling.BOX) for channel in cover]
        self._grid = np.stack([np.asarray(channel) for channel in channels], axis=2)  # [_GRID, _GRID, 3]
        lab = rgb_to_lab(self._grid.reshape(-1, 3)).reshape(_GRID, _GRID, 3) / 100
        across, down = np.gradient(lab, axis=(0, 1))
        self._edges = np.sqrt((across**2 + down**2).sum(axis=2))
        self._light = lab[..., 0]

    @property
    def pixels(self) -> np.ndarray:
        """A sample of its colours: uint8 `[N, 3]`."""
        return self._grid[::2, ::2].reshape(-1, 3)

    def unrest(self, box: Box) -> float:
        """How busy the picture is within a box, 0 for a flat colour: edges, changes of light, and whether neither dark
        nor light type could be read there.
        """
        part = self._part(box)
        ground = Ground(relative_luminance(self._grid[part].reshape(-1, 3).T))
        lost = not (ground.reads(NEAR_WHITE) or ground.reads(NEAR_BLACK))
        return _EDGES * float(self._edges[part].mean()) + _CHANGE * float(self._light[part].std()) + _UNREADABLE * lost

    def _part(self, box: Box) -> tuple[slice, slice]:
        left, top, right, bottom = box
        rows = slice(max(0, int(top * _GRID) - 1), max(1, int(np.ceil(bottom * _GRID)) + 1))
        return rows, slice(max(0, int(left * _GRID) - 1), max(1, int(np.ceil(right * _GRID)) + 1))


@dataclass(frozen=True)
class Layout:
    """Type in its place: groups of texts that stand together, a text as its lines, the title's first; `habit` is how
    unusual the place is.
    """

    groups: tuple[tuple[list[Placed], ...], ...]
    habit: float

    @property
    def lines(self) -> list[Placed]:
        return [line for group in self.groups for text in group for line in text]


def box_of(lines: Sequence[Placed]) -> Box:
    """The box around the ink of some lines."""
    return box_around([line.ink for line in lines])


def quietest(terrain: Terrain, layouts: Sequence[Layout]) -> Layout:
    """The layout that disturbs the picture least and is least disturbed by it; the first of equals."""

    def cost(layout: Layout) -> float:
        boxes = [line.ink for line in layout.lines]
        sizes = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
        unrest = [terrain.unrest(box) for box in boxes]
        return float(np.average(unrest, weights=sizes)) + max(unrest) / 2 + layout.habit

    return min(layouts, key=cost)


def arrange(title: str, artist: str, style: Style) -> list[Layout]:
    """The layouts that a style allows for a title and an artist, one of which may be empty."""
    if not title:
        title, artist = artist, ""
    head, foot = _blocks(title, artist, style)
    mirrored = is_right_to_left(title)
    layouts: list[Layout] = []
    if foot is None or style.arrangement != SPLIT:
        layouts += _stacked(head, foot, style, mirrored)
    if foot is not None and style.arrangement != STACK:
        layouts += _split(head, foot, mirrored)
    return layouts


def _blocks(title: str, artist: str, style: Style) -> tuple[Block, Block | None]:
    title = cased(title, style.upper, style.face)
    artist = cased(artist, style.artist_upper, style.face)
    face = face_for_letters(style.face, title + artist)
    cut = Cut(face_for_letters(face, title), style.weight, style.tracking, is_right_to_left(title))
    head = fit(title, cut, style.cap, _MEASURE, _TITLE_HEIGHT, style.leading, style.lines, LEAST_CAP)
    if style.arrangement == POSTER and head.cap < style.cap:
        head = head.scaled(min(_MEASURE / head.width, _TITLE_HEIGHT / head.height, style.cap / head.cap))
    if not artist:
        return head, None
    own = face_for_letters(style.artist_face or face, artist)
    cut = Cut(own, style.artist_weight, style.artist_tracking, is_right_to_left(artist))
    largest = min(max(style.ratio * head.cap, min(_EASY_ARTIST, _LEAST_ARTIST * head.cap)), _LARGEST_ARTIST)
    least = _LEAST_ARTIST * min(LEAST_CAP, head.cap)
    return head, fit(artist, cut, largest, _MEASURE, _ARTIST_HEIGHT, max(style.leading, _LEADING), 2, least)


def _stacked(head: Block, foot: Block | None, style: Style, mirrored: bool) -> Iterator[Layout]:
    """Both together: at the top, at the bottom, and in the middle where lines are centred."""
    gap = 0.0 if foot is None else min(max(0.6 * head.cap, 1.5 * foot.cap), _WIDEST_GAP)
    height = head.height + (gap + foot.height if foot else 0.0)
    width = max(head.width, foot.width if foot else 0.0)
    tops = {"top": MARGIN, "bottom": 1 - MARGIN - height}
    if style.align == CENTRE:
        tops["middle"] = (1 - height) / 2
    for align, odd in _alignments(style.align, width, mirrored):
        for unusual, (where, top) in enumerate(tops.items()):
            # A poster's title holds on to the edge; elsewhere the order is the style's.
            foot_first = where == "bottom" if style.arrangement == POSTER else style.artist_first
            below = top + foot.height + gap if foot and foot_first else top
            texts = [place(head, MARGIN, 1 - MARGIN, below, align)]
            if foot:
                at = top if foot_first else top + head.height + gap
                texts.append(place(foot, MARGIN, 1 - MARGIN, at, align))
            yield Layout((tuple(texts),), _HABIT * (odd + unusual))


def _split(head: Block, foot: Block, mirrored: bool) -> Iterator[Layout]:
    """The title at one edge, the artist at the opposite one, below one another or across."""
    for side, odd in _alignments(LEFT, head.width, mirrored):
        for unusual, title_on_top in enumerate((False, True)):
            for across in (0, 1) if foot.width <= _NARROW else (0,):
                top = MARGIN if title_on_top else 1 - MARGIN - head.height
                other = 1 - MARGIN - foot.height if title_on_top else MARGIN
                title = place(head, MARGIN, 1 - MARGIN, top, side)
                artist = place(foot, MARGIN, 1 - MARGIN, other, 1 - side if across else side)
                yield Layout(((title,), (artist,)), _HABIT * (odd + unusual + across))


def _alignments(align: str, width: float, mirrored: bool) -> list[tuple[float, int]]:
    """How lines may be aligned, and how unusual that is."""
    if align == CENTRE:
        return [(0.5, 0)]
    usual = 1.0 if mirrored else 0.0
    return [(usual, 0), (1 - usual, 1)] if width <= _NARROW else [(usual, 0)]
