"""`gatefold walk`: from cover to cover or through a track; its ends are the covers that `generate` makes."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from data.covers import read_png
from data.film import MARK, film_text
from scripts.pipeline import Listener
from scripts.through import draw_course, hear_course


@pytest.fixture
def go(gatefold, bundle):
    """`go(*words)`: `gatefold walk` with the random bundle."""
    return lambda *words: gatefold("walk", "--model", bundle, *words)


def frames_of(folder: str | Path) -> list[np.ndarray]:
    return [read_png(path)[0] for path in sorted(Path(folder).iterdir())]


def cover(gatefold, bundle, tmp_path, track, seed, *words) -> np.ndarray:
    done = gatefold(
        "generate", "--model", bundle, "--finish", "raw", "--out", tmp_path / "covers", track, "--seed", seed, *words
    )
    return read_png(done.lines[0])[0]


@pytest.mark.parametrize("by", ["z", "w"])
def test_it_begins_and_ends_with_the_tracks_own_covers(go, gatefold, bundle, songs, tmp_path, by):
    drawn = ("--truncation", "0.8", "--strength", "1.5")
    done = go(*songs, "--seeds", "4,7", "--by", by, "--seconds", "0.2", "--out", tmp_path / "walk", *drawn)
    assert (done.code, done.err, done.lines) == (0, "", [str(tmp_path / "walk")])
    frames = frames_of(tmp_path / "walk")
    assert len(frames) == 5
    for frame, song, seed in ((frames[0], songs[0], "4"), (frames[-1], songs[1], "7")):
        np.testing.assert_array_equal(frame, cover(gatefold, bundle, tmp_path, song, seed, *drawn))


def test_by_condition_one_seed_is_for_all_tracks(go, gatefold, bundle, songs, tmp_path):
    for by in ("condition", "z"):
        assert go(*songs, "--seeds", "3", "--by", by, "--seconds", "0.2", "--out", tmp_path / by).code == 0
    frames = frames_of(tmp_path / "condition")
    for frame, other in zip(frames, frames_of(tmp_path / "z"), strict=True):
        np.testing.assert_array_equal(frame, other)
    np.testing.assert_array_equal(frames[-1], cover(gatefold, bundle, tmp_path, songs[1], "3"))


def test_a_loop_leads_back_to_its_beginning(go, songs, tmp_path):
    words = (songs[0], "--seeds", "1,2,3", "--fps", "30", "--seconds", "1")
    assert go(*words, "--loop", "--out", tmp_path / "loop").code == 0
    assert go(songs[0], "--seeds", "1,2,3,1", "--fps", "30", "--seconds", "1.034", "--out", tmp_path / "line").code == 0
    loop, line = frames_of(tmp_path / "loop"), frames_of(tmp_path / "line")
    assert (len(loop), len(line)) == (30, 31)
    for frame, other in zip([*loop, loop[0]], line, strict=True):
        np.testing.assert_array_equal(frame, other)


def test_a_gif_and_an_mp4_last_as_long_as_was_asked(go, songs, tmp_path):
    for name in ("a.gif", "a.mp4"):
        words = (*songs, "--seeds", "0-1", "--seconds", "0.4", "--fps", "20", "--side", "64", "--out", tmp_path / name)
        assert go(*words).lines == [str(tmp_path / name)]
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.size) == (8, (64, 64))
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert (film.streams.video[0].frames, film.duration / av.time_base) == (8, pytest.approx(0.4))
        assert not film.streams.audio
    told = [json.loads(film_text(tmp_path / name).removeprefix(MARK)) for name in ("a.gif", "a.mp4")]
    assert told[0] == told[1]
    assert (told[0]["seeds"], len(told[0]["tracks"]), told[0]["by"]) == ([0, 1], 2, "z")


def test_without_a_length_a_leg_has_three_seconds(go, songs, tmp_path):
    assert go(songs[0], "--seeds", "0-2", "--fps", "2", "--out", tmp_path / "walk").code == 0
    assert len(frames_of(tmp_path / "walk")) == 12


def test_a_track_that_cannot_be_used_is_passed_by(go, songs, tmp_path):
    words = ("--seeds", "1,2,3", "--seconds", "0.2", "--out")
    done = go(songs[0], tmp_path / "none.mp3", songs[1], *words, tmp_path / "a")
    assert (done.code, done.lines) == (0, [str(tmp_path / "a")])
    assert done.err == f"{tmp_path / 'none.mp3'}: no such file\n1 of 3 skipped, 2 done\n"
    assert go(*songs, "--seeds", "1,3", "--seconds", "0.2", "--out", tmp_path / "b").code == 0
    for frame, other in zip(frames_of(tmp_path / "a"), frames_of(tmp_path / "b"), strict=True):
        np.testing.assert_array_equal(frame, other)


@pytest.fixture(scope="module")
def changing(songs, tmp_path_factory) -> Path:
    """The calm song, a silence, and the loud one."""
    calm, loud = (soundfile.read(song)[0] for song in songs)
    path = tmp_path_factory.mktemp("changing") / "both.wav"
    soundfile.write(path, np.concatenate([calm, np.zeros(2 * 22_050), loud]), 22_050)
    return path


def test_through_a_track_the_condition_moves_alone(hearing, changing):
    listener = Listener.open(hearing)
    course = hear_course(listener, changing, window_s=1.0, smooth=0.0)
    assert course.c.shape == (len(course.times_s), listener.bundle.generator.c_dim)
    assert course.duration_s == pytest.approx(8, abs=0.1)
    bits = np.cumsum([0, *(1 + size for _, size in listener.bundle.layout)])[:-1]
    assert set(np.unique(course.c[:, bits])) <= {0.0, 1.0}
    assert np.isfinite(course.c).all()
    frames = list(draw_course(listener, course, 32, 4, seed=6))
    for time_s in (0.5, 3.5, 7.5):  # the middle of a window: the cover of what is heard in it
        c = course.c[list(course.times_s).index(time_s)]
        np.testing.assert_array_equal(frames[round(4 * time_s)], listener.draw(c, 6, 1.0, 1.0))
    np.testing.assert_array_equal(frames[0], frames[2])  # before the first window's middle nothing is known
    assert not np.array_equal(frames[0], frames[-1])


def test_the_beat_carries_the_composition_from_the_seed_on(hearing, changing):
    listener = Listener.open(hearing)
    course = hear_course(listener, changing, window_s=2.0)
    assert (course.beat[0], course.beat[-1]) == (0.0, pytest.approx(course.duration_s))
    assert (np.diff(course.beat) >= 0).all()
    moments = np.linspace(0, course.duration_s, len(course.beat))
    silent = (moments > 3.4) & (moments < 4.7)
    assert np.ptp(course.beat[silent]) < 0.1 * silent.mean() * course.duration_s
    still, turning = (list(draw_course(listener, course, 16, 2, seed=6, turns=turns)) for turns in (0.0, 20.0))
    np.testing.assert_array_equal(still[0], turning[0])
    assert not np.array_equal(still[-1], turning[-1])


def test_a_film_through_a_track_has_its_sound(gatefold, hearing, changing, tmp_path):
    done = gatefold(
        "walk",
        "--model",
        hearing,
        changing,
        "--through",
        "--window",
        "2",
        "--turns",
        "3",
        "--fps",
        "5",
        "--out",
        tmp_path / "through.mp4",
    )
    assert (done.code, done.err, done.lines) == (0, "", [str(tmp_path / "through.mp4")])
    with av.open(str(tmp_path / "through.mp4")) as film:
        assert film.streams.video[0].frames == 40
        heard = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
        assert len(heard) / film.streams.audio[0].rate == pytest.approx(8, abs=0.1)
    part = gatefold(
        "walk", "--model", hearing, changing, "--through", "--seconds", "2", "--fps", "5", "--out", tmp_path / "part"
    )
    assert (part.code, len(frames_of(tmp_path / "part"))) == (0, 10)


@pytest.mark.parametrize(
    ("n_tracks", "words", "reason"),
    [
        (0, [], "Missing argument"),
        (1, [], "one cover is no walk"),
        (1, ["--seeds", "0,5", "--out", "a.avi"], ".avi is neither"),
        (2, ["--seeds", "0-2"], "3 seeds for 2 tracks"),
        (2, ["--seeds", "2-0"], "no seed"),
        (2, ["--seeds", "0,x"], "no seed"),
        (2, ["--seeds", str(2**32)], "no seed"),
        (2, ["--seeds", "0-1000"], "more than 1,000"),
        (2, ["--seeds", "0,1", "--by", "condition"], "holds one seed"),
        (2, ["--by", "x"], "'x' is not one of"),
        (2, ["--through"], "through one track"),
        (1, ["--through", "--loop"], "through one track"),
        (1, ["--seeds", "0,1", "--turns", "1"], "give --through too"),
        (2, ["--seconds", "0.1", "--fps", "10"], "too few"),
        (2, ["--fps", "51"], "less than or equal to 50"),
    ],
    ids=str,
)
def test_what_cannot_be_walked_is_one_line_and_two(go, songs, tmp_path, monkeypatch, n_tracks, words, reason):
    monkeypatch.chdir(tmp_path)
    done = go(*songs[:n_tracks], *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1, done.err
    assert reason in done.err
    assert not list(tmp_path.iterdir())


def test_a_walk_overwrites_nothing_but_a_walk(go, songs, tmp_path):
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(b"mine")
    done = go(*songs, "--out", mine)
    assert (done.code, done.out, mine.read_bytes()) == (2, "", b"mine")
    assert done.err.count("\n") == 1
    for _ in range(2):
        assert go(*songs, "--seconds", "0.2", "--out", tmp_path / "walk.gif").code == 0


def test_what_it_may_ask_is_what_films_and_audio_take():
    from data.audio import MAX_DURATION_S
    from data.film import MAX_FPS
    from scripts import walk

    assert (walk.MAX_FPS, walk.LONGEST_S) == (MAX_FPS, MAX_DURATION_S)


def test_through_needs_ears(gatefold, songs, tmp_path):
    from gans.bundle import write_bundle
    from gans.dcgan import Generator

    options = {"resolution": 32, "c_dim": 0, "z_dim": 8, "base_channels": 256, "max_channels": 16}
    model = {"network": "dcgan", "generator": options, "layout": [], "encoders": {}, "encoder": None}
    deaf = write_bundle(tmp_path / "deaf", Generator(**options), model)
    done = gatefold("walk", "--model", deaf, songs[0], "--through", "--out", tmp_path / "a.mp4")
    assert (done.code, done.err) == (2, f"{deaf}: hears nothing, so no track can move its covers\n")
    assert (
        gatefold("walk", "--model", deaf, songs[0], "--seeds", "0,1", "--seconds", "0.1", "--out", tmp_path / "a").code
        == 0
    )
