"""The dataset that the shipped model learns from: covers of net labels and paintings, each with music for it.

A row of the kind `crossmodal` (column `subset`) is a cover with a window of a clip that `data.pairing` drew for it; its
`track_id` names both, artist and title are the music's. For some of them no more is told, so that the model meets a
bare track as it will be heard; for the others the clip's attributes, felt emotions and year, and tags: the clip's
genre, what the cover's own tags say, and its kind. A row of the kind `genre` is a net label's cover without music, with
attributes drawn around its own genre's mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from data.associations import cover_traits, plainness
from data.attributes import ATTRIBUTE_NAMES
from data.audio import Excerpt, load_audio
from data.cache import cover_cache
from data.emotions import emotions_array
from data.errors import InputError
from data.labels import NEAR_DUPLICATE, label
from data.pairing import CROSSMODAL, GENRE, couple_crossmodal
from data.shards import Dataset, DatasetWriter
from data.stored import encode_clip
from data.table import SPLITS
from encoders.tags import normalise_tag
from scripts.pairs import (
    MOST_PLAIN,
    GenreTable,
    music_of_clips,
    painting_details,
    pair_by_genre,
    strangers,
    wanted,
)
from scripts.prepare import hear_dataset

TRAITS_PX = 64
WINDOW_S = 30.0
WINDOWS = 3
"""Windows of a clip, evenly spread: covers of one clip get them by turns, so that its code varies."""
SHORTEST_CUT_S = 40.0
COPIES: Mapping[str, int] = {"graphic": 2, "painting": 1}
"""Crossmodal rows of each cover, by its kind: net labels' covers are what is wanted, and the fewer."""
BARE_SHARE = 1 / 3
"""The share of crossmodal rows that carry their clip alone."""
TAG_SHARE = 0.7
"""The chance of each tag to stand in a row, so that the model knows them alone as well as together."""
CLIPS_LICENCE = "music: research excerpts, CC BY-NC-SA"
SEED = 0


@dataclass(frozen=True)
class _Covers:
    """Covers to pair: their rows (bytes and all) and traits `[N, 6]`."""

    rows: Sequence[Mapping[str, Any]]
    traits: np.ndarray

    def where(self, chosen: np.ndarray) -> _Covers:
        """Those at the places `chosen`; a place may stand there again."""
        return _Covers([self.rows[place] for place in chosen], self.traits[chosen])


@dataclass(frozen=True)
class _Clips:
    """Clips to pair: their rows (bytes and all), attributes `[M, 10]` as heard, and what `data.associations` asks of
    them, `[M, 10]`.
    """

    rows: Sequence[Mapping[str, Any]]
    attributes: np.ndarray
    music: np.ndarray

    def where(self, chosen: np.ndarray) -> _Clips:
        return _Clips([self.rows[place] for place in chosen], self.attributes[chosen], self.music[chosen])


def write_sleeves(data: Path, netlabels: Dataset, paintings: Dataset, music: Dataset, out: Path) -> None:
    """Writes the dataset `out`; `data` holds the tables of paintings and genres that the datasets were built beside.

    A row is in a split only where its cover and its clip are, so that artists of both are held out together.
    """
    genres = GenreTable.read(data / "spotify" / "genres.csv")
    details = painting_details(data / "paintings" / "paintings.csv")
    covers = _read_covers([(netlabels, "graphic"), (paintings, "painting")], details)
    clips = _read_clips(music)
    rng = np.random.default_rng(SEED)
    with DatasetWriter(out) as writer:
        for split in SPLITS:
            own = covers.where(_in_split(covers.rows, split))
            for row in _crossmodal_rows(own, clips.where(_in_split(clips.rows, split)), rng):
                writer.write(row)
            for row in _genre_rows(own, genres, rng):
                writer.write(row)


def _in_split(rows: Sequence[Mapping[str, Any]], split: str) -> np.ndarray:
    return np.array([place for place, row in enumerate(rows) if row["split"] == split], dtype=np.int64)


def _read_covers(sources: Sequence[tuple[Dataset, str]], details: Mapping[str, Mapping[str, Any]]) -> _Covers:
    """All covers worth learning from: those that are wanted, no second copies, none that is nearly blank."""
    rows, traits = [], []
    for dataset, kind in sources:
        images = cover_cache(dataset, TRAITS_PX)
        again = label(dataset, NEAR_DUPLICATE)
        for place, row in enumerate(dataset.iter_rows()):
            image = np.asarray(images[place : place + 1])
            if row["cover"] is None or again[place] or plainness(image)[0] > MOST_PLAIN:
                continue
            for chosen in wanted([row], kind, details):
                rows.append(chosen)
                traits.append(cover_traits(image)[0])
    return _Covers(rows, np.array(traits).reshape(len(rows), -1))


