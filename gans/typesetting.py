"""Setting a text: its lines balanced and fitted to a measure, and all of it drawn as a mask.

Lengths are parts of the cover's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from gans.letters import Box, Cut, Line, Piece, clusters
from gans.typefaces import load_font, needs_shaping

LEAST_CAP = 0.0165
"""The smallest capitals that are set, as a part of the cover's side: 17 pixels of 1,024."""
_LADDER = 0.95
_LARGE = 0.042
"""Titles whose capitals are smaller may have as many lines as they need."""
_AIR = 0.1
"""The least room between the ink of two lines, in heights of capitals."""
_BREAKS = frozenset(",;:!?…-–—/)]}»”")
_ANY_WORD, _SHORT_WORD = 0.15, 0.35
_WIDE = 40
"""Texts of more letters than this are not spaced out: wide setting is for a few words."""
_LEAST_DRAWN = 512


@dataclass(frozen=True)
class Block:
    """Lines at one size: their em, and each with the distance of its baseline from the block's top (the ink's)."""

    cut: Cut
    em: float
    lines: tuple[Line, ...]
    baselines: tuple[float, ...]

    @property
    def width(self) -> float:
        return max(line.width for line in self.lines) * self.em

    @property
    def height(self) -> float:
        return self.baselines[-1] + self.lines[-1].ink[3] * self.em

    @property
    def cap(self) -> float:
        return self.cut.cap * self.em

    def scaled(self, factor: float) -> Block:
        """The same lines at `factor` times the size."""
        return replace(self, em=factor * self.em, baselines=tuple(factor * base for base in self.baselines))


def fit(
    text: str,
    cut: Cut,
    largest: float,
    measure: float,
    height: float,
    leading: float,
    most_lines: int,
    least: float = LEAST_CAP,
) -> Block:
    """`text`, not empty, at the largest size, from capitals of `largest` down to `least`, at which it stands within
    `measure` and `height` (all parts of the cover's side): on as few lines as it can, these as even as they can be.

    Words are parted only where the smallest size leaves no other way. At that size the text may have any number of
    lines; where even so it is too large, it is made smaller until it is not.
    """
    if len(text) > _WIDE:
        cut = replace(cut, tracking=min(cut.tracking, 0.04))
    cap = max(largest, least)
    while True:
        last = cap <= least
        em = cap / cut.cap
        most = measure / em
        words = _parted(text.split(), cut, most) if last else text.split()
        widths = [cut.line(word).width for word in words]
        if last:
            widths = [min(width, most) for width in widths]  # a single letter may be wider
        space = cut.length(" ") + 2 * cut.tracking
        count = _lines_needed(widths, space, most)
        if count is not None and (last or cap < _LARGE or count <= most_lines):
            ranges = _balanced(words, widths, space, count, most)
            block = _stacked([" ".join(words[i:j]) for i, j in ranges], cut, em, leading)
            too_large = max(block.width / measure, block.height / height)
            if too_large <= 1 or last:
                return block if too_large <= 1 else block.scaled(1 / too_large)
        cap = max(cap * _LADDER, least)


def _parted(words: Sequence[str], cut: Cut, most: float) -> list[str]:
    """Words, those wider than `most` ems in parts that are not."""
    parts: list[str] = []
    for word in words:
        if cut.line(word).width <= most:
            parts.append(word)
            continue
        part = ""
        for letter in clusters(word):
            if part and cut.line(part + letter).width > most:
                parts.append(part)
                part = ""
            part += letter
        parts.append(part)
    return parts


def _lines_needed(widths: Sequence[float], space: float, most: float) -> int | None:
    """How many lines of at most this width words need; None where one of them is wider."""
    count, room = 1, most
    for width in widths:
        if width > most:
            return None
        if width > room:
            count, room = count + 1, most
        room -= width + space
    return count


