"""Training an encoder on a dataset: one way for all four."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.errors import InputError
from data.files import hold_alone, read_json, write_json
from data.shards import Dataset
from encoders.autoencoder import AutoencoderEncoder
from encoders.base import Encoder
from encoders.conditions import MOST_TRACKS_TO_FIT
from encoders.excerpts import dataset_excerpts
from encoders.heads import fit_heads
from encoders.heard import dataset_features
from encoders.loop import Pace, has_state
from encoders.options import Options
from encoders.pca import PCAEncoder
from encoders.recipes import OPTIONS, options_of
from encoders.sound_training import SOUND_ENCODERS, train_sound
from encoders.stored import write_encoder
from encoders.taggers import load_taggers
from encoders.task import Listener, Task, examine, require, spectrograms_of

CONFIG_FILE = "config.json"
LOCK_FILE = ".lock"
_MAY_CHANGE = ("report_every", "examine_every", "save_every")


def plan_training(
    name: str,
    dataset: Dataset,
    *,
    rows: np.ndarray,
    held_out: np.ndarray | None = None,
    config: Options | None = None,
    teachers: Path | None = None,
    also: Sequence[Dataset] = (),
    seed: int = 0,
    device: torch.device | str = "cpu",
    jobs: int = 1,
) -> Task:
    """What `train_encoder` will do with these; `InputError` for an unknown name or a folder without teachers."""
    options = config or options_of(name)
    if not isinstance(options, OPTIONS[name]):
        raise TypeError(f"{type(options).__name__} are not the options of {name}")
    held = np.unique(np.zeros(0, dtype=np.int64) if held_out is None else np.asarray(held_out, dtype=np.int64))
    taggers = () if teachers is None else load_taggers(teachers)
    rows = np.setdiff1d(np.asarray(rows, dtype=np.int64), held)
    return Task(name, dataset, rows, held, options, taggers, tuple(also), seed, torch.device(device), jobs)


def train_encoder(
    name: str,
    dataset: Dataset,
    out: Path | None,
    *,
    rows: np.ndarray,
    held_out: np.ndarray | None = None,
    config: Options | None = None,
    teachers: Path | None = None,
    also: Sequence[Dataset] = (),
    seed: int = 0,
    device: torch.device | str = "cpu",
    jobs: int = 1,
    stop: Callable[[], bool] = lambda: False,
    listener: Listener | None = None,
) -> Encoder:
    """Trains encoder `name` on `rows` of `dataset` and returns it, heads and all; it is written to `out` too.

    On an `out` where the same training stopped it goes on. `held_out` rows are of other artists: they set the
    temperature and are reported on, nothing else. `teachers`: a folder of taggers to learn from. The sound of `also`
    is heard too, its labels are not; artists that `dataset` has outside of `rows` are left out of it. Raises
    `InputError` where fewer than three tracks can be heard, where there is nothing to learn from, or where `out` holds
    another training.
    """
    task = plan_training(
        name, dataset, rows=rows, held_out=held_out, config=config, teachers=teachers, also=also, seed=seed,
        device=device, jobs=jobs,
    )  # fmt: skip
    return carry_out(task, out, stop, listener or Listener())


def carry_out(task: Task, out: Path | None, stop: Callable[[], bool], listener: Listener) -> Encoder:
    """Trains what was planned; the encoder is written to `out`."""
    train = train_sound if task.name in SOUND_ENCODERS else _train_descriptors
    if out is None:
        return train(task, None, stop, listener)
    out.mkdir(parents=True, exist_ok=True)
    with hold_alone(out / LOCK_FILE, out, "another process is training in it"):
        begin_training(task, out)
        encoder = train(task, out, stop, listener)
        write_encoder(out, encoder, task.card)
    return encoder


def begin_training(task: Task, out: Path) -> None:
    """Writes `config.json`, or checks that a training that is there is this one; `InputError` where it is not."""
    path, options = out / CONFIG_FILE, task.options.to_json()
    if path.exists():
        before = read_json(path)
        if not isinstance(before, dict) or not isinstance(before.get("options"), dict):
            raise InputError(path, "not the config of a training")
        data = before.get("data")
        changed = [key for key, value in task.card.items() if not isinstance(data, dict) or data.get(key) != value]
        if before.get("encoder") != task.name or changed:
            what = ", ".join(changed) or "the encoder"
            raise InputError(
                path, f"this training began as another encoder or on other data ({what} differs); give another --out"
            )
        for key, value in options.items():
            if key not in _MAY_CHANGE and before["options"].get(key) != value:
                was = before["options"].get(key)
                raise InputError(path, f"this training began with {key}={was}, not {value}; give another --out")
    elif has_state(out):
        raise InputError(path, "is missing, so the state beside it cannot be trusted; give another --out")
    write_json(path, {"encoder": task.name, "options": options, "data": task.card})


def _train_descriptors(task: Task, out: Path | None, stop: Callable[[], bool], listener: Listener) -> Encoder:
    """PCA or autoencoder with heads fitted to its codes."""
    heard: Any
    learnt, watched_by = (_drawn(rows, task.seed) for rows in (task.rows, task.held_out))
    both = np.union1d(learnt, watched_by)
    if task.name == "autoencoder" and task.options.patches:
        spectrograms = spectrograms_of(task, listener, task.dataset)
        usable, problems = np.intersect1d(both, np.flatnonzero(spectrograms.n_frames)), spectrograms.problems
        x: Any = [spectrograms.clip(row) for row in usable]
    else:
        heard = dataset_features(task.dataset, as_recorded=True, jobs=task.jobs, progress=listener.during("listening"))
        usable, problems = np.intersect1d(both, np.flatnonzero(heard.usable())), heard.problems()
        x = heard.descriptors(usable)
    train, held = (np.flatnonzero(np.isin(usable, side)) for side in (learnt, watched_by))
    require(task, len(train), problems)
    encoder: Encoder
    taught, other = ([x[index] for index in side] for side in (train, held))
    if task.name == "pca":
        code_dim = min(task.options.code_dim, len(taught) - 1)  # few tracks have no more axes
        encoder = PCAEncoder(code_dim, task.options.whiten, task.options.two_modes).fit(np.array(taught))
    else:
        auto = AutoencoderEncoder(task.options)
        more = None
        if task.options.excerpts and not task.options.patches:
            told = listener.during("excerpts")
            _, more = dataset_excerpts(task.dataset, learnt, jobs=task.jobs, progress=told)
        auto.train(taught, task.seed, more, out, stop=stop, told=listener.losses)
        auto.card["options"] = task.options.to_json()
        if other:
            auto.card["reconstruction"] = auto.reconstruction(other)
            auto.card["reconstruction_of_pca"] = auto.reconstruction_of_pca(taught, other)
        encoder = auto
    known = task.labels(usable)
    labels = known.take(usable[train])
    codes = encoder.encode_heard(taught)
    encoder.heads = fit_heads(codes, labels.genre_shares, labels.genres, labels.emotions, labels.artists)
    watched, seen = (held, other) if len(held) else (train, taught)
    codes = encoder.encode_heard(seen)
    logits = np.log(np.maximum(encoder.heads.genre_probabilities(codes), 1e-12))
    step = task.options.steps if isinstance(task.options, Pace) else 0
    listener.examined(step, examine(usable[watched], codes, logits, known, bool(len(held))))
    return encoder


def _drawn(rows: np.ndarray, seed: int) -> np.ndarray:
    """At most `MOST_TRACKS_TO_FIT` of `rows`, in their order: memory stays bounded."""
    if len(rows) <= MOST_TRACKS_TO_FIT:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_TRACKS_TO_FIT, replace=False))
