"""Colour in numbers: pictures as light, as CIE L*a*b*, as luma and as HSV, each by the formula of its source.

Pictures are sRGB and have their channels in the axis after the first; lists of single colours have theirs in the last.
"""

from __future__ import annotations

import numpy as np

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in luma: ITU-R BT.601."""

_CODES = np.arange(256) / 255
# Linear light 0…1 of each code: IEC 61966-2-1, whose transfer function is also that of WCAG 2.
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)
_LINEAR_32 = _LINEAR.astype(np.float32)
# Linear sRGB to XYZ over the white point (D65), by the primaries of IEC 61966-2-1; rows are X, Y, Z.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def rgb_to_lab(pictures: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) float64 `[N, 3, ...]`, L 0…100, of uint8 sRGB `[N, 3, ...]` (CIE 15, 8.2.1)."""
    t = np.einsum("xc,nc...->nx...", _TO_XYZ, _LINEAR[pictures])
    x, y, z = np.moveaxis(np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29), 1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """sRGB 0…1 `[..., 3]` of CIE L*a*b* (D65) `[..., 3]`, held within the gamut; within it the way back of
    `rgb_to_lab`."""
    y = (lab[..., 0] + 16) / 116
    t = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(t > 6 / 29, t**3, (t - 4 / 29) * 3 * (6 / 29) ** 2)
    linear = (xyz @ _FROM_XYZ.T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def lightness_to_luminance(lightness: np.ndarray) -> np.ndarray:
    """Relative luminance 0…1 of CIE L* 0…100 (CIE 15, 8.2.1, turned round)."""
    return np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / (24389 / 27))


def relative_luminance(picture: np.ndarray) -> np.ndarray:
    """Relative luminance float32 `[...]`, 0…1, of uint8 sRGB `[3, ...]` (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_LINEAR_32[channel] * weight for channel, weight in zip(picture, _LUMINANCE, strict=True))
    return np.asarray(red + green + blue)


def contrast_ratio(one: np.ndarray | float, other: np.ndarray | float) -> np.ndarray:
    """Contrast, 1 to 21, of two relative luminances (WCAG 2.2, "contrast ratio")."""
    return np.asarray((np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05))


def luma(picture: np.ndarray) -> np.ndarray:
    """Luma `[...]` of float32 sRGB `[3, ...]`, on its scale (`LUMA`)."""
    return np.tensordot(np.array(LUMA, np.float32), picture, 1)


def hsv_saturation(pictures: np.ndarray) -> np.ndarray:
    """HSV saturation `[N, ...]`, 0…1, of sRGB in floats 0…255 `[N, 3, ...]` (Smith, SIGGRAPH 1978); black has none."""
    high = pictures.max(axis=1)
    return (high - pictures.min(axis=1)) / np.maximum(high, 1)


def hsv_to_rgb(hue_deg: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """sRGB 0…1 `[3, ...]` of hue in degrees, saturation and value 0…1 `[...]` (Smith, SIGGRAPH 1978)."""
    k = (np.array([5.0, 3.0, 1.0]).reshape(3, *[1] * hue_deg.ndim) + hue_deg / 60) % 6
    return value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)
