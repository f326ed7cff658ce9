"""What encoders of sound learn from: tracks of a dataset with all that is known of them, and batches of hearings."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.emotions import EMOTIONS, emotions_array
from data.shards import Dataset
from data.splits import normalised_artist
from encoders.augment import Augmentation, Hearing, at_speed, draw_mix, hear_otherwise, mask
from encoders.features import DESCRIPTOR_NAMES, N_MELS
from encoders.moments import Moments
from encoders.sound import standardise_levels
from encoders.spectrograms import Spectrograms
from encoders.tags import tag_shares

LEAST_ARTISTS = 2
"""Artists that a genre needs: of one artist's genre nothing can be said about another's."""

BACKWARD = 0.25
"""Share of the hearings that run backward, where an encoder is to tell which do (Wei et al. 2018)."""

MOST_MEASURED = 20_000
"""Tracks of a dataset whose sound is measured for a scale: more would move it by nothing."""

CLIP = 5.0
"""Standardised descriptors and teachers' answers are held within ± this."""


@dataclass(frozen=True)
class Labels:
    """What is written of N tracks: `genre_shares [N, n_genres]` sum to one (NaN: no known genre), `emotions [N, 9]`
    (NaN: unknown), `artists [N]` in one spelling (a row without stands for itself)."""

    genres: tuple[str, ...]
    genre_shares: np.ndarray
    emotions: np.ndarray
    artists: np.ndarray

    def take(self, rows: np.ndarray) -> Labels:
        """The labels of some of the tracks."""
        return Labels(self.genres, self.genre_shares[rows], self.emotions[rows], self.artists[rows])


def dataset_labels(dataset: Dataset, rows: np.ndarray) -> Labels:
    """The labels of all N tracks of `dataset`; a genre is known that two artists of `rows` share."""
    table = dataset.read(["track_id", "artist", "genres", "emotions"]).to_pylist()
    artists = np.array([normalised_artist(row["artist"]) or f"row:{row['track_id']}" for row in table], dtype=object)
    shares = [tag_shares(row["genres"]) for row in table]
    heard_from: dict[str, set[str]] = {}
    for row in rows.tolist():
        for genre in shares[row]:
            heard_from.setdefault(genre, set()).add(artists[row])
    genres = tuple(sorted(genre for genre, names in heard_from.items() if len(names) >= LEAST_ARTISTS))
    known, place = np.zeros((len(table), len(genres))), {genre: column for column, genre in enumerate(genres)}
    for row, share in enumerate(shares):  # a track has few genres, a large dataset thousands
        for genre in share.keys() & place.keys():
            known[row, place[genre]] = share[genre]
    total = known.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        known = np.where(total > 0, known / total, np.nan)
    emotions = [emotions_array(row["emotions"]) for row in table]
    return Labels(genres, known, np.array(emotions).reshape(len(table), len(EMOTIONS)), artists)


