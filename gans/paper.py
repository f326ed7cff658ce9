"""Cut paper: a cover as a few sheets of coloured card, one above the other, each with its shadow on those below.

The palette's colours lie from dark to light. A sheet is all that is at least as light as its colour, so sheets have no
gaps; where it ends is a smooth curve that is drawn as sharp as the pixels allow, at any size. What the sheets lack
of the picture's colours, shadows included, comes back as a slow change of tone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from data.colour import rgb_to_lab
from gans.enlarge import blur, enlarge, resize
from gans.inks import palette
from gans.stretch import Rows, Stretched

SIDE = 256
"""Curves are smooth: this many places a side describe them."""
_SKIP = 5
"""Every fifth place is enough to find the palette."""
_EASE, _CURVE = 1.5, 1.6
_SHADOW, _SOFT, _FALL = 0.42, 2.5, (3, 2)
_REACH = 3.0
_CELLS, _SLOW, _TONE = 16, 1.0, 0.6
_FIBRE_SIDE, _FIBRE = 768, 30.0


def cut_paper(cover: np.ndarray, size: int, seed: int) -> Rows:
    """The look of cut paper."""
    colours = resize(enlarge(cover, SIDE).colours, SIDE, Image.Resampling.BOX)
    paints, shapes = _plan(colours)
    missing = _missing(colours - _lay(paints, [Stretched(shape, SIDE) for shape in shapes], SIDE, 0, SIDE))
    sheets, tone = [Stretched(shape, size) for shape in shapes], Stretched(missing, size)
    fibre = np.random.default_rng(seed).random((1, _FIBRE_SIDE, _FIBRE_SIDE), dtype=np.float32)
    paper = Stretched(_FIBRE * blur(fibre - 0.5, 0.7), size)

    def rows(top: int, bottom: int) -> np.ndarray:
        return _lay(paints, sheets, size, top, bottom) + tone.rows(top, bottom) + paper.rows(top, bottom)

    return rows


def _plan(colours: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The sheets of a picture float32 `[3, n, n]` in 0…255, from the lowest on: their paints float32 `[3]`, and the
    shapes (`_shape`) of all but the lowest, which has none.
    """
    n = colours.shape[-1]
    pixels = np.rint(colours).astype(np.uint8).reshape(3, -1).T  # [3, n, n] → [n², 3]
    shades = palette(pixels[::_SKIP]).astype(np.float32)
    shades = shades[np.argsort(shades[:, 0], kind="stable")]
    eased = blur(rgb_to_lab(pixels).astype(np.float32).T.reshape(3, n, n), _EASE)
    sheet = np.stack([np.square(eased - shade[:, None, None]).sum(axis=0) for shade in shades]).argmin(axis=0)
    used = np.unique(sheet)
    paints = [pixels[(sheet == place).ravel()].mean(axis=0, dtype=np.float32) for place in used]
    return paints, [_shape(sheet >= place) for place in used[1:]]


def _shape(sheet: np.ndarray) -> np.ndarray:
    """A sheet bool `[n, n]` as float32 `[2, n, n]`: how far inside its curve a place lies, in places (to first order,
    within ± `_REACH`), and its shadow, 0 to 1.
    """
    n = sheet.shape[0]
    smooth = blur(sheet.astype(np.float32), _CURVE)
    down, right = np.gradient(smooth)
    distance = (smooth - 0.5) / np.maximum(np.sqrt(down**2 + right**2), 0.06)
    shadow = np.pad(blur(sheet.astype(np.float32), _SOFT), ((_FALL[0], 0), (_FALL[1], 0)), mode="edge")[:n, :n]
    return np.stack([np.clip(distance, -_REACH, _REACH), shadow])


def _lay(paints: Sequence[np.ndarray], sheets: Sequence[Stretched], size: int, top: int, bottom: int) -> np.ndarray:
    """Rows of the sheets laid one above the other, float32 `[3, bottom - top, size]`."""
    colour = np.empty((3, bottom - top, size), dtype=np.float32)
    colour[:] = paints[0][:, None, None]
    light = np.ones((bottom - top, size), dtype=np.float32)
    for paint, sheet in zip(paints[1:], sheets, strict=True):
        distance, shadow = sheet.rows(top, bottom)
        here = np.clip(distance * np.float32(size / SIDE) + 0.5, 0, 1)
        light *= 1 - _SHADOW * shadow
        light += (1 - light) * here
        for channel, value in zip(colour, paint, strict=True):
            channel += (value - channel) * here
    return colour * light


def _missing(gap: np.ndarray) -> np.ndarray:
    """What is added for a gap float32 `[3, n, n]`: its mean, and of what differs from place to place the slow part."""
    mean = gap.mean(axis=(1, 2), keepdims=True)
    cells = blur(resize(gap, _CELLS, Image.Resampling.BOX), _SLOW)
    return mean + _TONE * (cells - mean)
