"""What encoders are asked when they are compared, and how their answers are scored on artists they never heard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.probes import Score, artist_folds, fit_classes, fit_ridge, score_accuracy, score_correlation, score_r2
from data.emotions import EMOTIONS, emotions_array
from data.errors import InputError, printable
from data.splits import normalised_artist
from scripts.shell import complain

if TYPE_CHECKING:
    from data.shards import Dataset
    from encoders.heads import Heads


@dataclass(frozen=True)
class Measured:
    """One measured thing of one `subject`; `interval` and `chance` are None where a thing is simply counted. how: what
    a distance is of (features, side, resize filter), empty where nothing else could be meant."""

    name: str
    subject: str
    value: float
    unit: str
    interval: tuple[float, float] | None
    chance: float | None
    n: int
    how: str = ""

    @classmethod
    def of(cls, score: Score, name: str, subject: str, unit: str) -> Measured:
        return cls(name, subject, score.value, unit, (score.low, score.high), score.chance, score.n)

    def to_json(self) -> str:
        """One JSON object on one line."""
        told = asdict(self)
        return json.dumps(told if self.how else {name: told[name] for name in told if name != "how"}, allow_nan=False)


@dataclass(frozen=True)
class Questions:
    """What is known of a dataset's n tracks that can be heard: the truths that codes are asked for.

    `rows` int64 `[n]` in the dataset; `artists [n]`; `classes` int64 `[n]` index `genres` (−1: no genre); `emotions`
    float64 `[n, 9]`, NaN where unknown; `folds` int64 `[n]`: the fold that holds a track out.
    """

    rows: np.ndarray
    artists: np.ndarray
    genres: tuple[str, ...]
    classes: np.ndarray
    emotions: np.ndarray
    folds: np.ndarray

    @property
    def n_folds(self) -> int:
        return int(self.folds.max()) + 1

    @property
    def labelled(self) -> np.ndarray:
        """bool `[n]`: which tracks have a genre."""
        return self.classes >= 0

    @property
    def felt(self) -> np.ndarray:
        """bool `[n]`: whose emotions are known."""
        return np.isfinite(self.emotions).all(axis=1)

    @property
    def asks_genre(self) -> bool:
        """Whether there are genres to tell apart, of more than one artist."""
        return len(self.genres) > 1 and len(set(self.artists[self.labelled])) > 1

    @property
    def asks_emotions(self) -> bool:
        """Whether the emotions of more than one artist's tracks are known."""
        return len(set(self.artists[self.felt])) > 1


@dataclass(frozen=True)
class Answers:
    """What one encoder, trained without one fold, makes of all n tracks: codes `[n, d]`, and its own heads."""

    codes: np.ndarray
    heads: Heads | None = None


def ask(dataset: Dataset, usable: np.ndarray, n_folds: int, seed: int) -> Questions:
    """The questions about the tracks of `dataset` that can be heard (`usable` bool `[N]`), in folds by artist.

    A track's genre is its first. Tracks without an artist stand for themselves. Raises `InputError` where there are
    too few artists, or neither emotions nor at least two genres.
    """
    from encoders.tags import normalise_tag

    table = dataset.read(["artist", "genres", "emotions"]).to_pylist()
    rows = np.flatnonzero(usable)
    artists = np.array([normalised_artist(table[row]["artist"]) or f"track {row}" for row in rows], dtype=str)
    first = [normalise_tag((table[row]["genres"] or [""])[0]) for row in rows]
    genres = tuple(sorted(set(first) - {""}))
    classes = np.array([genres.index(genre) if genre else -1 for genre in first], dtype=np.int64)
    emotions = np.array([emotions_array(table[row]["emotions"]) for row in rows], dtype=np.float64)
    emotions = emotions.reshape(len(rows), len(EMOTIONS))
    n_artists = len(set(artists))
    if n_artists < n_folds:
        raise InputError(
            dataset.folder, f"its tracks that can be heard are of {n_artists} artists, too few for {n_folds} folds"
        )
    questions = Questions(rows, artists, genres, classes, emotions, artist_folds(artists, classes, n_folds, seed))
    if not questions.asks_genre:
        found = f"every genre is {printable(genres[0])}" if len(genres) == 1 else "genres of too few artists are known"
        if not questions.asks_emotions:
            raise InputError(dataset.folder, f"nothing to compare by: {found}, and no emotions")
        complain(f"{dataset.folder}: {found}; only emotions are asked for")
    return questions


def score_encoder(name: str, questions: Questions, answers: Sequence[Answers]) -> Iterator[Measured]:
    """What an encoder's codes, and its heads where it has any, tell of tracks by unseen artists; one answer a fold."""
    labelled, felt, artists = questions.labelled, questions.felt, questions.artists
    if questions.asks_genre:
        predicted = _out_of_fold(questions, answers, _probe_genres)[labelled]
        truth = questions.classes[labelled]
        yield Measured.of(score_accuracy(predicted, truth, artists[labelled]), "genre accuracy", name, "share")
        if all(answer.heads is not None and answer.heads.genres for answer in answers):
            predicted = _out_of_fold(questions, answers, _head_genres)[labelled]
            score = score_accuracy(predicted, truth, artists[labelled])
            yield Measured.of(score, "genre accuracy of its own head", name, "share")
    if questions.asks_emotions:
        predicted = _out_of_fold(questions, answers, _probe_emotions)[felt]
        score = score_correlation(predicted, questions.emotions[felt], artists[felt])
        yield Measured.of(score, "emotions", name, "r")
        if all(answer.heads is not None and answer.heads.emotion_bias.size for answer in answers):
            predicted = _out_of_fold(questions, answers, _head_emotions)[felt]
            score = score_correlation(predicted, questions.emotions[felt], artists[felt])
            yield Measured.of(score, "emotions of its own head", name, "r")


