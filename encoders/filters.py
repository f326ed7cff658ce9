"""The fixed linear maps of feature extraction, computed once a process: window, mel, chroma, loudness, cosines.

Mel and chroma banks are those of librosa (equal in a test). They are written out here since importing
`librosa.filters` takes most of a second, which every cover would pay.
"""

from __future__ import annotations

import functools

import numpy as np


@functools.cache
def hann(n: int) -> np.ndarray:
    """Periodic Hann window float32 `[n]`."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear below 1 kHz (15 mel), logarithmic above (27 mel for a factor of 6.4)."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((np.maximum(mel, 15) - 15) / 27))


def _mel_edges_hz(sr: int, n_mels: int) -> np.ndarray:
    top_mel = 15 + 27 * np.log(sr / 2 / 1000) / np.log(6.4)
    return _mel_to_hz(np.linspace(0, top_mel, n_mels + 2))


def mel_centres_hz(sr: int, n_mels: int) -> np.ndarray:
    """Frequency in Hz at which each mel filter peaks `[n_mels]`."""
    return _mel_edges_hz(sr, n_mels)[1:-1]


@functools.cache
def mel_bank(sr: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangular mel filters of equal area float32 `[n_mels, 1 + n_fft/2]` from 0 to sr/2 Hz (Slaney 1998).

    For `sr` above 2,000 Hz.
    """
    edges_hz = _mel_edges_hz(sr, n_mels)
    ramps = edges_hz[:, None] - np.fft.rfftfreq(n_fft, 1 / sr)  # [n_mels + 2, bins]
    width = np.diff(edges_hz)[:, None]
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1], ramps[2:] / width[1:]))
    return (triangles * (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).astype(np.float32)


@functools.cache
def chroma_bank(sr: int, n_fft: int) -> np.ndarray:
    """Pitch-class filters float32 `[12, 1 + n_fft/2]`, C first, tuned to A = 440 Hz (Ellis 2007).

    A Gaussian bump around each pitch class, and a Gaussian weight over octaves centred on the fifth.
    """
    hz = np.arange(1, n_fft) * sr / n_fft
    semitone = 12 * np.log2(hz / (440 / 16))
    semitone = np.concatenate([[semitone[0] - 18], semitone])  # the bin of 0 Hz: an octave and a half below
    width = np.concatenate([np.maximum(np.diff(semitone), 1), [1]])
    distance = (semitone - np.arange(12)[:, None] + 6 + 120) % 12 - 6
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.linalg.norm(bumps, axis=0)
    bumps *= np.exp(-0.5 * ((semitone / 12 - 5) / 2) ** 2)
    return np.roll(bumps, -3, axis=0)[:, : 1 + n_fft // 2].astype(np.float32)


@functools.cache
def loudness_weights(sr: int, n_fft: int) -> np.ndarray:
    """Squared gain float64 `[1 + n_fft/2]` of the K-weighting of ITU-R BS.1770-4 at each bin.

    Its two filters (a shelf of +4 dB above 1.7 kHz and a high-pass at 38 Hz) are given for 48 kHz; their
    response is evaluated at each bin's frequency.
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(n_fft, 1 / sr) / 48000)
    shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z)
    shelf /= np.polyval([0.73248077421585, -1.69065929318241, 1.0], z)
    high_pass = np.polyval([1.0, -2.0, 1.0], z) / np.polyval([0.99007225036621, -1.99004745483398, 1.0], z)
    return np.abs(shelf * high_pass) ** 2


@functools.cache
def cosines(n: int, kept: int) -> np.ndarray:
    """The first `kept` rows of the orthonormal DCT-II of size `n`, float32 `[kept, n]`."""
    k = np.arange(kept)[:, None]
    matrix = np.cos(np.pi / n * (np.arange(n) + 0.5) * k) * np.sqrt(2 / n)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


@functools.cache
def contrast_bands(sr: int, n_fft: int) -> tuple[tuple[int, int, int], ...]:
    """`(first bin, last bin + 1, bins a peak or valley is the mean of)` of seven octave bands.

    Bands start at 0, 200, 400, … 6400 Hz (Jiang et al. 2002) and overlap by one bin below, as in librosa.
    """
    hz = np.fft.rfftfreq(n_fft, 1 / sr)
    edges = [0.0, *(200 * 2.0 ** np.arange(7))]
    bands = []
    for band in range(7):
        inside = np.flatnonzero((hz >= edges[band]) & (hz <= edges[band + 1]))
        start = inside[0] - (band > 0)
        stop = len(hz) if band == 6 else inside[-1] + 1
        kept = max(round(0.02 * (stop - start)), 1)
        bands.append((int(start), int(stop if band == 6 else stop - 1), kept))
    return tuple(bands)
