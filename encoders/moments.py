"""What taggers hear in every moment of a dataset's clips: hints for a student that hears the same moments.

A tagger says 64 numbers of a window of half a minute, and of each moment in it as many: a student that is told them
where they happen (hints: Romero et al. 2015) has a dozen times as much to learn from the same music. The mean of
a clip's moments also tells genres better than the windows' codes do.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from data.audio import load_audio
from data.errors import InputError
from data.files import sha256_bytes
from data.shards import Dataset
from encoders.augment import FRAMES_A_SECOND
from encoders.features import one_thread
from encoders.parts import NO_AUDIO, Clip, Made, Parts, Progress, alone, is_made_from, join_arrays, listen
from encoders.spectrograms import MOST_S
from encoders.taggers import CODE, MOMENT_HOPS, MOMENT_STEP, RATE, Tagger

STEP_FRAMES = MOMENT_STEP / RATE * FRAMES_A_SECOND
"""Frames of the spectrogram (44.1) from one moment to the next."""

MIDDLE_FRAMES = MOMENT_HOPS * STEP_FRAMES / 2
"""The middle of the first moment, in frames."""

WINDOW_MOMENTS = 4
"""Moments side by side whose largest numbers are a window's code."""

_COLUMNS = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("problem", pa.string()),
        pa.field("n_moments", pa.int64()),
        pa.field("codes", pa.large_binary()),
    ]
)


