"""What the shipped model's pairs are made from: genres under one name, covers worth learning from, clips as numbers.

The kind of picture (graphic or painting, and the movement) is a tag that one can ask for.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.associations import MUSIC
from data.attributes import ATTRIBUTE_NAMES
from data.emotions import EMOTIONS
from data.errors import InputError
from data.files import reason_of
from data.pairing import couple_genre, music_of_attributes
from encoders.features import DESCRIPTOR_NAMES
from encoders.tags import normalise_tag

ALIASES: Mapping[str, str] = {
    "idm": "intelligent dance music",
    "dubtechno": "dub techno",
    "dubhouse": "deep house",
    "minimal": "minimal techno",
    "downbeat": "downtempo",
    "downbeats": "downtempo",
    "down tempo": "downtempo",
    "techhouse": "tech house",
    "dubtechhouse": "tech house",
    "chipmusic": "chiptune",
    "chip tune": "chiptune",
    "chip music": "chiptune",
    "8 bit music": "chiptune",
    "chillout": "chill out",
    "chll out": "chill out",
    "breakbeats": "breakbeat",
    "clicks and cuts": "glitch",
    "elektro": "electro",
    "triphop": "trip hop",
    "postrock": "post rock",
    "lofi": "lo fi",
    "instrumental hiphop": "lo fi beats",
    "instrumental hip hop": "lo fi beats",
    "hiphop": "hip hop",
    "tribal techno": "tribal house",
    "acid": "acid house",
    "classic": "classical",
    "drill'n'bass": "drill and bass",
}
"""Net labels' spellings of genres that the genre table knows under another name."""

FAMILIES: Mapping[str, frozenset[str]] = {
    "electronic": frozenset({
        "electronic", "electronica", "ambient", "intelligent dance music", "dub techno", "techno", "minimal techno",
        "detroit techno", "house", "deep house", "tech house", "acid house", "tribal house", "trance", "electro",
        "breakbeat", "drum and bass", "drill and bass", "dub", "glitch", "chiptune", "downtempo", "chill out",
        "trip hop", "drone", "indietronica", "lo fi beats",
    }),
    "rock": frozenset({"rock", "post rock", "indie rock", "punk", "metal", "shoegaze", "alternative"}),
    "pop": frozenset({"pop", "easy listening", "indie pop", "synthpop", "singer songwriter"}),
    "classical": frozenset({"classical", "orchestral", "piano", "chamber music"}),
}  # fmt: skip
"""The genres that are of one family; what is in none says nothing of any."""

LICENCES: Mapping[str, str] = {
    "graphic": "freely distributed net-label art, Creative Commons by the labels' practice",
    "painting": "public domain",
}
"""What stands in each row of its cover; the kinds of picture are the keys."""

SMALLEST_POOL = 20
MOST_PLAIN = 0.85
"""A cover of which more than this share is of one colour is nearly blank: a white scan, an empty page."""


