"""`gatefold generate` and what is odd or wrong: heard all the same, or one line says why not and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scripts.sounds import BAD, TONE, sound

ODD_BUT_GOOD = {
    "8 channels.wav": sound(np.repeat(TONE[:, None], 8, axis=1)),
    "192 kHz.wav": sound(np.repeat(TONE, 9), 192_000),
    "cut short.mp3": sound(np.tile(TONE, 3), format="MP3", subtype="MPEG_LAYER_III")[:-5000],
}


@pytest.mark.parametrize("name", BAD)
def test_a_track_that_cannot_be_used_is_one_line_and_two(make, tmp_path, name):
    (tmp_path / name).write_bytes(BAD[name])
    done = make(tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ["missing.mp3", "folder"])
def test_what_is_no_file_is_one_line_and_two(make, tmp_path, name):
    (tmp_path / "folder").mkdir()
    done = make(tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ODD_BUT_GOOD)
def test_odd_audio_is_heard(make, tmp_path, name):
    (tmp_path / name).write_bytes(ODD_BUT_GOOD[name])
    done = make(tmp_path / name)
    assert done.code == 0, done.err
    assert len(done.lines) == 1


def test_in_a_batch_the_rest_goes_on(make, songs, tmp_path):
    tracks = [songs[0]]
    for name, content in BAD.items():
        (tmp_path / name).write_bytes(content)
        tracks.append(tmp_path / name)
    (tmp_path / "folder").mkdir()
    tracks += [tmp_path / "missing.mp3", tmp_path / "folder", songs[1]]
    done = make(*tracks)
    assert done.code == 0
    assert [Path(line).name for line in done.lines] == ["calm-0.png", "loud-0.png"]
    n = len(BAD) + 2
    *told, summary = done.err.splitlines()
    assert len(told) == n
    assert summary == f"{n} of {n + 2} skipped, 2 done"


def test_a_batch_of_which_nothing_is_usable_is_two(make, tmp_path):
    done = make(tmp_path / "a.mp3", tmp_path / "b.mp3")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == "2 of 2 skipped, 0 done"


def test_no_cover_no_sheet(make, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(BAD["silence.wav"])
    assert make(bad, "--sheet", tmp_path / "sheet.png").code == 2
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--attributes", "energy=7"],
        ["--attributes", "enrgy=0.7"],
        ["--attributes", "energy"],
        ["--year", "88"],
        ["--year", "soon"],
        ["--truncation", "nan"],
        ["--truncation", "-1"],
        ["--strength", "inf"],
        ["--seed", "-1"],
        ["--seed", "1e99"],
        ["--seed", str(2**63 - 1), "--count", "2"],
        ["--count", "0"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_options_off_their_scale_are_one_line_and_two(make, songs, tmp_path, words):
    done = make(songs[0], *words)
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.count("\n") == 1, done.err
    assert not (tmp_path / "covers").exists()


def test_no_two_seeds_are_one(make, songs):
    assert make(songs[0], "--seed", str(2**32)).code == 2
    assert make(songs[0], "--seed", str(2**32 - 1)).code == 0


def test_a_tag_that_the_model_does_not_know_is_said(make, songs):
    done = make(songs[0], "--tags", "techno,zydeco")
    assert done.code == 0
    assert done.err == "this model saw too little of the tag zydeco; what it makes of it is a guess\n"


def test_an_output_that_is_no_folder_is_one_line_and_two(gatefold, bundle, songs, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "file", songs[0])
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_is_none_is_one_line_and_two(gatefold, songs, tmp_path):
    done = gatefold("generate", "--model", tmp_path, songs[0])
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
