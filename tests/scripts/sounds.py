"""Short sounds, and files that hold none that can be used."""

from __future__ import annotations

import io

import numpy as np
import soundfile

SR = 22_050
TONE = (0.3 * np.sin(np.arange(2 * SR) * 0.05)).astype(np.float32)


def sound(y: np.ndarray, sr: int = SR, **written: str) -> bytes:
    """A sound file's bytes of samples `[n]` or `[n, channels]`: WAV of floats unless `written` says otherwise."""
    file = io.BytesIO()
    soundfile.write(file, y, sr, **({"format": "WAV", "subtype": "FLOAT"} | written))
    return file.getvalue()


BAD = {
    "silence.wav": sound(np.zeros(2 * SR, np.float32)),
    "10 ms.wav": sound(TONE[: SR // 100]),
    "empty.mp3": b"",
    "text.mp3": b"this is not music\n" * 100,
    "truncated to nothing.mp3": sound(TONE, format="MP3", subtype="MPEG_LAYER_III")[:100],
    "not a number.wav": sound(np.full(2 * SR, np.nan, np.float32)),
}
