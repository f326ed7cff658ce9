"""What a training is asked for, what it gathers for that, and whom it tells how it goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from data.errors import InputError
from data.files import sha256_bytes
from data.shards import Dataset
from encoders.features import DESCRIPTOR_NAMES
from encoders.heads import surprise
from encoders.heard import dataset_features
from encoders.lessons import Labels, Source, dataset_labels
from encoders.moments import dataset_moments
from encoders.spectrograms import Spectrograms, dataset_spectrograms
from encoders.taggers import Tagger

LEAST_TRACKS = 3


@dataclass(frozen=True)
class Examination:
    """How an encoder stands on the tracks it is watched by (held-out ones, where there are any: `held_out`).

    rows int64 `[n]` of the dataset, codes `[n, code_dim]`, truth and predicted int64 `[n]` (places in `genres`, −1
    where unlabelled), figures by name.
    """

    rows: np.ndarray
    codes: np.ndarray
    genres: tuple[str, ...]
    truth: np.ndarray
    predicted: np.ndarray
    figures: Mapping[str, float]
    held_out: bool


@dataclass(frozen=True)
class Listener:
    """Who is told how a training goes: of work that comes before it, of losses, and of examinations."""

    preparing: Callable[[str, int, int], None] = lambda stage, done, total: None
    losses: Callable[[int, Mapping[str, float]], None] = lambda step, figures: None
    examined: Callable[[int, Examination], None] = lambda step, examination: None

    def during(self, stage: str) -> Callable[[int, int], None]:
        """Who is told of one stage of the preparation."""
        return functools.partial(self.preparing, stage)


@dataclass(frozen=True)
class Task:
    """What a training is to do: encoder, tracks, options and teachers."""

    name: str
    dataset: Dataset
    rows: np.ndarray
    held_out: np.ndarray
    options: Any
    teachers: tuple[Tagger, ...]
    also: tuple[Dataset, ...]
    seed: int
    device: torch.device
    jobs: int

    def labels(self, heard: np.ndarray) -> Labels:
        """What is written of all tracks of the dataset; a genre is known by those of the rows `heard` to train on."""
        return dataset_labels(self.dataset, np.intersect1d(self.rows, heard))

    @functools.cached_property
    def card(self) -> dict[str, Any]:
        """What the encoder is trained on, as JSON values."""
        sides = np.concatenate([self.rows, [-1], self.held_out]).astype("<i8").tobytes()
        return {
            "dataset": self.dataset.fingerprint,
            "rows": len(self.rows),
            "held_out": len(self.held_out),
            "split": sha256_bytes(sides)[:16],
            "teachers": {teacher.name: teacher.fingerprint for teacher in self.teachers},
            "also": [dataset.fingerprint for dataset in self.also],
            "seed": self.seed,
        }


def require(task: Task, n: int, problems: Mapping[str, int]) -> None:
    """`InputError` where only `n` tracks to learn from can be heard, for these reasons."""
    if n < LEAST_TRACKS:
        reasons = ", ".join(f"{count} × {reason}" for reason, count in problems.items())
        raise InputError(
            task.dataset.folder,
            f"{n} tracks to learn from can be heard, and {LEAST_TRACKS} are needed{reasons and f' ({reasons})'}",
        )


def spectrograms_of(task: Task, listener: Listener, dataset: Dataset) -> Spectrograms:
    """The spectrograms of all clips of one of the task's datasets."""
    return dataset_spectrograms(dataset, jobs=task.jobs, progress=listener.during("spectrograms"))


def gather(task: Task, listener: Listener, dataset: Dataset, rows: np.ndarray, labels: Labels) -> Source:
    """What is known of those of `rows` that can be heard."""
    spectrograms = spectrograms_of(task, listener, dataset)
    rows = np.sort(rows)[spectrograms.n_frames[np.sort(rows)] > 0]
    descriptors = np.full((len(rows), len(DESCRIPTOR_NAMES)), np.nan, dtype=np.float32)
    if getattr(task.options, "weight_descriptors", 0) > 0:
        heard = dataset_features(dataset, as_recorded=True, jobs=task.jobs, progress=listener.during("listening"))
        descriptors = heard.descriptors(rows)
    moments = None
    if task.teachers and any(getattr(task.options, f"weight_{name}", 0) > 0 for name in ("teachers", "moments")):
        moments = dataset_moments(dataset, task.teachers, jobs=task.jobs, progress=listener.during("teachers"))
    return Source(spectrograms, rows, labels.take(rows), descriptors, moments)


def examine(rows: np.ndarray, codes: np.ndarray, logits: np.ndarray, labels: Labels, held_out: bool) -> Examination:
    """Scores of genre logits `[n, n_genres]` on `rows`; nothing is scored where there are none of them."""
    shares = labels.genre_shares[rows]
    labelled = np.isfinite(shares).all(axis=1) & (logits.shape[1] > 0)
    truth, predicted = np.full(len(rows), -1), np.full(len(rows), -1)
    figures: dict[str, float] = {}
    if labelled.any():
        truth[labelled], predicted = shares[labelled].argmax(axis=1), logits.argmax(axis=1)
        figures["accuracy"] = float((truth == predicted)[labelled].mean())
        figures["accuracy_by_chance"] = float(np.bincount(truth[labelled]).max() / labelled.sum())  # always the same
        figures["surprise_nats"] = surprise(logits[labelled], shares[labelled])
    return Examination(rows, codes, labels.genres, truth, predicted, figures, held_out)