def score_rule(
    name: str, codes: np.ndarray, truths: Mapping[str, np.ndarray], questions: Questions
) -> Iterator[Measured]:
    """How much of each truth `[n]` a ridge explains on the tracks of fold 0, fitted to the other folds' `codes`."""
    held_out = questions.folds == 0
    targets = np.stack(list(truths.values()), axis=1)  # [n, k]
    probe = fit_ridge(codes[~held_out], targets[~held_out], questions.artists[~held_out])
    predicted = probe.answers(codes[held_out])
    for column, what in enumerate(truths):
        score = score_r2(predicted[:, column], targets[held_out, column], questions.artists[held_out])
        yield Measured.of(score, what, name, "R²")


AnswerFold = Callable[[Questions, Answers, np.ndarray, np.ndarray], np.ndarray]
"""Predictions for the tracks held out, from questions, one fold's answers, the tracks to fit and those held out."""


def _out_of_fold(questions: Questions, answers: Sequence[Answers], answer_fold: AnswerFold) -> np.ndarray:
    """Predictions `[n, ...]` for all tracks, each from the fold that held its artist out."""
    parts, places = [], []
    for fold, answer in enumerate(answers):
        rest, held_out = np.flatnonzero(questions.folds != fold), np.flatnonzero(questions.folds == fold)
        parts.append(answer_fold(questions, answer, rest, held_out))
        places.append(held_out)
    together = np.concatenate(parts)
    predicted = np.empty_like(together)
    predicted[np.concatenate(places)] = together
    return predicted


def _probe_genres(questions: Questions, answer: Answers, rest: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    rest = rest[questions.labelled[rest]]
    classes = questions.classes[rest]
    if len(np.unique(classes)) < 2:
        return np.full(len(held_out), classes[0] if len(classes) else 0)
    return fit_classes(answer.codes[rest], classes, questions.artists[rest]).predict(answer.codes[held_out])


def _head_genres(questions: Questions, answer: Answers, rest: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    assert answer.heads is not None
    likeliest = answer.heads.genre_probabilities(answer.codes[held_out]).argmax(axis=1)
    number = {genre: index for index, genre in enumerate(questions.genres)}
    return np.array([number.get(answer.heads.genres[index], -1) for index in likeliest])


def _probe_emotions(questions: Questions, answer: Answers, rest: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    rest = rest[questions.felt[rest]]
    if not len(rest):
        return np.zeros((len(held_out), len(EMOTIONS)))
    probe = fit_ridge(answer.codes[rest], questions.emotions[rest], questions.artists[rest])
    return probe.answers(answer.codes[held_out])


def _head_emotions(questions: Questions, answer: Answers, rest: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    assert answer.heads is not None
    return np.asarray(answer.heads.emotions(answer.codes[held_out]), dtype=np.float64)


def as_table(measured: Sequence[Measured]) -> str:
    """A table for people, in Markdown: a subject a row, its 95 % intervals behind the scores; chance first."""
    columns = list(dict.fromkeys(figure.name for figure in measured))
    chance = {figure.name: figure.chance for figure in measured if figure.chance is not None}
    rows = [["", *(f"{name}{_units(name, measured)}" for name in columns)], ["---"] * (len(columns) + 1)]
    rows.append(["*chance*", *(f"{chance[name]:.2f}" if name in chance else "" for name in columns)])
    for subject in dict.fromkeys(figure.subject for figure in measured):
        cells = {figure.name: _cell(figure) for figure in measured if figure.subject == subject}
        rows.append([subject, *(cells.get(name, "–") for name in columns)])
    return "\n".join(["| " + " | ".join(row) + " |" for row in rows] + how_lines(measured))


def how_lines(measured: Sequence[Measured]) -> list[str]:
    """What stands below a table: an empty line, and for each way of measuring the names of what it measured."""
    ways = dict.fromkeys(figure.how for figure in measured if figure.how)
    lines = []
    for way in ways:
        names = dict.fromkeys(figure.name for figure in measured if figure.how == way)
        lines.append(f"{', '.join(names)}: {way}")
    return ["", *lines] if lines else []


def _units(name: str, measured: Sequence[Measured]) -> str:
    unit = next(figure.unit for figure in measured if figure.name == name)
    return "" if unit in ("numbers", "share") else f" ({unit})"


def _cell(figure: Measured) -> str:
    if figure.unit in ("numbers", "ms/track"):
        return f"{figure.value:,.0f}"
    if figure.interval is not None:
        return f"{figure.value:.2f} ({figure.interval[0]:.2f}–{figure.interval[1]:.2f})"
    return f"{figure.value:.2f}"
