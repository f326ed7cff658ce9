"""A cover's text says all that made it; names of covers stay apart, on one line, inside their folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.attributes import ATTRIBUTES
from data.covers import encode_png, read_png
from data.errors import InputError
from scripts.making import (
    MAX_SEED,
    MAX_STRENGTH,
    MAX_TRUNCATION,
    Family,
    Finish,
    Making,
    Mix,
    Wishes,
    album_hash,
    cover_path,
    parse_seeds,
    safe_name,
)

IMAGE = np.zeros((3, 32, 32), np.uint8)
WISHES = Wishes({"energy": 0.1 + 0.2, "tempo": 141.5}, ("drum and bass", "été"), 1988)
MAKING = Making("b" * 64, "c" * 64, 7, 0.7, 1.3, WISHES, "d" * 64)
RELATED = replace(MAKING, family=Family(3, 0.1 + 0.2), mix=Mix("e" * 64, "f" * 64, 9, 4), finish=Finish("grain", 3000))


@st.composite
def wishes(draw) -> Wishes:
    chosen = draw(st.lists(st.sampled_from(ATTRIBUTES), unique_by=lambda a: a.name))
    values = {a.name: draw(st.floats(a.low, a.high)) for a in chosen}
    words = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1).filter(lambda word: word == word.lower())
    tags = draw(st.lists(words, unique=True, max_size=4))
    return Wishes(values, tuple(tags), draw(st.none() | st.integers(1000, 3000)))


@settings(deadline=None)
@given(wishes(), st.integers(0, MAX_SEED), st.floats(0, MAX_TRUNCATION), st.floats(0, MAX_STRENGTH))
def test_what_a_cover_says_is_what_made_it(wishes, seed, truncation, strength):
    making = Making("b" * 64, "c" * 64, seed, truncation, strength, wishes, "d" * 64)
    _, text = read_png(encode_png(IMAGE, making.to_text()))
    assert Making.from_text(Path("x.png"), text) == making


def test_a_cover_names_the_version_that_made_it():
    assert MAKING.to_text()["Software"].startswith("gatefold ")


def test_a_cover_names_its_family_its_mix_and_its_finish_where_it_has_them():
    assert Making.from_text(Path("x.png"), RELATED.to_text()) == RELATED
    assert set(RELATED.to_text()) - set(MAKING.to_text()) == {"family", "mix", "finish"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", '{"seed": -1, "spread": 0.1}'),
        ("family", '{"seed": 1.5, "spread": 0.1}'),
        ("family", '{"seed": 1, "spread": 1.1}'),
        ("family", '{"seed": 1, "spread": NaN}'),
        ("family", '{"seed": 1, "spread": "0.1"}'),
        ("family", '{"seed": 1}'),
        ("family", '{"seed": 1, "spread": 0.1, "more": 1}'),
        ("mix", RELATED.to_text()["mix"].replace("4}", "-1}")),
        ("mix", RELATED.to_text()["mix"].replace("4}", "1.5}")),
        ("mix", RELATED.to_text()["mix"].replace("e", "z")),
        ("mix", "{}"),
        ("finish", '{"look": "grain", "size": 5000}'),
        ("finish", '{"look": "grain", "size": true}'),
        ("finish", '{"look": "oil", "size": 1024}'),
        ("finish", '{"look": ["grain"], "size": 1024}'),
    ],
)
def test_a_damaged_family_mix_or_finish_is_one_clear_error(key, value):
    with pytest.raises(InputError, match=r"^x\.png: its text is damaged"):
        Making.from_text(Path("x.png"), {**MAKING.to_text(), key: value})


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0", (0,)), ("0,5,9", (0, 5, 9)), (" 2 - 4 ".replace(" - ", "-"), (2, 3, 4)), ("0-1,7, 3", (0, 1, 7, 3))],
)
def test_seeds_are_read_as_they_are_written(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", ",", "a", "-1", "1-", "3-2", "1.5", "0x1", "٣", str(MAX_SEED + 1), "0-1000", "9" * 99]
)
def test_what_is_no_seed_is_one_clear_error(text):
    with pytest.raises(InputError, match=r"^--seeds: "):
        parse_seeds(text)


@pytest.mark.parametrize("key", sorted(set(RELATED.to_text()) - {"Software"}))
@pytest.mark.parametrize("value", [None, "", "x", "[]", "{}", "nan", "-1", "[" * 9**5, '{"attributes": {"tempo": 9}}'])
def test_damaged_text_is_one_clear_error(key, value):
    text = RELATED.to_text()
    if value is None:
        if key in ("family", "mix", "finish"):
            return  # covers need none of them
        del text[key]
    else:
        text[key] = value
    with pytest.raises(InputError, match=r"^x\.png: "):
        Making.from_text(Path("x.png"), text)


@pytest.mark.parametrize(
    ("given_words", "reason"),
    [
        (("energy", "", None), "name=number"),
        (("energy=2", "", None), "outside"),
        (("energy=nan", "", None), "not a number"),
        (("loudnes=1", "", None), "unknown attribute"),
        (("", "", 88), "year"),
    ],
)
def test_wishes_that_mean_nothing_are_refused(given_words, reason):
    with pytest.raises(InputError, match=reason):
        Wishes.parse(*given_words)


def test_tags_are_one_spelling_each():
    assert Wishes.parse(tags=" Techno,dub   techno,, TECHNO ").tags == ("techno", "dub techno")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("song", "song"),
        ("my 'best' \"song\"", "my 'best' \"song\""),
        ("two\nlines\t", "two_lines_"),
        ("雪 – été", "雪 – été"),
        ("a.b.c", "a.b.c"),
        ("AC/DC", "AC_DC"),
        ("../up", ".._up"),
        ("nothing\0", "nothing_"),
        ("-rf", "-rf"),
        ("\x1b[31mred", "_[31mred"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf_"),
        ("x" * 250, "x" * 180),
        ("é" * 120, "é" * 90),
    ],
)
def test_names_stay_readable_and_safe(name, safe):
    assert safe_name(name) == safe


def test_an_albums_music_is_its_tracks_in_their_order():
    a, b = "a" * 64, "b" * 64
    assert album_hash([a]) == a  # covers of one track stay what they were
    assert len({a, b, album_hash([a, b]), album_hash([b, a]), album_hash([a, a]), album_hash([a, b, b])}) == 6
    assert replace(MAKING, track=album_hash([a, b])) == Making.from_text(
        Path("x.png"), replace(MAKING, track=album_hash([a, b])).to_text()
    )


def cover_at(path, making):
    path.write_bytes(encode_png(IMAGE, making.to_text()))
    return path


def test_nothing_but_the_very_same_cover_is_written_over(tmp_path):
    path = cover_path(tmp_path, "song", MAKING)
    assert path == tmp_path / "song-7.png"
    cover_at(path, MAKING)
    assert cover_path(tmp_path, "song", MAKING) == path
    others = [
        replace(MAKING, track="2" * 64),  # another track of that name
        replace(MAKING, strength=0.0),  # the same one with other options
        replace(MAKING, bundle="3" * 64),  # or another model
    ]
    for other in others:
        marked = cover_path(tmp_path, "song", other)
        assert re.fullmatch(r"song-[0-9a-f]{8}-7\.png", marked.name)
        cover_at(marked, other)
        assert cover_path(tmp_path, "song", other) == marked
    assert len(list(tmp_path.iterdir())) == 4
    assert cover_path(tmp_path, "song", replace(MAKING, seed=8)) == tmp_path / "song-8.png"


def test_a_picture_of_ones_own_is_never_overwritten(tmp_path):
    (tmp_path / "song-7.png").write_text("mine")
    marked = cover_path(tmp_path, "song", MAKING)
    marked.write_bytes(encode_png(IMAGE))
    with pytest.raises(InputError, match="not this cover"):
        cover_path(tmp_path, "song", MAKING)
