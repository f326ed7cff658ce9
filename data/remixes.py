"""Remixes of a dataset's clips: sound without labels, that encoders can learn from what teachers hear in it.

There is little music that anyone may train on, and what a teacher says of a clip played faster, or of two clips at
once, no augmentation can guess: it has to listen. So each remix is a sound of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.audio import SAMPLE_RATE, Excerpt, load_audio
from data.errors import InputError
from data.splits import normalised_artist

if TYPE_CHECKING:
    from data.shards import Dataset

BOTH = " × "
"""Between the artists of a remix of two clips."""

REMIX_S = 30.0
SPEED = (0.06, 0.2)
"""How far the natural logarithm of a remix's speed is from 0, at least and at most: pitch goes with it."""

TILT_DB = 6.0
"""Most that the octaves about 1 kHz are lifted by, all in all, to either side; the opposite at the other end."""

BALANCE_DB = 6.0
"""Most that one of two clips is louder than the other."""


def artists_of(artist: str | None) -> set[str]:
    """Everyone who is heard in a row, in one spelling; neighbours together too, who may be one act of such a name. Of a
    track by nobody its id, as `encoders.lessons` has it, too."""
    parts = (artist or "").split(BOTH)
    runs = {BOTH.join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
    return {name for name in map(normalised_artist, runs) if name} | {f"row:{part}" for part in parts if part}


def write_remixes(
    dataset: Dataset, rows: Sequence[int] | np.ndarray, folder: str | os.PathLike[str], count: int, seed: int = 0
) -> Dataset:
    """`count` remixes of at most `REMIX_S` of the clips at `rows`, as a dataset in `folder`.

    Each is played faster or slower and tilted; every other one has another such clip under it. A row names the
    artists that are heard in it and no genre. Raises `InputError` where none of the rows can be heard.
    """
    from data.shards import Dataset, DatasetWriter
    from data.stored import encode_clip
    from data.table import make_row

    rng = np.random.default_rng(seed)
    rows = np.asarray(rows)
    with DatasetWriter(folder) as writer:
        for number in range(count):
            clips = [_clip(dataset, rows, number)]
            if number % 2:
                clips.append(_clip(dataset, rows, int(rng.integers(len(rows)))))
            y = _mixed([_played(y, rng) for _, y in clips], float(rng.uniform(-BALANCE_DB, BALANCE_DB)))
            tracks = [track for track, _ in clips]
            name = f"remix-{number:06d}"
            writer.write(
                make_row(
                    track_id=name,
                    artist=BOTH.join(dict.fromkeys(track["artist"] or track["track_id"] for track in tracks)),
                    title=BOTH.join(track["title"] or track["track_id"] for track in tracks),
                    audio={"bytes": encode_clip(Excerpt(y, SAMPLE_RATE, 0.0, REMIX_S)), "path": f"{name}.ogg"},
                    licence="; ".join(dict.fromkeys(track["licence"] or "unknown" for track in tracks)),
                    source="remix",
                )
            )
    return Dataset(folder)


def _clip(dataset: Dataset, rows: np.ndarray, number: int) -> tuple[dict[str, Any], np.ndarray]:
    """The row whose turn it is, or the next that can be heard, and its samples."""
    for step in range(len(rows)):
        track = dataset.row(int(rows[(number + step) % len(rows)]))
        with contextlib.suppress(InputError):
            if track["audio"]:
                return track, load_audio(track["audio"]["bytes"], name=track["track_id"]).y
    raise InputError(dataset.folder, "none of the clips to remix can be heard")


def _played(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A stretch of `y`, faster or slower, tilted, with the peak of the whole; float32."""
    import soxr

    speed = float(np.exp(rng.choice((-1, 1)) * rng.uniform(*SPEED)))
    length = round(REMIX_S * SAMPLE_RATE * speed)
    start = int(rng.integers(max(1, len(y) - length + 1)))
    played = soxr.resample(y[start : start + length], SAMPLE_RATE * speed, SAMPLE_RATE, quality="HQ")
    octaves = np.log2(np.clip(np.fft.rfftfreq(len(played), 1 / SAMPLE_RATE), 60.0, 11_000.0) / 1000.0)
    tilt_db = float(rng.uniform(-TILT_DB, TILT_DB)) * octaves / octaves.max()
    return _at_peak(np.fft.irfft(np.fft.rfft(played) * 10 ** (tilt_db / 20), len(played)), float(np.abs(y).max()))


def _mixed(parts: Sequence[np.ndarray], balance_db: float) -> np.ndarray:
    """Clips at once, as long as the shortest: the second `balance_db` above the first, the sum at the first's peak."""
    if len(parts) == 1:
        return parts[0]
    first, second = (part[: min(map(len, parts))] for part in parts)
    loudness = [float(np.sqrt(np.square(part).mean())) for part in (first, second)]
    if not loudness[1]:
        return first
    gain = loudness[0] / loudness[1] * 10 ** (balance_db / 20)
    return _at_peak(first + np.float32(gain) * second, float(np.abs(first).max()))


def _at_peak(y: np.ndarray, peak: float) -> np.ndarray:
    """`y` as float32, its largest magnitude `peak`; silence stays silent."""
    highest = float(np.abs(y).max(initial=0))
    return (y * (peak / highest) if highest else y).astype(np.float32)
