"""Estimates of nine of the ten attributes from audio, on the scales of Spotify's audio features.

They are this program's own, never Spotify's values: each is a documented function of what is heard, put on
Spotify's scale by one monotone curve. Popularity cannot be heard and stays absent.

How the curves were found (`python -m encoders.calibration MUSIC SPOTIFY` prints them again): each index was
computed for the 304 clips (classical, electronic, pop, rock) of the Emotify set (Aljanaba et al. 2016), and
its quantiles set against those of Spotify's values in an equal mixture of the matching genres. Loudness is
shifted only and tempo is not changed at all, so that decibels stay decibels and beats beats.

What error is left stands in `RESIDUALS`: how far the estimates of a genre's clips lie, as a distribution, from
Spotify's values in that genre, beside what one gets who does not listen. By that measure danceability,
acousticness, energy and instrumentalness tell genres apart, valence and liveness a little; speechiness, loudness
(the clips are quieter masters) and tempo do not, since Spotify's genres hardly differ in them or the clips are
other music. THE ERROR OF A SINGLE TRACK IS UNKNOWN: nobody may compare these with Spotify's values of it.

What can be said of single tracks: r between 0.3 and 0.47 with what the clips' raters felt (valence, energy,
acousticness, danceability; felt emotions are none of these, but should go along); instrumentalness orders the
clips as three taggers trained by others hear voices in them (rank correlation 0.78; 0.36 to 0.76 within a
genre; its weights are rounded from a ridge toward these taggers); liveness and speechiness know simulated truth only:
a clip in a simulated room with people from the clip itself (AUC 0.99), a clip with synthetic speech over it from
the clip itself (0.98). Real concerts and real speech were not there to test: take those two as the weakest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from encoders.features import HOP, Features
from encoders.filters import mel_centres_hz
from encoders.loudness import integrated_loudness

ATTRIBUTES_VERSION = 1
"""Counts up when an index is computed otherwise; what was estimated before is then estimated anew."""

_FALL_FRAMES = 6  # 0.14 s at 22,050 Hz
SPOTIFY_OFFSET_DB = 3.0
"""Loud masters of today measure about −9 LUFS and stand near −6 dB in Spotify's values. (The clips behind the
curves are quieter masters, so their quantiles say nothing of this shift.)"""


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
    def frames_per_s(self) -> float:
        return self.sr / HOP

    def part(self, low_hz: float, high_hz: float) -> np.ndarray:
        """Mel bands centred between two frequencies, in dB `[n_bands, n_frames]`."""
        log_mel = self.features.log_mel
        hz = mel_centres_hz(self.sr, len(log_mel))
        return log_mel[(hz >= low_hz) & (hz < high_hz)]

    def level(self, low_hz: float, high_hz: float) -> np.ndarray:
        """Mean over these bands float64 `[n_frames]`."""
        return self.part(low_hz, high_hz).mean(axis=0, dtype=np.float64)

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

    Residual error 0.058, without listening 0.12.
    """
    octaves = abs(np.log2(sound.features.rhythm.fine_tempo_bpm / 120))
    swing = float(sound.features.frames["onset_strength"].std())
    return 2 * sound.features.rhythm.pulse_clarity + 0.3 * swing - 0.5 * octaves


def energy_index(sound: Sound) -> float:
    """Intensity: loudness, flux and brightness, and the compression that loud masters have.

    LUFS over 10, the mean onset strength in dB a frame, octaves of the spectral centroid, and less for each dB
    that the peak stands above the loudness.

    Residual error 0.12, without listening 0.22.
    """
    loud = sound.lufs / 10 - 0.06 * sound.crest_db
    return loud + 0.7 * sound.flux + 0.5 * sound.mean_octave("centroid_hz")


def acousticness_index(sound: Sound) -> float:
    """Absence of what amplifiers, drums and synthesisers add: high frequencies, noise, density, loudness.

    Residual error 0.14, without listening 0.28.
    """
    flatness = float(np.log10(sound.features.frames["flatness"] + 1e-10).mean())
    bright = 0.6 * sound.mean_octave("rolloff_hz") + 0.5 * flatness
    return -bright - 0.7 * sound.flux - sound.lufs / 10


