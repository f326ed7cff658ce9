"""`gatefold mix`: coarse places from one track, fine ones from another, and the same pixels again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.covers import encode_png, read_png
from gans.bundle import load_bundle


@pytest.fixture
def mix(gatefold, bundle, tmp_path):
    return lambda *words: gatefold("mix", "--model", bundle, "--out", tmp_path / "covers", *words)


@pytest.fixture
def own(gatefold, bundle, tmp_path):
    """`own(track, seed, *words)`: the pixels that `gatefold generate` makes."""

    def pixels(track, seed, *words):
        done = gatefold(
            "generate", "--model", bundle, "--finish", "raw", "--out", tmp_path / "own", track, "--seed", seed, *words
        )
        return read_png(done.lines[0])[0]

    return pixels


def test_at_either_end_it_is_one_tracks_own_cover(mix, own, bundle, songs, tmp_path):
    n_styles = load_bundle(bundle).generator.n_styles
    drawn = ("--truncation", "0.7", "--strength", "1.5")
    first, last = (
        read_png(mix(*songs, "--seeds", "3", "--style-seed", "8", "--from-level", level, *drawn).lines[0])[0]
        for level in (0, n_styles)
    )
    np.testing.assert_array_equal(first, own(songs[1], 8, *drawn))
    np.testing.assert_array_equal(last, own(songs[0], 3, *drawn))


def test_half_way_it_is_neither_and_named_after_both(mix, own, songs, tmp_path):
    done = mix(*songs, "--seeds", "3,5")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / f"calm + loud-{seed}.png") for seed in (3, 5)]
    mixed = read_png(done.lines[0])[0]
    for song in songs:
        assert (mixed != own(song, 3)).mean() > 0.05


def test_a_mixture_comes_out_again(mix, gatefold, bundle, songs):
    cover = mix(*songs, "--seeds", "3", "--style-seed", "8").lines[0]
    done = gatefold("reproduce", "--model", bundle, cover, *songs)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {"cover": cover, "mix": [str(song) for song in songs], "same": True, "seed": 3}


@pytest.mark.parametrize(
    ("picked", "reason"),
    [([0], "mixed from two tracks"), ([0, 1, 1], "not from 3"), ([1, 0], "not the music that"), ([0, 0], "its style")],
    ids=str,
)
def test_other_tracks_are_told_apart(mix, gatefold, bundle, songs, picked, reason):
    cover = mix(*songs).lines[0]
    done = gatefold("reproduce", "--model", bundle, cover, *(songs[place] for place in picked))
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert reason in done.err


def test_a_level_that_the_model_has_not_is_said(mix, gatefold, bundle, songs):
    cover = mix(*songs).lines[0]
    image, text = read_png(cover)
    text["mix"] = text["mix"].replace('"level": 2', '"level": 99')
    with open(cover, "wb") as file:
        file.write(encode_png(image, text))
    done = gatefold("reproduce", "--model", bundle, cover, *songs)
    assert (done.code, done.err) == (2, "the level of a mix: 99 is not between 0 and 4\n")


def test_the_sheet_leads_from_one_cover_to_the_other(mix, own, songs, tmp_path):
    from scripts.sheet import draw_grid

    done = mix(*songs, "--seeds", "0,1", "--sheet", tmp_path / "sheet.png")
    assert done.lines[-1] == str(tmp_path / "sheet.png")
    sheet = read_png(done.lines[-1])[0]
    names = ["calm", "from 3", "from 2", "from 1", "loud"]
    rows = [[own(songs[0], seed), *[np.zeros((3, 32, 32), np.uint8)] * 3, own(songs[1], seed)] for seed in (0, 1)]
    ends = draw_grid(rows, ["seed 0", "seed 1"], names)
    assert sheet.shape == ends.shape
    width = sheet.shape[2] // 5
    np.testing.assert_array_equal(sheet[:, :, :width], ends[:, :, :width])
    np.testing.assert_array_equal(sheet[:, :, -width:], ends[:, :, -width:])
    assert not np.array_equal(sheet, ends)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--from-level", "5"], "--from-level: 5 is not between 0 and 4"),
        (["--seeds", "a"], "no seed"),
        (["--sheet", "sheet.jpg"], "a sheet is a PNG"),
    ],
    ids=str,
)
def test_what_cannot_be_mixed_is_one_line_and_two(mix, songs, tmp_path, words, reason):
    done = mix(*songs, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert reason in done.err
    assert mix(songs[0], tmp_path / "none.mp3").code == 2
    assert mix(songs[0]).code == 2
    assert not (tmp_path / "covers").exists()


def test_a_network_of_one_style_cannot_be_mixed(mix, bundle, songs, monkeypatch):
    from gans.dcgan import Generator

    build = Generator.__init__

    def with_one_style(self, **options):
        build(self, **options)
        self.n_styles = 1

    monkeypatch.setattr(Generator, "__init__", with_one_style)
    done = mix(*songs)
    assert (done.code, done.err) == (2, f"{bundle}: draws with one style alone: there is no coarse and fine to mix\n")
