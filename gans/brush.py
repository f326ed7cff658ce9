"""Oil paint: the flowing contours of the enlarged picture, with bristles that follow them and light from the top left.

The bristles are noise smoothed along the structure tensor's flow (line integral convolution, Cabral & Leedom 1993).
"""

from __future__ import annotations

import numpy as np

from data.colour import luma
from gans.enlarge import Plan, blur, enlarge, normals, plan_side, resize, smooth_along
from gans.stretch import Rows, Stretched

BRISTLES = 512
"""Places a side on which there are bristles."""
_STROKE = (1.0, 2.0, 4.0, 7.0)
_BODY = 0.06
_GLOSS, _DEPTH, _MOST = 14.0, 4.0, 40.0
_DARK, _FULL = 0.35, 128.0


def paint(cover: np.ndarray, size: int, seed: int) -> Rows:
    """The look of paint."""
    plan = enlarge(cover, plan_side(size))
    colours, relief = Stretched(plan.colours, size), Stretched(_relief(plan, seed), size)

    def rows(top: int, bottom: int) -> np.ndarray:
        colour = colours.rows(top, bottom)
        wet = _DARK + (1 - _DARK) * np.minimum(luma(colour) / _FULL, 1)
        return colour + wet * relief.rows(top, bottom)

    return rows


def _relief(plan: Plan, seed: int) -> np.ndarray:
    """What light adds on the paint's surface, float32 `[1, n, n]`, of mean 0."""
    noise = np.random.default_rng(seed).standard_normal((1, BRISTLES, BRISTLES), dtype=np.float32)
    strokes = smooth_along(noise, normals(resize(plan.tensor, BRISTLES)), _STROKE)[0]
    strokes = (strokes - strokes.mean()) / strokes.std()
    body = resize(luma(plan.colours)[None], BRISTLES)[0]
    down, right = np.gradient(blur(strokes + _BODY * body, 0.7))
    shine = np.clip(_DEPTH * strokes - _GLOSS * (down + right), -_MOST, _MOST)
    return (shine - shine.mean())[None]
