"""Letters in ems: what a text on one line takes and where its letters stand, whatever size it will have.

Letters are measured once at a large size, so that a layout does not know how many pixels it will have.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gans.typefaces import can_shape, face_for, load_font, needs_shaping

_MEASURED_PX = 512

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Piece:
    """Letters that are drawn at once: how far from the line's start, in which face, and how large beside the others."""

    text: str
    at: float
    face: str
    size: float = 1.0


@dataclass(frozen=True)
class Line:
    """A line in ems: its pieces, and the box of its ink around the start of its baseline (left, top, right, bottom; up
    is negative).
    """

    pieces: tuple[Piece, ...]
    ink: Box

    @property
    def width(self) -> float:
        return self.ink[2] - self.ink[0]


@dataclass(frozen=True)
class Cut:
    """A face at a weight, letterspaced by `tracking` ems; `to_left` for a text that begins on the right, whatever
    script a line of it begins with.
    """

    face: str
    weight: int
    tracking: float
    to_left: bool = False

    @property
    def cap(self) -> float:
        """The height of its capitals in ems."""
        return _cap(self.face, self.weight)

    @property
    def direction(self) -> str | None:
        """The way its lines run, as Pillow names it; None where this machine's cannot tell ways apart."""
        return None if not can_shape() else "rtl" if self.to_left else "ltr"

    def line(self, text: str) -> Line:
        """A text on one line, letter by letter with kerning; as a whole where letters join or run to the left.

        A sign that the face lacks comes from the nearest one that has it, in the size at which capitals are as high.
        """
        if needs_shaping(text):
            face = face_for(self.face, text)
            return Line((Piece(text, 0.0, face),), _ink(face, self.weight, text, self.direction))
        at, before, pieces, boxes = 0.0, Piece("", 0.0, self.face), [], []
        for letter in clusters(text):
            face = face_for(self.face, letter)
            size = 1.0 if face == self.face else self.cap / _cap(face, self.weight)
            if before.text:
                at += self._step(before, letter, face) + self.tracking
            before = Piece(letter, at, face, size)
            if letter != " ":
                left, top, right, bottom = (size * edge for edge in _ink(face, self.weight, letter))
                pieces.append(before)
                boxes.append((at + left, top, at + right, bottom))
        return Line(tuple(pieces), box_around(boxes))

    def _step(self, before: Piece, letter: str, face: str) -> float:
        """From one letter to the next, in ems; those of one face are kerned."""
        if before.face != face:
            return before.size * _length(before.face, self.weight, before.text)
        pair, alone = (_length(face, self.weight, text) for text in (before.text + letter, letter))
        return before.size * (pair - alone)

    def length(self, text: str) -> float:
        """How far a text of the face's own letters moves on, in ems."""
        return _length(self.face, self.weight, text)


def box_around(boxes: Sequence[Box]) -> Box:
    """The smallest box around some, at least one."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def clusters(text: str) -> list[str]:
    """Letters with the marks that stand on them."""
    found: list[str] = []
    for mark in text:
        if found and unicodedata.category(mark).startswith("M"):
            found[-1] += mark
        else:
            found.append(mark)
    return found


@lru_cache(maxsize=8192)
def _length(face: str, weight: int, text: str) -> float:
    return float(load_font(face, weight, _MEASURED_PX).getlength(text)) / _MEASURED_PX


@lru_cache(maxsize=8192)
def _ink(face: str, weight: int, text: str, direction: str | None = None) -> Box:
    font = load_font(face, weight, _MEASURED_PX)
    left, top, right, bottom = font.getbbox(text, anchor="ls", direction=direction)
    return left / _MEASURED_PX, top / _MEASURED_PX, right / _MEASURED_PX, bottom / _MEASURED_PX


def _cap(face: str, weight: int) -> float:
    return -_ink(face, weight, "H")[1]
