"""Training a network of sound: from teachers, labels, descriptors and what comes next, all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.emotions import EMOTIONS
from data.errors import InputError
from data.remixes import artists_of
from data.shards import Dataset
from encoders.base import Encoder
from encoders.cnn import CNNEncoder
from encoders.heads import Heads, balance, calibrate
from encoders.lessons import (
    MOST_MEASURED,
    Hearings,
    Labels,
    Scales,
    Source,
    dataset_labels,
    descriptor_weights,
    measure_scales,
)
from encoders.loop import Learner, has_state, train_network
from encoders.muon import Muon
from encoders.networks import MOMENTS, SoundNetwork
from encoders.options import Options
from encoders.rnn import RNNEncoder
from encoders.sound import LEAST_FRAMES, SoundEncoder
from encoders.taggers import tag_columns
from encoders.task import Listener, Task, examine, gather, require, spectrograms_of

MOST_HEARINGS = 4096
"""Hearings of a batch."""

MOST_WATCHED = 2000
"""Tracks that an encoder in training is scored on: more would cost more time than learning does."""

SOUND_ENCODERS: dict[str, type[SoundEncoder]] = {"rnn": RNNEncoder, "cnn": CNNEncoder}


def _also(task: Task, labels: Labels, listener: Listener, dataset: Dataset) -> Source:
    """All of another dataset without its labels; without the artists that are held out, or of another split."""
    everything = np.arange(len(dataset))
    found = dataset_labels(dataset, everything[:0])
    elsewhere = {*labels.artists} - {*labels.artists[task.rows]} | {*labels.artists[task.held_out]}
    names = dataset.read(["artist"]).column(0).to_pylist()
    rows = np.array([row for row, name in enumerate(names) if not artists_of(name) & elsewhere], dtype=np.int64)
    unknown = np.full((len(dataset), len(labels.genres)), np.nan)
    nothing = Labels(labels.genres, unknown, np.full((len(dataset), len(EMOTIONS)), np.nan), found.artists)
    return gather(task, listener, dataset, rows, nothing)


def own_turns(n_own: int, n_others: int) -> int:
    """How often each own track is heard while each other one is heard once: labels are of own tracks alone, and where
    others outnumber them, about every second hearing is still of one."""
    return max(1, round(n_others / n_own))


def train_sound(task: Task, out: Path | None, stop: Callable[[], bool], listener: Listener) -> Encoder:
    """A network of sound, trained, with its codes standardised and its own answers as heads."""
    options, kind = task.options, SOUND_ENCODERS[task.name]
    spectrograms = spectrograms_of(task, listener, task.dataset)
    labels = task.labels(np.flatnonzero(spectrograms.n_frames))
    own = gather(task, listener, task.dataset, task.rows, labels)
    require(task, len(own), spectrograms.problems)
    held = gather(task, listener, task.dataset, task.held_out, labels).some(MOST_MEASURED)
    others = [_also(task, labels, listener, dataset) for dataset in task.also]
    sources = [own, *others]
    scales = measure_scales(sources)
    answers = _answers(task, own, scales)
    sizes = kind.sizes_kind(
        **{field.name: getattr(options, field.name) for field in dataclasses.fields(kind.sizes_kind)}
    )
    torch.manual_seed(task.seed)
    network = kind.build_network(sizes, answers).to(task.device)
    muon = Muon(
        network, rate=options.orthogonal_rate, learning_rate=options.learning_rate, weight_decay=options.weight_decay
    )
    learner = Learner.begin(network, options, muon)
    if out is not None and has_state(out):
        learner.load(out)
    fitted = fit_crops(options, sources)
    lessons = [own] * own_turns(len(own), sum(map(len, others))) + others
    hearings = Hearings(lessons, scales, tuple(answers), fitted, task.seed, network.places(fitted.crop_frames))
    known = own.labels.genre_shares[np.isfinite(own.labels.genre_shares).all(axis=1)]
    say = balance(known) if options.class_balance and "genres" in answers else np.ones(answers.get("genres", 0))
    losses = _SoundLosses(hearings, fitted, torch.tensor(say, dtype=torch.float32), task.device)

    def finish(network: SoundNetwork) -> SoundEncoder:
        copy = _copy(network, kind, sizes, answers)
        return kind(sizes, copy, scales.level_mean, scales.level_scale, {"options": options.to_json()})

    def look(step: int) -> None:
        watched = (held if len(held) else own).some(MOST_WATCHED)
        encoder = finish(learner.averaged)
        codes = _encode(encoder, watched)
        encoder.heads = _heads(encoder, learner.averaged, scales, task, labels.genres)
        listener.examined(step, examine(watched.rows, codes, _logits(encoder.heads, codes), labels, bool(len(held))))

    train_network(
        learner, losses, options, seed=task.seed, device=task.device, folder=out, stop=stop,
        told=listener.losses, examine=look,
    )  # fmt: skip
    encoder = finish(learner.averaged)
    encoder.standardise_codes(_encode(encoder, own.some(MOST_MEASURED)))
    heads = _heads(encoder, learner.averaged, scales, task, labels.genres)
    shares = held.labels.genre_shares
    labelled = np.isfinite(shares).all(axis=1)
    if heads.genres and labelled.any():
        logits = _logits(heads, _encode(encoder, held))[labelled]
        heads = dataclasses.replace(heads, temperature=calibrate(logits, shares[labelled]))
    encoder.heads = heads
    return encoder


def _answers(task: Task, own: Source, scales: Scales) -> dict[str, int]:
    """What is asked of the network: the size of each answer by name. `InputError` where nothing can be."""
    sizes = {name: len(mean) for name, (mean, _) in scales.answers.items()}
    if len(own.labels.genres) > 1:
        sizes["genres"] = len(own.labels.genres)
    sizes["direction"] = 1
    asked = {name: size for name, size in sorted(sizes.items()) if getattr(task.options, f"weight_{name}")}
    if not asked and not (task.name == "rnn" and task.options.weight_future):
        raise InputError(
            task.name, "there is nothing to learn from: no two genres of two artists each, no emotions, no teachers, "
            "and weight_descriptors is 0"
        )  # fmt: skip
    return asked


def fit_crops(options: Any, sources: Sequence[Source]) -> Any:
    """Where every clip is shorter than a crop, crops as long as the longest clip, and so many more of them a batch."""
    longest = max(LEAST_FRAMES, *(int(source.n_frames.max(initial=0)) for source in sources))
    if longest >= options.crop_frames:
        return options
    size = min(MOST_HEARINGS, round(options.batch_size * options.crop_frames / longest))
    masked = min(options.mask_frames, longest // 2)
    return dataclasses.replace(options, crop_frames=longest, batch_size=size, mask_frames=masked)


@dataclass(frozen=True)
class _SoundLosses:
    """Each loss of one step, by name, with its weight."""

    hearings: Hearings
    options: Any
    say: Tensor  # [n_genres]
    device: torch.device

    def __call__(self, network: SoundNetwork, step: int) -> dict[str, tuple[float, Tensor]]:
        batch = self.hearings.at(step, self.options.batch_size)
        x, clean = (torch.from_numpy(each).to(self.device) for each in (batch.x, batch.clean))
        lesson = network.learn(x, clean)
        answers = network.answer(lesson.codes) | ({} if lesson.moments is None else {MOMENTS: lesson.moments})
        losses: dict[str, tuple[float, Tensor]] = {}
        for name, answer in answers.items():
            target = torch.from_numpy(batch.targets[name]).to(self.device)
            known = torch.from_numpy(batch.known[name]).to(self.device)
            value = self._loss(name, answer.float(), target)  # [B]
            losses[name] = (getattr(self.options, f"weight_{name}"), mean_where(value, known))
        if lesson.surprise is not None and self.options.weight_future:
            losses["future"] = (self.options.weight_future, lesson.surprise)
        return losses

    def _loss(self, name: str, answer: Tensor, target: Tensor) -> Tensor:
        if name == "genres":
            return genre_loss(answer, target, self.options.label_smoothing, self.say.to(self.device))
        square = (answer - target).square()
        if name == "descriptors":
            square = square * torch.from_numpy(descriptor_weights()).to(self.device)
        return square.flatten(1).mean(dim=1)


def genre_loss(logits: Tensor, shares: Tensor, smoothing: float, say: Tensor) -> Tensor:
    """Cross-entropy `[B]` of logits `[B, n]` with smoothed shares `[B, n]`, each genre weighing `say [n]`."""
    smooth = (1 - smoothing) * shares + smoothing / shares.shape[1]
    return -(smooth * F.log_softmax(logits, dim=1)).sum(dim=1) * (shares @ say)


def mean_where(values: Tensor, known: Tensor) -> Tensor:
    """Mean `[]` of values `[B]` where `known [B]`; 0 where nothing is."""
    return (values * known).sum() / known.sum().clamp(min=1)


def _copy(network: SoundNetwork, kind: type[SoundEncoder], sizes: Options, answers: Mapping[str, int]) -> SoundNetwork:
    """The same network on the CPU: an encoder rounds what it is given."""
    copy = kind.build_network(sizes, answers)
    copy.load_state_dict({name: value.cpu() for name, value in network.state_dict().items()})
    return copy


def _encode(encoder: SoundEncoder, source: Source) -> np.ndarray:
    """Codes `[n, code_dim]` of the whole clips of a source, one in memory at a time."""
    codes = [encoder.encode_heard([source.clip(index)]) for index in range(len(source))]
    return np.concatenate([np.zeros((0, encoder.code_dim), dtype=np.float32), *codes])


def _heads(encoder: SoundEncoder, network: SoundNetwork, scales: Scales, task: Task, genres: tuple[str, ...]) -> Heads:
    """The network's own answers on genres, emotions and the taggers' tags, as heads on its standardised codes."""
    parts: dict[str, Any] = {}
    for name, head in network.answers.items():
        assert isinstance(head, torch.nn.Linear)
        weight = head.weight.detach().cpu().double().numpy().T  # [code_dim, size]
        bias = head.bias.detach().cpu().double().numpy() + encoder.code_mean @ weight
        weight = encoder.code_scale[:, None] * weight
        if name not in scales.answers and name != "genres":
            continue
        if name == "genres":
            parts |= {"genre_weight": weight, "genre_bias": bias}
            continue
        mean, deviation = scales.answers[name]
        finite = np.where(np.isfinite(deviation), deviation, 0)
        weight, bias = weight * finite, bias * finite + mean
        if name == "emotions":
            parts |= {"emotion_weight": weight, "emotion_bias": bias}
        elif name == "teachers":
            columns = tag_columns(task.teachers)[1]
            parts |= {"tag_weight": weight[:, columns], "tag_bias": bias[columns]}
    arrays: dict[str, Any] = {
        name: np.ascontiguousarray(value, dtype=np.float32) for name, value in parts.items() if value.size
    }
    return Heads(
        genres=genres if "genre_bias" in arrays else (),
        tags=tag_columns(task.teachers)[0] if "tag_bias" in arrays else (),
        **arrays,
    )


def _logits(heads: Heads, codes: np.ndarray) -> np.ndarray:
    """Genre logits `[N, n_genres]` before any temperature."""
    if not heads.genres:
        return np.zeros((len(codes), 0))
    return codes.astype(np.float64) @ heads.genre_weight + heads.genre_bias
