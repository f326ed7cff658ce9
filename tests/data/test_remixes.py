"""Remixes: other sound of the same music, in which everyone who is heard is named, and nothing is labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data import remixes
from data.audio import SAMPLE_RATE, load_audio
from data.errors import InputError
from data.remixes import BOTH, artists_of, write_remixes
from data.shards import Dataset
from data.synthetic import write_world


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_world(tmp_path_factory.mktemp("world") / "music", 12, seed=1, duration_s=4.0, resolution=16)


def test_each_clip_has_its_turn_and_every_other_remix_has_two(music: Dataset, tmp_path: Path) -> None:
    made = write_remixes(music, np.array([1, 3, 8]), tmp_path / "r", 6)
    rows = list(made.iter_rows())
    artists = [music.row(row)["artist"] for row in (1, 3, 8)]
    assert len(rows) == 6
    for number, row in enumerate(rows):
        first, *second = row["artist"].split(BOTH)
        assert first == artists[number % 3]
        assert set(second) <= set(artists)
        assert len(row["title"].split(BOTH)) == 1 + number % 2
        assert (row["genres"], row["emotions"], row["source"], row["licence"]) == ([], None, "remix", "CC0-1.0")
        y = load_audio(row["audio"]["bytes"]).y
        assert len(y) / SAMPLE_RATE == pytest.approx(4.0, abs=4.0 * 0.25)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(music: Dataset, tmp_path: Path) -> None:
    one, again, other = (write_remixes(music, [0, 5], tmp_path / str(n), 2, seed) for n, seed in enumerate((3, 3, 4)))
    sounds = [[row["audio"]["bytes"] for row in each.iter_rows()] for each in (one, again, other)]
    assert sounds[0] == sounds[1]
    assert sounds[0] != sounds[2]


def tone(hz: float, seconds: float = 3.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


def pitch(y: np.ndarray) -> float:
    return float(np.fft.rfftfreq(len(y), 1 / SAMPLE_RATE)[np.abs(np.fft.rfft(y)).argmax()])


def test_a_faster_record_is_higher_and_shorter_in_proportion() -> None:
    for seed in range(6):
        y = remixes._played(tone(440.0), np.random.default_rng(seed))
        speed = pitch(y) / 440.0
        assert 0.06 - 0.01 <= abs(np.log(speed)) <= 0.2 + 0.01
        assert len(y) == pytest.approx(3 * SAMPLE_RATE / speed, rel=0.01)
        assert np.abs(y).max() == pytest.approx(0.5, rel=1e-3)


def test_a_tilt_lifts_one_end_as_it_lowers_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tone at 1 kHz and one four octaves below, at one speed: the lower one moves by the tilt alone."""
    monkeypatch.setattr(remixes, "SPEED", (1e-6, 2e-6))
    both = tone(1000.0) + tone(64.0)
    gains = []
    for seed in range(8):
        spectrum = np.abs(np.fft.rfft(remixes._played(both, np.random.default_rng(seed))))
        low, high = (spectrum[round(hz * len(both) / SAMPLE_RATE)] for hz in (64, 1000))
        gains.append(20 * np.log10(low / high))
    limit = remixes.TILT_DB * np.log2(1000 / 64) / np.log2(11)
    assert max(map(abs, gains)) <= limit + 0.2
    assert min(gains) < -1 < 1 < max(gains)


def test_of_two_clips_the_second_is_as_much_louder_as_said() -> None:
    first, second = tone(440.0), 0.1 * tone(3000.0, 2.0)
    y = remixes._mixed([first, second], 6.0)
    assert len(y) == 2 * SAMPLE_RATE
    spectrum = np.abs(np.fft.rfft(y))
    low, high = (spectrum[2 * hz] for hz in (440, 3000))
    assert 20 * np.log10(high / low) == pytest.approx(6.0, abs=0.1)
    assert np.abs(y).max() == pytest.approx(np.abs(first[: len(y)]).max(), rel=1e-3)
    silent = np.zeros(100, dtype=np.float32)
    np.testing.assert_array_equal(remixes._mixed([first[:50], silent], 0.0), first[:50])
    assert not remixes._mixed([silent, first], 0.0)[:50].any()


def test_everyone_who_is_heard_is_named() -> None:
    assert artists_of(f"Ann{BOTH}Bo Li") >= {"annboli", "ann", "boli"}
    assert "anncy" in artists_of(f"Bo{BOTH}Ann{BOTH}Cy")  # Ann × Cy may be one act
    assert artists_of("AC/DC") == {"acdc", "row:AC/DC"}
    assert artists_of(None) == set()


def test_clips_that_cannot_be_heard_are_passed_over_and_none_at_all_is_said(tmp_path: Path) -> None:
    silent = write_world(tmp_path / "silent", 4, seed=1, audio=False, resolution=16)
    with pytest.raises(InputError, match="none of the clips to remix can be heard"):
        write_remixes(silent, np.arange(4), tmp_path / "r", 2)
