"""Log-mel spectrograms of a dataset's clips in one memory-mapped file: what encoders of time and pitch learn from.

A byte a value: 80 dB below a clip's peak in 255 steps, so a value is right to 0.16 dB.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.audio import SAMPLE_RATE, load_audio
from data.errors import InputError
from data.files import sha256_bytes
from data.shards import Dataset
from encoders.features import FEATURES_VERSION, HOP, N_FFT, N_MELS, TOP_DB, compute_log_mel
from encoders.parts import NO_AUDIO, Clip, Made, Parts, Progress, alone, is_made_from, join_arrays, listen

MOST_S = 60.0
"""Seconds that are kept of a clip, from its middle."""

_STEPS = 255
_MADE_BY = f"1 {FEATURES_VERSION} {SAMPLE_RATE} {N_FFT} {HOP} {N_MELS} {TOP_DB} {MOST_S} {_STEPS}"
_COLUMNS = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("problem", pa.string()),
        pa.field("n_frames", pa.int64()),
        pa.field("peak_db", pa.float32()),
        pa.field("levels", pa.large_binary()),
    ]
)


@dataclass(frozen=True)
class Spectrograms:
    """Spectrograms of a dataset's `rows` int64 `[n]` (ascending), on disk.

    `n_frames` int64 `[n]`: how long each is (0 where a row has none; 43.07 frames are a second). `problems`: how
    many clips could not be heard, by reason.
    """

    path: Path
    fingerprint: str
    rows: np.ndarray
    n_frames: np.ndarray
    problems: dict[str, int]
    _peak_db: np.ndarray = field(repr=False)  # float32 [n]
    _starts: np.ndarray = field(repr=False)  # int64 [n], in frames
    _levels: np.ndarray = field(repr=False)  # uint8 [all frames, 128], memory-mapped

    def __len__(self) -> int:
        return len(self.rows)

    def clip(self, row: int, start: int = 0, stop: int | None = None) -> np.ndarray | None:
        """Frames `start` to `stop` of a row's clip, float32 `[128, n_frames]` in dB as `Features.log_mel` holds them.

        None where the row has no clip or none that can be heard; `KeyError` for a row that was not asked for.
        """
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            raise KeyError(f"row {row} is none of those that were listened to")
        if not self.n_frames[place]:
            return None
        kept = range(int(self.n_frames[place]))[start:stop]
        first = int(self._starts[place])
        levels = self._levels[first + kept.start : first + kept.stop]
        return from_levels(np.ascontiguousarray(levels.T), float(self._peak_db[place]))


def to_levels(log_mel: np.ndarray) -> tuple[np.ndarray, float]:
    """A log-mel in dB of any shape as uint8 of the same shape (255: its peak, 0: 80 dB below), and its peak in dB."""
    peak_db = float(log_mel.max())
    return np.rint(np.maximum(log_mel - peak_db + TOP_DB, 0) * (_STEPS / TOP_DB)).astype(np.uint8), peak_db


def from_levels(levels: np.ndarray, peak_db: float) -> np.ndarray:
    """The log-mel float32 in dB that `to_levels` made these of, within 0.16 dB."""
    return levels * np.float32(TOP_DB / _STEPS) + np.float32(peak_db - TOP_DB)


def dataset_spectrograms(
    dataset: Dataset,
    rows: np.ndarray | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Spectrograms:
    """Spectrograms of up to 60 s of the clips of `rows` (ascending; all where None), from the cache where they lie.

    Works as `encoders.parts.listen` does: in parallel, resumable, in constant memory. About 330 kB for a clip of
    60 s, and as much again while the parts are joined. Made anew when the dataset or the features' version changes.
    """
    chosen = np.arange(len(dataset)) if rows is None else np.asarray(rows, dtype=np.int64)
    if (np.diff(chosen) <= 0).any() or (len(chosen) and not 0 <= chosen[0] <= chosen[-1] < len(dataset)):
        raise ValueError("rows are asked for in ascending order, each once, within the dataset")
    made_from = f"{dataset.fingerprint} {_MADE_BY} {sha256_bytes(chosen.astype('<i8').tobytes())}".encode()
    fingerprint = sha256_bytes(made_from)
    path = dataset.cache_dir / f"spectrograms-{fingerprint[:16]}.npy"
    index = path.with_suffix(".parquet")
    if not (is_made_from(index, made_from) and _is_whole(path)):
        with alone(dataset.cache_dir):
            if not (is_made_from(index, made_from) and _is_whole(path)):
                parts = Parts("levels", path.with_name(f"{path.stem}-parts"), _COLUMNS, made_from)
                numbers = listen(
                    dataset, _hear, [parts], rows=chosen, jobs=jobs, scheduler=scheduler, progress=progress
                )
                join_arrays(parts, numbers, path, "n_frames", np.uint8, N_MELS)
                parts.remove()
    return _open(path, index, fingerprint)


def _hear(clip: Clip, wanted: frozenset[str]) -> dict[str, Made]:
    made: Made = {"row": clip.row, "problem": None, "n_frames": 0, "peak_db": None, "levels": None}
    if not clip.content:
        return {"levels": made | {"problem": NO_AUDIO}}
    try:
        excerpt = load_audio(clip.content, duration_s=MOST_S, name=clip.track_id)
        levels, peak_db = to_levels(compute_log_mel(excerpt.y, excerpt.sr).T)  # [n_frames, 128]
    except InputError as error:
        return {"levels": made | {"problem": error.reason}}
    return {"levels": made | {"n_frames": len(levels), "peak_db": peak_db, "levels": levels.tobytes()}}


def _is_whole(path: Path) -> bool:
    """Whether the array of all frames is there and as long as its head says."""
    try:
        levels = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return levels.dtype == np.uint8 and levels.ndim == 2


def _open(path: Path, index: Path, fingerprint: str) -> Spectrograms:
    table = pq.read_table(index)
    n_frames = table.column("n_frames").to_numpy()
    return Spectrograms(
        path=path,
        fingerprint=fingerprint,
        rows=table.column("row").to_numpy(),
        n_frames=n_frames,
        problems=dict(Counter(table.column("problem").drop_null().to_pylist())),
        _peak_db=table.column("peak_db").to_numpy(),
        _starts=np.cumsum(n_frames) - n_frames,
        _levels=np.load(path, mmap_mode="r"),
    )