def _balanced(
    words: Sequence[str], widths: Sequence[float], space: float, count: int, most: float
) -> list[tuple[int, int]]:
    """Words on `count` lines of at most `most` (ranges of their numbers): the lines as even as they can be, but rather
    broken after a comma or a dash than after `of the`.
    """
    n = len(words)
    total = np.concatenate([[0.0], np.cumsum(np.asarray(widths) + space)])
    line = total[None, :] - total[:, None] - space  # [i, j]: the words from i to j on one line
    even = (total[-1] - space) / count
    cost = np.where((line > most * (1 + 1e-9)) | np.tri(n + 1, dtype=bool), np.inf, np.square(line / even - 1))
    cost[:, :n] += np.array([0.0, *(_break_cost(word) for word in words[:-1])])
    best, cuts = cost[0], []  # best[j]: the first j words
    for _ in range(count - 1):
        sums = best[:, None] + cost
        cuts.append(sums.argmin(axis=0))
        best = sums.min(axis=0)
    ends = [n]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    return list(pairwise([0, *reversed(ends)]))


def _break_cost(word: str) -> float:
    """What it costs to end a line after a word."""
    if word[-1] in _BREAKS:
        return 0.0
    return _SHORT_WORD if len(word) <= 3 else _ANY_WORD


def _stacked(texts: Sequence[str], cut: Cut, em: float, leading: float) -> Block:
    lines = [cut.line(text) for text in texts]
    baselines = [-lines[0].ink[1] * em]
    for above, below in pairwise(lines):
        step = max(leading * cut.cap, above.ink[3] - below.ink[1] + _AIR * cut.cap)
        baselines.append(baselines[-1] + step * em)
    return Block(cut, em, tuple(lines), tuple(baselines))


@dataclass(frozen=True)
class Placed:
    """A line in its place: `x` and `y` are where its baseline starts, in parts of the cover's side."""

    line: Line
    cut: Cut
    em: float
    x: float
    y: float

    @property
    def ink(self) -> Box:
        """Left, top, right, bottom."""
        left, top, right, bottom = self.line.ink
        return self.x + self.em * left, self.y + self.em * top, self.x + self.em * right, self.y + self.em * bottom


def place(block: Block, left: float, right: float, top: float, align: float) -> list[Placed]:
    """A block's lines, their ink between `left` and `right`, from `top` down; `align` 0 is left, 1 right."""
    placed = []
    for line, baseline in zip(block.lines, block.baselines, strict=True):
        x = left + align * (right - left - line.width * block.em) - line.ink[0] * block.em
        placed.append(Placed(line, block.cut, block.em, x, top + baseline))
    return placed


def draw_mask(lines: Sequence[Placed], side: int) -> np.ndarray:
    """How much of each pixel of a cover of `side` pixels the letters fill: uint8 `[side, side]`.

    Small covers are drawn larger and averaged: the letters stand where they stand on a large one.
    """
    finer = -(-_LEAST_DRAWN // side)
    drawn = side * finer
    mask = Image.new("L", (drawn, drawn))
    draw = ImageDraw.Draw(mask)
    for line in lines:
        for piece in line.line.pieces:
            if needs_shaping(piece.text):
                _draw_whole(mask, line, piece, drawn)
                continue
            font = load_font(piece.face, line.cut.weight, piece.size * line.em * drawn)
            at = (line.x + piece.at * line.em) * drawn, line.y * drawn
            draw.text(at, piece.text, fill=255, font=font, anchor="ls")
    return np.asarray(mask.reduce(finer) if finer > 1 else mask)


def _draw_whole(mask: Image.Image, line: Placed, piece: Piece, drawn: int) -> None:
    """A shaped line, brought to the box that was measured: hinting rounds the advances of small sizes."""
    left, top, right, bottom = (round(edge * drawn) for edge in line.ink)
    font, way = load_font(piece.face, line.cut.weight, line.em * drawn), line.cut.direction
    box = font.getbbox(piece.text, anchor="ls", direction=way)
    letters = Image.new("L", (max(1, int(box[2] - box[0])), max(1, int(box[3] - box[1]))))
    at = -box[0], -box[1]
    ImageDraw.Draw(letters).text(at, piece.text, fill=255, font=font, anchor="ls", direction=way)
    size = (max(1, right - left), max(1, bottom - top))
    mask.paste(255, (left, top), letters.resize(size, Image.Resampling.BILINEAR))
