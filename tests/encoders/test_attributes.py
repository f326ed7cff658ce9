"""Estimated attributes mean what their names say, on sounds where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.attributes import ATTRIBUTE_NAMES, check_attributes
from data.synthetic import draw_tracks, synthesize
from encoders.attributes import CURVES, INDICES, SPOTIFY_OFFSET_DB, estimate_attributes, on_curve
from encoders.features import compute_features
from tests.encoders.sounds import SR, clicks, odd_sounds, sine


def estimate(y: np.ndarray) -> dict[str, float]:
    return estimate_attributes(y, SR, compute_features(y, SR))


def noise(seconds: float = 10.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(seconds * SR)).astype(np.float32) * 0.1


def chord(seconds: float = 10.0) -> np.ndarray:
    return sum(sine(hz, seconds, 0.1) for hz in (220.0, 277.2, 329.6))


def test_nine_of_ten_each_on_its_scale() -> None:
    values = estimate(synthesize(draw_tracks(1, seed=0)[0], duration_s=4.0))
    assert set(values) == set(ATTRIBUTE_NAMES) - {"popularity"}
    assert check_attributes(values) == values


@pytest.mark.parametrize("name", odd_sounds())
def test_odd_sounds_stay_on_the_scales(name: str) -> None:
    values = estimate(odd_sounds()[name])
    assert len(check_attributes(values)) == 9


@pytest.mark.parametrize("level_db", [-6.0, -20.0, -40.0])
def test_loudness_of_the_standards_sine(level_db: float) -> None:
    """BS.1770: a sine of 997 Hz at full scale on one channel measures −3.01 LUFS; a dB less, a dB less."""
    values = estimate(sine(997, 4.0, 10 ** (level_db / 20)))
    assert values["loudness"] - SPOTIFY_OFFSET_DB == pytest.approx(-3.01 + level_db, abs=0.1)


def test_silence_between_does_not_count() -> None:
    """The gate: a tone and the same tone followed by near-silence are equally loud."""
    tone = sine(997, 8.0, 0.1)
    half = tone.copy()
    half[4 * SR :] *= 1e-4
    assert estimate(half)["loudness"] == pytest.approx(estimate(tone)["loudness"], abs=0.2)


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 6.0])
def test_louder_by_as_many_decibels(gain_db: float) -> None:
    y = synthesize(draw_tracks(4, seed=0)[2], duration_s=4.0) * 0.3
    louder = y * np.float32(10 ** (gain_db / 20))
    assert estimate(louder)["loudness"] - estimate(y)["loudness"] == pytest.approx(gain_db, abs=0.01)


def test_clicks_at_120() -> None:
    assert estimate(clicks(120))["tempo"] == pytest.approx(120, abs=2)


def test_a_beat_is_danceable_and_a_drone_is_not() -> None:
    assert estimate(clicks(120))["danceability"] > estimate(chord() + noise() * 0.01)["danceability"] + 0.2


def test_a_soft_chord_is_acoustic_and_loud_noise_is_not() -> None:
    soft, loud = estimate(chord()), estimate(noise() * 5)
    assert soft["acousticness"] > 0.8
    assert loud["acousticness"] < 0.1
    assert loud["energy"] > soft["energy"] + 0.3


def test_syllables_speak_and_a_drone_is_instrumental() -> None:
    """Bursts at 5 Hz that change between hiss and hum, as speech does, against a steady chord."""
    t = np.arange(10 * SR) / SR
    voiced = (np.floor(t * 5) % 2 == 0) * 0.3 * np.sign(np.sin(2 * np.pi * 150 * t))
    hiss = (np.floor(t * 5) % 2 == 1) * np.diff(noise(), prepend=0)
    speech = ((voiced + hiss) * np.abs(np.sin(2 * np.pi * 2.5 * t + 0.5 * np.sin(t)))).astype(np.float32)
    spoken, played = estimate(speech), estimate(chord())
    assert spoken["speechiness"] > played["speechiness"] + 0.05
    assert spoken["instrumentalness"] < played["instrumentalness"]


def test_a_noisy_room_is_live() -> None:
    """The same notes with and without a murmuring room in their pauses."""
    notes = chord() * (np.sin(2 * np.pi * 0.5 * np.arange(10 * SR) / SR) > 0)
    assert estimate(notes + noise() * 0.2)["liveness"] > estimate(notes + noise() * 1e-3)["liveness"]


def test_major_is_more_cheerful_than_minor() -> None:
    tracks = draw_tracks(12, seed=2)
    values = {
        mode: np.mean([estimate(synthesize(replace(track, mode=mode), 6.0))["valence"] for track in tracks])
        for mode in ("major", "minor")
    }
    assert values["major"] > values["minor"] + 0.05


def test_synthetic_truth_is_found(world) -> None:
    """On 400 tracks of the synthetic world: energy and tempo follow what they were made with."""
    energy = np.corrcoef(world.estimated("energy"), world.truth("energy"))[0, 1]
    assert energy > 0.5
    ratio = world.estimated("tempo") / world.truth("tempo_bpm")
    assert (np.abs(ratio - 1) < 0.02).mean() > 0.9


@pytest.mark.parametrize("name", INDICES)
def test_curves_are_monotone_and_stay_within_the_scale(name: str) -> None:
    index = np.linspace(-20, 20, 2001)
    share = np.array([on_curve(name, value) for value in index])
    assert (np.diff(share) >= 0).all()
    assert share.min() >= 0
    assert share.max() <= 1
    for x, y in zip(*CURVES[name], strict=True):
        assert on_curve(name, x) == pytest.approx(y, abs=1e-9)
