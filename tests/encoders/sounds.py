"""Sounds whose every property is known."""

from __future__ import annotations

import numpy as np

SR = 22050


def sine(hz: float, seconds: float = 2.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * SR)) / SR)).astype(np.float32)


def clicks(bpm: float, seconds: float = 15.0) -> np.ndarray:
    """A short burst of noise on every beat, over a quiet floor."""
    rng = np.random.default_rng(0)
    y = 1e-3 * rng.standard_normal(int(seconds * SR))
    burst = rng.standard_normal(SR // 50) * np.exp(-np.linspace(0, 6, SR // 50))
    for beat in np.arange(0, seconds - 0.1, 60 / bpm):
        start = int(beat * SR)
        y[start : start + len(burst)] += 0.5 * burst
    return y.astype(np.float32)


def odd_sounds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    click = np.zeros(SR)
    click[SR // 2] = 1
    return {
        "silence": np.zeros(SR),
        "constant": np.full(SR, 0.7),
        "click": click,
        "denormal": np.full(SR, 1e-40),
        "tiny": 1e-12 * rng.standard_normal(SR),
        "clipped": np.sign(rng.standard_normal(SR)),
        "huge": 1e6 * np.sign(np.sin(np.arange(SR))),
        "alternating": np.where(np.arange(SR) % 2, 1.0, -1.0),
        "not a whole number of frames": rng.standard_normal(SR + 7),
    }
