"""A cover names its making: the text chunks of the PNG, and the file names that covers get."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from data.errors import InputError
from data.files import sha256_bytes

LOOKS = ("paper", "brush", "grain", "halftone", "plain", "blocks")
"""As `gans.finish.LOOKS`, which would load torch for `gatefold --help`; so are the next two."""
MIN_SIZE, MAX_SIZE, DEFAULT_SIZE = 16, 4096, 1024
DEFAULT_LOOK: Final = "paper"
MAX_SEED = 2**32 - 1  # torch's generator on the CPU hears no more of a seed: 2**32 would be 0 again
MAX_TRUNCATION = 2.0
MAX_STRENGTH = 10.0
MOST_SEEDS = 1_000
_LONGEST_NAME_BYTES = 180
_SEEDS = re.compile("([0-9]{1,10})(?:-([0-9]{1,10}))?")
_SHA256 = re.compile("[0-9a-f]{64}")


NO_MUSIC = sha256_bytes(b"")
"""What names the music of a cover that was made from wishes alone."""


@dataclass(frozen=True)
class Wishes:
    """What the user asks for beyond what is heard: attributes on Spotify's scales, tags, a year."""

    attributes: Mapping[str, float] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    year: int | None = None

    @classmethod
    def parse(cls, attributes: str = "", tags: str = "", year: int | None = None) -> Wishes:
        """From the command line's words; `InputError` names the one that is wrong."""
        from data.attributes import parse_attributes

        names = (" ".join(tag.split()).lower() for tag in tags.split(","))
        if year is not None and not 1000 <= year <= 3000:
            raise InputError("--year", f"{year} is no year of music")
        return cls(parse_attributes(attributes), tuple(dict.fromkeys(filter(None, names))), year)

    def __str__(self) -> str:
        """In words, such as `techno, energy 0.9, 1998`."""
        values = [f"{name} {value:g}" for name, value in self.attributes.items()]
        return ", ".join([*self.tags, *values, *([] if self.year is None else [str(self.year)])])


@dataclass(frozen=True)
class Family:
    """Which composition a cover's own one is near to, and how far from it: 0 is the same, 1 any other."""

    seed: int
    spread: float


@dataclass(frozen=True)
class Mix:
    """What gives a cover its style from place `level` on: another track and its condition (hashes as in `Making`) under
    this seed.
    """

    track: str
    heard: str
    seed: int
    level: int


@dataclass(frozen=True)
class Finish:
    """How the network's picture becomes the cover: in which look, and how many pixels wide."""

    look: str
    size: int


@dataclass(frozen=True)
class Lettering:
    """What is set on the cover, in which style, for music of what energy (0 to 1)."""

    title: str
    artist: str
    style: str
    energy: float


@dataclass(frozen=True)
class Making:
    """All that decides a cover's pixels.

    `bundle`, `track` and `heard` are hashes: of the bundle's files, of the excerpt's samples (of an album:
    `album_hash`), and of the condition vector that the two gave together with the wishes.
    """

    bundle: str
    track: str
    seed: int
    truncation: float
    strength: float
    wishes: Wishes
    heard: str
    family: Family | None = None
    mix: Mix | None = None
    finish: Finish | None = None
    lettering: Lettering | None = None

    def to_text(self) -> dict[str, str]:
        """The text chunks: every value a short Latin-1 text, the condition a JSON object; family, mix, finish and
        lettering too, of covers that have them.
        """
        wishes = {
            "attributes": dict(self.wishes.attributes),
            "tags": list(self.wishes.tags),
            "year": self.wishes.year,
            "sha256": self.heard,
        }
        return {
            "Software": f"gatefold {version('gatefold')}",
            "bundle": self.bundle,
            "track": self.track,
            "seed": str(self.seed),
            "truncation": repr(self.truncation),
            "strength": repr(self.strength),
            "condition": json.dumps(wishes),
            **{
                name: json.dumps(asdict(part))
                for name in ("family", "mix", "finish", "lettering")
                if (part := getattr(self, name)) is not None
            },
        }

    @classmethod
    def from_text(cls, path: Path, text: Mapping[str, str]) -> Making:
        """Reads what `to_text` wrote; `InputError` where a chunk is missing or holds something else."""
        try:
            condition = json.loads(text["condition"])
            wishes = Wishes.parse(
                ",".join(f"{name}={float(value)!r}" for name, value in condition["attributes"].items()),
                ",".join(condition["tags"]),
                None if condition["year"] is None else int(condition["year"]),
            )
            making = cls(
                bundle=text["bundle"],
                track=text["track"],
                seed=int(text["seed"]),
                truncation=float(text["truncation"]),
                strength=float(text["strength"]),
                wishes=wishes,
                heard=str(condition["sha256"]),
                family=Family(**json.loads(text["family"])) if "family" in text else None,
                mix=Mix(**json.loads(text["mix"])) if "mix" in text else None,
                finish=Finish(**json.loads(text["finish"])) if "finish" in text else None,
                lettering=Lettering(**json.loads(text["lettering"])) if "lettering" in text else None,
            )
            making._check(path)
        except KeyError as error:
            raise InputError(path, f"does not say how it was made (no {error.args[0]!r} in its text)") from error
        except InputError as error:
            raise InputError(path, f"its text is damaged ({error})") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(path, "its text is damaged") from error
        return making

    def _check(self, path: Path) -> None:
        usable = {
            "seed": _is_seed(self.seed),
            "truncation": 0 <= self.truncation <= MAX_TRUNCATION,
            "strength": 0 <= self.strength <= MAX_STRENGTH,
            **{name: _SHA256.fullmatch(getattr(self, name)) for name in ("bundle", "track", "heard")},
        }
        if self.family is not None:
            usable["family"] = _is_seed(self.family.seed) and 0 <= self.family.spread <= 1
        if self.mix is not None:
            hashes = all(map(_SHA256.fullmatch, (self.mix.track, self.mix.heard)))
            usable["mix"] = hashes and _is_seed(self.mix.seed) and type(self.mix.level) is int and self.mix.level >= 0
        if self.finish is not None:
            fits = type(self.finish.size) is int and MIN_SIZE <= self.finish.size <= MAX_SIZE
            usable["finish"] = fits and self.finish.look in LOOKS
        if self.lettering is not None:
            usable["lettering"] = _can_be_set(self.lettering)
        for name, fine in usable.items():
            if not fine:
                raise InputError(path, f"its text is damaged ({name})")