def _read_clips(music: Dataset) -> _Clips:
    """All clips that can be heard."""
    heard = hear_dataset(music, lambda done, total: None)
    if heard is None:
        raise InputError(music.folder, "holds no clips")
    usable = np.flatnonzero(heard.usable())
    chosen = set(usable.tolist())
    rows = [row for place, row in enumerate(music.iter_rows()) if place in chosen]
    attributes = heard.attributes(usable)
    emotions = np.array([emotions_array(row["emotions"]) for row in rows])
    return _Clips(rows, attributes, music_of_clips(attributes, heard.descriptors(usable), emotions))


def _crossmodal_rows(covers: _Covers, clips: _Clips, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Rows of covers with the windows drawn for them, those of one window together: they are stored and heard once."""
    if not covers.rows or not clips.rows:
        return
    covers = covers.where(np.repeat(np.arange(len(covers.rows)), [COPIES[row["source"]] for row in covers.rows]))
    apart = strangers([row["genres"] for row in covers.rows], [row["genres"] for row in clips.rows])
    coupled = couple_crossmodal(covers.traits, clips.music, rng, apart)
    window = np.empty_like(coupled)
    for clip in range(len(clips.rows)):
        own = np.flatnonzero(coupled == clip)
        window[own] = np.arange(len(own)) % WINDOWS
    bare = rng.random(len(coupled)) < BARE_SHARE
    cut = lru_cache(maxsize=1)(lambda clip: _cut(clips.rows[clip]))
    for place in np.lexsort((window, coupled)):
        cover, clip = covers.rows[place], clips.rows[coupled[place]]
        sound = cut(coupled[place])
        row = {
            **cover,
            "track_id": f"{cover['track_id']}~{clip['track_id']}~{window[place] + 1}",
            **{name: clip[name] for name in ("artist", "album", "title")},
            "audio": sound[window[place] % len(sound)],
            "licence": f"{cover['licence']}; {CLIPS_LICENCE}",
            "subset": CROSSMODAL,
            "release_date": None,
        }
        if bare[place]:
            yield {**row, "genres": []}
            continue
        tags = _some([*map(normalise_tag, clip["genres"]), *cover["genres"]], rng) or [cover["source"]]
        # The year that one gives to the model is the music's; a cover's own would tell net labels from paintings.
        told = {"genres": tags, "emotions": clip["emotions"], "release_date": clip["release_date"]}
        yield {**row, **told, **_known(clips.attributes[coupled[place]])}


def _genre_rows(covers: _Covers, genres: GenreTable, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Rows of net labels' covers whose tags name a genre; a release's date is that of its music, too, and stays.

    (The table of genres has an `impressionism`, too: it is music's, not that of paintings.)
    """
    named = [row["source"] == "graphic" and genres.find(row["genres"]) is not None for row in covers.rows]
    tagged = covers.where(np.flatnonzero(named))
    attributes = pair_by_genre([row["genres"] for row in tagged.rows], tagged.traits, genres, rng)
    for row, drawn in zip(tagged.rows, attributes, strict=True):
        own = [tag for tag in row["genres"] if tag != row["source"]]
        tags = (_some(own, rng) or own[:1]) + _some([row["source"]], rng)
        yield {**row, "track_id": f"{row['track_id']}~{GENRE}", "genres": tags, "subset": GENRE, **_known(drawn)}


def _some(tags: Sequence[str], rng: np.random.Generator) -> list[str]:
    return [tag for tag, draw in zip(tags, rng.random(len(tags)), strict=True) if draw < TAG_SHARE]


def _known(attributes: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(ATTRIBUTE_NAMES, attributes, strict=True) if np.isfinite(value)}


def _cut(clip: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The windows of a clip as files; all of it where it is short."""
    heard = load_audio(clip["audio"]["bytes"], name=clip["track_id"])
    length = int(WINDOW_S * heard.sr)
    if len(heard.y) < SHORTEST_CUT_S * heard.sr:
        return [clip["audio"]]
    starts = np.linspace(0, len(heard.y) - length, WINDOWS).astype(int)
    windows = [Excerpt(heard.y[start : start + length], heard.sr, start / heard.sr, WINDOW_S) for start in starts]
    return [{"bytes": encode_clip(window), "path": "clip.ogg"} for window in windows]
