"""Covers of wishes alone: no track is heard, what is wished for decides, and what is not is left open."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.errors import InputError
from data.jpeg import read_cover
from scripts.making import NO_MUSIC, Making, Wishes
from scripts.pipeline import Listener


def test_wishes_alone_make_a_cover_that_can_be_made_again(gatefold, bundle, tmp_path):
    words = ["generate", "--model", bundle, "--out", tmp_path, "--attributes", "energy=0.9", "--tags", "rock/pop"]
    done = gatefold(*words, "--year", "1998", "--count", 2, "--finish", "raw")
    assert done.code == 0
    covers = [tmp_path / f"rock_pop, energy 0.9, 1998-{seed}.png" for seed in (0, 1)]
    assert done.out.split("\n")[:2] == list(map(str, covers))
    pixels, text = read_cover(covers[0])
    making = Making.from_text(covers[0], text)
    assert (making.track, making.wishes) == (NO_MUSIC, Wishes({"energy": 0.9}, ("rock/pop",), 1998))
    assert not np.array_equal(pixels, read_cover(covers[1])[0])
    again = gatefold("reproduce", covers[0], "--model", bundle)
    assert (again.code, json.loads(again.out)["same"], json.loads(again.out)["track"]) == (0, True, None)


def test_what_is_not_wished_for_is_left_open(bundle):
    listener = Listener.open(bundle)
    energetic = listener.wished(Wishes({"energy": 0.9})).c
    sizes = [1 + size for _, size in listener.schema.layout]
    blocks = dict(zip(dict(listener.schema.layout), np.split(energetic, np.cumsum(sizes)[:-1]), strict=True))
    assert blocks["attributes"][0] == 1
    assert (blocks["attributes"][1:] != 0).sum() == 1
    assert not any(block.any() for name, block in blocks.items() if name != "attributes")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "track: name the music"),
        (["--tags", "rock", "--titled"], "--titled: is for tracks"),
        (["--tags", "rock", "--embed"], "--embed: is for tracks"),
    ],
)
def test_what_needs_a_track_says_so(gatefold, bundle, tmp_path, words, told):
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(told)
    assert not (tmp_path / "covers").exists()


def test_a_cover_of_wishes_has_no_track_and_that_of_a_track_has_one(gatefold, bundle, songs, tmp_path):
    for words in (["--tags", "rock"], [songs[0]]):
        gatefold("generate", "--model", bundle, "--out", tmp_path, "--finish", "raw", *words)
    wished = gatefold("reproduce", tmp_path / "rock-0.png", songs[0], "--model", bundle)
    heard = gatefold("reproduce", tmp_path / "calm-0.png", "--model", bundle)
    assert (wished.code, heard.code) == (2, 2)
    assert "made from wishes alone" in wished.err
    assert "name the music it was made from" in heard.err


def test_of_a_model_that_hears_nothing_nothing_can_be_wished(bundle):
    listener = Listener.open(bundle)
    listener.schema = None
    with pytest.raises(InputError, match="hears nothing"):
        listener.wished(Wishes({"energy": 0.9}))
