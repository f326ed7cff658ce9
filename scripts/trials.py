"""Encoders on trial: each trained anew without one fold of artists, its codes of all tracks, what they cost."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.figures import Map, draw_maps
from analysis.projections import MOST_POINTS, align_codes, project_tsne
from data.audio import EXCERPT_S, load_audio
from data.errors import InputError
from data.files import sha256_bytes, write_bytes
from data.shards import Dataset
from encoders.base import Encoder
from encoders.features import compute_features, compute_log_mel
from encoders.heard import HeardTable, dataset_codes
from encoders.options import Options
from encoders.recipes import options_of
from encoders.stored import CARD_FILE, read_encoder
from encoders.task import Listener
from encoders.training import carry_out, plan_training
from scripts.comparison import Answers, Measured, Questions, ask
from scripts.measure import seconds_of
from scripts.prepare import hear_dataset
from scripts.shell import complain, stages
from scripts.yardsticks import Yardstick, describe_clips

TIMED = 7
REVERSED = 40
WORLD_SEED = 1
WORLD_S = 10.0


@dataclass(frozen=True)
class Training:
    """How encoders are trained: `folder` keeps what was done; `settings` are `ENCODER.KEY=VALUE`."""

    folder: Path
    teachers: Path | None = None
    also: tuple[Dataset, ...] = ()
    settings: tuple[str, ...] = ()
    seed: int = 0
    device: str = "cpu"
    jobs: int = 1

    def options(self, name: str) -> Options:
        """The options of encoder `name`."""
        mine = [text.removeprefix(f"{name}.") for text in self.settings if text.startswith(f"{name}.")]
        return options_of(name, mine)

    def fit_on(self, name: str, dataset: Dataset, rows: np.ndarray, held_out: np.ndarray) -> Encoder:
        """The encoder `name` trained on `rows` of `dataset`, by no track of the artists of the rows `held_out`.

        It is kept in a folder named by all that it is made of: what is there already is not trained again, and a
        training that was killed goes on.
        """
        task = plan_training(
            name,
            dataset,
            rows=rows,
            held_out=held_out,
            config=self.options(name),
            teachers=self.teachers,
            also=self.also,
            seed=self.seed,
            device=self.device,
            jobs=self.jobs,
        )
        made_of = json.dumps([task.options.to_json(), task.card], sort_keys=True)
        folder = self.folder / f"{name}-{sha256_bytes(made_of.encode())[:16]}"
        if (folder / CARD_FILE).exists():
            return read_encoder(folder)
        total = getattr(task.options, "steps", None)
        with stages() as told:
            listener = Listener(preparing=told, losses=lambda step, figures: told(name, step, total))
            return carry_out(task, folder, lambda: False, listener)


@dataclass(frozen=True)
class Trial:
    """A dataset, the questions about it, and how encoders are trained on parts of it."""

    dataset: Dataset
    heard: HeardTable
    questions: Questions
    training: Training

    @classmethod
    def open(cls, dataset: Dataset, n_folds: int, training: Training) -> Trial:
        """Listens to the dataset; `InputError` where it has no audio, or nothing to ask about."""
        with stages() as told:
            # Of synthesised tracks energy is asked, which is in their level, too.
            heard = hear_dataset(dataset, lambda done, total: told("listening", done, total), as_recorded=True)
        if heard is None:
            raise InputError(dataset.folder, "none of its tracks has audio")
        return cls(dataset, heard, ask(dataset, heard.usable(), n_folds, training.seed), training)

    def encoder(self, name: str, fold: int) -> Encoder:
        """The encoder trained on all folds but one."""
        held_out = self.questions.folds == fold
        rows = self.questions.rows
        return self.training.fit_on(name, self.dataset, rows[~held_out], rows[held_out])

    def answers(self, name: str, fold: int) -> Answers:
        """What that encoder makes of all tracks."""
        complain(f"{self.dataset.folder}: {name} without fold {fold + 1} of {self.questions.n_folds}")
        encoder = self.encoder(name, fold)
        with stages() as told:
            codes = dataset_codes(
                self.dataset,
                encoder,
                self.heard,
                as_recorded=True,
                jobs=self.training.jobs,
                progress=lambda done, n: told(name, done, n),
            )
        return Answers(np.asarray(codes)[self.questions.rows], encoder.heads)

    def described(self, yardstick: Yardstick) -> np.ndarray:
        """What a yardstick makes of all tracks, float32 `[n, d]`."""
        folder = self.training.folder / f"{self.dataset.fingerprint[:16]}-{EXCERPT_S:g}s"
        with stages() as told:

            def progress(done: int, total: int) -> None:
                told(yardstick.name, done, total)

            numbers = describe_clips(self.dataset, yardstick, folder, jobs=self.training.jobs, progress=progress)
        return numbers[self.questions.rows]

    def reversal(self, name: str) -> Measured:
        """How far a clip's code moves when it is played backward, over the distance between two clips: medians over
        at most `REVERSED` clips whose artists the encoder never heard.
        """
        encoder = self.encoder(name, 0)
        rows = self.questions.rows[self.questions.folds == 0]
        rows = rows[np.linspace(0, len(rows) - 1, min(REVERSED, len(rows))).astype(int)]
        clips = [load_audio(self.dataset.row(int(row))["audio"]["bytes"]) for row in rows]
        forward, backward = (
            encoder.encode([compute_features(np.ascontiguousarray(clip.y[::step]), clip.sr) for clip in clips])
            for step in (1, -1)
        )
        apart = np.linalg.norm(forward[:, None] - forward[None], axis=2)[np.triu_indices(len(clips), k=1)]
        moved = np.linalg.norm(forward - backward, axis=1)
        value = float(np.median(moved) / np.median(apart)) if len(apart) else 0.0
        return Measured("moved by reversal", name, value, "of a distance", None, None, len(clips))


def open_world(folder: Path, n_tracks: int) -> Dataset:
    """A synthetic world of `n_tracks` clips in `folder`, made where it is not there yet."""
    from data.synthetic import write_world

    if any(folder.glob("part-*.parquet")) and not (folder / ".unfinished").exists():
        return Dataset(folder)
    complain(f"synthesising {n_tracks} tracks in {folder}")
    return write_world(folder, n_tracks, WORLD_SEED, duration_s=WORLD_S)


def world_truths(dataset: Dataset, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Tempo in BPM, energy 0…1 and mode (major 1, minor 0) of a synthetic world's `rows`, float64 `[n]` each."""
    table = dataset.read(["tempo", "energy", "valence"])
    tempo, energy, valence = (table.column(name).to_numpy()[rows].astype(np.float64) for name in table.column_names)
    return {"tempo": tempo, "energy": energy, "mode": (valence > 0.5).astype(np.float64)}


