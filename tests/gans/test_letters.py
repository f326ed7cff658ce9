"""Lines of letters: signs that a face lacks come from another, and lines run the way that their text does."""

import numpy as np
import pytest

from gans.letters import Cut, clusters
from gans.placing import arrange
from gans.typefaces import can_shape
from gans.typesetting import draw_mask, fit, place
from gans.typestyles import STYLES, make_style


def faces_of(line):
    return {piece.text: piece.face for piece in line.pieces}


def test_a_sign_that_a_face_lacks_does_not_change_the_face_of_the_letters():
    line = Cut("serif", 500, 0.0).line("in E♭ major")
    assert faces_of(line) == dict.fromkeys("inEmajor", "serif") | {"♭": "book"}
    for name in STYLES:
        own = arrange("Nocturne", "Ivan", make_style(name))[0].lines[0].cut.face
        assert arrange("Nocturne ♥", "Ivan ♫", make_style(name))[0].lines[0].cut.face == own
    assert arrange("Ночь ♥", "", make_style("signal"))[0].lines[0].cut.face == "geometric"


def test_borrowed_signs_are_as_high_as_the_letters_beside_them():
    plain, borrowed = Cut("book", 400, 0.0), Cut("serif", 400, 0.0)
    own, other = plain.line("♭"), borrowed.line("♭")
    assert other.width / own.width == pytest.approx(borrowed.cap / plain.cap)


@pytest.mark.parametrize("text", ["E♭ major", "♥", "♥♥ Love", "C♯–D♭ №5", "Đ♥ế̂♯"])
def test_pieces_stand_one_after_the_other(text):
    for face in ("condensed", "geometric", "serif", "hand"):
        line = Cut(face, 500, 0.1).line(text)
        starts = [piece.at for piece in line.pieces]
        assert starts == sorted(set(starts))
        assert [piece.text for piece in line.pieces] == clusters(text.replace(" ", ""))


@pytest.mark.skipif(not can_shape(), reason="this machine's Pillow cannot shape")
def test_a_line_runs_the_way_of_its_text_whatever_it_begins_with():
    def drawn(text, to_left):
        block = fit(text, Cut("sans", 400, 0.0, to_left), 0.2, 0.9, 0.9, 1.2, 1)
        return draw_mask(place(block, 0.05, 0.95, 0.1, 0.0), 256)

    for text in ("HH של", "של HH"):
        assert not np.array_equal(drawn(text, True), drawn(text, False)), "what comes first stands on the other side"
    assert np.array_equal(drawn("HH", True), drawn("HH", False))
    for title, to_left in (("שלום Hello", True), ("Hello שלום", False), ("1984 שיר", True), ("Night", False)):
        assert arrange(title, "", make_style("air"))[0].lines[0].cut.to_left is to_left
