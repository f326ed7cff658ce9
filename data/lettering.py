"""Whether there is writing on a cover: whether RapidOCR can read any (the extra `text`).

Finding what looks like lines of text is not enough: soft blobs do, too. What was found must also read as something.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image

from data.errors import InputError

SURE = 0.6
"""How sure (0 to 1) one reading must be that counts."""
LETTERS = 2
"""The fewest letters and digits that are writing."""


@functools.cache
def text_finder() -> Callable[[Image.Image], bool]:
    """A function that says whether an RGB image holds text; `InputError` where the extra is not installed."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise InputError("text", 'needs RapidOCR: pip install "gatefold[text]"') from error
    read = RapidOCR(params={"Global.log_level": "critical"})

    def has_text(image: Image.Image) -> bool:
        pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]  # [H, W, 3], blue first
        found = read(np.ascontiguousarray(pixels), use_cls=False)
        readings = zip(found.txts or (), found.scores or (), strict=True)
        return any(score >= SURE and sum(map(str.isalnum, text)) >= LETTERS for text, score in readings)

    return has_text
