"""The synthetic world: tracks one can hear, and covers that the music decides by a known rule.

The rule, which an encoder and a GAN must be able to find:

- tempo → stripes: one stripe from 80 BPM and one more every 12 BPM, `1 + ⌊(tempo_bpm − 80) / 12⌋`, to six;
- energy → saturation: HSV saturation is `0.15 + 0.75 · energy`;
- mode → hue: major covers are warm (30°), minor covers cool (220°);
- brightness → lightness: HSV value is `0.55 + 0.4 · brightness`, and every second stripe is 0.55 of it.

What the music does not explain, and a generator must leave to its noise: the stripes' angle (σ = 12° from
level) and phase, a hue jitter (σ = 6°), and where a small pale disc stands.

`measure_stripes`, `measure_saturation` and `measure_hue` read the rule back off any images.
"""

from __future__ import annotations

import functools
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.colour import hsv_saturation, hsv_to_rgb
from data.synthetic_audio import STYLE_TABLE, play

if TYPE_CHECKING:
    from data.shards import Dataset

STYLES: tuple[str, ...] = tuple(STYLE_TABLE)
"""The audibly distinct styles that tracks are played in."""

TEMPO_RANGE_BPM = (80.0, 152.0)
"""Less than an octave, so that no tempo can be taken for its double."""
MAX_STRIPES = 6
HUES_DEG = {"major": 30.0, "minor": 220.0}
TRACKS_PER_ARTIST = 4


@dataclass(frozen=True)
class SyntheticTrack:
    """One track: all that its audio and cover are made from. `energy` and `brightness` run from 0 to 1."""

    track_id: str
    artist: str
    album: str
    style: str
    tempo_bpm: float
    energy: float
    mode: str
    brightness: float
    year: int
    seed: int

    @property
    def stripes(self) -> int:
        """How many stripes the rule gives this track's cover, 1 to 6."""
        low, high = TEMPO_RANGE_BPM
        return min(1 + int(MAX_STRIPES * (self.tempo_bpm - low) / (high - low)), MAX_STRIPES)

    @property
    def saturation(self) -> float:
        """The HSV saturation that the rule gives this track's cover."""
        return 0.15 + 0.75 * self.energy

    @property
    def valence(self) -> float:
        """The attribute valence of the world: major is 0.75, minor 0.25."""
        return 0.75 if self.mode == "major" else 0.25


def draw_tracks(n: int, seed: int) -> list[SyntheticTrack]:
    """`n` tracks, four an artist in the artist's style; the first tracks do not depend on `n`."""
    tracks = []
    for index in range(n):
        artist = index // TRACKS_PER_ARTIST
        style = STYLES[int(np.random.default_rng((seed, 1, artist)).integers(len(STYLES)))]
        rng = np.random.default_rng((seed, 0, index))
        tracks.append(
            SyntheticTrack(
                track_id=f"synthetic-{seed}-{index:06d}",
                artist=f"Artist {seed}-{artist}",
                album=f"Album {seed}-{index // 2}",
                style=style,
                tempo_bpm=float(rng.uniform(*TEMPO_RANGE_BPM)),
                energy=float(rng.uniform()),
                mode=("major", "minor")[int(rng.integers(2))],
                brightness=float(rng.uniform()),
                year=int(rng.integers(1960, 2026)),
                seed=int(rng.integers(2**31)),
            )
        )
    return tracks


def synthesize(track: SyntheticTrack, duration_s: float = 10.0, sr: int = 22050) -> np.ndarray:
    """The track's audio `y` float32 `[n_samples]` at `sr` Hz, the same at every call."""
    return play(
        STYLE_TABLE[track.style],
        tempo_bpm=track.tempo_bpm,
        energy=track.energy,
        minor=track.mode == "minor",
        brightness=track.brightness,
        rng=np.random.default_rng((track.seed, 0)),
        duration_s=duration_s,
        sr=sr,
    )


def render_cover(track: SyntheticTrack, resolution: int) -> np.ndarray:
    """The cover uint8 `[3, resolution, resolution]`: the same picture at every resolution, antialiased."""
    rng = np.random.default_rng((track.seed, 1))
    angle, phase = np.deg2rad(rng.normal(0, 12)), rng.uniform()
    hue = HUES_DEG[track.mode] + rng.normal(0, 6)
    disc_x, disc_y = rng.uniform(0.2, 0.8, size=2)
    factor = 4 if resolution <= 128 else 2  # supersampling: edges one pixel soft
    axis = (np.arange(resolution * factor) + 0.5) / (resolution * factor)
    x, y = np.meshgrid(axis, axis)  # [H, W] each, 0…1
    along = (y - 0.5) * np.cos(angle) + (x - 0.5) * np.sin(angle)
    dark = (along * track.stripes + phase) % 1.0 < 0.5
    value = (0.55 + 0.4 * track.brightness) * np.where(dark, 0.55, 1.0) * (1.05 - 0.1 * y)
    disc = (x - disc_x) ** 2 + (y - disc_y) ** 2 < 0.13**2
    saturation = np.where(disc, 0.5 * track.saturation, track.saturation)
    value = np.where(disc, 0.98, np.minimum(value, 1.0))
    image = hsv_to_rgb(np.where(dark, hue - 12, hue + 12), saturation, value)
    image = image.reshape(3, resolution, factor, resolution, factor).mean(axis=(2, 4))
    return np.round(image * 255).astype(np.uint8)


