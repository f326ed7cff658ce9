"""What is set on covers: the user's words, or those of the files' tags; what cannot be set is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.errors import InputError
from data.jpeg import read_cover
from gans.lettering import set_type
from gans.typestyles import make_style
from scripts.making import Lettering, Making, Wishes
from scripts.titles import Words

LOUD = {"energy": 0.951, "acousticness": 0.0, "danceability": 0.5, "valence": 0.3}


@pytest.fixture
def song(tmp_path):
    """`song(name, **tags)`: a file with these tags."""
    import mutagen

    def write(name, **tags):
        path = tmp_path / f"{name}.flac"
        soundfile.write(path, 0.1 * np.sin(np.arange(22_050) * 0.05), 22_050)
        file = mutagen.File(path)
        for tag, value in tags.items():
            file[tag] = value
        file.save()
        return path

    return write


def parse(title=None, artist=None, titled=False, style=None, covers_for=1):
    return Words.parse(title, artist, titled, style, covers_for)


def test_words_of_the_user_are_set_as_they_are(song):
    words = parse("  Two\nlines ", "Björk", style="air")
    track = song("a", title="Other", artist="Another")
    assert words.for_track(track, LOUD, []) == Lettering("Two lines", "Björk", "air", 0.95)
    assert parse().for_track(track, LOUD, []) is None
    assert parse(artist="").for_track(track, LOUD, []) is None


def test_tags_give_what_the_user_does_not(song):
    track = song("a_b", title="Hidden Place", artist="Björk", genre="Techno")
    assert parse(titled=True).for_track(track, LOUD, []) == Lettering("Hidden Place", "Björk", "signal", 0.95)
    assert parse(artist="B.", titled=True).for_track(track, LOUD, ["folk"]) == Lettering(
        "Hidden Place", "B.", "hand", 0.95
    )
    assert parse(titled=True).for_track(song("my_song"), LOUD, []) == Lettering("my song", "", "poster", 0.95)


def test_an_album_has_its_name_and_the_artist_of_all_its_tracks(song):
    one, two, other = (song(name, artist=artist) for name, artist in (("a", "X"), ("b", "X"), ("c", "Y")))
    words = parse(titled=True)
    assert words.for_album("Name", [one, two], LOUD, []) == Lettering("Name", "X", "poster", 0.95)
    assert words.for_album("Name", [one, other], LOUD, []) == Lettering("Name", "", "poster", 0.95)
    guest = song("d", artist="X feat. Y", albumartist="X")
    assert words.for_album("Name", [one, two, guest], LOUD, []) == Lettering("Name", "X", "poster", 0.95)


def test_what_cannot_be_set_of_tags_is_told_and_of_options_refused(song, capsys):
    track = song("a", title="桜", artist="Rain 🌞")
    assert parse(titled=True).for_track(track, LOUD, []) == Lettering("", "Rain", "poster", 0.95)
    told = capsys.readouterr().err
    assert "a.flac: no typeface here has 桜 (U+685C); left out" in told
    assert "a.flac: no typeface here has 🌞; left out" in told
    with pytest.raises(InputError, match=r"--title: no typeface here has 桜"):
        parse("桜")
    with pytest.raises(InputError, match="--artist: 301 characters"):
        parse(artist="a" * 301)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"style": "air"}, "--type: there is nothing to set"),
        ({"title": "a", "style": "nair"}, "--type: unknown: nair; known: .*did you mean air"),
        ({"title": "a", "covers_for": 2}, "--title: is for one track"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(options, refusal):
    with pytest.raises(InputError, match=refusal):
        parse(**options)


def test_a_cover_says_what_is_set_on_it_and_comes_out_again(gatefold, bundle, songs, tmp_path):
    make = lambda *words: gatefold("generate", "--model", bundle, "--out", tmp_path, songs[0], *words)  # noqa: E731
    bare, titled = (Path(make(*words).lines[0]) for words in ((), ("--title", "Vibe Ace", "--artist", "Kevin MacLeod")))
    assert bare != titled
    pixels, text = read_cover(titled)
    lettering = json.loads(text["lettering"])
    assert (lettering["title"], lettering["artist"]) == ("Vibe Ace", "Kevin MacLeod")
    assert "lettering" not in read_cover(bare)[1]
    style = make_style(lettering["style"], lettering["energy"])
    np.testing.assert_array_equal(set_type(read_cover(bare)[0], "Vibe Ace", "Kevin MacLeod", style), pixels)
    again = gatefold("reproduce", titled, songs[0], "--model", bundle)
    assert (again.code, json.loads(again.lines[0])["same"]) == (0, True)


def test_each_track_of_several_has_its_own_title(gatefold, bundle, song, tmp_path):
    tracks = [song("first", title="One", artist="X"), song("second_song")]
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", *tracks, "--titled", "--type", "hand")
    letterings = [json.loads(read_cover(Path(line))[1]["lettering"]) for line in done.lines]
    assert [(each["title"], each["artist"], each["style"]) for each in letterings] == [
        ("One", "X", "hand"),
        ("second song", "", "hand"),
    ]
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", *tracks, "--title", "One for all")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--title" in done.err


@pytest.mark.parametrize(
    "damage",
    [
        {"style": "none"},
        {"energy": 2},
        {"energy": "x"},
        {"energy": float("nan")},
        {"title": "a" * 301},
        {"title": "a\nb"},
        {"title": "", "artist": ""},
        {"title": 3},
        {"other": 1},
    ],
)
def test_a_damaged_lettering_is_one_line(damage):
    making = Making("0" * 64, "1" * 64, 0, 1.0, 1.0, Wishes(), "2" * 64, lettering=Lettering("a", "b", "air", 0.5))
    text = making.to_text()
    assert Making.from_text(Path("cover.png"), text) == making
    text["lettering"] = json.dumps(json.loads(text["lettering"]) | damage)
    with pytest.raises(InputError, match=r"cover\.png: its text is damaged"):
        Making.from_text(Path("cover.png"), text)
