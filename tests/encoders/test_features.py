"""Features: equal to librosa's own functions, true to closed forms, finite whatever comes in."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from data.errors import InputError
from data.synthetic import draw_tracks, synthesize
from encoders.features import DESCRIPTOR_NAMES, HOP, N_FFT, Features, compute_features, delta
from encoders.filters import chroma_bank, cosines, hann, loudness_weights, mel_bank
from tests.encoders.sounds import SR, odd_sounds, sine


def descriptor(features: Features, name: str) -> float:
    return float(features.descriptors[DESCRIPTOR_NAMES.index(name)])


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22050, 2048, 128), (16000, 512, 96), (44100, 4096, 40)])
def test_mel_bank_is_librosas(sr: int, n_fft: int, n_mels: int) -> None:
    from librosa.filters import mel

    np.testing.assert_allclose(
        mel_bank(sr, n_fft, n_mels), mel(sr=sr, n_fft=n_fft, n_mels=n_mels), rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize(("sr", "n_fft"), [(22050, 2048), (16000, 1024), (44100, 4096)])
def test_chroma_bank_is_librosas(sr: int, n_fft: int) -> None:
    from librosa.filters import chroma

    np.testing.assert_allclose(chroma_bank(sr, n_fft), chroma(sr=sr, n_fft=n_fft, tuning=0), rtol=1e-5, atol=1e-9)


def test_window_and_cosines() -> None:
    from scipy.fft import dct
    from scipy.signal import get_window

    np.testing.assert_allclose(hann(2048), get_window("hann", 2048), atol=1e-7)
    x = np.random.default_rng(0).standard_normal((128, 5))
    np.testing.assert_allclose(cosines(128, 20) @ x, dct(x, axis=0, norm="ortho")[:20], atol=1e-5)


def test_loudness_weighting_at_the_standards_points() -> None:
    """K-weighting: 997 Hz is the reference (+0.69 dB), a shelf of 4 dB above, a high-pass below."""
    gain_db = 10 * np.log10(loudness_weights(48000, 48000)[1:])  # bins of 1 Hz
    assert gain_db[996] == pytest.approx(0.691, abs=0.01)
    assert gain_db[9999] == pytest.approx(4.0, abs=0.1)
    assert gain_db[37] == pytest.approx(-6.0, abs=0.3)


@pytest.mark.parametrize("index", [0, 4, 8, 12])
def test_every_row_equals_librosas(index: int) -> None:
    """The same numbers as librosa's functions called one by one, within 1e-4 of each row's size."""
    import librosa

    y = synthesize(draw_tracks(16, seed=3)[index], duration_s=4.0)
    y += np.random.default_rng(0).normal(0, 1e-3, len(y)).astype(np.float32)  # what no codec has hollowed out
    ours = compute_features(y, SR)
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=SR))
    mfcc = librosa.feature.mfcc(S=mel_db, n_mfcc=20)
    padded = np.pad(y, N_FFT // 2, mode="edge")  # librosa's own function would compile for half a minute
    signs = np.lib.stride_tricks.sliding_window_view(padded < 0, N_FFT)[::HOP]
    theirs = {
        "mfcc": mfcc,
        "delta": librosa.feature.delta(mfcc),
        "chroma": librosa.feature.chroma_stft(y=y, sr=SR, tuning=0),
        "contrast": librosa.feature.spectral_contrast(y=y, sr=SR),
        "centroid_hz": librosa.feature.spectral_centroid(y=y, sr=SR)[0],
        "bandwidth_hz": librosa.feature.spectral_bandwidth(y=y, sr=SR)[0],
        "flatness": librosa.feature.spectral_flatness(y=y)[0],
        "rms": librosa.feature.rms(y=y)[0],
        "zero_crossings": (signs[:, 1:] != signs[:, :-1]).sum(axis=1) / N_FFT,
        "onset_strength": librosa.onset.onset_strength(y=y, sr=SR),
    }
    assert relative_error(ours.log_mel, mel_db) < 1e-4
    for name, row in theirs.items():
        assert relative_error(ours.frames[name], row) < 1e-4, name
    # A roll-off is a bin: where two bins tie within rounding, either may be named.
    rolloff = librosa.feature.spectral_rolloff(y=y, sr=SR)[0]
    assert np.abs(ours.frames["rolloff_hz"] - rolloff).max() <= SR / N_FFT
    assert (ours.frames["rolloff_hz"] == rolloff).mean() > 0.98
    assert ours.rhythm.tempo_bpm == pytest.approx(librosa.feature.tempo(y=y, sr=SR)[0], rel=1e-4)


@pytest.mark.parametrize("n_frames", [9, 10, 44])
@pytest.mark.parametrize("slope", [-2.0, 0.0, 0.5])
def test_delta_of_a_line_is_its_slope(n_frames: int, slope: float) -> None:
    line = (3 + slope * np.arange(n_frames, dtype=np.float32))[None]
    np.testing.assert_allclose(delta(line), np.full((1, n_frames), slope), atol=1e-5)


@pytest.mark.parametrize(("hz", "pitch"), [(261.63, "C"), (440.0, "A"), (369.99, "F#")])
def test_a_sine_is_heard_where_it_is(hz: float, pitch: str) -> None:
    features = compute_features(sine(hz), SR)
    inner = slice(4, -4)
    assert np.median(features.frames["centroid_hz"][inner]) == pytest.approx(hz, rel=0.02)
    assert np.median(features.frames["zero_crossings"][inner]) == pytest.approx(2 * hz / SR, rel=0.05)
    assert np.median(features.frames["rms"][inner]) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert descriptor(features, f"chroma{pitch}_mean") == pytest.approx(1.0, abs=0.01)


def test_noise_is_flat_and_a_sine_is_not() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * SR).astype(np.float32) * 0.1
    assert descriptor(compute_features(noise, SR), "flatness_log10_mean") > -0.4
    assert descriptor(compute_features(sine(440), SR), "flatness_log10_mean") < -4


def test_shapes_names_and_types() -> None:
    features = compute_features(sine(300, 1.0), SR)
    n_frames = 1 + SR // HOP
    assert features.log_mel.shape == (128, n_frames)
    assert features.log_mel.dtype == features.descriptors.dtype == np.float32
    assert features.descriptors.shape == (len(DESCRIPTOR_NAMES),)
    assert len(set(DESCRIPTOR_NAMES)) == len(DESCRIPTOR_NAMES)
    assert {row.shape[-1] for row in features.frames.values()} == {n_frames}


def test_the_same_at_any_number_of_threads() -> None:
    """Exact: neither the thread count nor what ran before changes a bit."""
    y = synthesize(draw_tracks(1, seed=0)[0], duration_s=3.0)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(compute_features(y, SR).descriptors)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", odd_sounds())
def test_odd_sounds_give_finite_features(name: str) -> None:
    features = compute_features(odd_sounds()[name], SR)
    assert np.isfinite(features.log_mel).all()
    assert np.isfinite(features.descriptors).all()
    assert all(np.isfinite(row).all() for row in features.frames.values())


@settings(max_examples=25, deadline=None)
@given(
    block=arrays.arrays(np.float32, 64, elements=st.floats(-1e6, 1e6, width=32)),
    repeats=st.integers(SR // 64 + 1, SR // 32),
)
def test_any_finite_sound_gives_finite_features(block: np.ndarray, repeats: int) -> None:
    features = compute_features(np.tile(block, repeats), SR)
    assert np.isfinite(features.descriptors).all()


@pytest.mark.parametrize(
    ("y", "sr", "reason"),
    [
        (np.zeros(SR - 1), SR, "shorter than 1 s"),
        (np.zeros((2, SR)), SR, "shorter than 1 s"),
        (np.full(SR, np.nan), SR, "not finite"),
        (np.full(SR, np.inf), SR, "not finite"),
        (np.full(SR, 1e9), SR, "not finite numbers of a usable size"),
        (np.zeros(SR), 8000, "too low"),
    ],
)
def test_unusable_sounds_are_refused(y: np.ndarray, sr: int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        compute_features(y, sr)


def test_hearing_loads_nothing_heavy() -> None:
    """Features, attributes, encoders and conditions on the way to a cover: nothing but numpy and torch."""
    program = """
import sys, numpy as np
from encoders import ENCODERS
from encoders.attributes import estimate_attributes
from encoders.conditions import track_condition
from encoders.features import compute_features
y = np.random.default_rng(0).standard_normal(22050)
estimate_attributes(y, 22050, compute_features(y, 22050))
print([name for name in ("numba", "librosa", "scipy", "sklearn", "pandas", "pyarrow") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
