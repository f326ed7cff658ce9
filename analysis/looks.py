"""More of what a cover looks like than a distance needs: the families of numbers that a listener learns from.

`descriptors` are few, weighed and fixed, since figures rest on them. These are many, and each family stands on its own:
who learns from them weighs the families. No network is asked, and an image's rows do not depend on the other images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from analysis.descriptors import check_images
from data.colour import LUMA, rgb_to_lab

SIDE = 64
"""Images are averaged to this side for all but texture and strokes, which are read at `FINE_SIDE`."""
FINE_SIDE = 128
_CHUNK = 64


def compute_looks(images: np.ndarray) -> dict[str, np.ndarray]:
    """The families of `FAMILIES`, float32 `[N, d]` each, of uint8 images `[N, 3, H, W]`, H = W ≥ 16.

    Histograms are square roots of shares, so that a product of two is their Bhattacharyya coefficient. Raises
    `ValueError` for another shape or type.
    """
    check_images(images)
    if not len(images):
        raise ValueError("needs one image at least")
    parts = [_look(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in FAMILIES}


def _look(images: np.ndarray) -> dict[str, np.ndarray]:
    fine = _at_side(images.astype(np.float32), FINE_SIDE)
    lab = rgb_to_lab(np.round(_at_side(images.astype(np.float32), SIDE)).astype(np.uint8))  # [n, 3, 64, 64]
    grey = np.einsum("c,nchw->nhw", np.array(LUMA), fine) / 255  # [n, 128, 128]
    return {name: family(lab, grey) for name, family in FAMILIES.items()}


def _at_side(images: np.ndarray, side: int) -> np.ndarray:
    """Images `[n, 3, side, side]`: means over pixels where they shrink, repeated or interpolated where they grow."""
    old = images.shape[-1]
    if old == side:
        return images
    edges = np.linspace(0, old, side + 1)
    cover = np.minimum(edges[1:, None], np.arange(1, old + 1)) - np.maximum(edges[:-1, None], np.arange(old))
    weights = np.maximum(cover, 0) * side / old  # [side, old]: how much of each old pixel lies in each new one
    return np.einsum("yh,nchw,xw->ncyx", weights, images, weights, optimize=True)


def _colours(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """A joint histogram of L, a, b (6 · 7 · 7) over the whole cover."""
    return _joint_histogram(lab, (6, 7, 7))


def _colours_by_place(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Coarser joint histograms (4 · 5 · 5) of the centre, the border, the top and the bottom."""
    third = SIDE // 4
    border = np.ones((SIDE, SIDE), dtype=bool)
    border[third:-third, third:-third] = False
    rows = np.broadcast_to(np.arange(SIDE)[:, None], (SIDE, SIDE))
    places = (~border, border, rows < third, rows >= SIDE - third)
    return np.concatenate([_joint_histogram(lab[:, :, place][..., None], (4, 5, 5)) for place in places], axis=1)


def _joint_histogram(lab: np.ndarray, bins: tuple[int, int, int]) -> np.ndarray:
    """Roots of shares `[n, product of bins]` of L 0…100 and a, b −60…60 (finer near grey), shared between bins."""
    n = len(lab)
    flat = lab.reshape(n, 3, -1)
    scaled = [flat[:, 0] / 100] + [0.5 + 0.5 * np.tanh(flat[:, i] / 40) for i in (1, 2)]
    totals = np.zeros(n * int(np.prod(bins)))
    corners = []
    for position, count in zip(scaled, bins, strict=True):
        place = np.clip(position, 0, 1) * (count - 1)
        low = np.minimum(place.astype(np.int64), count - 2)
        corners.append(((low, 1 - (place - low)), (low + 1, place - low)))
    row = np.arange(n)[:, None]
    for index_l, share_l in corners[0]:
        for index_a, share_a in corners[1]:
            for index_b, share_b in corners[2]:
                slot = ((row * bins[0] + index_l) * bins[1] + index_a) * bins[2] + index_b
                totals += np.bincount(slot.ravel(), (share_l * share_a * share_b).ravel(), minlength=len(totals))
    return np.sqrt(totals.reshape(n, -1) / flat.shape[2])


