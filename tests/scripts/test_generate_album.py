"""`gatefold generate --album`: all tracks together have one cover a seed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mutagen.id3 import TALB

from data.covers import read_png
from scripts.sheet import draw_sheet
from tests.scripts.sounds import BAD


@pytest.fixture
def make_album(gatefold, hearing, tmp_path):
    """`make_album(name, *words)`: one cover for all tracks, with the bundle that hears, into `tmp_path / "covers"`."""
    return lambda name, *words: gatefold(
        "generate", "--model", hearing, "--finish", "raw", "--out", tmp_path / "covers", "--album", name, *words
    )


def heard_of(cover: str) -> tuple[str, str]:
    """What a cover's text says of its music and its condition."""
    text = read_png(cover)[1]
    return text["track"], json.loads(text["condition"])["sha256"]


def test_an_album_has_one_cover_a_seed(make_album, songs, tmp_path):
    done = make_album("Both Sides", *songs, "--seed", "3", "--count", "2", "--sheet", tmp_path / "sheet.png")
    assert (done.code, done.err) == (0, "")
    covers = [tmp_path / "covers" / f"Both Sides-{seed}.png" for seed in (3, 4)]
    assert done.lines == [*map(str, covers), str(tmp_path / "sheet.png")]
    assert sorted((tmp_path / "covers").iterdir()) == covers
    assert read_png(tmp_path / "sheet.png")[0].shape == draw_sheet([np.zeros((3, 8, 8), np.uint8)] * 2, ["", ""]).shape
    assert heard_of(covers[0]) == heard_of(covers[1])
    assert not np.array_equal(*(read_png(cover)[0] for cover in covers))


def test_an_albums_condition_is_that_of_all_its_tracks(make_album, hearing, songs):
    from encoders.sets import combine_conditions
    from scripts.making import Wishes
    from scripts.pipeline import Listener, condition_hash

    listener, wishes = Listener.open(hearing), Wishes.parse("energy=0.5", "dub")
    tracks = [listener.subject(song, wishes) for song in songs]
    c = combine_conditions(np.stack([track.c for track in tracks]), listener.schema.layout)
    assert not any(np.array_equal(c, track.c) for track in tracks)
    done = make_album("Both", *songs, "--attributes", "energy=0.5", "--tags", "dub")
    assert heard_of(done.lines[0])[1] == condition_hash(c)
    np.testing.assert_array_equal(read_png(done.lines[0])[0], listener.draw(c, 0, 1.0, 1.0))


def test_an_album_of_one_track_is_that_track(gatefold, make_album, hearing, songs, tmp_path):
    words = ("--model", hearing, "--finish", "raw", "--out", tmp_path / "alone")
    alone = gatefold("generate", *words, songs[0]).lines[0]
    album = make_album("Single", songs[0]).lines[0]
    assert Path(album).name == "Single-0.png"
    assert Path(album).read_bytes() == Path(alone).read_bytes()


def test_an_album_goes_on_without_a_track_that_cannot_be_used(make_album, songs, tmp_path):
    (tmp_path / "bad.wav").write_bytes(BAD["silence.wav"])
    whole = make_album("Both", *songs).lines
    done = make_album("Both", songs[0], tmp_path / "bad.wav", songs[1])
    assert (done.code, done.lines) == (0, whole)
    assert done.err == f"{tmp_path / 'bad.wav'}: silent\n1 of 3 skipped, 2 done\n"
    nothing = make_album("Nothing", tmp_path / "bad.wav", tmp_path / "missing.wav")
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err.splitlines()[-1] == "2 of 2 skipped, 0 done"


def test_a_model_that_hears_no_code_makes_albums_too(gatefold, bundle, songs, tmp_path):
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", "--album", "Both", *songs)
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / "Both-0.png")]


def test_a_folder_is_an_album_under_the_name_in_all_its_tags_or_its_own(gatefold, make_album, hearing, songs, tmp_path):
    import mutagen

    folder = tmp_path / "2019 (rip)"
    folder.mkdir()
    tracks = [Path(shutil.copy(song, folder)) for song in songs[:2]]
    assert Path(make_album(folder).lines[0]).name == "2019 (rip)-0.png"
    for track in tracks:
        tagged = mutagen.File(track)
        tagged.add_tags()
        tagged.tags.add(TALB(encoding=3, text="Both Sides"))
        tagged.save()
    done = make_album(folder, "--titled")
    assert (done.code, done.err, Path(done.lines[0]).name) == (0, "", "Both Sides-0.png")
    assert json.loads(read_png(done.lines[0])[1]["lettering"])["title"] == "Both Sides"
    assert gatefold("reproduce", "--model", hearing, done.lines[0], *sorted(tracks)).code == 0


@pytest.mark.parametrize(("words", "told"), [([], "track: name the music"), (["--album", "None"], "--album: None is")])
def test_no_music_at_all_is_one_line(make, words, told):
    done = make("--seed", "1", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(told)


def test_an_albums_name_stays_in_the_folder(make_album, songs, tmp_path):
    done = make_album("../AC/DC\n", songs[0])
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / ".._AC_DC_-0.png")]


@pytest.mark.parametrize("words", [["--album", "A", "--vary"], ["--album", " "], ["--album="]], ids=" ".join)
def test_an_album_without_a_name_or_with_vary_is_refused(make, songs, tmp_path, words):
    done = make(*songs, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not (tmp_path / "covers").exists()