def _can_be_set(lettering: Lettering) -> bool:
    from gans.typefaces import clean_type
    from gans.typestyles import make_style

    make_style(lettering.style, lettering.energy)
    texts = (lettering.title, lettering.artist)
    return any(texts) and all(clean_type(text) == (text, "") for text in texts)


def _is_seed(seed: int) -> bool:
    return type(seed) is int and 0 <= seed <= MAX_SEED


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds in words: `0,5,9` or `0-5` or `0-2,7`; `InputError` for anything else, or for more than `MOST_SEEDS`."""
    seeds: list[int] = []
    for part in text.split(","):
        found = _SEEDS.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= MAX_SEED:
            raise InputError("--seeds", f"{part.strip() or 'nothing'} is no seed; write 0,5,9 or 0-5, up to {MAX_SEED}")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise InputError("--seeds", f"more than {MOST_SEEDS:,} seeds")
        seeds += range(first, last + 1)
    return tuple(seeds)


def album_hash(fingerprints: Sequence[str]) -> str:
    """What names the music of these tracks' excerpts, in this order; one track's own fingerprint names it alone."""
    return fingerprints[0] if len(fingerprints) == 1 else sha256_bytes(" ".join(fingerprints).encode())


def cover_path(folder: Path, name: str, making: Making, suffix: str = ".png") -> Path:
    """Where a cover of what is called `name` goes: `folder/<name>-<seed>.png` (or `.jpg`), the name made safe.

    Where that path is taken by anything but this very cover, eight digits that name its making come between name
    and seed: neither another track of that name nor the same one tried with other options or another model is
    overwritten. Raises `InputError` where that path is taken too.
    """
    stem, text = safe_name(name), making.to_text()
    plain = folder / f"{stem}-{making.seed}{suffix}"
    if _free_for(plain, text):
        return plain
    digits = sha256_bytes(json.dumps(text, sort_keys=True).encode())[:8]
    marked = folder / f"{stem}-{digits}-{making.seed}{suffix}"
    if _free_for(marked, text):
        return marked
    raise InputError(marked, "is there already and is not this cover")


def safe_name(name: str) -> str:
    """`name` as part of a file name on one line that every file system takes."""
    safe = "".join(character if character.isprintable() and character != "/" else "_" for character in name)
    cut = safe.encode()[:_LONGEST_NAME_BYTES]
    return cut.decode(errors="ignore")


def _free_for(path: Path, making: Mapping[str, str]) -> bool:
    from data.jpeg import read_cover

    if not path.exists() and not path.is_symlink():
        return True
    try:
        _, text = read_cover(path)
    except InputError:
        return False
    return text == making


def as_json(value: Any) -> str:
    """One JSON object on one line; NaN is refused, since it is not JSON."""
    return json.dumps(value, allow_nan=False)
