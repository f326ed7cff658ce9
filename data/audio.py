"""Audio: the excerpt that is heard of a track, mono at one rate, without decoding the rest of the file.

libsndfile reads WAV, FLAC, Ogg and AIFF, entered at the exact sample. FFmpeg (PyAV) reads all else, MP3
included: it enters a long file faster. Both get an open file, never a name, so a name cannot choose a
decoder or a protocol.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np

from data.errors import InputError
from data.files import reason_of

SAMPLE_RATE = 22050
EXCERPT_S = 30.0
MIN_S = 1.0
SILENCE_PEAK = 1e-4  # -80 dBFS
MAX_PEAK = 1e3
MAX_CHANNELS = 64
RATES = (1_000, 768_000)
MAX_DURATION_S = 3600.0
LONG_S = 600.0  # an MP3 from here on is entered through its table of contents

_SNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd")
_CONTAINERS = (
    "mp3,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,flac,wav,w64,aiff,au,caf,asf,avi,mpegts,mpeg,flv,"
    "ape,wv,tta,ac3,eac3,dts,amr,dsf,mpc,mpc8"
)
_BLOCK = 65_536  # samples
_MAX_FRUITLESS_PACKETS = 4_000
_MAX_LEAD_S = 10.0

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
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the samples as little-endian int16: the same music under other tags is the
        same.
        """
        pcm = np.rint(np.clip(self.y, -1.0, 1.0) * 32767.0).astype("<i2")
        return hashlib.sha256(pcm.tobytes()).hexdigest()


@dataclass(frozen=True)
class _Heard:
    """Mono float32 `[n]` at the file's own rate, where it starts, and how long the file says it is (0:
    unknown).
    """

    y: np.ndarray
    sr: int
    start_s: float
    total_s: float


class _Unreadable(Exception):
    """This decoder cannot read the file; the text says why."""


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
    a sample rate or channel count beyond `RATES` and `MAX_CHANNELS`.
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


def _hear(file: BinaryIO, subject: str, duration_s: float, offset_s: float | None) -> _Heard:
    readers: list[Callable[..., _Heard]] = [_read_ffmpeg]
    if file.read(4) in _SNDFILE_MAGIC:
        readers.insert(0, _read_sndfile)
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
        except _Unreadable as error:
            reason = str(error)
        except InputError:
            raise
        except MemoryError:
            reason = "too large to decode"
    raise InputError(subject, reason)


def _start(total_s: float, duration_s: float, offset_s: float | None) -> float:
    return offset_s if offset_s is not None else max(0.0, (total_s - duration_s) / 2)


