"""Short pieces of sound in the forms in which services give them."""

from __future__ import annotations

import io
from functools import lru_cache

import av
import numpy as np

_RATE = 22_050
_FORMS = {"mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac")}


@lru_cache(maxsize=256)
def clip(seed: int, form: str = "mp3", seconds: float = 1.5) -> bytes:
    """The bytes of a tone in noise; each seed is another one. `form`: mp3 or m4a."""
    container_name, codec = _FORMS[form]
    rng = np.random.default_rng(seed)
    count = int(seconds * _RATE)
    tone = np.sin(2 * np.pi * (110 + seed % 50 * 20) * np.arange(count) / _RATE)
    samples = (0.3 * tone + 0.05 * rng.standard_normal(count)).astype(np.float32)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = _RATE
        for part in (frame, None):
            container.mux(stream.encode(part))
    return buffer.getvalue()
