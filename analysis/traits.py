"""Traits: what a person would say of a cover, as numbers, each with its unit, its range and where it comes from.

`descriptors` and `looks` are for distances and listeners; these are to be read. No network is asked, an image's
numbers do not depend on the other images, and images of 128 px and more are averaged down to 64 to 127 px first, so
that covers of any size may be held against one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

from analysis.descriptors import LARGEST_SIDE, cell_means, check_images, shrink
from data.colour import contrast_ratio, hsv_saturation, lightness_to_luminance, rgb_to_lab


class Trait(NamedTuple):
    """A trait's unit, the least and the most that it can be, what it means (with its source), and what is said of
    covers with less and with more of it; traits of one `family` move together. period: of an angle, after how many
    degrees it is the same again."""

    unit: str
    low: float
    high: float
    meaning: str
    family: str = ""
    less: str = ""
    more: str = ""
    period: float = 0.0


TRAITS: Mapping[str, Trait] = {
    "hue": Trait(
        "°", 0, 360, "CIE L*a*b* hue angle of the mean colour (40 red, 100 yellow, 140 green, 300 blue); unknown "
        "within 1 of grey", period=360,
    ),
    "warmth": Trait(
        "scale", -2, 2.5, "mean of −0.5 + 0.02 C*^1.07 cos(h − 50°): warm above 0 (Ou, Luo, Woodcock & Wright 2004)",
        "temperature", "cooler", "warmer",
    ),
    "saturation": Trait("share", 0, 1, "mean of (max − min) / max over R, G, B (HSV)",
                        "colour", "less saturated", "more saturated"),
    "chroma": Trait("C*", 0, 134, "mean CIE L*a*b* distance from grey", "colour", "paler", "more colourful"),
    "colourfulness": Trait(
        "M", 0, 298, "σ + 0.3 μ of red–green and yellow–blue: 15 slightly, 45 averagely, 82 highly colourful "
        "(Hasler & Süsstrunk 2003)", "colour", "fewer colours", "more colours",
    ),
    "lightness": Trait("L*", 0, 100, "mean CIE lightness", "light", "darker", "lighter"),
    "contrast": Trait("L*", 0, 50, "standard deviation of lightness (RMS contrast)", "contrast", "flatter", "starker"),
    "luminance ratio": Trait(
        ":1", 1, 21, "(Y95 + 0.05) / (Y5 + 0.05) of the percentiles of relative luminance, as WCAG 2 has contrast",
        "contrast", "a narrower range of light", "a wider range of light",
    ),
    "edges": Trait("L*/px", 0, 142, "mean gradient of lightness", "edges", "smoother", "busier"),
    "edge density": Trait("share", 0, 1, "share of pixels whose lightness changes by more than 5 L* a pixel",
                          "edges", "fewer edges", "more edges"),
    "edge orientation": Trait(
        "°", 0, 180, "prevailing direction of edges: 0 level, 45 rising, 90 upright, 135 falling; unknown without "
        "edges", period=180,
    ),
    "edge alignment": Trait("share", 0, 1, "how far edges share one direction: 0 all directions alike, 1 only one",
                            "alignment", "edges in more directions", "edges more in one direction"),
    "symmetry left–right": Trait(
        "r", -1, 1, "correlation of the cover with its mirror image: 1 is symmetric", "symmetry left–right",
        "left and right less alike", "left and right more alike",
    ),
    "symmetry top–bottom": Trait(
        "r", -1, 1, "correlation of the cover with itself upside down", "symmetry top–bottom",
        "top and bottom less alike", "top and bottom more alike",
    ),
    "frequency": Trait(
        "cycles/cover", 0, 91, "mean spatial frequency of lightness, by power", "scale", "larger forms", "smaller forms"
    ),
    "spectral slope": Trait(
        "exponent", -5, 5, "slope of log amplitude over log frequency: 0 white noise, about −1 photographs (Field "
        "1987); unknown without contrast; held within ± 5", "scale", "softer detail", "finer detail",
    ),
    "entropy": Trait("bit", 0, 8, "entropy of the histogram of 256 levels of lightness", "entropy",
                     "fewer shades", "more shades"),
    "salient area": Trait(
        "share", 0, 1, "share of the cover that stands out: spectral residual above 3 times its mean (Hou & Zhang "
        "2007)", "salience", "less that stands out", "more that stands out",
    ),
    "salient x": Trait("share", 0, 1, "centre of what stands out, from the left; 0.5 without contrast",
                       "salient x", "stands out further left", "stands out further right"),
    "salient y": Trait("share", 0, 1, "the same, from the top",
                       "salient y", "stands out higher", "stands out lower"),
    "top over bottom": Trait("L*", -100, 100, "lightness of the upper half less that of the lower", "top over bottom",
                             "darker above than below", "lighter above than below"),
    "centre over border": Trait(
        "L*", -100, 100, "lightness of the middle (half of each side) less that around it", "centre over border",
        "darker in the middle", "lighter in the middle",
    ),
    "text": Trait("share", 0, 1, "covers on which writing can be read (`data.labels`, with the extra `text`)",
                  "text", "less writing", "more writing"),
}  # fmt: skip
"""All traits in order: those of `compute_traits`, and one that is read elsewhere."""
COMPUTED = tuple(name for name in TRAITS if name != "text")

GREY = 1.0
"""Distance of the mean colour from grey below which there is no hue to speak of."""
EDGE = 5.0
"""L* a pixel from which on there is an edge."""
_FLAT = 1e-6
_ROUNDING = 1.0
"""Amplitudes that 8-bit rounding alone gives spectra: below these there is nothing to see."""
_CHUNK = 32


def compute_traits(images: np.ndarray) -> dict[str, np.ndarray]:
    """Each of `COMPUTED` float64 `[N]` of uint8 images `[N, 3, H, W]`, H = W ≥ 16; NaN where it is unknown.

    Raises `ValueError` for another shape or type.
    """
    check_images(images)
    parts = [_traits(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)]
    return {name: np.concatenate([np.zeros(0), *(part[name] for part in parts)]) for name in COMPUTED}


def compute_layout(images: np.ndarray) -> np.ndarray:
    """The colour map: mean CIE L*a*b* of each of 4 × 4 cells, row by row, float64 `[N, 16, 3]` (L* 0…100, a* −87…99, b*
    −108…95), of uint8 images `[N, 3, H, W]`, H = W ≥ 16. Raises `ValueError` for another shape or type."""
    check_images(images)
    starts = range(0, len(images), _CHUNK)
    parts = [shrink(rgb_to_lab(images[start : start + _CHUNK])).transpose(1, 0, 2, 3) for start in starts]
    return np.concatenate([np.zeros((0, 16, 3)), *(np.stack([cell_means(x) for x in lab], axis=2) for lab in parts)])


def _traits(images: np.ndarray) -> dict[str, np.ndarray]:
    lab = shrink(rgb_to_lab(images))
    lightness = np.ascontiguousarray(lab[:, 0])  # [n, H, W]
    return {
        **_colour(images if images.shape[2] < 2 * LARGEST_SIDE else shrink(images.astype(np.float64)), lab),
        **_light(lightness),
        **_edges(lightness),
        **_symmetry(lab),
        **_spectrum(lightness),
        **_salience(lightness),
    }


def _colour(rgb: np.ndarray, lab: np.ndarray) -> dict[str, np.ndarray]:
    n = len(lab)
    a, b = lab[:, 1].reshape(n, -1), lab[:, 2].reshape(n, -1)
    chroma = np.hypot(a, b)
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    hue = np.rad2deg(np.arctan2(mean_b, mean_a)) % 360
    towards_50 = a * np.cos(np.deg2rad(50)) + b * np.sin(np.deg2rad(50))  # C* cos(h − 50°)
    warmth = (np.maximum(chroma, 1e-9) ** 0.07 * towards_50).mean(axis=1)
    planes = rgb.reshape(n, 3, -1).astype(np.float32)
    red, green, blue = planes.transpose(1, 0, 2)
    opponents = [red - green, (red + green) / 2 - blue]
    deviation = np.sqrt(sum(plane.var(axis=1, dtype=np.float64) for plane in opponents))
    mean = np.sqrt(sum(plane.mean(axis=1, dtype=np.float64) ** 2 for plane in opponents))
    return {
        "hue": np.where(np.hypot(mean_a, mean_b) < GREY, np.nan, np.where(hue < 360, hue, 0.0)),
        "warmth": -0.5 + 0.02 * warmth,
        "saturation": hsv_saturation(planes).mean(axis=1, dtype=np.float64),
        "chroma": chroma.mean(axis=1),
        "colourfulness": deviation + 0.3 * mean,
    }


def _light(lightness: np.ndarray) -> dict[str, np.ndarray]:
    n, side = lightness.shape[:2]
    flat = lightness.reshape(n, -1)
    low, high = (lightness_to_luminance(level) for level in np.percentile(flat, (5, 95), axis=1))
    levels = np.round(flat * 2.55).astype(np.int64).clip(0, 255)
    counts = np.bincount((levels + 256 * np.arange(n)[:, None]).ravel(), minlength=256 * n).reshape(n, 256)
    share = counts / flat.shape[1]
    half, quarter = side // 2, side // 4
    middle = lightness[:, quarter : side - quarter, quarter : side - quarter]
    around = (flat.sum(axis=1) - middle.sum(axis=(1, 2))) / (flat.shape[1] - middle[0].size)
    return {
        "lightness": flat.mean(axis=1),
        "contrast": flat.std(axis=1),
        "luminance ratio": contrast_ratio(high, low),
        "entropy": np.abs((share * np.log2(np.where(share > 0, share, 1))).sum(axis=1)),
        "top over bottom": lightness[:, :half].mean(axis=(1, 2)) - lightness[:, side - half :].mean(axis=(1, 2)),
        "centre over border": middle.mean(axis=(1, 2)) - around,
    }


def _edges(lightness: np.ndarray) -> dict[str, np.ndarray]:
    down, right = np.gradient(lightness, axis=(1, 2))
    strength = np.hypot(right, down)
    # Twice the angle of the gradient, so that both sides of a line count as one direction; y grows upwards.
    doubled = ((right - 1j * down) ** 2 / np.maximum(strength, 1e-12)).sum(axis=(1, 2))
    total = strength.sum(axis=(1, 2))
    any_edge = total > _FLAT * strength[0].size
    orientation = (np.rad2deg(np.angle(doubled)) / 2 + 90) % 180  # an edge runs across its gradient
    alignment = np.minimum(np.abs(doubled) / np.maximum(total, 1e-12), 1)
    return {
        "edges": strength.mean(axis=(1, 2)),
        "edge density": (strength > EDGE).mean(axis=(1, 2)),
        "edge orientation": np.where(any_edge, np.where(orientation < 180, orientation, 0.0), np.nan),
        "edge alignment": np.where(any_edge, alignment, 0.0),
    }


def _symmetry(lab: np.ndarray) -> dict[str, np.ndarray]:
    """Correlations with the mirror images, over all three channels; what is of one colour is symmetric."""
    centred = lab - lab.mean(axis=(2, 3), keepdims=True)
    power = (centred**2).sum(axis=(1, 2, 3))

    def with_itself(mirror: np.ndarray) -> np.ndarray:
        r = (centred * mirror).sum(axis=(1, 2, 3)) / np.maximum(power, 1e-12)
        return np.where(power > _FLAT, r.clip(-1, 1), 1.0)

    return {
        "symmetry left–right": with_itself(centred[..., ::-1]),
        "symmetry top–bottom": with_itself(centred[:, :, ::-1]),
    }


def _spectrum(lightness: np.ndarray) -> dict[str, np.ndarray]:
    """Frequency and slope of the power spectrum under a Hann window; rings weigh alike by the octave."""
    n, side = lightness.shape[:2]
    window = np.hanning(side + 2)[1:-1]
    centred = (lightness - lightness.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)
    power = np.abs(fft.rfft2(centred)).reshape(n, -1) ** 2
    down, right = np.meshgrid(np.fft.fftfreq(side, 1 / side), np.fft.rfftfreq(side, 1 / side), indexing="ij")
    radius = np.hypot(down, right).ravel()  # cycles a cover
    twice = np.where((right == 0) | (right == side / 2), 1.0, 2.0).ravel()  # the half that rfft leaves out
    twice[0] = 0
    k = np.arange(2, side // 2 + 1)
    ring = (np.round(radius)[:, None] == k) * twice[:, None]
    mean_power = power @ (ring / ring.sum(axis=0))  # [n, rings]
    weight = 1 / k / (1 / k).sum()
    octave = np.log(k) - (weight * np.log(k)).sum()
    slope = np.log(np.maximum(mean_power, 1e-12)) @ (weight * octave) / (weight * octave**2).sum() / 2
    seen = lightness.reshape(n, -1).std(axis=1) > _FLAT
    total = power @ twice
    return {
        "frequency": np.where(seen, power @ (radius * twice) / np.maximum(total, 1e-300), 0.0),
        "spectral slope": np.where(seen, slope.clip(-5, 5), np.nan),
    }


def _salience(lightness: np.ndarray) -> dict[str, np.ndarray]:
    """Spectral residual: what the smoothed logarithm of the amplitudes does not tell; blurred by 2.5 of 64 pixels."""
    n, side = lightness.shape[:2]
    spectrum = fft.fft2((lightness - lightness.mean(axis=(1, 2), keepdims=True)).astype(np.float32))
    usual = ndimage.uniform_filter(np.log(np.abs(spectrum) + _ROUNDING), size=(0, 3, 3), mode="wrap")
    told = fft.ifft2(spectrum / np.exp(usual))
    salience = ndimage.gaussian_filter(np.abs(told) ** 2, (0, 2.5 * side / 64, 2.5 * side / 64), truncate=3)
    salience = salience.reshape(n, -1).astype(np.float64)
    least = np.minimum(3 * salience.mean(axis=1), salience.max(axis=1))
    weight = np.where(salience >= least[:, None], salience, 0)
    seen = lightness.reshape(n, -1).std(axis=1) > _FLAT
    y, x = np.divmod(np.arange(side**2), side)
    centre = weight @ np.stack([x + 0.5, y + 0.5], axis=1) / side / np.maximum(weight.sum(axis=1), 1e-300)[:, None]
    centre = np.where(seen[:, None], centre, 0.5)
    return {
        "salient area": np.where(seen, (weight > 0).mean(axis=1), 0.0),
        "salient x": centre[:, 0],
        "salient y": centre[:, 1],
    }
