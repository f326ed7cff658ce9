"""Audio: the excerpt that is heard of a track, mono at one rate, without decoding the rest of the file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO

import numpy as np

from data.decoders import Heard, Unreadable, read_ffmpeg, read_sndfile
from data.errors import InputError
from data.files import reason_of

SAMPLE_RATE = 22050
EXCERPT_S = 60.0
"""Genres of unheard artists are told right three to four times in a hundred more often from 60 s than from 30."""

MIN_S = 1.0
SILENCE_PEAK = 1e-4  # -80 dBFS
MAX_PEAK = 1e3
MAX_DURATION_S = 3600.0

_SNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd")

Source = str | os.PathLike[str] | bytes


@dataclass(frozen=True)
class Excerpt:
    """What is heard of a track: `y` float32 `[n_samples]`, mono, at `sr` Hz, from `start_s` of `total_s`
    seconds.
    """

    y: np.ndarray
    sr: int
    start_s: float
    total_s: float

    @cached_property
    def peak(self) -> float:
        """The largest magnitude of a sample."""
        return float(np.abs(self.y).max())

    def at_full_scale(self) -> Excerpt:
        """The same music with its peak at 1, where masters have it: equal for a file at any gain."""
        return replace(self, y=self.y / np.float32(self.peak)) if self.peak > 0 else self

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the samples as little-endian int16: the same music under other tags is the
        same.
        """
        pcm = np.rint(np.clip(self.y, -1.0, 1.0) * 32767.0).astype("<i2")
        return hashlib.sha256(pcm.tobytes()).hexdigest()


def load_audio(
    source: Source,
    *,
    sr: int = SAMPLE_RATE,
    duration_s: float = EXCERPT_S,
    offset_s: float | None = None,
    name: str | None = None,
) -> Excerpt:
    """At most `duration_s` seconds of a file (or of its bytes), mono, resampled to `sr` Hz by soxr.

    `offset_s` None centres the excerpt in the file. Channels are averaged. Time and memory do not grow
    with the file's length: the excerpt is entered by seeking (an MP3 of over ten minutes through its
    table of contents, which is right to about 1 % of its length; `start_s` says where it begins). A file
    that ends before its header says is heard from its start.

    Raises `InputError`: missing, no file, empty, not audio, no audio in it, nothing to decode, shorter
    than `MIN_S` seconds, silent (peak under −80 dBFS), samples that are not finite or far outside −1…1,
    a sample rate or channel count beyond `decoders.RATES` and `decoders.MAX_CHANNELS`.
    """
    if not 0 < duration_s <= MAX_DURATION_S:
        raise ValueError(f"duration_s is within 0 and {MAX_DURATION_S:g}, not {duration_s}")
    with _opened(source, name) as (file, subject):
        if offset_s is not None and not 0 <= offset_s < math.inf:
            raise InputError(subject, f"an offset of {offset_s:g} s is not in the file")
        heard = _hear(file, subject, duration_s, offset_s)
    _check(heard, subject, offset_s)
    y = heard.y
    if heard.sr != sr:
        import soxr

        y = soxr.resample(y, heard.sr, sr, quality="HQ")
    total_s = max(heard.total_s, heard.start_s + len(heard.y) / heard.sr)
    return Excerpt(np.ascontiguousarray(y, dtype=np.float32), sr, heard.start_s, total_s)


@contextlib.contextmanager
def _opened(source: Source, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    if isinstance(source, bytes):
        subject = name or "audio"
        if not source:
            raise InputError(subject, "empty file")
        yield io.BytesIO(source), subject
        return
    subject = name or os.fspath(source)
    try:
        status = os.stat(source)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(subject, "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a file")
        if status.st_size == 0:
            raise InputError(subject, "empty file")
        file = open(source, "rb")  # noqa: SIM115  # closed below; opening alone may fail as the user's mistake
    except OSError as error:
        raise InputError(subject, reason_of(error)) from error
    except ValueError as error:  # a zero byte in the name
        raise InputError(subject, "not a usable path") from error
    with file:
        yield file, subject


def _hear(file: BinaryIO, subject: str, duration_s: float, offset_s: float | None) -> Heard:
    readers: list[Callable[..., Heard]] = [read_ffmpeg]
    if file.read(4) in _SNDFILE_MAGIC:
        readers.insert(0, read_sndfile)
    reason = "not audio"
    for read in readers:
        try:
            file.seek(0)
            heard = read(file, duration_s, offset_s)
            expected = min(duration_s, heard.total_s - heard.start_s)
            if heard.start_s > 0 and len(heard.y) / heard.sr < 0.9 * expected and offset_s is None:
                file.seek(0)
                whole = read(file, duration_s, 0.0)
                heard = whole if len(whole.y) > len(heard.y) else heard
            return heard
        except Unreadable as error:
            reason = str(error)
        except InputError:
            raise
        except MemoryError:
            reason = "too large to decode"
    raise InputError(subject, reason)


def _check(heard: Heard, subject: str, offset_s: float | None) -> None:
    length_s = len(heard.y) / heard.sr
    if not len(heard.y):
        if offset_s and offset_s >= heard.total_s > 0:
            raise InputError(subject, f"an offset of {offset_s:g} s lies beyond its end ({heard.total_s:.1f} s)")
        raise InputError(subject, "no audio could be decoded: empty, damaged or truncated")
    if length_s < MIN_S:
        raise InputError(subject, f"{length_s:.3g} s is too short (at least {MIN_S:g} s)")
    if not np.isfinite(heard.y).all():
        raise InputError(subject, "holds samples that are not finite numbers")
    peak = float(np.abs(heard.y).max())
    if peak < SILENCE_PEAK:
        raise InputError(subject, "silent")
    if peak > MAX_PEAK:
        raise InputError(subject, f"samples of up to {peak:.3g}, far outside −1 to 1")
