"""The two audio decoders: an excerpt of an open file, mono at the file's own rate, without decoding the rest.

libsndfile reads WAV, FLAC, Ogg and AIFF, entered at the exact sample. FFmpeg (PyAV) reads all else, MP3
included: it enters a long file faster. Both get an open file, never a name, so a name cannot choose a
decoder or a protocol.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

MAX_CHANNELS = 64
RATES = (1_000, 768_000)
LONG_S = 600.0  # an MP3 from here on is entered through its table of contents
_CONTAINERS = (
    "mp3,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,flac,wav,w64,aiff,au,caf,asf,avi,mpegts,mpeg,flv,"
    "ape,wv,tta,ac3,eac3,dts,amr,dsf,mpc,mpc8"
)
_BLOCK = 65_536  # samples
_MAX_FRUITLESS_PACKETS = 4_000
_MAX_LEAD_S = 10.0


@dataclass(frozen=True)
class Heard:
    """Mono float32 `[n]` at the file's own rate, where it starts, and how long the file says it is (0:
    unknown).
    """

    y: np.ndarray
    sr: int
    start_s: float
    total_s: float


class Unreadable(Exception):
    """This decoder cannot read the file; the text says why."""


def _start(total_s: float, duration_s: float, offset_s: float | None) -> float:
    return offset_s if offset_s is not None else max(0.0, (total_s - duration_s) / 2)


def _plausible(sr: int, channels: int) -> None:
    if not RATES[0] <= sr <= RATES[1]:
        raise Unreadable(f"a sample rate of {sr:,} Hz is outside {RATES[0]:,} to {RATES[1]:,}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise Unreadable(f"{channels} channels is outside 1 to {MAX_CHANNELS}")


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


def read_sndfile(file: BinaryIO, duration_s: float, offset_s: float | None) -> Heard:
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
    except Unreadable:
        raise
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError, OSError, AssertionError) as error:
        raise Unreadable("not audio that can be decoded") from error
    return Heard(_joined(parts), rate, start_s, total_s)


def read_ffmpeg(file: BinaryIO, duration_s: float, offset_s: float | None) -> Heard:
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
        raise Unreadable("not audio that can be decoded") from error
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # the binding trips over what damaged containers leave unset
        raise Unreadable(f"not audio that can be decoded ({error})") from error


def _total_s(container: Any) -> float:
    """The length that the container claims, 0 where it claims none."""
    if not container.streams.audio:
        raise Unreadable("no audio in it")
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (container.duration or 0) / 1e6)


def _decode(container: Any, total_s: float, duration_s: float, offset_s: float | None) -> Heard:
    import av
    import av.error

    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise Unreadable("its audio is coded in an unknown way")
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
    return Heard(y, rate, (landed_s or 0.0) + skip / rate, total_s)


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