def instrumentalness_index(sound: Sound) -> float:
    """Absence of a voice, whose four signs count against it (the level of the track does not matter).

    Octaves of the movement of the spectrum's shape from 200 to 800 Hz (melody and first formant: rms in dB of the
    swings at 0.3 to 8 Hz); hiss above 6.4 kHz at the pace of words (1 to 3 Hz) rather than of hi-hats (8 to 20 Hz),
    in octaves; swings of the level from 400 to 800 Hz beyond those from 200 to 400 Hz, in dB; and valleys
    that breath fills (spectral contrast from 1.6 to 3.2 kHz in dB, less is more voice).

    Residual error 0.11, without listening 0.17.
    """
    moving = sound.part(200, 800)
    shape = _swing(moving - moving.mean(axis=0), sound.frames_per_s, 0.3, 8)
    treble = sound.level(min(6400, 0.3 * sound.sr), sound.sr / 2)
    hiss = _octaves(_swing(treble, sound.frames_per_s, 1, 3)) - _octaves(_swing(treble, sound.frames_per_s, 8, 20))
    formant = float(sound.level(400, 800).std() - sound.level(200, 400).std())
    contrast = float(sound.features.frames["contrast"][4].mean())
    return -1.3 * _octaves(shape) - 0.5 * hiss - 0.2 * formant + 0.09 * contrast


def speechiness_index(sound: Sound) -> float:
    """Speech's alternation of voiced and unvoiced sounds, with syllables, without a steady harmony.

    Deviation of the zero-crossing rate; swings at 3 to 8 Hz of the level from 300 to 3,400 Hz (dB) and of that from
    3.2 to 6.4 kHz (octaves over 1 dB); less the clarity of the key, and less the correlation of the levels from 400 to
    800 Hz and from 3.2 to 6.4 kHz: vowels and consonants take turns, drums and chords come together.

    Residual error 0.018, without listening 0.014.
    """
    crossings = sound.features.frames["zero_crossings"]
    syllables = _swing(sound.level(300, 3400), sound.frames_per_s, 3, 8)
    consonants = sound.level(3200, 6400)
    together = _correlation(sound.level(400, 800), consonants)
    unsteady = 8 * float(crossings.std()) + 0.15 * syllables - 0.5 * sound.features.harmony.clarity
    return unsteady + 0.3 * _octaves(_swing(consonants, sound.frames_per_s, 3, 8)) - 1.3 * together