def encode_samples(encoders: Sequence[Encoder], y: np.ndarray, sr: int) -> list[np.ndarray]:
    """The code of `y [n_samples]` at `sr` Hz by each encoder, from one hearing of what they need."""
    if all(encoder.hears == "log_mel" for encoder in encoders):
        log_mel = compute_log_mel(y, sr)
        return [encoder.encode_heard([log_mel])[0] for encoder in encoders]
    features = compute_features(y, sr)
    return [encoder.encode([features])[0] for encoder in encoders]


def synthesised_clip() -> tuple[np.ndarray, int]:
    """30 s of music, decoded: samples and their rate in Hz."""
    from data.synthetic import draw_tracks, synthesize

    return synthesize(draw_tracks(1, seed=1)[0], duration_s=30.0), 22_050


def costs(name: str, code_dim: int, n_parameters: int, task: Callable[[], object]) -> Iterator[Measured]:
    """Code size, parameters, and milliseconds of `task` (one decoded clip of 30 s to its code), warm."""
    yield Measured("code size", name, code_dim, "numbers", None, None, 1)
    yield Measured("parameters", name, n_parameters, "numbers", None, None, 1)
    task()
    times = [1000 * seconds_of(task) for _ in range(TIMED)]
    yield Measured("time", name, statistics.median(times), "ms/track", (min(times), max(times)), None, TIMED)


def encoder_costs(encoder: Encoder) -> Iterator[Measured]:
    """What an encoder costs."""
    y, sr = synthesised_clip()
    n_parameters = sum(array.size for array in encoder.tensors().values())
    return costs(encoder.name, encoder.code_dim, n_parameters, lambda: encode_samples([encoder], y, sr))


def yardstick_costs(yardstick: Yardstick) -> Iterator[Measured]:
    """What a yardstick costs."""
    y, sr = synthesised_clip()
    code_dim = len(yardstick.describe(y, sr))
    return costs(yardstick.name, code_dim, yardstick.n_parameters, lambda: yardstick.describe(y, sr))


def held_out_codes(questions: Questions, answers: Sequence[Answers]) -> np.ndarray:
    """Codes `[n, d]`, each by the encoder that never heard its artist, under the axes of the first fold's encoder.

    Every fold's encoder lays tracks out under axes of its own. The rotation that undoes this is found on the tracks
    that both it and the first were trained on.
    """
    together = np.empty_like(answers[0].codes, dtype=np.float64)
    reference = np.asarray(answers[0].codes, dtype=np.float64)
    for fold, answer in enumerate(answers):
        codes = np.asarray(answer.codes, dtype=np.float64)
        shared = (questions.folds != 0) & (questions.folds != fold)
        shared |= not shared.any()  # two folds only: no track was heard by both
        rotation = align_codes(codes[shared], reference[shared])
        turned = (codes - codes[shared].mean(axis=0)) @ rotation + reference[shared].mean(axis=0)
        together[questions.folds == fold] = turned[questions.folds == fold]
    return together


def draw_codes(codes: dict[str, np.ndarray], questions: Questions) -> np.ndarray:
    """A picture uint8 `[3, H, W]`: a t-SNE map of each encoder's codes `[n, d]`, coloured by genre."""
    rows = np.flatnonzero(questions.labelled)
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
    labels = [questions.genres[k] for k in questions.classes[rows]]
    return draw_maps([Map(name, project_tsne(each[rows])) for name, each in codes.items()], labels)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes a picture uint8 `[3, H, W]` as PNG, atomically."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(file, "PNG")
    write_bytes(path, file.getvalue())
