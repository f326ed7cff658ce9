"""The path through one track: a condition a moment, and the beat, for a cover that moves with the song."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage

from data.audio import MAX_DURATION_S, SILENCE_PEAK, Excerpt, load_audio
from data.errors import InputError, printable
from encoders.attributes import estimate_attributes
from encoders.features import compute_features
from encoders.sets import plan_windows, smooth_conditions
from gans.latents import orbit
from gans.sampling import draw, latent_of_seed, style_of
from scripts.making import MAX_SEED, Wishes
from scripts.pipeline import Heard, Listener
from scripts.shell import complain, progress

SOUND_SR = 44_100
_SOFT_S = 0.06
"""Standard deviation of the ease into and out of an onset, which takes no time by itself."""


@dataclass(frozen=True)
class Course:
    """What is heard along a track: its fingerprint, its length, conditions `c` float32 `[n, c_dim]` at `times_s` `[n]`
    (ascending), and how far the onsets have come, `beat` `[m]`, rising to `duration_s` over m even moments from 0 on.
    """

    music: str
    duration_s: float
    times_s: np.ndarray
    c: np.ndarray
    beat: np.ndarray


def hear_course(
    listener: Listener,
    track: Path,
    window_s: float,
    seconds: float | None = None,
    hop_s: float = 1.0,
    smooth: float = 2.0,
) -> Course:
    """Hears `track` from its start, all of it (an hour at most) or the first `seconds`, window by window.

    A window is heard as if it were all there is, but at the level that it has in the track, whose loudest moment is at
    full scale; its condition stands at its middle, smoothed over `smooth` windows.
    Raises `InputError` for what is no usable audio, and for a model that hears nothing.
    """
    schema = listener.schema
    if schema is None:
        raise InputError(listener.bundle.folder, "hears nothing, so no track can move its covers")
    whole = load_audio(track, duration_s=seconds or MAX_DURATION_S, offset_s=0.0)
    duration_s = len(whole.y) / whole.sr
    if seconds is None and whole.total_s > duration_s + 1:
        complain(f"{printable(str(track))}: only its first {duration_s / 60:.0f} minutes are heard")
    windows = plan_windows(duration_s, window_s=window_s, hop_s=hop_s, name=str(track))
    full = whole.at_full_scale()
    c = np.stack([_condition_at(listener, full, track, *window) for window in progress(windows, "windows")])
    onsets = compute_features(full.y, full.sr).frames["onset_strength"]  # [n_frames]
    return Course(
        whole.fingerprint,
        duration_s,
        windows.mean(axis=1),
        smooth_conditions(c, schema.layout, smooth, str(track)),
        _come_so_far(onsets, duration_s),
    )


def _condition_at(listener: Listener, whole: Excerpt, track: Path, start_s: float, stop_s: float) -> np.ndarray:
    """The condition float32 `[c_dim]` of one window, NaN where that is silent."""
    length = round((stop_s - start_s) * whole.sr)
    first = min(round(start_s * whole.sr), len(whole.y) - length)  # rounding takes no sample from a window
    y = whole.y[first : first + length]
    if np.abs(y).max() < SILENCE_PEAK:
        return np.full(listener.bundle.generator.c_dim, np.nan, dtype=np.float32)
    features = compute_features(y, whole.sr)
    excerpt = Excerpt(y, whole.sr, start_s, whole.total_s)
    c = listener.condition(Heard(excerpt, features, estimate_attributes(y, whole.sr, features), track), Wishes())
    assert c is not None  # only a model without a schema hears nothing
    return c


def _come_so_far(onsets: np.ndarray, duration_s: float) -> np.ndarray:
    """The onset envelope `[m]`, its root and softly, added up from 0 to `duration_s`; even where there is none."""
    soft = scipy.ndimage.gaussian_filter1d(np.sqrt(onsets.astype(np.float64)), _SOFT_S * len(onsets) / duration_s)
    beat = np.cumsum(soft if soft.any() else np.ones_like(soft))
    return duration_s * (beat - beat[0]) / (beat[-1] - beat[0])


def draw_course(
    listener: Listener,
    course: Course,
    n_frames: int,
    fps: int,
    seed: int,
    turns: float = 0.0,
    truncation: float = 1.0,
    strength: float = 1.0,
) -> Iterator[np.ndarray]:
    """Pictures uint8 `[3, H, W]`, `n_frames` of them, `fps` a second, of one seed under the course's conditions.

    turns: how often a minute the composition goes round a circle through the seed's latent and the next seed's. The
    onsets carry it: it moves with each of them, and stands still between.
    """
    generator = listener.bundle.generator
    here = latent_of_seed(seed, generator.z_dim)
    there = latent_of_seed((seed + 1) % (MAX_SEED + 1), generator.z_dim)
    moments = np.linspace(0, course.duration_s, len(course.beat))
    for place in range(n_frames):
        time_s = place / fps
        angle = 2 * math.pi * turns / 60 * float(np.interp(time_s, moments, course.beat))
        at = float(np.interp(time_s, course.times_s, np.arange(len(course.c))))
        before, after = course.c[math.floor(at)], course.c[math.ceil(at)]
        c = before + np.float32(at % 1) * (after - before)  # where both are 1, as presence bits are, exactly 1
        z = orbit(here, there, angle) if angle else here
        yield draw(generator, style_of(generator, z, c, truncation, strength))