def liveness_index(sound: Sound) -> float:
    """A room and a public: sounds that die away slowly over a noisy floor that never falls silent.

    The steepest tenth of the falls within 0.14 s of the mel bands from 1 to 6 kHz, in dB (near 0: a room); the
    bands' softest twentieth under their median, in dB; and the log flatness of the softest tenth of the frames.

    Residual error 0.023, without listening 0.027.
    """
    bands = sound.part(1000, 6000)
    ordered = np.sort(bands, axis=1)
    last = bands.shape[1] - 1
    floor = float((ordered[:, round(0.05 * last)] - ordered[:, round(0.5 * last)]).mean())
    falls = (bands[:, _FALL_FRAMES:] - bands[:, :-_FALL_FRAMES]).ravel()
    fall = float(np.partition(falls, len(falls) // 10)[len(falls) // 10])
    rms = sound.features.frames["rms"]
    soft = rms <= np.quantile(rms, 0.1)
    hush = float(np.log10(sound.features.frames["flatness"][soft] + 1e-10).mean())
    return 0.1 * fall + 0.05 * floor + 0.2 * hush


def valence_index(sound: Sound) -> float:
    """Cheer: a steady beat, many onsets, a bright sound, a fast tempo, and major over minor keys.

    Residual error 0.091, without listening 0.097.
    """
    rhythm = sound.features.rhythm
    lively = 0.3 * np.log2(rhythm.fine_tempo_bpm / 120) + 0.12 * rhythm.onsets_per_s
    beat = 1.2 * rhythm.pulse_clarity + lively
    return float(beat + 0.3 * sound.mean_octave("centroid_hz") + 0.25 * sound.features.harmony.majorness)


def _swing(levels: np.ndarray, frames_per_s: float, low_hz: float, high_hz: float) -> float:
    """Root mean square in dB of the swings from `low_hz` to `high_hz` of levels in dB `[..., n_frames]`."""
    n = levels.shape[-1]
    centred = levels - levels.mean(axis=-1, keepdims=True)
    swings = np.abs(np.fft.rfft(centred * np.hanning(n))) ** 2
    rate = np.fft.rfftfreq(n, 1 / frames_per_s)
    within = swings[..., (rate >= low_hz) & (rate <= high_hz)].sum(axis=-1).mean()
    return float(np.sqrt(2 * within / (0.375 * n**2)))


def _octaves(swing_db: float) -> float:
    """Octaves over 1 dB; what is under 1/100 dB counts as that."""
    return float(np.log2(max(swing_db, 0.01)))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two rows of levels; 0 where one stands still."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-9 else 0.0


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

Curve = tuple[tuple[float, ...], tuple[float, ...]]

CURVES: dict[str, Curve] = {
    "danceability": ((0.32, 0.745, 1.067, 1.552, 2.356), (0.257, 0.382, 0.553, 0.676, 0.81)),
    "acousticness": ((-6.284, -5.638, -4.705, -3.601, -1.663), (0.0, 0.011, 0.104, 0.718, 0.982)),
    "energy": ((1.918, 2.871, 3.637, 4.167, 4.703), (0.075, 0.362, 0.697, 0.856, 0.959)),
    "instrumentalness": ((-2.556, -1.98, -1.481, -0.93, 0.089), (0.0, 0.0, 0.004, 0.478, 0.888)),
    "liveness": ((-3.474, -2.904, -2.555, -2.195, -1.793), (0.06, 0.099, 0.138, 0.229, 0.461)),
    "speechiness": ((-1.001, -0.418, 0.151, 0.568, 1.111), (0.029, 0.039, 0.048, 0.07, 0.181)),
    "valence": ((3.333, 3.887, 4.213, 4.519, 5.015), (0.104, 0.229, 0.392, 0.591, 0.864)),
}
"""For each index, its values at five quantiles and the shares of one that stand there."""


@dataclass(frozen=True)
class Residual:
    """What is left of error: the mean over four genres of the Wasserstein-1 distance, in the attribute's `unit`.

    `error`: from the estimates of a genre's clips (curve fitted to other artists) to Spotify's values in that
    genre; `deaf`: from Spotify's values of all four, which is what one says who does not listen; `known`: what
    was found on sounds whose truth is known.
    """

    error: float
    deaf: float
    unit: str = ""
    known: str = ""

    @property
    def told(self) -> str:
        """One line for people."""
        unit = f" {self.unit}" if self.unit else ""
        weak = "" if self.error < self.deaf else ": no better"
        line = f"± {self.error:g}{unit} (± {self.deaf:g} without listening{weak})"
        return f"{line}; {self.known}" if self.known else line


RESIDUALS: dict[str, Residual] = {
    "danceability": Residual(0.058, 0.12),
    "acousticness": Residual(0.14, 0.28),
    "energy": Residual(0.12, 0.22),
    "instrumentalness": Residual(0.11, 0.17),
    "liveness": Residual(0.023, 0.027),
    "loudness": Residual(6.9, 5.6, "dB", "within 0.1 dB of a BS.1770-4 meter in the mean, 0.4 dB at most"),
    "speechiness": Residual(0.018, 0.014),
    "tempo": Residual(9.2, 8.4, "BPM", "82 % of known tempi within 4 %, 98 % with octaves and thirds"),
    "valence": Residual(0.091, 0.097),
}
"""The residual error of each estimate, as `encoders.calibration` measures it. That of a single track is unknown:
nobody may set these beside Spotify's value of the same recording."""


def estimate_attributes(y: np.ndarray, sr: int, features: Features) -> dict[str, float]:
    """Nine attributes, by name, of the track `y` `[n_samples]` whose features these are."""
    sound = Sound.measure(y, sr, features)
    values = {name: on_curve(CURVES[name], float(index(sound))) for name, index in INDICES.items()}
    values["loudness"] = on_loudness_scale(sound.lufs + SPOTIFY_OFFSET_DB)
    values["tempo"] = features.tempo_bpm
    return values


def on_loudness_scale(loudness_db: float) -> float:
    """Loudness within Spotify's scale in dB."""
    return min(max(loudness_db, -60.0), 5.0)


def on_curve(curve: Curve, index: float) -> float:
    """The share 0…1 that a curve gives an index; straight beyond its ends, until 0 or 1."""
    x, share = curve
    if index < x[0]:
        value = share[0] + (index - x[0]) * (share[1] - share[0]) / (x[1] - x[0])
    elif index > x[-1]:
        value = share[-1] + (index - x[-1]) * (share[-1] - share[-2]) / (x[-1] - x[-2])
    else:
        value = float(np.interp(index, x, share))
    return min(max(value, 0.0), 1.0)
