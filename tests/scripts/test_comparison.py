"""Comparing encoders: nothing is asked of an encoder about an artist it heard, and scores are what they say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from data.errors import InputError
from data.shards import Dataset, DatasetWriter
from data.table import make_row
from encoders.heads import Heads, fit_heads
from scripts.comparison import Answers, Measured, Questions, as_table, ask, score_encoder, score_rule

N_ARTISTS, N_FOLDS = 30, 5


@pytest.fixture
def questions() -> Questions:
    """120 tracks of 30 artists in four genres, with emotions; artist k is held out by fold k mod 5."""
    rng = np.random.default_rng(0)
    artist = np.repeat(np.arange(N_ARTISTS), 4)
    classes = artist // 5 % 4
    return Questions(
        rows=np.arange(len(artist)),
        artists=np.array([f"artist {k}" for k in artist]),
        genres=("a", "b", "c", "d"),
        classes=classes,
        emotions=rng.uniform(size=(len(artist), 9)),
        folds=artist % N_FOLDS,
    )


def telling(questions: Questions, seed: int = 0) -> np.ndarray:
    """Codes `[n, 16]` that tell genre and emotions linearly, under axes drawn with `seed`."""
    rng = np.random.default_rng(seed)
    plain = np.hstack([3 * np.eye(4)[questions.classes], questions.emotions, rng.standard_normal((120, 3))])
    return plain @ np.linalg.qr(rng.standard_normal((16, 16)))[0]


def values(measured: list[Measured]) -> dict[str, float]:
    return {figure.name: figure.value for figure in measured}


def test_codes_that_tell_all_score_one_though_each_fold_has_axes_of_its_own(questions):
    answers = [Answers(telling(questions, fold)) for fold in range(N_FOLDS)]
    measured = list(score_encoder("x", questions, answers))
    assert values(measured)["genre accuracy"] == 1
    assert values(measured)["emotions"] > 0.99
    assert set(values(measured)) == {"genre accuracy", "emotions"}
    for figure in measured:
        assert figure.n == 120
        assert figure.interval[0] <= figure.value <= figure.interval[1]
        assert 0.1 < figure.chance < 0.4


def test_what_is_known_of_artists_that_were_heard_does_not_count(questions):
    """An encoder that knows its training artists by heart, and of others nothing, scores chance."""
    answers = []
    for fold in range(N_FOLDS):
        codes = telling(questions)
        held_out = questions.folds == fold
        codes[held_out] = np.random.default_rng(fold).permutation(codes[held_out])
        answers.append(Answers(codes))
    found = {figure.name: figure for figure in score_encoder("x", questions, answers)}
    assert found["genre accuracy"].value < 0.45
    assert found["emotions"].value < found["emotions"].chance + 0.05


def test_heads_answer_for_themselves_and_only_where_each_fold_has_them(questions):
    shares = np.eye(4)[questions.classes]
    answers = []
    for fold in range(N_FOLDS):
        codes, rest = telling(questions, fold), questions.folds != fold
        heads = fit_heads(codes[rest], shares[rest], "abcd", questions.emotions[rest], questions.artists[rest])
        answers.append(Answers(codes, heads))
    found = values(list(score_encoder("x", questions, answers)))
    assert found["genre accuracy of its own head"] == 1
    assert found["emotions of its own head"] > 0.9
    lacking = [*answers[:4], replace(answers[4], heads=Heads())]
    assert len(list(score_encoder("x", questions, lacking))) == 2


def test_a_head_that_names_other_genres_is_wrong_not_right_by_position(questions):
    heads = fit_heads(telling(questions), np.eye(4)[questions.classes], "wxyz", questions.emotions, questions.artists)
    found = values(list(score_encoder("x", questions, [Answers(telling(questions), heads)] * N_FOLDS)))
    assert found["genre accuracy of its own head"] == 0


def test_tracks_without_labels_are_left_out(questions):
    unknown = np.arange(120) % 4 == 0
    part = replace(
        questions,
        classes=np.where(unknown, -1, questions.classes),
        emotions=np.where(unknown[:, None], np.nan, questions.emotions),
    )
    measured = list(score_encoder("x", part, [Answers(telling(questions))] * N_FOLDS))
    assert [figure.n for figure in measured] == [90, 90]
    assert values(measured)["genre accuracy"] == 1


def test_a_linear_rule_is_found_on_the_tracks_held_out(questions):
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((120, 8))
    truths = {"tempo": 100 + 20 * codes[:, 0] - 5 * codes[:, 1], "nothing": rng.standard_normal(120)}
    tempo, nothing = score_rule("x", codes, truths, questions)
    assert tempo.value > 0.999
    assert nothing.value < 0.3
    assert (tempo.name, tempo.unit, tempo.chance, tempo.n) == ("tempo", "R²", 0, 24)


def test_a_table_has_a_row_an_encoder_and_chance_beside():
    measured = [
        Measured("genre accuracy", "cnn", 0.8512, "share", (0.79, 0.9), 0.25, 304),
        Measured("parameters", "cnn", 1234567, "numbers", None, None, 1),
        Measured("parameters", "pca", 0, "numbers", None, None, 1),
        Measured("time", "pca", 23.4, "ms/track", (20.0, 30.0), None, 7),
    ]
    assert as_table(measured).splitlines() == [
        "|  | genre accuracy | parameters | time (ms/track) |",
        "| --- | --- | --- | --- |",
        "| *chance* | 0.25 |  |  |",
        "| cnn | 0.85 (0.79–0.90) | 1,234,567 | – |",
        "| pca | – | 0 | 23 |",
    ]


def test_how_a_distance_was_measured_stands_in_its_line_and_once_below_the_table():
    how = "descriptors of 64 px covers, lanczos"
    measured = [Measured(name, "wgan", 1.0, "Fréchet", None, None, 40, how) for name in ("distance", "precision")]
    assert json.loads(measured[0].to_json())["how"] == how
    assert as_table(measured).splitlines()[-2:] == ["", f"distance, precision: {how}"]
    assert "how" not in json.loads(Measured("copies", "wgan", 0.0, "share", None, None, 40).to_json())


def write(folder, rows: list[dict]) -> Dataset:
    with DatasetWriter(folder) as writer:
        for index, row in enumerate(rows):
            writer.write(make_row(**{"track_id": str(index), "source": "test", **row}))
    return Dataset(folder)


def test_questions_say_what_the_dataset_says(tmp_path):
    rows = [{"artist": f"The Artist {k // 2}", "genres": [["Hip-Hop", "rap"], ["folk"], []][k % 3]} for k in range(10)]
    rows += [{"artist": None, "genres": ["folk"]}, {"artist": "THE ARTIST 0", "genres": ["hip hop"]}]
    dataset = write(tmp_path / "d", rows)
    usable = np.arange(12) != 3
    questions = ask(dataset, usable, 3, seed=0)
    assert questions.genres == ("folk", "hip hop")
    assert list(questions.rows) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert list(questions.classes) == [1, 0, -1, 0, -1, 1, 0, -1, 1, 0, 1]
    assert questions.artists[0] == questions.artists[-1]
    assert questions.folds[0] == questions.folds[1] == questions.folds[-1]
    assert len(set(questions.artists)) == 6
    assert questions.asks_genre
    assert not questions.asks_emotions


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"artist": "one", "genres": [genre]} for genre in "abcdef"], "1 artists, too few for 3 folds"),
        ([{"artist": f"{k}", "genres": ["folk"]} for k in range(9)], "every genre is folk"),
        ([{"artist": f"{k}"} for k in range(9)], "genres of too few artists"),
    ],
)
def test_datasets_that_ask_nothing_are_refused_in_one_line(tmp_path, rows, reason):
    dataset = write(tmp_path / "d", rows)
    with pytest.raises(InputError, match=reason):
        ask(dataset, np.ones(len(dataset), dtype=bool), 3, seed=0)


def test_one_genre_with_emotions_is_still_a_comparison(tmp_path, capsys):
    dataset = write(tmp_path / "d", [{"artist": f"{k}", "genres": ["folk"], "emotions": [0.5] * 9} for k in range(9)])
    questions = ask(dataset, np.ones(9, dtype=bool), 3, seed=0)
    assert not questions.asks_genre
    assert questions.asks_emotions
    assert "only emotions are asked for" in capsys.readouterr().err