def _plausible(sr: int, channels: int) -> None:
    if not RATES[0] <= sr <= RATES[1]:
        raise _Unreadable(f"a sample rate of {sr:,} Hz is outside {RATES[0]:,} to {RATES[1]:,}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise _Unreadable(f"{channels} channels is outside 1 to {MAX_CHANNELS}")


class _Tape:
    """A file as libsndfile wants it: a damaged header may ask for a place before the start, which must not raise
    in a callback (the traceback would be printed, and cannot be caught).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell
        self.read = file.read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._file.tell()}.get(whence)
        if base is None:
            base = self._file.seek(0, os.SEEK_END)
        return self._file.seek(min(max(0, base + offset), 2**62))


def _read_sndfile(file: BinaryIO, duration_s: float, offset_s: float | None) -> _Heard:
    import soundfile

    try:
        with soundfile.SoundFile(_Tape(file)) as sound:
            rate, channels = int(sound.samplerate), int(sound.channels)
            _plausible(rate, channels)
            # A header can claim any length; what is allocated is bounded by what is asked and what is read.
            total_s = max(0, int(sound.frames)) / rate
            start_s = _start(total_s, duration_s, offset_s)
            if start_s > 0:
                sound.seek(min(round(start_s * rate), int(sound.frames)))
            wanted = round(duration_s * rate)
            parts: list[np.ndarray] = []
            while wanted > 0:
                block = sound.read(min(wanted, _BLOCK), dtype="float32", always_2d=True)  # [n, channels]
                if not len(block):
                    break
                parts.append(_mono(block.T))
                wanted -= len(block)
    except _Unreadable:
        raise
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError, OSError, AssertionError) as error:
        raise _Unreadable("not audio that can be decoded") from error
    return _Heard(_joined(parts), rate, start_s, total_s)


def _read_ffmpeg(file: BinaryIO, duration_s: float, offset_s: float | None) -> _Heard:
    import av
    import av.error

    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": ""}
    try:
        with av.open(file, options=options, metadata_errors="replace") as container:
            total_s = _total_s(container)
            if container.format.name != "mp3" or total_s <= LONG_S or offset_s is not None:
                return _decode(container, total_s, duration_s, offset_s)
        file.seek(0)
        with av.open(file, options=options | {"fflags": "fastseek"}, metadata_errors="replace") as container:
            return _decode(container, total_s, duration_s, offset_s)
    except av.error.FFmpegError as error:
        raise _Unreadable("not audio that can be decoded") from error
    except (ValueError, OSError, RuntimeError, OverflowError, ArithmeticError, EOFError) as error:
        raise _Unreadable(f"not audio that can be decoded ({error})") from error


def _total_s(container: Any) -> float:
    """The length that the container claims, 0 where it claims none."""
    if not container.streams.audio:
        raise _Unreadable("no audio in it")
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (container.duration or 0) / 1e6)


def _decode(container: Any, total_s: float, duration_s: float, offset_s: float | None) -> _Heard:
    import av
    import av.error

    stream = container.streams.audio[0]
    rate = int(stream.codec_context.sample_rate or 0)
    _plausible(rate, int(stream.codec_context.channels or 0))
    start_s = _start(total_s, duration_s, offset_s)
    origin_s = float((stream.start_time or 0) * (stream.time_base or 0))
    if start_s > 0:
        with contextlib.suppress(av.error.FFmpegError):  # a file that cannot be entered is heard from its start
            container.seek(int((origin_s + start_s) * 1e6), backward=True)
    # Planar floats whatever the codec gives; the layout and rate of the first frame are kept.
    planar = av.AudioResampler(format="fltp")
    parts: list[np.ndarray] = []
    landed_s: float | None = None
    skip, have, fruitless, wanted = 0, 0, 0, round(duration_s * rate)
    for packet in container.demux(stream):
        fruitless += 1
        for frame in _frames(packet):
            if frame.sample_rate != rate:
                continue  # a damaged header inside the stream
            if landed_s is None:
                landed_s = start_s if frame.time is None else max(0.0, frame.time - origin_s)
                gap_s = start_s - landed_s  # a container is entered at the key frame before the wanted time
                skip = round(gap_s * rate) if 0 < gap_s <= _MAX_LEAD_S else 0
            for piece in planar.resample(frame):
                parts.append(_mono(piece.to_ndarray()))  # [channels, n] -> [n]
                have += len(parts[-1])
            fruitless = 0
        if have >= wanted + skip or fruitless > _MAX_FRUITLESS_PACKETS:
            break
    y = _joined(parts)[skip : skip + wanted]
    return _Heard(y, rate, (landed_s or 0.0) + skip / rate, total_s)


def _frames(packet: Any) -> list[Any]:
    """The frames of one packet; none where the packet is damaged, so that the next one gets its chance."""
    import av.error

    try:
        return packet.decode()
    except av.error.FFmpegError:
        return []


def _mono(block: np.ndarray) -> np.ndarray:
    """float32 `[n]`, the mean over the channels of `[channels, n]`."""
    return block[0] if len(block) == 1 else block.mean(axis=0, dtype=np.float32)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _check(heard: _Heard, subject: str, offset_s: float | None) -> None:
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