@dataclass(frozen=True)
class GenreTable:
    """Mean attributes of genres: `means` float64 `[G, 10]` and the row of each genre's (normalised) name."""

    means: np.ndarray
    rows: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> GenreTable:
        """From a CSV with a column `genres` and one an attribute; `InputError` where it is not one."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                table = list(csv.DictReader(file))
            means = np.array([[float(row[name]) for name in ATTRIBUTE_NAMES] for row in table])
            rows = {normalise_tag(row["genres"]): place for place, row in enumerate(table)}
        except OSError as error:
            raise InputError(path, reason_of(error)) from error
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(path, "not a table of genres with a column for each attribute") from error
        if not rows:
            raise InputError(path, "an empty table")
        return cls(means, rows)

    def find(self, tags: Iterable[str]) -> str | None:
        """The first of `tags` that names a genre here, under the name it has here."""
        for name in map(known_as, tags):
            if name in self.rows:
                return name
        return None


def known_as(tag: str) -> str:
    """The one name of a genre."""
    name = normalise_tag(tag)
    return ALIASES.get(name, name)


def pair_by_genre(
    tags: Sequence[Iterable[str]], traits: np.ndarray, genres: GenreTable, rng: np.random.Generator
) -> np.ndarray:
    """Attributes float32 `[N, 10]` for covers with traits `[N, 6]` whose `tags` all name a genre of the table."""
    names = [genres.find(own) for own in tags]
    means = genres.means[[genres.rows[name] for name in names if name is not None]]
    pools: dict[str | None, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        pools[name if names.count(name) >= SMALLEST_POOL else None].append(place)
    attributes = np.empty((len(names), len(ATTRIBUTE_NAMES)), np.float32)
    for pool in pools.values():
        attributes[pool] = couple_genre(traits[pool], means[pool], rng)
    return attributes


def families(tags: Iterable[str]) -> frozenset[str]:
    """The families that tags are known to be of."""
    names = set(map(known_as, tags))
    return frozenset(family for family, members in FAMILIES.items() if members & names)


def strangers(covers: Sequence[Iterable[str]], clips: Sequence[Iterable[str]]) -> np.ndarray:
    """1 where the tags of a cover and of a clip name families and share none, else 0: float64 `[N, M]`."""
    theirs = list(map(families, clips))
    return np.array([[float(bool(own and of and not own & of)) for of in theirs] for own in map(families, covers)])


def music_of_clips(attributes: np.ndarray, descriptors: np.ndarray, emotions: np.ndarray) -> np.ndarray:
    """What is known of clips in the columns of `data.associations.MUSIC`: float64 `[M, 10]`, NaN where unknown.

    attributes `[M, 10]` and descriptors `[M, d]` as heard; emotions `[M, 9]` as felt by listeners. Complexity is how
    much the timbre varies: the mean deviation of the mel cepstrum's coefficients 1 to 12.
    """
    music = music_of_attributes(attributes)
    timbre = [DESCRIPTOR_NAMES.index(f"mfcc{k}_std") for k in range(1, 13)]
    felt = dict(zip(EMOTIONS, emotions.T, strict=True))
    known = {
        "majorness": descriptors[:, DESCRIPTOR_NAMES.index("majorness")],
        "onsets": descriptors[:, DESCRIPTOR_NAMES.index("onsets_per_s")],
        "brightness": descriptors[:, DESCRIPTOR_NAMES.index("centroid_hz_mean")],
        "complexity": descriptors[:, timbre].mean(axis=1),
        "joy": felt["joyful_activation"] - felt["sadness"],
        "arousal": felt["power"] + felt["tension"] - felt["calmness"],
    }
    for name, column in known.items():
        music[:, MUSIC.index(name)] = column
    return music


def painting_details(path: Path) -> dict[str, dict[str, Any]]:
    """Year of birth (`born`) and whether a picture is `grey`, by id; `InputError` where the table says neither."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {
                row["id"]: {"born": int(row["born"]), "grey": {"True": True, "False": False}[row["grey"]]}
                for row in csv.DictReader(file)
            }
    except OSError as error:
        raise InputError(path, reason_of(error)) from error
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(path, "not a table of paintings with id, born (a year) and grey (True or False)") from error


def wanted(
    rows: Iterable[dict[str, Any]], kind: str, details: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Rows to train on, their kind added to their tags. Of paintings, coloured ones by painters born after 1770:
    earlier ones are mostly portraits and altarpieces in brown, and drawings make covers grey."""
    for row in rows:
        if kind == "painting":
            detail = details.get(row["track_id"])
            if detail is None or detail["grey"] or detail["born"] <= 1770:
                continue
        tags = [part for genre in row["genres"] for part in genre.split(",")]
        genres = list(dict.fromkeys([*map(normalise_tag, tags), kind]))
        yield {**row, "genres": genres, "source": kind, "licence": LICENCES[kind]}