def _thumbnail(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """The cover at 8 × 8: what lies where."""
    n = len(lab)
    return lab.reshape(n, 3, 8, SIDE // 8, 8, SIDE // 8).mean(axis=(3, 5)).reshape(n, -1) / 50


def _tones(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Statistics that a person would name: lightness, chroma, warmth, how grey, dark, pale, flat, and how few
    colours."""
    n = len(lab)
    lightness, a, b = lab.reshape(n, 3, -1).transpose(1, 0, 2)
    chroma = np.hypot(a, b)
    columns = [plane.mean(axis=1) / 50 for plane in (lightness, a, b, chroma)]
    columns += [plane.std(axis=1) / 25 for plane in (lightness, a, b, chroma)]
    columns += [
        row / 50 for plane in (lightness, chroma) for row in np.percentile(plane, (2, 10, 25, 50, 75, 90, 98), axis=1)
    ]
    columns += [(chroma < limit).mean(axis=1) for limit in (3, 8, 15)]
    columns += [(lightness < limit).mean(axis=1) for limit in (8, 20)]
    columns += [(lightness > limit).mean(axis=1) for limit in (80, 92)]
    columns += [
        ((lightness > 20) & (chroma > 10) & (np.abs(np.arctan2(b, a) - angle) < 0.5)).mean(axis=1)
        for angle in np.arange(-2.6, 3, 0.75)
    ]
    coarse = _joint_histogram(lab, (6, 7, 7)) ** 2
    shares = np.sort(coarse, axis=1)[:, ::-1]
    columns += [shares[:, 0], shares[:, :3].sum(axis=1), shares[:, :8].sum(axis=1)]
    columns.append(-(coarse * np.log(coarse + 1e-9)).sum(axis=1) / 3)
    skewness = ((lightness - lightness.mean(axis=1, keepdims=True)) ** 3).mean(axis=1)
    columns.append(np.cbrt(skewness) / 25)
    return np.stack(columns, axis=1)


def _edges(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Histograms of gradient orientation (9) in 4 × 4 cells at two scales, by strength and against the cover's own."""
    columns = []
    for plane in (lab[:, 0] / 100, lab[:, 0].reshape(len(lab), SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4)) / 100):
        dy, dx = np.gradient(plane, axis=(1, 2))
        strength, angle = np.hypot(dx, dy), np.arctan2(dy, dx) / np.pi % 1.0
        bins = np.minimum((angle * 9).astype(int), 8)
        side = plane.shape[1] // 4
        cells = np.stack([strength * (bins == k) for k in range(9)], axis=1)
        cells = cells.reshape(len(lab), 9, 4, side, 4, side).mean(axis=(3, 5)).reshape(len(lab), -1)
        columns += [np.sqrt(cells) * 2, np.sqrt(cells / (cells.sum(axis=1, keepdims=True) + 1e-3))]
    return np.concatenate(columns, axis=1)


_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def _uniform_codes() -> np.ndarray:
    """For each of 256 local binary patterns its class: 58 uniform ones, and one for all others."""
    patterns = [[(code >> k) & 1 for k in range(8)] for code in range(256)]
    changes = [sum(p[k] != p[k - 1] for k in range(8)) for p in patterns]
    number = iter(range(58))
    return np.array([next(number) if change <= 2 else 58 for change in changes])


_UNIFORM = _uniform_codes()


def _texture(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Local binary patterns (Ojala et al. 2002: the 58 uniform ones and the rest) at four scales, and how flat."""
    columns = []
    for factor in (1, 2, 4, 8):
        side = FINE_SIDE // factor
        plane = grey.reshape(len(grey), side, factor, side, factor).mean(axis=(2, 4))
        middle = plane[:, 1:-1, 1:-1]
        code = np.zeros(middle.shape, dtype=np.int64)
        for k, (dy, dx) in enumerate(_NEIGHBOURS):
            neighbour = plane[:, 1 + dy : side - 1 + dy, 1 + dx : side - 1 + dx]
            code |= (neighbour > middle + 0.01).astype(np.int64) << k
        kind = _UNIFORM[code].reshape(len(grey), -1)
        slot = kind + 59 * np.arange(len(grey))[:, None]
        columns.append(np.sqrt(np.bincount(slot.ravel(), minlength=59 * len(grey)).reshape(-1, 59) / kind.shape[1]))
    return np.concatenate(columns, axis=1)


def _spectrum(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Log power of lightness in 10 rings of frequency by 6 directions, and of colour in the rings alone."""
    window = np.hanning(SIDE)[:, None] * np.hanning(SIDE)
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij")
    radius = np.hypot(fy, fx)
    ring = np.digitize(radius, np.geomspace(1.5 / SIDE, 0.5, 10))
    sector = ((np.arctan2(fy, fx) / np.pi % 1.0) * 6).astype(int) % 6
    columns = []
    for plane, cells in ((lab[:, 0], ring * 6 + sector), (lab[:, 1], ring), (lab[:, 2], ring)):
        power = np.abs(np.fft.rfft2((plane - plane.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
        members = np.eye(int(cells.max()) + 1)[cells.ravel()]
        members = members[:, members.sum(axis=0) > 0]
        columns.append(np.log10(power.reshape(len(lab), -1) @ members / members.sum(axis=0) + 1) / 2)
    return np.concatenate(columns, axis=1)


def _composition(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Symmetry, how the centre differs from the border, how even the border is, and where the edges' weight lies."""
    n = len(lab)
    columns = []
    for plane in lab.transpose(1, 0, 2, 3):
        for other in (plane[:, :, ::-1], plane[:, ::-1], plane.transpose(0, 2, 1)):
            columns.append(np.abs(plane - other).mean(axis=(1, 2)) / 20)
        frame = np.concatenate(
            [
                plane[:, :4].reshape(n, -1),
                plane[:, -4:].reshape(n, -1),
                plane[:, 4:-4, :4].reshape(n, -1),
                plane[:, 4:-4, -4:].reshape(n, -1),
            ],
            axis=1,
        )
        centre = plane[:, 16:-16, 16:-16].reshape(n, -1)
        columns += [
            frame.std(axis=1) / 20,
            (centre.mean(axis=1) - frame.mean(axis=1)) / 20,
            centre.std(axis=1) / 20,
            (centre.std(axis=1) - frame.std(axis=1)) / 20,
        ]
        columns += [plane.mean(axis=2).std(axis=1) / 20, plane.mean(axis=1).std(axis=1) / 20]
    dy, dx = np.gradient(lab[:, 0] / 100, axis=(1, 2))
    strength = np.hypot(dx, dy)
    total = strength.sum(axis=(1, 2)) + 1e-6
    axis = np.linspace(-1, 1, SIDE)
    for weight in (axis[:, None], axis[None], np.abs(axis)[:, None], np.abs(axis)[None]):
        columns.append((strength * weight).sum(axis=(1, 2)) / total)
    columns += [(strength < limit).mean(axis=(1, 2)) for limit in (0.005, 0.015, 0.04)]
    return np.stack(columns, axis=1)


def _strokes(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Thin bright and dark strokes, as letters have them (top hats of 3, 5 and 9 px), in eight bands and in all."""
    n = len(grey)
    columns = []
    for size in (3, 5, 9):
        for hat in (ndimage.white_tophat, ndimage.black_tophat):
            response = hat(grey, size=(1, size, size))
            columns.append(np.sqrt(response.reshape(n, 8, -1).mean(axis=2)))
            columns.append((response > 0.15).reshape(n, 8, -1).mean(axis=2))
            columns.append((response > 0.3).mean(axis=(1, 2))[:, None])
    return np.concatenate(columns, axis=1)


def _skin(lab: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """The share of skin-like colours (any lightness of skin: a hue of 20–75° and a middling chroma) in 4 × 4 cells."""
    n = len(lab)
    lightness, a, b = lab.transpose(1, 0, 2, 3)
    chroma, hue = np.hypot(a, b), np.rad2deg(np.arctan2(b, a))
    skin = (hue > 20) & (hue < 75) & (chroma > 10) & (chroma < 45) & (lightness > 20) & (lightness < 88)
    cells = skin.reshape(n, 4, SIDE // 4, 4, SIDE // 4).mean(axis=(2, 4)).reshape(n, -1)
    return np.concatenate([cells, cells.mean(axis=1, keepdims=True) * 2, cells.max(axis=1, keepdims=True)], axis=1)


Family = Callable[[np.ndarray, np.ndarray], np.ndarray]

FAMILIES: Mapping[str, Family] = {
    "colours": _colours,
    "colours by place": _colours_by_place,
    "thumbnail": _thumbnail,
    "tones": _tones,
    "edges": _edges,
    "texture": _texture,
    "spectrum": _spectrum,
    "composition": _composition,
    "strokes": _strokes,
    "skin": _skin,
}
"""Name of each family and what makes it from Lab planes `[n, 3, 64, 64]` and grey ones `[n, 128, 128]`, 0…1."""
