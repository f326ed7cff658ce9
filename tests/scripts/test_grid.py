"""`gatefold grid`: a row a track and a column a seed, each cover that of `generate`; families of covers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.covers import read_png, write_png
from scripts.sheet import GAP_PX, SIDE_PX, TEXT_PX, draw_grid


@pytest.fixture
def grid(gatefold, bundle, tmp_path):
    return lambda *words: gatefold("grid", "--model", bundle, "--out", tmp_path / "grid.png", *words)


def test_covers_of_a_grid_stand_in_rows_and_columns():
    covers = [[np.full((3, 8, 8), 40 * row + 10 * column, np.uint8) for column in range(3)] for row in range(2)]
    picture = draw_grid(covers, ["one", "W" * 200], ["a", "b", "W" * 99])
    head = TEXT_PX + 8
    assert picture.shape == (3, head + 2 * (SIDE_PX + GAP_PX + head) + GAP_PX, 3 * (SIDE_PX + GAP_PX) + GAP_PX)
    for row in range(2):
        for column in range(3):
            x = GAP_PX + column * (SIDE_PX + GAP_PX)
            y = GAP_PX + 2 * head + row * (SIDE_PX + GAP_PX + head)
            assert (picture[:, y : y + SIDE_PX, x : x + SIDE_PX] == 40 * row + 10 * column).all()


def test_every_cover_is_that_of_generate(grid, gatefold, bundle, songs, tmp_path):
    drawn = ("--truncation", "0.8", "--strength", "1.2")
    done = grid(*songs, "--seeds", "2,5-6", *drawn)
    assert (done.code, done.err, done.lines) == (0, "", [str(tmp_path / "grid.png")])
    rows = [
        [
            read_png(
                gatefold(
                    "generate",
                    "--model",
                    bundle,
                    "--finish",
                    "raw",
                    "--out",
                    tmp_path / "c",
                    song,
                    "--seed",
                    seed,
                    *drawn,
                ).lines[0]
            )[0]
            for seed in (2, 5, 6)
        ]
        for song in songs
    ]
    expected = draw_grid(rows, ["calm", "loud"], ["seed 2", "seed 5", "seed 6"])
    np.testing.assert_array_equal(read_png(tmp_path / "grid.png")[0], expected)


def test_a_track_that_cannot_be_used_has_no_row(grid, songs, tmp_path):
    whole = grid(*songs, "--seeds", "0-1")
    before = read_png(whole.lines[0])[0]
    done = grid(songs[0], tmp_path / "none.mp3", songs[1], "--seeds", "0-1")
    assert (done.code, done.lines) == (0, whole.lines)
    assert done.err.endswith("1 of 3 skipped, 2 done\n")
    np.testing.assert_array_equal(read_png(done.lines[0])[0], before)
    (tmp_path / "grid.png").unlink()
    assert grid(tmp_path / "none.mp3").code == 2
    assert not (tmp_path / "grid.png").exists()


@pytest.mark.parametrize(
    ("words", "reason"), [(["--seeds", "0-999"], "more than 1,000 covers"), (["--seeds", ""], "no")], ids=str
)
def test_what_cannot_be_laid_out_is_one_line_and_two(grid, songs, words, reason):
    done = grid(*songs, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert reason in done.err


def test_a_grid_overwrites_nothing_but_a_sheet(grid, songs, tmp_path):
    write_png(tmp_path / "grid.png", np.zeros((3, 20, 20), np.uint8))
    done = grid(songs[0])
    assert (done.code, done.out) == (2, "")
    assert read_png(tmp_path / "grid.png")[0].shape == (3, 20, 20)


@pytest.fixture
def family(gatefold, bundle, tmp_path):
    return lambda *words: gatefold(
        "generate", "--model", bundle, "--finish", "raw", "--out", tmp_path / "family", *words
    )


def test_a_family_lies_nearer_together_than_strangers(family, songs):
    def spread_of(*words: str) -> float:
        covers = np.stack([read_png(line)[0].astype(float) for line in family(songs[0], "--count", "6", *words).lines])
        return float(covers.std(axis=0).mean())

    near, wide, strangers = spread_of("--family", "3", "--spread", "0.1"), spread_of("--family", "3"), spread_of()
    assert 0 < near < 0.6 * wide
    assert wide < strangers


def test_each_track_of_a_family_is_a_member_of_its_own_and_comes_out_again(family, gatefold, bundle, songs):
    done = family(*songs, "--family", "3", "--spread", "0.25", "--seed", "5")
    text = [read_png(line)[1] for line in done.lines]
    assert [one["seed"] for one in text] == ["5", "6"]
    assert json.loads(text[0]["family"]) == {"seed": 3, "spread": 0.25}
    for line, song in zip(done.lines, songs, strict=True):
        again = gatefold("reproduce", "--model", bundle, line, song)
        assert (again.code, json.loads(again.out)["same"]) == (0, True)


def test_without_spread_a_family_is_one_composition(family, gatefold, bundle, songs, tmp_path):
    alone = family(songs[0], "--seed", "3").lines[0]
    member = family(songs[0], "--family", "3", "--spread", "0", "--seed", "8").lines[0]
    np.testing.assert_array_equal(read_png(member)[0], read_png(alone)[0])


def test_a_spread_without_a_family_is_said(family, songs):
    done = family(songs[0], "--spread", "0.2")
    assert (done.code, done.err) == (2, "--spread: is for a family: give --family too\n")
