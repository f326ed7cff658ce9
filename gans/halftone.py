"""Offset print: four screens of dots, each at its own angle, on a tint of the picture itself.

An ink covers of each cell what the colour asks for, whatever the shape of its dots, and the screens' angles keep them
independent, so that the mean of the print is the picture (the Demichel equations with ideal inks; in sRGB codes, since
that is what a picture is shrunk in when it is shown small).
"""

from __future__ import annotations

import functools

import numpy as np

from gans.enlarge import enlarge, plan_side
from gans.stretch import Rows, Stretched, pixel_places

LINES = 110
"""Dots from side to side."""
BLACK, TINT = 0.6, 0.38
_ANGLES = (15.0, 75.0, 0.0, 45.0)  # cyan, magenta, yellow, black, in degrees
_STEPS = 1024
_CLEAR = 0.02
_SLOPE = 0.36
"""How steep a dot's edge is where it is cut, as a share of the screen's own frequency."""


def halftone(cover: np.ndarray, size: int, seed: int) -> Rows:
    """The look of print. Nothing of it is drawn by chance: `seed` does not matter."""
    colours = Stretched(enlarge(cover, plan_side(size)).colours, size)
    x, thresholds = pixel_places(0, size, size), _thresholds()
    frequency = 2 * np.pi * LINES
    steep = np.float32(size / (frequency * _SLOPE))

    def rows(top: int, bottom: int) -> np.ndarray:
        rgb = np.clip(colours.rows(top, bottom) * np.float32(1 / 255), 0, 1)
        brightest = rgb.max(axis=0)
        black = BLACK * (1 - brightest) ** 1.6
        paper = np.maximum(1 - black, 1e-3)
        y = pixel_places(top, bottom, size)[:, None]
        print_ = np.ones_like(rgb)
        for place, angle in enumerate(np.deg2rad(_ANGLES)):
            ink = black if place == 3 else 1 - np.minimum(rgb[place] / paper, 1)
            screen = _screen(x, y, frequency, angle)
            soft = np.clip(ink, _CLEAR, 1 - _CLEAR) - ink  # no ink is no dot, although a dot's edge is a pixel wide
            level = thresholds[(ink * _STEPS).astype(np.int32)] - soft * (0.5 / _CLEAR) / steep
            dots = np.clip((level - screen) * steep + 0.5, 0, 1)
            print_[slice(3) if place == 3 else place] *= 1 - dots
        return 255 * ((1 - TINT) * print_ + TINT * rgb)

    return rows


def _screen(x: np.ndarray, y: np.ndarray, frequency: float, angle: float) -> np.ndarray:
    """(2 + cos u + cos v) / 4 float32 `[rows, size]` along the axes u, v turned by `angle`, by the sums of cosines."""
    c, s = frequency * np.cos(angle), frequency * np.sin(angle)
    total = np.full((len(y), len(x)), 0.5, dtype=np.float32)
    for right, down in ((c, s), (-s, c)):
        total += 0.25 * (np.cos(right * x) * np.cos(down * y) - np.sin(right * x) * np.sin(down * y))
    return total


@functools.cache
def _thresholds() -> np.ndarray:
    """For each share of a cell, in steps, the value below which the screen lies there, float32 `[_STEPS + 1]`."""
    wave = np.cos(2 * np.pi * (np.arange(512) + 0.5) / 512)
    values = np.sort(((2 + wave[:, None] + wave[None, :]) / 4).ravel())
    return np.interp(np.linspace(0, 1, _STEPS + 1), np.linspace(0, 1, len(values)), values).astype(np.float32)
