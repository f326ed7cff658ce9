"""Estimates of nine of the ten attributes from audio, on the scales of Spotify's audio features.

They are this program's own, never Spotify's values: each is a documented function of what is heard, put on
Spotify's scale by one monotone curve. Popularity cannot be heard and stays absent.

How the curves were found (`python -m encoders.calibration MUSIC SPOTIFY` prints them again): each index was
computed for the 304 clips (classical, electronic, pop, rock) of the Emotify set (Aljanaba et al. 2016), and
its quantiles set against those of Spotify's values in an equal mixture of the matching genres. So the
distributions match; a single track's value may well not. Loudness is shifted only and tempo is not changed
at all, so that decibels stay decibels and beats beats.

The same command prints how far the estimates agree with the clips' raters, whose felt emotions are none of
these attributes but should go along with some: r is between 0.3 and 0.45 over 304 clips for valence, energy,
acousticness and danceability (the weights of valence and energy were chosen with these in view). Nothing
here is labelled for instrumentalness, speechiness and liveness: take those three as the weakest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from encoders.features import HOP, Features
from encoders.filters import mel_centres_hz

_BLOCK_S = 0.4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
SPOTIFY_OFFSET_DB = 3.0
"""Loud masters of today measure about −9 LUFS and stand near −6 dB in Spotify's values. (The clips behind the
curves are quieter masters, so their quantiles say nothing of this shift.)"""


def integrated_loudness(k_weighted: np.ndarray, frames_per_s: float) -> float:
    """Integrated loudness in LUFS of K-weighted mean squares `[n_frames]` (ITU-R BS.1770-4, one channel).

    Blocks of 0.4 s overlapping by three quarters; those under −70 LUFS, then those 10 LU under the mean of the
    rest, do not count. A full-scale sine of 997 Hz measures −3.0. Nothing above the gate: −70.
    """
    block = max(round(_BLOCK_S * frames_per_s), 1)
    total = np.concatenate([[0.0], np.cumsum(k_weighted, dtype=np.float64)])
    start = np.arange(0, max(len(k_weighted) - block, 0) + 1, max(block // 4, 1))
    stop = np.minimum(start + block, len(k_weighted))
    power = np.maximum((total[stop] - total[start]) / (stop - start), 0)
    loud = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
    if not len(loud):
        return _ABSOLUTE_GATE_LUFS
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE_LU].mean()))


def _lufs(power: np.ndarray) -> np.ndarray:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


@dataclass(frozen=True)
class Sound:
    """What the indices are computed from: features, integrated loudness, and the peak over it in dB."""

    features: Features
    lufs: float
    crest_db: float
    sr: int

    @classmethod
    def measure(cls, y: np.ndarray, sr: int, features: Features) -> Sound:
        """Of the track `y` `[n_samples]` at `sr` Hz whose features these are."""
        lufs = integrated_loudness(features.frames["k_weighted"], sr / HOP)
        peak_db = 20 * np.log10(max(float(np.abs(y).max()), 1e-6))
        return cls(features, lufs, float(np.clip(peak_db - lufs, 0, 40)), sr)

    @property
    def flux(self) -> float:
        """Mean onset strength in dB a frame."""
        return float(self.features.frames["onset_strength"].mean())

    def mean_octave(self, row: str) -> float:
        """Mean over time of a row in Hz, in octaves over 1 Hz; what is under 50 Hz counts as that."""
        return float(np.log2(np.maximum(self.features.frames[row], 50)).mean())


def danceability_index(sound: Sound) -> float:
    """Strength and steadiness of the beat, less its distance from 120 BPM.

    The onset envelope's autocorrelation at the beat, the size of its swings (dB a frame), and octaves from 120 BPM.
    """
    octaves = abs(np.log2(sound.features.rhythm.fine_tempo_bpm / 120))
    swing = float(sound.features.frames["onset_strength"].std())
    return 2 * sound.features.rhythm.pulse_clarity + 0.3 * swing - 0.5 * octaves


def energy_index(sound: Sound) -> float:
    """Intensity: loudness, flux and brightness, and the compression that loud masters have.

    LUFS over 10, the mean onset strength in dB a frame, octaves of the spectral centroid, and less for each dB
    that the peak stands above the loudness.
    """
    loud = sound.lufs / 10 - 0.06 * sound.crest_db
    return loud + 0.7 * sound.flux + 0.5 * sound.mean_octave("centroid_hz")


def acousticness_index(sound: Sound) -> float:
    """Absence of what amplifiers, drums and synthesisers add: high frequencies, noise, density, loudness."""
    flatness = float(np.log10(sound.features.frames["flatness"] + 1e-10).mean())
    bright = 0.6 * sound.mean_octave("rolloff_hz") + 0.5 * flatness
    return -bright - 0.7 * sound.flux - sound.lufs / 10


def instrumentalness_index(sound: Sound) -> float:
    """Absence of a voice's movement: swings at 3 to 8 Hz (syllables) of the level from 300 to 3,400 Hz.

    Only that part of the swings counts which the beat does not explain.
    """
    return -_syllables(sound) * (1.2 - sound.features.rhythm.pulse_clarity)


def speechiness_index(sound: Sound) -> float:
    """Speech's alternation of voiced and unvoiced sounds, with syllables, without a steady harmony.

    Deviation of the zero-crossing rate, plus swings at 3 to 8 Hz, less the clarity of the key.
    """
    crossings = sound.features.frames["zero_crossings"]
    return 8 * float(crossings.std()) + 0.15 * _syllables(sound) - 0.5 * sound.features.harmony.clarity


def liveness_index(sound: Sound) -> float:
    """A room and a public: soft moments that are noisier than the rest and do not fall silent. A weak estimate.

    Log flatness of the softest tenth of the frames less that of all, plus their level under the whole's in
    dB over 30.
    """
    rms = sound.features.frames["rms"]
    soft = rms <= np.quantile(rms, 0.1)
    flatness = np.log10(sound.features.frames["flatness"] + 1e-10)
    depth_db = 10 * np.log10((np.square(rms[soft]).mean() + 1e-12) / (np.square(rms).mean() + 1e-12))
    return float(0.5 * (flatness[soft].mean() - flatness.mean()) + depth_db / 30)


def valence_index(sound: Sound) -> float:
    """Cheer: a steady beat, many onsets, a bright sound, a fast tempo, and major over minor keys."""
    rhythm = sound.features.rhythm
    lively = 0.3 * np.log2(rhythm.fine_tempo_bpm / 120) + 0.12 * rhythm.onsets_per_s
    beat = 1.2 * rhythm.pulse_clarity + lively
    return float(beat + 0.3 * sound.mean_octave("centroid_hz") + 1.2 * sound.features.harmony.majorness)


def _syllables(sound: Sound) -> float:
    """Root mean square in dB of the swings at 3 to 8 Hz of the mean level between 300 and 3,400 Hz."""
    log_mel = sound.features.log_mel
    hz = mel_centres_hz(sound.sr, len(log_mel))
    level = log_mel[(hz > 300) & (hz < 3400)].mean(axis=0, dtype=np.float64)
    swings = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)))) ** 2
    rate = np.fft.rfftfreq(len(level), HOP / sound.sr)
    return float(np.sqrt(2 * swings[(rate >= 3) & (rate <= 8)].sum() / (0.375 * len(level) ** 2)))


INDICES: dict[str, Callable[[Sound], float]] = {
    "danceability": danceability_index,
    "acousticness": acousticness_index,
    "energy": energy_index,
    "instrumentalness": instrumentalness_index,
    "liveness": liveness_index,
    "speechiness": speechiness_index,
    "valence": valence_index,
}
"""The index behind each attribute that is a share of one; loudness and tempo are measured outright."""

CURVES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "danceability": ((0.32, 0.745, 1.067, 1.552, 2.356), (0.257, 0.382, 0.553, 0.676, 0.81)),
    "acousticness": ((-6.284, -5.638, -4.705, -3.601, -1.663), (0.0, 0.011, 0.104, 0.718, 0.982)),
    "energy": ((1.918, 2.871, 3.637, 4.167, 4.703), (0.075, 0.362, 0.697, 0.856, 0.959)),
    "instrumentalness": ((-2.676, -1.826, -1.394, -0.975, -0.648), (0.0, 0.0, 0.004, 0.478, 0.888)),
    "liveness": ((-0.639, -0.335, -0.182, -0.085, 0.075), (0.06, 0.099, 0.138, 0.229, 0.461)),
    "speechiness": ((-0.135, 0.074, 0.294, 0.592, 1.007), (0.029, 0.039, 0.048, 0.07, 0.181)),
    "valence": ((3.399, 3.879, 4.235, 4.557, 4.99), (0.104, 0.229, 0.392, 0.591, 0.864)),
}
"""For each index, its values at five quantiles and the shares of one that stand there."""


def estimate_attributes(y: np.ndarray, sr: int, features: Features) -> dict[str, float]:
    """Nine attributes, by name, of the track `y` `[n_samples]` whose features these are."""
    sound = Sound.measure(y, sr, features)
    values = {name: on_curve(name, float(index(sound))) for name, index in INDICES.items()}
    values["loudness"] = float(np.clip(sound.lufs + SPOTIFY_OFFSET_DB, -60, 5))
    values["tempo"] = features.rhythm.fine_tempo_bpm
    return values


def on_curve(name: str, index: float) -> float:
    """The share 0…1 that the curve of an attribute gives an index; straight beyond its ends, until 0 or 1."""
    x, share = CURVES[name]
    if index < x[0]:
        value = share[0] + (index - x[0]) * (share[1] - share[0]) / (x[1] - x[0])
    elif index > x[-1]:
        value = share[-1] + (index - x[-1]) * (share[-1] - share[-2]) / (x[-1] - x[-2])
    else:
        value = float(np.interp(index, x, share))
    return min(max(value, 0.0), 1.0)
