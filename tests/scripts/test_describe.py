"""What is said of a track: in words as in JSON, of windows as of the same excerpts alone, of albums by their sums."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.emotions import EMOTIONS
from encoders.attributes import RESIDUALS
from encoders.features import compute_features
from scripts.describe import describe, describe_album, describe_windows, explain
from tests.scripts.ears import GENRES, OTHER_TAGS, random_pca, untrained_cnn


@pytest.fixture(scope="module")
def calm(songs):
    return describe(songs[0], untrained_cnn())


def test_everything_that_the_heads_answer_is_said(calm, songs):
    assert (calm["track"], calm["encoder"], len(calm["code"])) == (str(songs[0]), "cnn", 6)
    assert tuple(calm["emotions"]) == EMOTIONS
    assert all(0 <= share <= 1 for share in calm["emotions"].values())
    assert tuple(calm["tags"]) == GENRES
    assert sum(calm["tags"].values()) == pytest.approx(1)
    assert tuple(calm["other_tags"]) == OTHER_TAGS


def test_a_gain_is_heard_in_the_loudness_alone(calm, songs, tmp_path):
    y, sr = soundfile.read(songs[0], dtype="float32")
    soundfile.write(tmp_path / "soft.wav", y / 2, sr, subtype="FLOAT")
    soft = describe(tmp_path / "soft.wav", untrained_cnn())
    assert soft["attributes"]["loudness"] == pytest.approx(calm["attributes"]["loudness"] - 6.02, abs=0.01)
    same = {name: value for name, value in calm["attributes"].items() if name != "loudness"}
    assert {name: soft["attributes"][name] for name in same} == pytest.approx(same, rel=1e-4)
    assert soft["code"] == pytest.approx(calm["code"], abs=1e-4)


def test_without_ears_there_are_attributes_alone(calm, songs):
    deaf = describe(songs[0], None)
    assert deaf["attributes"] == calm["attributes"]
    assert [deaf[key] for key in ("encoder", "code", "emotions", "tags", "other_tags")] == [None, [], {}, {}, {}]
    words = explain(deaf)
    assert "encoder: none" in words
    assert "emotions" not in words
    assert "genres" not in words


def test_an_encoder_that_has_learnt_no_answers_says_so(calm):
    words = explain({**calm, "emotions": {}, "tags": {}, "other_tags": {}})
    assert words.splitlines()[-1].strip() == "genres, emotions, tags: this encoder has learnt none"


def test_words_name_everything_with_its_error_and_as_an_estimate(calm):
    lines = [line.strip() for line in explain(calm).splitlines()]
    assert lines[0] == calm["track"]
    assert lines[1] == "heard: 3.0 s from 0.0 s on, of 3.0 s; encoder: cnn"
    for name, value in calm["attributes"].items():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert f" {value:.2f} " in line
        assert line.endswith(RESIDUALS[name].told)
    assert any(line.startswith("popularity") and line.endswith("cannot be heard") for line in lines)
    for kind in ("emotions", "tags", "other_tags"):
        for name, share in calm[kind].items():
            (line,) = (line for line in lines if line.startswith(f"{name} "))
            assert line.removeprefix(name).split()[0] == f"{share:.2f}"
    titles = [line for line in lines if "estimate" in line]
    assert [title.split()[0] for title in titles] == ["attributes", "emotions", "likeliest", "tags"]
    assert "never Spotify's own values" in titles[0]


def test_the_likeliest_come_first_and_the_rest_is_left_out(calm):
    tags = {f"genre {n}": n / 100 for n in range(20)}
    lines = explain({**calm, "tags": tags}).splitlines()
    told = [line.split("  ")[2] for line in lines if line.strip().startswith("genre ")]
    assert told == [f"genre {n}" for n in (19, 18, 17, 16, 15)]


def test_hostile_names_stay_on_one_line(calm):
    odd = {"track": "a\nb\x1b[31m.mp3", "tags": {"c\nd": 0.5}}
    assert explain({**calm, **odd}).count("\n") == explain({**calm, "tags": {"c": 0.5}}).count("\n")


def test_an_album_by_hand(calm):
    def track(name, code, energy):
        return {**calm, "track": name, "code": code, "attributes": {"energy": energy}, "tags": {"dub": energy}}

    album = describe_album([track("a", [0.0, 1.0], 0.2), track("b", [0.2, 1.0], 0.3), track("c", [4.0, 1.0], 0.7)])
    assert album["album"] == ["a", "b", "c"]
    assert album["code"] == pytest.approx([1.4, 1.0])
    assert album["spread"] == pytest.approx([np.std([0, 0.2, 4.0]), 0.0])
    assert album["typical"] == "b"
    assert album["attributes"] == {"energy": pytest.approx(0.4)}
    assert album["tags"] == {"dub": pytest.approx(0.4)}


def write(path: Path, y: np.ndarray) -> Path:
    soundfile.write(path, y, 22_050, subtype="PCM_16")
    return path


@pytest.mark.parametrize("ears", [random_pca, untrained_cnn])
def test_windows_cover_the_track_and_are_heard_as_if_alone_at_their_level(songs, ears):
    encoder = ears()
    y, sr = soundfile.read(songs[1], dtype="float32")
    full = y / np.abs(y).max()
    windows = list(describe_windows(songs[1], encoder, 1.2, 0.45, 0.0))
    assert [window["start_s"] for window in windows] == pytest.approx([0, 0.45, 0.9, 1.35, 1.8])
    assert all(window["duration_s"] == pytest.approx(1.2) for window in windows)
    assert windows[-1]["start_s"] + 1.2 == pytest.approx(3.0)
    for window in (windows[1], windows[-1]):
        first = round(window["start_s"] * sr)
        alone = compute_features(full[first : first + round(1.2 * sr)], sr)
        assert encoder.encode([alone])[0].tolist() == window["code"]
    (whole,) = describe_windows(songs[1], encoder, 30.0, 1.0, 0.0)  # a short track is one window
    assert whole["code"] == describe(songs[1], encoder)["code"]
    assert (whole["start_s"], whole["duration_s"]) == (0.0, 3.0)


def test_every_window_of_the_least_length_can_be_heard(songs):
    """Starts that fall between two samples shorten no window."""
    assert len(list(describe_windows(songs[0], random_pca(), 1.0, 0.11, 0.0))) == 19


def test_a_silent_window_lies_between_its_neighbours(songs, tmp_path):
    y, sr = soundfile.read(songs[1], dtype="int16")
    second = y[:sr]
    track = write(tmp_path / "pause.wav", np.concatenate([second, 0 * second, 0 * second, y[2 * sr : 3 * sr]]))
    codes = np.array([window["code"] for window in describe_windows(track, random_pca(), 1.0, 1.0, 0.0)])
    assert not np.allclose(codes[0], codes[3])
    np.testing.assert_allclose(codes[1:3], [codes[0] + (codes[3] - codes[0]) * k / 3 for k in (1, 2)], atol=1e-5)


def test_a_smoothed_path_takes_shorter_steps(songs):
    def steps(smooth):
        codes = [np.array(window["code"]) for window in describe_windows(songs[1], random_pca(), 1.0, 0.5, smooth)]
        return sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(codes))

    assert steps(2.0) < steps(0.5) < steps(0.0)
