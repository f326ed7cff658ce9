"""Type on covers: it can be read, it stands within the margins, title before artist, the same at every size."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.colour import contrast_ratio, relative_luminance
from data.errors import InputError
from gans.inks import luminance_of
from gans.lettering import lay_out, set_type
from gans.letters import Cut
from gans.placing import MARGIN, Terrain, arrange, box_of, quietest
from gans.typefaces import clean_type
from gans.typesetting import draw_mask, fit, place
from gans.typestyles import STYLES, make_style

SIDE = 192
TITLES = (
    "Jade",
    "Look and Feel Years Younger",
    "Suite in F major: Adagio",
    "Полюшко-поле",
    "Το τραγούδι της ερήμου",
    "ليالي الأنس في فيينا",
    "שיר לשלום",
    "Đêm nằm mơ phố",
    "მზე შინა",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "W" * 300,
    ("The quick brown fox jumps over the lazy dog " * 7)[:300],
    "i",
    "—",
)


def covers(side=SIDE):
    """Names and covers uint8 `[3, side, side]` that are hard to set type on."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    colours = rng.integers(0, 256, (3, 4, 4), dtype=np.uint8)
    black_and_white = np.zeros((3, side, side), dtype=np.uint8)
    black_and_white[:, :, side // 2 :] = 255
    return {
        "noise": rng.integers(0, 256, (3, side, side), dtype=np.uint8),
        "grain": np.repeat(rng.integers(0, 2, (1, side, side), dtype=np.uint8) * 255, 3, axis=0),
        "ramp": np.broadcast_to(ramp, (3, side, side)).copy(),
        "ramp down": np.broadcast_to(ramp[:, None], (3, side, side)).copy(),
        "halves": black_and_white,
        "halves down": black_and_white.transpose(0, 2, 1).copy(),
        "grey": np.full((3, side, side), 118, dtype=np.uint8),
        "colours": colours.repeat(side // 4, axis=1).repeat(side // 4, axis=2),
    }


def ink_mask(groups, side):
    return draw_mask([line for group in groups for text in group.texts for line in text.lines], side)


def dilated(mask, by):
    wide = mask.copy()
    for _ in range(by):
        for axis in (0, 1):
            wide |= np.roll(wide, 1, axis) | np.roll(wide, -1, axis)
    return wide


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("kind", covers())
def test_type_can_be_read_on_any_picture(kind, name):
    cover, style = covers()[kind], make_style(name)
    for title, artist in (("Look and Feel Years Younger", "Brad Sucks"), ("Jade", ""), ("", "Ivan Ilić")):
        printed = set_type(cover, title, artist, style)
        groups = lay_out(cover, title, artist, style)
        letters = ink_mask(groups, SIDE) > 0
        for group in groups:
            for text in group.texts:
                beside = dilated(draw_mask(text.lines, SIDE) > 0, 2) & ~letters
                ratios = contrast_ratio(luminance_of(group.ink), relative_luminance(printed[:, beside]))
                assert np.quantile(ratios, 0.05) >= 4.5, "beside the letters, as printed"
                ground = text.ground if group.backing is None else text.ground_on(group.backing)
                assert ground.contrast(group.ink) >= 4.5, "under and beside them"


@pytest.mark.parametrize("name", STYLES)
def test_letters_have_the_colour_that_was_chosen(name):
    cover, style = covers(768)["colours"], make_style(name)
    printed = set_type(cover, "Jade Jade", "Norine", style)
    for group in lay_out(cover, "Jade Jade", "Norine", style):
        full = draw_mask(group.texts[0].lines, 768) == 255
        assert full.any()
        assert (printed[:, full] == np.array(group.ink)[:, None]).all()


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("title", TITLES)
def test_no_ink_is_beyond_the_margins(title, name):
    for artist in ("", "Ivan Ilić", "M" * 300):
        for layout in arrange(title, artist, make_style(name)):
            left, top, right, bottom = box_of(layout.lines)
            assert min(left, top) >= MARGIN - 1e-6
            assert max(right, bottom) <= 1 - MARGIN + 1e-6
    layout = arrange(title, "Ivan Ilić", make_style(name))[0]
    rows, columns = (draw_mask(layout.lines, 512) > 0).nonzero()
    edge = 512 * MARGIN - 2  # hinting may move an outline by a pixel, and a pixel may be touched by a hair
    assert min(rows.min(), columns.min()) >= edge
    assert max(rows.max(), columns.max()) <= 511 - edge


@settings(deadline=None, max_examples=60)
@given(
    st.text(st.characters(max_codepoint=0x700, exclude_categories=["Cs"]), max_size=60),
    st.text(max_size=20),
    st.sampled_from(sorted(STYLES)),
)
def test_any_title_and_artist_stand_within_the_margins_or_are_refused(title, artist, name):
    try:
        title, artist = clean_type(title)[0], clean_type(artist, "artist")[0]
    except InputError:
        return
    if not title and not artist:
        return
    for layout in arrange(title, artist, make_style(name)):
        left, top, right, bottom = box_of(layout.lines)
        assert min(left, top) >= MARGIN - 1e-6
        assert max(right, bottom) <= 1 - MARGIN + 1e-6
    assert draw_mask(layout.lines, 64).shape == (64, 64)


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("title", TITLES)
def test_the_title_is_larger_than_the_artist_and_neither_covers_the_other(title, name):
    for layout in arrange(title, "Karissa Hobbs", make_style(name)):
        title_lines, artist_lines = (text for group in layout.groups for text in group)
        sizes = [lines[0].em * lines[0].cut.cap for lines in (title_lines, artist_lines)]
        assert sizes[0] > sizes[1]
        above, below = sorted((box_of(title_lines), box_of(artist_lines)), key=lambda box: box[1])
        assert above[3] < below[1]


@pytest.mark.parametrize("name", STYLES)
def test_an_artist_can_be_read_small_under_a_long_title_too(name):
    layout = arrange("Look and Feel Years Younger (Extended Mix) [Remastered]", "Brad Sucks", make_style(name))[0]
    title, artist = (lines[0].em * lines[0].cut.cap for lines in (text for group in layout.groups for text in group))
    assert artist >= min(0.024, 0.8 * title) - 1e-9


@pytest.mark.parametrize("kind", ["colours", "halves", "ramp"])
@pytest.mark.parametrize("name", STYLES)
def test_a_picture_twice_or_five_times_as_large_is_set_the_same(kind, name):
    cover = covers()[kind]
    first = lay_out(cover, "Look and Feel", "Brad Sucks", make_style(name))
    for times in (2, 5):
        large = cover.repeat(times, axis=1).repeat(times, axis=2)
        again = lay_out(large, "Look and Feel", "Brad Sucks", make_style(name))
        assert [[text.lines for text in group.texts] for group in again] == [
            [text.lines for text in group.texts] for group in first
        ]


def test_small_and_large_masks_are_one_picture():
    lines = arrange("Look and Feel", "Brad Sucks", make_style("poster"))[0].lines
    large = draw_mask(lines, 1024).astype(float)
    for side in (64, 128, 512):
        times = 1024 // side
        averaged = large.reshape(side, times, side, times).mean(axis=(1, 3))
        assert abs(averaged - draw_mask(lines, side)).mean() < 3


def test_type_goes_where_the_picture_is_quiet():
    rng = np.random.default_rng(3)
    for rows, columns in (((0, 96), (0, 192)), ((96, 192), (0, 192))):
        cover = np.full((3, SIDE, SIDE), 40, dtype=np.uint8)
        cover[:, slice(*rows), slice(*columns)] = rng.integers(0, 256, (3, 96, 192), dtype=np.uint8)
        for name in ("classic", "ballad", "roots"):
            layout = quietest(Terrain(cover), arrange("Jade", "Norine Braun", make_style(name)))
            busy = np.zeros((SIDE, SIDE), dtype=bool)
            busy[slice(*rows), slice(*columns)] = True
            assert not busy[draw_mask(layout.lines, SIDE) > 0].any()


def test_what_is_outside_the_backing_stays_as_it_is():
    cover = covers()["noise"]
    printed = set_type(cover, "Jade", "", make_style("neon"))
    changed = (printed != cover).any(axis=0)
    (group,) = lay_out(cover, "Jade", "", make_style("neon"))
    assert group.backing is not None
    assert not changed[np.outer(group.backing.rows, group.backing.columns) == 0].any()
    quiet = np.full((3, SIDE, SIDE), 30, dtype=np.uint8)
    (group,) = lay_out(quiet, "Jade", "", make_style("neon"))
    assert group.backing is None
    changed = (set_type(quiet, "Jade", "", make_style("neon")) != quiet).any(axis=0)
    assert (changed <= (draw_mask(group.texts[0].lines, SIDE) > 0)).all()


def test_without_words_a_cover_stays_and_twice_is_the_same():
    cover = covers()["colours"]
    before = cover.copy()
    np.testing.assert_array_equal(set_type(cover, "", " \u200b\n", make_style("air")), cover)
    one, two = (set_type(cover, "Vibe Ace", "Kevin MacLeod", make_style("swing")) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(cover, before)
    assert (one != cover).any()


def test_what_is_no_square_cover_is_a_mistake_of_the_caller():
    for wrong in (np.zeros((3, 64, 32), np.uint8), np.zeros((64, 64, 3), np.uint8), np.zeros((3, 64, 64))):
        with pytest.raises(ValueError, match="a cover is uint8"):
            set_type(wrong, "a", "b", make_style("air"))


def test_lines_break_after_punctuation_and_not_after_little_words():
    def lines(text):
        block = fit(text, Cut("serif", 500, 0.0), 0.07, 0.88, 0.4, 1.7, 3)
        return ["".join(piece.text for piece in line.pieces) for line in block.lines]

    assert lines("Suite in F major: Adagio") == ["SuiteinFmajor:", "Adagio"]
    assert lines("Dance of the Sugar Plum Fairy")[0] != "Danceofthe"
    assert lines("Jade") == ["Jade"]


def test_a_long_title_is_whole():
    for title in ("word " * 59 + "word.", "W" * 300):
        block = fit(title, Cut("slab", 500, 0.0), 0.08, 0.88, 0.37, 1.55, 3)
        letters = "".join(piece.text for line in block.lines for piece in line.pieces)
        assert letters == title.replace(" ", "")
        assert block.width <= 0.88 + 1e-9
        assert block.height <= 0.37 + 1e-9


def test_a_letter_wider_than_the_measure_is_made_smaller():
    block = fit("WW", Cut("condensed", 600, 0.0), 0.2, 0.01, 0.4, 1.2, 3)
    assert [line.pieces[0].text for line in block.lines] == ["W", "W"]
    assert block.width <= 0.01 + 1e-9


def test_lines_align_at_their_ink():
    block = fit("Look and Feel Years Younger", Cut("condensed", 600, 0.0), 0.2, 0.88, 0.37, 1.2, 3)
    for align, edge in ((0.0, 0), (1.0, 2)):
        edges = [line.ink[edge] for line in place(block, 0.06, 0.94, 0.1, align)]
        np.testing.assert_allclose(edges, 0.06 if align == 0 else 0.94)


@pytest.mark.slow
def test_it_is_quick():
    rng = np.random.default_rng(0)
    for side, most_s in ((1024, 0.15), (3000, 1.0)):
        cover = rng.integers(0, 256, (3, side, side), dtype=np.uint8)
        for name in STYLES:
            set_type(cover, "Look and Feel", "Brad Sucks", make_style(name))
            started = time.process_time()
            set_type(cover, "Look and Feel", "Brad Sucks", make_style(name))
            assert time.process_time() - started < most_s
