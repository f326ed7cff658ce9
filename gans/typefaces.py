"""The typefaces that a sleeve can be set in, what each can write, and how a text is cleaned before it is set.

Six families with clearly different characters, all under the SIL Open Font License and installed as packages with
their licences (`setup.cfg`), and DejaVu, which comes with matplotlib, for the scripts that none of them has. Which
characters a face has is read from its own table of them (cmap).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont, features

from data.errors import InputError

MOST_CHARACTERS = 300
_MOST_MARKS = 3
_NOT_SEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINERS = "\u200c\u200d"  # they say how Arabic letters join; elsewhere nothing is seen of them
_WITHOUT_INK = frozenset(map(chr, (*range(0xFE00, 0xFE10), 0x034F, 0xFFFC)))
"""Selectors of a variant, the joiner of graphemes, the place of an object: nothing to the eye."""
_BLANK = "\u2800"  # a letter of Braille without a dot
_WIDEST = "sans"
"""The face with the most characters, to which all others come in the end: a text must be one that it can write."""
_OPENING, _APOSTROPHE = re.compile(r"(?<!\w)'\w"), re.compile(r"(?<=[^\W\d])'")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


@dataclass(frozen=True)
class Typeface:
    """A face: the package that has it, its files by weight (a variable one: all its weights), the next one to ask."""

    package: str
    files: tuple[tuple[int, str], ...]
    otherwise: str | None = None
    variable: tuple[int, int] | None = None

    def path(self, weight: int) -> Path:
        """The file of the weight nearest to `weight`, the heavier of two; `InputError` where it is not installed."""
        name = min(self.files, key=lambda file: (abs(file[0] - weight), -file[0]))[1]
        package = find_spec(self.package)
        if package is None or package.origin is None:
            raise InputError(self.package, f"is not installed: pip install {self.package.replace('_', '-')}")
        return Path(package.origin).parent / name


def _variable(package: str, name: str, low: int, high: int, otherwise: str) -> Typeface:
    return Typeface(package, ((low, f"files/{name}[wght].ttf"),), otherwise, (low, high))


def _dejavu(name: str, otherwise: str | None) -> Typeface:
    folder = "mpl-data/fonts/ttf"
    return Typeface("matplotlib", ((400, f"{folder}/{name}.ttf"), (700, f"{folder}/{name}-Bold.ttf")), otherwise)


_ZILLA = ((300, "Light"), (400, "Regular"), (500, "Medium"), (600, "SemiBold"), (700, "Bold"))
FACES: dict[str, Typeface] = {
    "condensed": _variable("fontpkg_oswald", "Oswald", 200, 700, "geometric"),
    "geometric": _variable("fontpkg_jost", "Jost", 100, 900, "sans"),
    "grotesque": _variable("fontpkg_space_grotesk", "SpaceGrotesk", 300, 700, "geometric"),
    "serif": _variable("fontpkg_cormorant_garamond", "CormorantGaramond", 300, 700, "book"),
    "italic": _variable("fontpkg_cormorant_garamond", "CormorantGaramond-Italic", 300, 700, "serif"),
    "slab": Typeface("fontpkg_zilla_slab", tuple((w, f"files/ZillaSlab-{name}.ttf") for w, name in _ZILLA), "book"),
    "hand": Typeface(
        "font_amatic_sc", ((400, "files/AmaticSC-Regular.ttf"), (700, "files/AmaticSC-Bold.ttf")), "geometric"
    ),
    "book": _dejavu("DejaVuSerif", "sans"),
    "sans": _dejavu("DejaVuSans", None),
}


@lru_cache(maxsize=64)
def load_font(face: str, weight: int, size_px: float) -> ImageFont.FreeTypeFont:
    """A face at a weight (100 to 900, the nearest that it has) and an em of `size_px` pixels."""
    typeface = FACES[face]
    font = ImageFont.truetype(typeface.path(weight), size_px)
    if typeface.variable is not None:
        low, high = typeface.variable
        font.set_variation_by_axes([min(max(weight, low), high)])
    return font


@lru_cache(maxsize=32)
def characters_of(face: str) -> frozenset[int]:
    """The code points that a face can write."""
    from fontTools.ttLib import TTFont  # only who sets type waits for it

    with TTFont(FACES[face].path(400), lazy=True) as font:
        return frozenset(font.getBestCmap())


def lacks(face: str, text: str) -> str:
    """The characters of `text`, each once, that a face cannot write."""
    known = characters_of(face)
    return "".join(dict.fromkeys(mark for mark in text if ord(mark) not in known and mark not in f" {_JOINERS}"))


def face_for(face: str, text: str) -> str:
    """`face`, or the nearest of its relatives that has every character of `text`; the last one where none has."""
    while lacks(face, text) and (otherwise := FACES[face].otherwise) is not None:
        face = otherwise
    return face


def face_for_letters(face: str, text: str) -> str:
    """`face_for` the letters and digits of `text`: a sign that it lacks, such as ♭ or ♥, may come from another one."""
    return face_for(face, "".join(mark for mark in text if unicodedata.category(mark)[0] in "LMN"))


def cased(text: str, upper: bool, face: str) -> str:
    """`text` in capitals where that is wished and some relative of `face` has them."""
    capitals = text.upper() if upper else text
    return text if lacks(face_for(face, capitals), capitals) else capitals


def clean_type(text: str, subject: str = "title") -> tuple[str, str]:
    """`text` as it can be set, on one line, and the signs of it that must be left out, since no face has them.

    Line breaks and tabs become spaces, a typewriter's apostrophe a typesetter's; what is not seen (controls, zero
    widths, marks of direction) goes, and so does what is piled on a letter beyond three marks. Signs such as emoji are
    left out where no face has them. Raises `InputError`, naming them, where that are letters or digits, for more than
    300 characters, and where nothing is left.
    """
    seen = "".join(" " if mark.isspace() or mark == _BLANK else mark for mark in unicodedata.normalize("NFC", text))
    joins = is_right_to_left(seen)
    kept: list[str] = []
    marks = 0
    for mark in seen:
        kind = unicodedata.category(mark)
        if mark in _WITHOUT_INK or (kind in _NOT_SEEN and not (joins and mark in _JOINERS)):
            continue
        marks = marks + 1 if kind.startswith("M") else 0
        if marks <= _MOST_MARKS:
            kept.append(mark)
    words = " ".join("".join(kept).split())
    if not _OPENING.search(words):
        words = _APOSTROPHE.sub("’", words)
    if len(words) > MOST_CHARACTERS:
        raise InputError(subject, f"{len(words)} characters are too many to set on a cover (at most {MOST_CHARACTERS})")
    missing = set(lacks(_WIDEST, words))
    unreadable = [mark for mark in dict.fromkeys(words) if mark in missing and unicodedata.category(mark)[0] in "LMN"]
    if unreadable:
        raise InputError(subject, f"no typeface here has {_named(unreadable)}")
    left = " ".join("".join(mark for mark in words if mark not in missing).split())
    if words and not left:
        raise InputError(subject, f"nothing of it can be set: no typeface here has {_named(list(words))}")
    return left, "".join(mark for mark in dict.fromkeys(words) if mark in missing)


def _named(marks: list[str]) -> str:
    named = [f"{mark} (U+{ord(mark):04X})" for mark in marks[:5]]
    return ", ".join(named) + (f" and {len(marks) - 5} more" if len(marks) > 5 else "")


def is_right_to_left(text: str) -> bool:
    """Whether a line of it begins on the right: its first letter with a direction does (Unicode's rule P2)."""
    for mark in text:
        direction = unicodedata.bidirectional(mark)
        if direction == "L" or direction in _RIGHT_TO_LEFT:
            return direction in _RIGHT_TO_LEFT
    return False


def needs_shaping(text: str) -> bool:
    """Whether letters join or run to the left somewhere in it, so that a line has to be set as a whole."""
    return any(unicodedata.bidirectional(mark) in _RIGHT_TO_LEFT for mark in text)


def can_shape() -> bool:
    """Whether this machine's Pillow can shape such lines (libraqm with FriBiDi)."""
    return bool(features.check("raqm"))