@dataclass(frozen=True)
class Source:
    """Tracks of one dataset that can be heard: `rows` int64 `[n]`, and what is known of each, row by row.

    `descriptors [n, d]` raw (NaN: unknown), `labels` of n tracks, the `moments` of teachers where there are any.
    """

    spectrograms: Spectrograms
    rows: np.ndarray
    labels: Labels
    descriptors: np.ndarray
    moments: Moments | None

    def __len__(self) -> int:
        return len(self.rows)

    @functools.cached_property
    def n_frames(self) -> np.ndarray:
        """int64 `[n]`."""
        return self.spectrograms.n_frames[np.searchsorted(self.spectrograms.rows, self.rows)]

    def some(self, most: int) -> Source:
        """At most so many of these tracks, evenly from the first to the last."""
        if len(self) <= most:
            return self
        kept = np.linspace(0, len(self) - 1, most).astype(np.int64)
        return Source(self.spectrograms, self.rows[kept], self.labels.take(kept), self.descriptors[kept], self.moments)

    def clip(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Log-mel `[128, n_frames]` of track `index` of these."""
        log_mel = self.spectrograms.clip(int(self.rows[index]), start, stop)
        assert log_mel is not None
        return log_mel


@dataclass(frozen=True)
class Scales:
    """Mean and deviation of all that is standardised, over the training tracks."""

    level_mean: np.ndarray  # [128]
    level_scale: float
    answers: Mapping[str, tuple[np.ndarray, np.ndarray]]  # name → (mean [size], deviation [size])

    def standardise(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values `[..., size]` of an answer, within ± `CLIP`; float32."""
        mean, deviation = self.answers[name]
        return np.clip((values - mean) / deviation, -CLIP, CLIP).astype(np.float32)


def measure_scales(sources: Sequence[Source]) -> Scales:
    """The scales of what the sources hold; an answer that none of them holds has none."""
    total, squares, frames = np.zeros(N_MELS), 0.0, 0
    for source in (source.some(MOST_MEASURED) for source in sources):
        for index in range(len(source)):
            log_mel = source.clip(index).astype(np.float64)
            total, squares, frames = (
                total + log_mel.sum(axis=1),
                squares + float(np.square(log_mel).sum()),
                frames + log_mel.shape[1],
            )
    mean = total / frames
    values = {
        "descriptors": np.concatenate([source.descriptors for source in sources]),
        "emotions": np.concatenate([source.labels.emotions for source in sources]),
    }
    taught = [source.some(MOST_MEASURED) for source in sources if source.moments is not None]
    whole = [source.moments.between(row) for source in taught for row in source.rows.tolist() if source.moments]
    if whole:
        values["teachers"] = np.stack(whole)
    answers = {}
    for name, rows in values.items():
        known = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        if len(known):
            answers[name] = _scale(known.mean(axis=0), known.std(axis=0))
    if "teachers" in answers:
        answers["moments"] = _scale_of_moments(taught)
    scale = np.sqrt(max(squares / (frames * N_MELS) - float(mean.mean()) ** 2, 1e-6))
    return Scales(mean.astype(np.float32), float(scale), answers)


def _scale(mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What never changes is never asked for: over an infinite deviation it is always 0."""
    return mean, np.where(deviation > 1e-6 * np.maximum(np.abs(mean), 1), deviation, np.inf)


def _scale_of_moments(sources: Sequence[Source]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[64 · n_taggers]` over all moments of the sources' tracks, one clip in memory at a time."""
    heard = (source.moments.codes(row) for source in sources for row in source.rows.tolist() if source.moments)
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for codes in heard:
        if codes is not None:
            exact = codes.astype(np.float64)
            count, total, squares = count + len(exact), total + exact.sum(axis=0), squares + (exact**2).sum(axis=0)
    return _scale(total / count, np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0)))


@dataclass(frozen=True)
class Batch:
    """B hearings: `x` and `clean` float32 `[B, 128, crop_frames]` standardised, with masks and without; for each
    answer its targets float32 `[B, size]` (of moments `[B, n_places, size]`), and which rows `[B]` have one."""

    x: np.ndarray
    clean: np.ndarray
    targets: Mapping[str, np.ndarray]
    known: Mapping[str, np.ndarray]


