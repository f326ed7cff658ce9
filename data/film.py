"""Moving pictures: frames to a GIF, an MP4 or a folder of PNGs, each of which says what it is."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.covers import write_png
from data.errors import InputError
from data.files import atomic_path, reason_of

KINDS = {".gif": "GIF", ".mp4": "MP4", "": "PNG"}
MAX_FPS = 50
MAX_GIF_FRAMES = 1_500
"""A GIF is held in memory while it is written; at 256 px this is about 100 MB of it."""

MARK = "gatefold film"
_TITLE = "title"  # of the texts that an MP4 can hold, the one that every reader shows
_CRF, _BITS_PER_S = "17", 8_000_000


def film_kind(path: Path) -> str:
    """GIF or MP4 by the name's ending, PNG (a folder of frames) for none; `InputError` for any other."""
    try:
        return KINDS[path.suffix.lower()]
    except KeyError:
        endings = "a film is a .gif, an .mp4 or, without an ending, a folder of PNGs"
        raise InputError(path, f"{endings}; {path.suffix} is neither") from None


def check_film(path: Path) -> None:
    """Refuses a path that would overwrite anything but an earlier film; a folder of frames has to be new or empty."""
    kind = film_kind(path)
    if not path.exists() and not path.is_symlink():
        return
    if kind == "PNG":
        if not path.is_dir() or any(path.iterdir()):
            raise InputError(path, "is there already; frames go into a folder of their own")
    elif not (film_text(path) or "").startswith(MARK):
        raise InputError(path, "is there already and is not a film of covers")


def film_text(path: Path) -> str | None:
    """The text that `write_film` put into a GIF or MP4; None where there is none, or no such film."""
    try:
        if film_kind(path) == "GIF":
            with Image.open(path, formats=("GIF",)) as film:
                return bytes(film.info.get("comment", b"")).decode("utf-8", "replace")
        import av
        import av.error

        with path.open("rb") as file, av.open(file, format="mp4", metadata_errors="replace") as container:
            return container.metadata.get(_TITLE)
    except Exception:  # whatever else lies there is no film, and the decoders raise almost anything on it
        return None


def write_film(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: int,
    *,
    text: str = "",
    side: int | None = None,
    sound: tuple[np.ndarray, int] | None = None,
) -> int:
    """Writes frames uint8 `[3, H, W]` as they come, `fps` a second; returns how many. The file appears whole.

    `text` says what the film is; `side` pixels to a side (those of the frames where None). `sound`, for an MP4: mono
    float32 `[n_samples]` and its rate in Hz, from the first frame on. A GIF is shown again and again; frames that are
    equal become one that is shown longer. Raises `InputError` as `check_film`, and where a GIF would hold too much.
    """
    if not 1 <= fps <= MAX_FPS:
        raise ValueError(f"frames a second are from 1 to {MAX_FPS}, not {fps}")
    check_film(path)
    kind, marked = film_kind(path), f"{MARK} {text}".rstrip()
    pictures = (_picture(frame, side) for frame in frames)
    if kind == "PNG":
        return _write_pngs(path, pictures, marked)
    if kind == "GIF":
        return _write_gif(path, pictures, fps, marked)
    return _write_mp4(path, pictures, fps, marked, sound)


def _picture(frame: np.ndarray, side: int | None) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))  # [3, H, W] → [H, W, 3]
    return picture if side is None else picture.resize((side, side), Image.Resampling.BICUBIC)


def _write_pngs(folder: Path, pictures: Iterable[Image.Image], text: str) -> int:
    count = 0
    with _atomic_folder(folder) as temporary:
        for picture in pictures:
            write_png(temporary / f"frame-{count:05d}.png", np.asarray(picture).transpose(2, 0, 1), {MARK: text})
            count += 1
    return count


@contextlib.contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    temporary = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, folder)
    except OSError as error:
        raise InputError(folder, reason_of(error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_gif(path: Path, pictures: Iterable[Image.Image], fps: int, text: str) -> int:
    coded: list[Image.Image] = []
    for picture in pictures:
        if len(coded) == MAX_GIF_FRAMES:
            raise InputError(path, f"a GIF of more than {MAX_GIF_FRAMES:,} frames; write an .mp4, or fewer seconds")
        coded.append(picture.quantize(256))
    # Hundredths of a second are all that a GIF can say: rounded as they add up, so that the film is not.
    ends = [round(100 * (place + 1) / fps) for place in range(len(coded))]
    lasts = [10 * (end - start) for start, end in zip([0, *ends], ends, strict=False)]  # milliseconds
    first, *others = coded
    with atomic_path(path) as temporary:
        first.save(temporary, "GIF", save_all=True, append_images=others, duration=lasts, loop=0, comment=text.encode())
    return len(coded)


def _write_mp4(
    path: Path, pictures: Iterable[Image.Image], fps: int, text: str, sound: tuple[np.ndarray, int] | None
) -> int:
    """H.264 where this build of FFmpeg can write it, MPEG-4 elsewhere; sound as AAC, laid beside its frames."""
    import av

    count = 0
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        container.metadata[_TITLE] = text
        video: Any = container.add_stream(_video_codec(), rate=Fraction(fps))
        video.pix_fmt = "yuv420p"  # what every player shows
        if video.codec.name == "libx264":
            video.options = {"crf": _CRF}
        else:
            video.bit_rate = _BITS_PER_S
        audio: Any = container.add_stream("aac", rate=sound[1], layout="mono") if sound is not None else None
        for picture in pictures:
            if count == 0:
                video.width, video.height = (length - length % 2 for length in picture.size)  # yuv420p halves both
            frame: Any = av.VideoFrame.from_image(picture.crop((0, 0, video.width, video.height)))
            frame.pts = count
            frame.time_base = Fraction(1, fps)
            container.mux(video.encode(frame))
            if sound is not None:
                _mux_sound(container, audio, sound, count, fps)
            count += 1
        for stream in filter(None, (video, audio)):
            container.mux(stream.encode())
    return count


def _mux_sound(container: Any, stream: Any, sound: tuple[np.ndarray, int], place: int, fps: int) -> None:
    """The samples that sound while frame `place` is shown."""
    import av

    y, sr = sound
    first = round(place * sr / fps)
    samples = np.ascontiguousarray(y[first : round((place + 1) * sr / fps)], dtype=np.float32)
    if len(samples):
        piece: Any = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")  # [1, n]
        piece.sample_rate, piece.pts, piece.time_base = sr, first, Fraction(1, sr)
        container.mux(stream.encode(piece))


def _video_codec() -> str:
    import av.codec

    try:
        av.codec.Codec("libx264", "w")
    except av.codec.codec.UnknownCodecError:
        return "mpeg4"
    return "libx264"