def measure_stripes(images: np.ndarray) -> np.ndarray:
    """Stripe counts float64 `[N]` of uint8 images `[N, 3, H, W]` (H = W, a multiple of 32), 0.75 to 7.

    The frequency, in cycles an image, of the sine wave that fits the HSV value best (least squares over
    frequencies and over angles within 36° of level).
    """
    n, _, height, width = images.shape
    value = images.max(axis=1).astype(np.float64)  # [N, H, W]; luminance would hide dark teal beside blue
    small = value.reshape(n, 32, height // 32, 32, width // 32).mean(axis=(2, 4)).reshape(n, 1024)
    frequencies, basis = _waves()
    low, high = np.percentile(small, (10, 85), axis=1, keepdims=True)
    small = np.clip(small, low, high)  # the disc is brighter than the stripes: it shall not count for more
    small -= small.mean(axis=1, keepdims=True)
    explained = ((small @ basis.reshape(1024, -1)) ** 2).reshape(n, len(frequencies), 2).sum(axis=2)
    return frequencies[explained.argmax(axis=1)]


@functools.cache
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """Frequencies `[F]` and, for each, an orthonormal pair of plane waves without mean: `[1024, F, 2]`."""
    axis = (np.arange(32) + 0.5) / 32 - 0.5
    x, y = (plane.ravel() for plane in np.meshgrid(axis, axis))
    frequencies, pairs = [], []
    for frequency in np.arange(0.75, 7.01, 0.125):
        for angle in np.deg2rad(np.arange(-36, 37, 6)):
            phase = 2 * np.pi * frequency * (y * np.cos(angle) + x * np.sin(angle))
            pair = np.stack([np.cos(phase), np.sin(phase)], axis=1)
            frequencies.append(frequency)
            pairs.append(np.linalg.qr(pair - pair.mean(axis=0))[0])
    return np.array(frequencies), np.stack(pairs, axis=1)


def measure_saturation(images: np.ndarray) -> np.ndarray:
    """Median HSV saturation float64 `[N]`, 0…1, of uint8 images `[N, 3, H, W]`."""
    saturation = hsv_saturation(images.astype(np.float64))
    return np.median(saturation.reshape(len(images), -1), axis=1)


def measure_hue(images: np.ndarray) -> np.ndarray:
    """Mean hue in degrees float64 `[N]`, 0…360, of uint8 images `[N, 3, H, W]`, weighted by colour.

    The angle of the mean in the plane perpendicular to grey (red at 0°, green at 120°).
    """
    red, green, blue = images.reshape(len(images), 3, -1).mean(axis=2).T
    return np.rad2deg(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)) % 360


def write_world(
    folder: str | os.PathLike[str],
    n_tracks: int,
    seed: int,
    *,
    duration_s: float = 10.0,
    resolution: int = 64,
    audio: bool = True,
) -> Dataset:
    """Writes `n_tracks` tracks as a dataset in `folder` and opens it.

    Rows carry the true tempo, energy and valence, the style as genre, a PNG cover and (where `audio`) a FLAC
    clip. Artists fall on the splits as everywhere else.
    """
    from data.shards import Dataset, DatasetWriter
    from data.splits import split_of
    from data.table import make_row

    with DatasetWriter(folder) as writer:
        for track in draw_tracks(n_tracks, seed):
            writer.write(
                make_row(
                    track_id=track.track_id,
                    artist=track.artist,
                    album_id=track.album,
                    album=track.album,
                    title=f"{track.style} at {track.tempo_bpm:.0f}",
                    genres=[track.style],
                    release_date=str(track.year),
                    tempo=track.tempo_bpm,
                    energy=track.energy,
                    valence=track.valence,
                    cover={"bytes": _png(render_cover(track, resolution)), "path": f"{track.track_id}.png"},
                    audio={"bytes": _flac(synthesize(track, duration_s)), "path": f"{track.track_id}.flac"}
                    if audio
                    else None,
                    licence="CC0-1.0",
                    source="synthetic",
                    split=split_of(track.artist),
                )
            )
    return Dataset(folder)


def _png(image: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(file, "PNG")
    return file.getvalue()


def _flac(y: np.ndarray, sr: int = 22050) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, y, sr, format="FLAC")
    return file.getvalue()