class Hearings:
    """Batches of hearings of the tracks of several sources; batch number `step` is a function of seed and step."""

    def __init__(
        self,
        sources: Sequence[Source],
        scales: Scales,
        answers: Sequence[str],
        options: Augmentation,
        seed: int,
        places: np.ndarray | None = None,
    ) -> None:
        """`answers`: which of genres, emotions, descriptors, teachers and moments are asked for.

        `places`: the frames of a hearing that the moments asked for have their middles at.
        """
        self.places = np.zeros(0) if places is None else places
        self.sources, self.scales, self.answers = sources, scales, answers
        self.options, self.seed = options, seed
        self.tracks = [(source, index) for source in sources for index in range(len(source))]

    def at(self, step: int, size: int) -> Batch:
        """Every track once in random order, then again in another: batch `step` of `size` hearings."""
        rng = np.random.default_rng((self.seed, 1, step))
        hearings = [self._hear(*self._track(step * size + place), rng) for place in range(size)]
        clean = np.stack([hearing[0] for hearing in hearings])
        x = np.stack([mask(one, self.options, rng) for one in clean])
        targets = {name: np.stack([hearing[1][name] for hearing in hearings]) for name in self.answers}
        mix = draw_mix(size, self.options, rng)
        if mix is not None:
            clean, x, targets = (
                _mixed(clean, mix.share, mix.partner),
                _mixed(x, mix.share, mix.partner),
                {name: _mixed(values, mix.share, mix.partner) for name, values in targets.items()},
            )
        known = {name: np.isfinite(values).reshape(size, -1).all(axis=1) for name, values in targets.items()}
        for name, values in targets.items():
            values[~known[name]] = 0
        return Batch(x, clean, targets, known)

    def _track(self, position: int) -> tuple[Source, int]:
        """The track at a position of the endless order: a permutation an epoch."""
        epoch, place = divmod(position, len(self.tracks))
        return self.tracks[_permutation(len(self.tracks), self.seed, epoch)[place]]

    def _hear(self, source: Source, index: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """One standardised hearing and its targets by name, NaN where unknown."""
        hearing = hear_otherwise(
            lambda start, stop: source.clip(index, start, stop), int(source.n_frames[index]), self.options, rng
        )
        targets: dict[str, np.ndarray] = {}
        backward = "direction" in self.answers and rng.random() < BACKWARD
        for name in self.answers:
            if name == "direction":
                targets[name] = np.array([-1 if backward else 1], dtype=np.float32)
            elif name == "genres":
                targets[name] = source.labels.genre_shares[index].astype(np.float32)
            elif name == "emotions":
                targets[name] = self.scales.standardise(name, source.labels.emotions[index])
            elif name == "descriptors":
                targets[name] = self.scales.standardise(name, at_speed(source.descriptors[index], hearing.speed))
            else:
                targets[name] = self._taught(name, source, index, hearing)
        log_mel = standardise_levels(hearing.log_mel, self.scales.level_mean, self.scales.level_scale)
        if backward:
            # Backward it is other music: only that it runs backward is known of it.
            log_mel = log_mel[:, ::-1]
            targets |= {name: np.full_like(value, np.nan) for name, value in targets.items() if name != "direction"}
        return log_mel, targets

    def _taught(self, name: str, source: Source, index: int, hearing: Hearing) -> np.ndarray:
        """What teachers heard in just this hearing: as a whole `[size]`, or at its places `[n_places, size]`."""
        row, n_frames, whole = int(source.rows[index]), int(source.n_frames[index]), name == "teachers"
        if source.moments is None:
            shape = () if whole else (len(self.places),)
            return np.full((*shape, len(self.scales.answers[name][0])), np.nan, dtype=np.float32)
        if whole:
            stop = hearing.start + self.options.crop_frames * hearing.speed
            return self.scales.standardise(name, source.moments.between(row, hearing.start, stop))
        frames = hearing.start + self.places * hearing.speed
        if hearing.start + self.options.crop_frames * hearing.speed > n_frames + 1:
            frames = frames % n_frames  # a short clip was repeated
        return self.scales.standardise(name, source.moments.at(row, frames))


@functools.lru_cache(maxsize=2)
def _permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, 0, epoch)).permutation(n)


def _mixed(values: np.ndarray, share: float, partner: np.ndarray) -> np.ndarray:
    return (share * values + (1 - share) * values[partner]).astype(np.float32)


def descriptor_weights() -> np.ndarray:
    """Weights float32 `[d]` of mean one under which timbre, rhythm and harmony have the same say."""
    kinds = np.array([_kind(name) for name in DESCRIPTOR_NAMES])
    weights = np.zeros(len(kinds))
    for kind in np.unique(kinds):
        weights[kinds == kind] = len(kinds) / (len(np.unique(kinds)) * (kinds == kind).sum())
    return weights.astype(np.float32)


def _kind(name: str) -> str:
    if name.startswith(("onsets_", "tempo", "log2_tempo", "folded", "pulse")):
        return "rhythm"
    return "harmony" if name in ("majorness", "key_clarity") else "timbre"