@dataclass(frozen=True)
class Moments:
    """What taggers hear in the moments of a dataset's `rows` int64 `[n]` (ascending), on disk.

    A moment's code holds the square roots of its numbers, which lie less far apart; `n_moments` int64 `[n]` (0 where
    a clip cannot be heard). `problems`: how many could not.
    """

    taggers: tuple[Tagger, ...]
    rows: np.ndarray
    n_moments: np.ndarray
    problems: int
    _starts: np.ndarray  # int64 [n]
    _codes: np.ndarray  # float16 [all moments, 64 · n_taggers], memory-mapped

    @property
    def code_size(self) -> int:
        """Numbers of a moment."""
        return CODE * len(self.taggers)

    def codes(self, row: int) -> np.ndarray | None:
        """Codes float32 `[n_moments, 64 · n_taggers]` of a row's clip; None where there is nothing to hear."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row or not self.n_moments[place]:
            return None
        first = int(self._starts[place])
        return np.asarray(self._codes[first : first + int(self.n_moments[place])], dtype=np.float32)

    def at(self, row: int, frames: np.ndarray) -> np.ndarray:
        """Codes `[len(frames), 64 · n_taggers]` of the moments whose middles are at `frames` of a row's spectrogram.

        Between two moments in proportion; before the first and after the last as there. NaN where nothing is heard.
        """
        codes = self.codes(row)
        if codes is None:
            return np.full((len(frames), self.code_size), np.nan, dtype=np.float32)
        place = np.clip((frames - MIDDLE_FRAMES) / STEP_FRAMES, 0, len(codes) - 1)
        before = place.astype(int)
        share = (place - before).astype(np.float32)[:, None]
        return codes[before] * (1 - share) + codes[np.minimum(before + 1, len(codes) - 1)] * share

    def between(self, row: int, start: float = 0, stop: float = np.inf) -> np.ndarray:
        """What a row's frames from `start` to `stop` are to the taggers: mean code of the moments in them, then logits.

        float32 `[(64 + 50) · n_taggers]`; the logits are the mean over the windows about these moments, and the moment
        nearest to the middle stands for a stretch too short to hold one. NaN where nothing is heard.
        """
        codes = self.codes(row)
        if codes is None:
            return np.full(sum(CODE + len(each.weights["dense.bias"]) for each in self.taggers), np.nan, np.float32)
        last = len(codes) - 1
        # A third of a step of grace at either end: a crop just short of a moment has as good as heard it.
        first = max(0, int(np.ceil(start / STEP_FRAMES - 1 / 3)))
        kept = range(first, int(min(last, np.floor(stop / STEP_FRAMES - MOMENT_HOPS + 1 / 3))) + 1)
        if not kept:
            middle = (start + min(stop, MOST_S * FRAMES_A_SECOND)) / 2
            nearest = int(np.clip(round((middle - MIDDLE_FRAMES) / STEP_FRAMES), 0, last))
            kept = range(nearest, nearest + 1)
        return np.concatenate([codes[kept.start : kept.stop].mean(axis=0), self._logits(codes, kept)])

    def _logits(self, codes: np.ndarray, kept: range) -> np.ndarray:
        """Mean logits `[50 · n_taggers]` of the windows of these moments, or of the last windows before them."""
        span = MOMENT_HOPS * (WINDOW_MOMENTS - 1)
        final = max(0, len(codes) - 1 - span)
        start = min(kept.start, final)
        stop = min(max(kept.stop - span, start + 1), final + 1)
        windows = [codes[place : place + span + 1 : MOMENT_HOPS].max(axis=0) for place in range(start, stop)]
        numbers = torch.from_numpy(np.square(windows).reshape(len(windows), len(self.taggers), CODE))
        return torch.cat([each.answer(numbers[:, k]).mean(dim=0) for k, each in enumerate(self.taggers)]).numpy()


def hear_moments(taggers: Sequence[Tagger], y: np.ndarray) -> np.ndarray:
    """Codes float16 `[n, 64 · n_taggers]` of the moments of `y` at 16 kHz, as `Moments` holds them."""
    with one_thread(), torch.inference_mode():
        sound = torch.from_numpy(np.ascontiguousarray(y, dtype=np.float32))
        return torch.cat([tagger.hear_moments(sound) for tagger in taggers], dim=1).sqrt().half().numpy()


def dataset_moments(
    dataset: Dataset,
    taggers: Sequence[Tagger],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Moments:
    """What `taggers` hear in every moment of up to 60 s of all clips, from the cache where it lies.

    Works as `encoders.parts.listen` does: in parallel, resumable, in constant memory. About 0.2 s a minute and
    tagger, and 7 kB.
    """
    if not taggers:
        raise ValueError("there is no tagger to ask")
    made_from = f"{dataset.fingerprint} 1 {MOST_S} {' '.join(tagger.fingerprint for tagger in taggers)}".encode()
    path = dataset.cache_dir / f"moments-{sha256_bytes(made_from)[:16]}.npy"  # other teachers have their own
    index = path.with_suffix(".parquet")
    if not (is_made_from(index, made_from) and path.exists()):
        with alone(dataset.cache_dir):
            if not (is_made_from(index, made_from) and path.exists()):
                hear = functools.partial(_hear, taggers=tuple(taggers))
                parts = Parts("moments", path.with_name(f"{path.stem}-parts"), _COLUMNS, made_from)
                numbers = listen(dataset, hear, [parts], jobs=jobs, scheduler=scheduler, progress=progress)
                join_arrays(parts, numbers, path, "n_moments", np.float16, CODE * len(taggers))
                parts.remove()
    table = pq.read_table(index)
    n_moments = table.column("n_moments").to_numpy()
    return Moments(
        taggers=tuple(taggers),
        rows=table.column("row").to_numpy(),
        n_moments=n_moments,
        problems=table.column("problem").drop_null().length(),
        _starts=np.cumsum(n_moments) - n_moments,
        _codes=np.load(path, mmap_mode="r"),
    )


def _hear(clip: Clip, wanted: frozenset[str], taggers: tuple[Tagger, ...]) -> dict[str, Made]:
    made: Made = {"row": clip.row, "problem": None, "n_moments": 0, "codes": None}
    if not clip.content:
        return {"moments": made | {"problem": NO_AUDIO}}
    try:
        y = load_audio(clip.content, sr=RATE, duration_s=MOST_S, name=clip.track_id).y
    except InputError as error:
        return {"moments": made | {"problem": error.reason}}
    codes = hear_moments(taggers, y)
    return {"moments": made | {"n_moments": len(codes), "codes": codes.tobytes()}}
