"""What each face can write, how texts are cleaned, and which style music gets."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from gans.typefaces import (
    FACES,
    MOST_CHARACTERS,
    cased,
    clean_type,
    face_for,
    is_right_to_left,
    lacks,
    load_font,
    needs_shaping,
)
from gans.typestyles import STYLES, choose_style, make_style

LOUD = {"energy": 0.95, "acousticness": 0.02, "danceability": 0.5, "valence": 0.3, "instrumentalness": 0.2}
SOFT = {"energy": 0.1, "acousticness": 0.95, "danceability": 0.25, "valence": 0.3, "instrumentalness": 0.8}


@pytest.mark.parametrize("face", FACES)
def test_every_face_is_installed_with_its_weights_and_writes_latin(face):
    assert lacks(face, "Déjà vu – ‘Straße’ & Łódź, 1984!") == ""
    light, heavy = (load_font(face, weight, 200) for weight in (100, 900))
    widths = [font.getmask("nnn").getbbox() for font in (light, heavy)]
    assert (light.path != heavy.path) or widths[0] != widths[1]


def test_a_text_that_a_face_cannot_write_goes_to_its_nearest_relative():
    assert face_for("grotesque", "Techno") == "grotesque"
    assert face_for("grotesque", "Полюшко") == "geometric"
    assert face_for("serif", "Полюшко") == "serif"
    assert face_for("serif", "Ξένος") == "book"
    assert face_for("serif", "ليل") == "sans"
    for face in FACES:
        assert lacks(face_for(face, "Ωკ עב ل"), "Ωკ עב ل") == ""


def test_letters_that_no_face_has_are_named_in_one_line():
    with pytest.raises(InputError, match=r"^title: no typeface here has 桜 \(U\+685C\)$"):
        clean_type("Sakura 桜")


def test_signs_that_no_face_has_are_left_out_and_told():
    assert clean_type("Summer 🌞 Rain 🌞") == ("Summer Rain", "🌞")
    assert clean_type("I ♥ you") == ("I ♥ you", "")
    with pytest.raises(InputError, match="nothing of it can be set"):
        clean_type("🌞")


def test_what_is_not_seen_is_not_set():
    assert clean_type("  Two\nlines\tand\u00a0more\r\n") == ("Two lines and more", "")
    assert clean_type("a\u200bb\ufeff\x00c\u202ed\u2066e\ufe0f") == ("abcde", "")
    assert clean_type("") == ("", "")
    assert clean_type(" \u200b \n") == ("", "")
    assert clean_type("می\u200cخواهم")[0] == "می\u200cخواهم", "Persian needs its joiners"
    assert clean_type("Z" + "\u0336" * 50)[0] == "Z" + "\u0336" * 3
    assert clean_type("e\u0301")[0] == "é"


def test_apostrophes_are_typographic():
    assert clean_type("Let's Go Fishin'")[0] == "Let’s Go Fishin’"
    assert clean_type("The 'Real' Thing's 7' Mix")[0] == "The 'Real' Thing's 7' Mix", "quotation marks are left alone"
    assert clean_type("7' Mix")[0] == "7' Mix"


def test_the_longest_text_is_of_300_characters():
    assert clean_type("a" * MOST_CHARACTERS)[0] == "a" * 300
    with pytest.raises(InputError, match=r"^artist: 301 characters are too many to set on a cover \(at most 300\)$"):
        clean_type("a" * 301, "artist")


@given(st.text(max_size=40))
def test_any_text_is_cleaned_for_good_or_refused_in_one_line(text):
    try:
        clean, _ = clean_type(text)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert "\n" not in refusal
    if refusal:
        return
    assert clean_type(clean) == (clean, "")
    assert all(lacks(face_for(face, clean), clean) == "" for face in FACES)
    assert not any(unicodedata.category(mark) == "Cc" for mark in clean)


def test_capitals_are_set_only_where_there_are_some():
    assert cased("Straße", True, "condensed") == "STRASSE"
    assert cased("Straße", False, "condensed") == "Straße"
    assert cased("მზე", True, "geometric") == "მზე", "no face has Georgian capitals"


def test_lines_begin_where_their_script_does():
    assert is_right_to_left("ليل Night")
    assert not is_right_to_left("Night ليل")
    assert is_right_to_left("1984 שיר")
    assert needs_shaping("Night ليل")
    assert not needs_shaping("Ночь")


def test_genres_decide_the_style():
    wanted = {
        "techno": "signal",
        "Hip-Hop": "poster",
        "folk metal": "poster",
        "post-rock": "air",
        "rock": "roots",
        "folk": "hand",
        "Classical": "classic",
        "vocal jazz": "swing",
        "dark ambient": "air",
        "synth_pop": "neon",
        "singer-songwriter": "ballad",
        "Singer/Songwriter": "ballad",
        "Hip-Hop/Rap": "poster",
        "R&B/Soul": "swing",
        "Rhythm and Blues": "swing",
        "Drum & Bass": "signal",
        "Drum'n'Bass": "signal",
        "Children’s Music": "hand",
    }
    assert {genre: choose_style(SOFT, [genre]) for genre in wanted} == wanted
    assert choose_style({}, ["something unheard of", "techno", "folk"]) == "signal"
    assert set(STYLES) == {choose_style(sound, [genre]) for sound in (LOUD,) for genre in wanted}


def test_without_a_genre_the_sound_decides():
    assert choose_style(LOUD) == choose_style(LOUD, ["unheard of"]) == "poster"
    assert choose_style(SOFT) == "classic"
    assert choose_style({}) in STYLES
    assert make_style(choose_style(LOUD)).face != make_style(choose_style(SOFT)).face


@pytest.mark.parametrize("name", STYLES)
def test_more_energy_is_never_lighter_and_never_wider(name):
    styles = [make_style(name, energy / 10) for energy in range(11)]
    weights, trackings = [style.weight for style in styles], [style.tracking for style in styles]
    assert weights == sorted(weights)
    assert weights[0] < weights[-1]
    assert trackings == sorted(trackings, reverse=True)
    assert trackings[0] > trackings[-1]


def test_unknown_styles_are_told_with_the_known_ones():
    with pytest.raises(InputError, match=r"--type: unknown: postr; known: poster, .*did you mean poster\?"):
        make_style("postr")
    with pytest.raises(InputError, match="energy"):
        make_style("poster", 1.5)
