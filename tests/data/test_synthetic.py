"""The synthetic world keeps its own rule, and what it plays can be told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.synthetic import (
    HUES_DEG,
    STYLES,
    TEMPO_RANGE_BPM,
    SyntheticTrack,
    draw_tracks,
    measure_hue,
    measure_saturation,
    measure_stripes,
    render_cover,
    synthesize,
    write_world,
)

TRACKS = draw_tracks(300, seed=0)


def covers(tracks: list[SyntheticTrack], resolution: int = 32) -> np.ndarray:
    return np.stack([render_cover(track, resolution) for track in tracks])


def level_db(y: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(y**2))))


def share_above(y: np.ndarray, hz: float, sr: int = 22050) -> float:
    power = np.abs(np.fft.rfft(y)) ** 2
    return float(power[np.fft.rfftfreq(len(y), 1 / sr) > hz].sum() / power.sum())


def test_tracks_do_not_depend_on_how_many_are_drawn() -> None:
    assert draw_tracks(30, seed=0) == TRACKS[:30]
    assert draw_tracks(30, seed=1) != TRACKS[:30]
    assert len({track.track_id for track in TRACKS}) == 300


def test_an_artist_has_one_style_and_the_world_has_all() -> None:
    styles: dict[str, set[str]] = {}
    for track in TRACKS:
        styles.setdefault(track.artist, set()).add(track.style)
    assert {len(found) for found in styles.values()} == {1}
    assert {track.style for track in TRACKS} == set(STYLES)
    assert len(STYLES) >= 6


def test_what_is_drawn_is_independent() -> None:
    """Tempo, energy, brightness and mode explain nothing of one another: a score for one is for that one."""
    drawn = draw_tracks(4000, seed=2)
    columns = [[t.tempo_bpm, t.energy, t.brightness, t.mode == "major"] for t in drawn]
    correlation = np.corrcoef(np.array(columns, dtype=float).T)
    assert np.abs(correlation - np.eye(4)).max() < 0.06  # 1/√4000 is 0.016


@pytest.mark.parametrize("tempo_bpm", [80.0, 91.9, 92.1, 116.1, 139.9, 140.1, 152.0])
def test_stripes_follow_tempo(tempo_bpm: float) -> None:
    track = replace(TRACKS[0], tempo_bpm=tempo_bpm)
    assert track.stripes == min(1 + int((tempo_bpm - 80) // 12), 6)


@pytest.mark.parametrize("resolution", [32, 64, 256])
def test_covers_keep_the_rule(resolution: int) -> None:
    tracks = TRACKS[: 300 if resolution == 32 else 40]
    images = covers(tracks, resolution)
    assert images.shape == (len(tracks), 3, resolution, resolution)
    assert images.dtype == np.uint8
    np.testing.assert_allclose(measure_stripes(images), [track.stripes for track in tracks], atol=0.3)
    np.testing.assert_allclose(measure_saturation(images), [track.saturation for track in tracks], atol=0.02)
    hue = np.array([HUES_DEG[track.mode] for track in tracks])
    assert np.abs((measure_hue(images) - hue + 180) % 360 - 180).max() < 35


def test_lightness_follows_brightness() -> None:
    images = covers(TRACKS)
    value = np.percentile(images.max(axis=1).reshape(len(images), -1), 75, axis=1)
    assert np.corrcoef(value, [track.brightness for track in TRACKS])[0, 1] > 0.95


def test_a_cover_is_one_picture_at_any_resolution() -> None:
    for track in TRACKS[:10]:
        small, large = render_cover(track, 32), render_cover(track, 128)
        shrunk = large.reshape(3, 32, 4, 32, 4).mean(axis=(2, 4))
        assert np.abs(small - shrunk).max() < 26  # an edge may fall between two samples
        assert np.abs(small - shrunk).mean() < 2


def test_the_music_does_not_explain_everything() -> None:
    """Two tracks that differ in their seed alone have different covers of the same rule."""
    one, two = covers([TRACKS[0], replace(TRACKS[0], seed=1)])
    assert np.abs(one.astype(int) - two).mean() > 5


def test_grey_is_unsaturated_and_noise_has_a_count() -> None:
    grey = np.full((2, 3, 32, 32), 90, dtype=np.uint8)
    assert measure_saturation(grey).tolist() == [0, 0]
    noise = np.random.default_rng(0).integers(0, 256, (5, 3, 64, 64), dtype=np.uint8)
    for measure in (measure_stripes, measure_saturation, measure_hue):
        assert np.isfinite(measure(noise)).all()
        assert np.isfinite(measure(grey)).all()


@pytest.mark.parametrize("style", STYLES)
def test_audio_is_sound(style: str) -> None:
    track = replace(TRACKS[0], style=style)
    y = synthesize(track, duration_s=2.0)
    assert y.shape == (44100,)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    assert 0.01 < np.abs(y).max() <= 1
    np.testing.assert_array_equal(y, synthesize(track, duration_s=2.0))


@pytest.mark.parametrize("style", STYLES)
def test_energy_and_brightness_are_audible(style: str) -> None:
    """Energy 0 → 1 is about 20 dB; brightness moves power upwards."""
    soft, loud = (synthesize(replace(TRACKS[0], style=style, energy=energy), 4.0) for energy in (0.0, 1.0))
    assert 15 < level_db(loud) - level_db(soft) < 25
    dull, bright = (synthesize(replace(TRACKS[0], style=style, brightness=b), 4.0) for b in (0.0, 1.0))
    assert share_above(bright, 2000) > 3 * share_above(dull, 2000)


def test_styles_are_told_apart_by_their_spectrum_alone() -> None:
    """Nearest style by mean spectrum in 24 bands, learnt on other tracks: far above chance, 1 in 8."""

    def sketch(track: SyntheticTrack) -> np.ndarray:
        power = np.abs(np.fft.rfft(synthesize(replace(track, brightness=0.5, energy=0.6), 3.0))) ** 2
        edges = np.geomspace(20, len(power) - 1, 25).astype(int)
        band = np.log(np.add.reduceat(power, edges[:-1]) + 1e-9)
        return band - band.mean()

    rng = np.random.default_rng(0)
    sketches = {
        style: np.stack([sketch(replace(TRACKS[i], style=style)) for i in rng.choice(300, 8, replace=False)])
        for style in STYLES
    }
    centres = np.stack([sketches[style][:4].mean(axis=0) for style in STYLES])
    right = [
        np.linalg.norm(centres - one, axis=1).argmin() == number
        for number, style in enumerate(STYLES)
        for one in sketches[style][4:]
    ]
    assert np.mean(right) > 0.8


def test_world_on_disk(tmp_path: Path) -> None:
    dataset = write_world(tmp_path / "world", 24, seed=3, duration_s=1.0, resolution=32)
    tracks = draw_tracks(24, seed=3)
    assert len(dataset) == 24
    row = dataset.row(5)
    assert row["track_id"] == tracks[5].track_id
    assert row["tempo"] == pytest.approx(tracks[5].tempo_bpm)
    assert row["energy"] == pytest.approx(tracks[5].energy)
    assert row["genres"] == [tracks[5].style]
    assert row["danceability"] is None
    assert row["cover"]["bytes"].startswith(b"\x89PNG")
    assert row["audio"]["bytes"].startswith(b"fLaC")
    splits = {}
    for each in dataset.iter_rows(["artist", "split"]):
        splits.setdefault(each["artist"], set()).add(each["split"])
    assert {len(sides) for sides in splits.values()} == {1}
    again = write_world(tmp_path / "again", 24, seed=3, duration_s=1.0, resolution=32)
    assert again.fingerprint == dataset.fingerprint


def test_world_without_audio(tmp_path: Path) -> None:
    dataset = write_world(tmp_path / "world", 4, seed=3, resolution=32, audio=False)
    assert dataset.row(0)["audio"] is None
    low, high = TEMPO_RANGE_BPM
    assert all(low <= row["tempo"] <= high for row in dataset.iter_rows(["tempo"]))
