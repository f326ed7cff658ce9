"""The network's picture as a finished cover of any size, in one of several looks that are meant for such a size.

A look is a drawing without pixels of its own, the same at 1,024 and at 3,000: what it adds (dots, bristles, grain, the
edges of paper) has its size as a share of the cover's side. Colours and where they lie stay those of the network's
picture, since they are what carries the music.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from data.checks import number_within, one_of
from data.colour import luma
from gans.brush import paint
from gans.enlarge import blur, enlarge, plan_side, resize
from gans.halftone import halftone
from gans.paper import cut_paper
from gans.stretch import Rows, Stretched

MIN_SIZE, MAX_SIZE = 16, 4096
DEFAULT_SIZE = 1024
DEFAULT_LOOK = "paper"
"""It makes the most of few pixels: its curves are as sharp at 3,000 pixels as at 300."""

_DRAWN_AT_LEAST = 1024
_BAND = 64
_GRAIN_SIDE, _GRAIN, _LEAST_GRAIN = 1024, 60.0, 0.35
_AROUND_SIDE, _AROUND, _PUNCH = 128, 5.0, 0.25


def finish(cover: np.ndarray, size: int = DEFAULT_SIZE, look: str = DEFAULT_LOOK, seed: int = 0) -> np.ndarray:
    """The picture uint8 `[3, h, h]` of a network as a cover uint8 `[3, size, size]`; the same for the same `seed`.

    Raises `InputError` for an unknown look, and for a size that is not from 16 to 4,096.
    """
    one_of("--finish", look, LOOKS)
    number_within("--size", size, MIN_SIZE, MAX_SIZE)
    times = -(-_DRAWN_AT_LEAST // size)  # a small cover is drawn larger and made smaller, or its dots would be lost
    drawn = size * times
    rows = LOOKS[look](_shrunk(cover, drawn) if cover.shape[-1] > drawn else cover, drawn, seed)
    picture = np.empty((3, drawn, drawn), dtype=np.uint8)
    for top in range(0, drawn, _BAND):
        band = rows(top, min(top + _BAND, drawn))
        picture[:, top : top + _BAND] = np.clip(np.rint(band), 0, 255)
    return picture if times == 1 else _shrunk(picture, size)


def _shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """uint8 `[3, n, n]` → `[3, size, size]`, each pixel the mean of those that it stands for."""
    small = [Image.fromarray(channel).resize((size, size), Image.Resampling.BOX) for channel in picture]
    return np.stack([np.asarray(channel) for channel in small])


def plain(cover: np.ndarray, size: int, seed: int) -> Rows:
    """The picture enlarged, and nothing more."""
    return Stretched(enlarge(cover, plan_side(size)).colours, size).rows


def blocks(cover: np.ndarray, size: int, seed: int) -> Rows:
    """Every pixel of the network a square."""
    place = np.arange(size) * cover.shape[-1] // size
    wide = cover[:, :, place].astype(np.float32)
    return lambda top, bottom: wide[:, place[top:bottom]]


def grain(cover: np.ndarray, size: int, seed: int) -> Rows:
    """As on film: grain, most of it in the middle tones, and a little more contrast with what surrounds a place."""
    plan = enlarge(cover, plan_side(size)).colours
    around = blur(resize(plan, _AROUND_SIDE, Image.Resampling.BOX), _AROUND)
    colours = Stretched(plan + _PUNCH * (plan - resize(around, plan.shape[-1])), size)
    noise = np.random.default_rng(seed).random((1, _GRAIN_SIDE, _GRAIN_SIDE), dtype=np.float32)
    grains = Stretched(_GRAIN * blur(noise - 0.5, 0.6), size)

    def rows(top: int, bottom: int) -> np.ndarray:
        colour = colours.rows(top, bottom)
        light = np.clip(luma(colour) * np.float32(1 / 255), 0, 1)
        return colour + grains.rows(top, bottom) * (_LEAST_GRAIN + 2.6 * light * (1 - light))

    return rows


LOOKS: Mapping[str, Callable[[np.ndarray, int, int], Rows]] = {
    "paper": cut_paper,
    "brush": paint,
    "grain": grain,
    "halftone": halftone,
    "plain": plain,
    "blocks": blocks,
}
"""`look(cover, size, seed)` by name, for sizes from 1,024 on."""
