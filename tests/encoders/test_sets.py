"""Albums, excerpts and paths: means, medoids and windows against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from encoders.schema import make_schema
from encoders.sets import (
    combine_conditions,
    combine_excerpts,
    plan_windows,
    smooth_conditions,
    smooth_path,
    summarise_codes,
)

rng = np.random.default_rng(0)
NAN = np.nan


def test_an_album_by_hand() -> None:
    codes = np.array([[0.0, 5.0], [1.0, 5.0], [NAN, 0.0], [2.0, 5.0], [9.0, 5.0]])
    album = summarise_codes(codes)
    assert album.mean.tolist() == [3, 5]
    np.testing.assert_allclose(album.spread, [np.std([0, 1, 2, 9]), 0])
    assert album.typical == 1  # distances 12, 10, 10, 24: the first of two
    assert album.count == 4


def test_the_typical_track_does_not_hang_on_the_scale_of_a_number() -> None:
    codes = rng.standard_normal((600, 8))
    typical = summarise_codes(codes).typical
    assert summarise_codes(codes * 10.0 ** np.arange(-4, 4) + 7).typical == typical
    z = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    assert typical == np.linalg.norm(z[:, None] - z[None], axis=2).sum(axis=1).argmin()


def test_one_track_is_an_album() -> None:
    album = summarise_codes(np.array([[NAN, 1], [2.0, 3.0]]))
    assert (album.mean.tolist(), album.spread.tolist(), album.typical) == ([2, 3], [0, 0], 1)


@settings(max_examples=50, deadline=None)
@given(order=st.permutations(range(7)))
def test_the_order_of_tracks_does_not_matter(order: list[int]) -> None:
    codes = np.random.default_rng(3).standard_normal((7, 4))
    album, other = summarise_codes(codes), summarise_codes(codes[order])
    np.testing.assert_allclose(other.mean, album.mean, rtol=1e-6)
    assert order[other.typical] == album.typical


@pytest.mark.parametrize("codes", [np.zeros((0, 3)), np.full((2, 3), NAN)], ids=["empty", "silent"])
def test_of_nothing_there_is_nothing(codes: np.ndarray) -> None:
    for function in (summarise_codes, combine_excerpts, smooth_path):
        with pytest.raises(InputError, match=r"^Blue Train: (holds nothing|nothing of it can be heard)$"):
            function(codes, name="Blue Train")
    with pytest.raises(InputError, match="Blue Train: holds nothing"):
        combine_conditions(np.zeros((0, 2)), [("year", 1)], name="Blue Train")


def test_excerpts_count_by_their_length() -> None:
    codes = np.array([[0.0], [3.0], [NAN]])
    assert combine_excerpts(codes).tolist() == [1.5]
    assert combine_excerpts(codes, np.array([20.0, 10.0, 99.0])).tolist() == [1.0]
    with pytest.raises(InputError, match="no positive length"):
        combine_excerpts(codes, np.array([0.0, 0.0, 5.0]))


def test_conditions_of_an_album_are_means_of_what_is_there() -> None:
    schema = make_schema(code_dim=2, tags=[["dub"], ["rock"]] * 10, year=np.array([1990.0]), tag_buckets=0)
    c = schema.assemble(
        audio=np.array([[1.0, 0.0], [NAN, 0.0], [3.0, 1.0]]),
        tags=[["dub"], ["dub"], ["rock"]],
        year=np.array([NAN, NAN, 2010.0]),
    )
    album = combine_conditions(c, schema.layout)
    np.testing.assert_allclose(album, [1, 2, 0.5, 1, 2 / 3, 1 / 3, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(combine_conditions(c[:1], schema.layout), c[0])
    np.testing.assert_array_equal(combine_conditions(c[:1] * 0, schema.layout), c[0] * 0)
    with pytest.raises(ValueError, match="their layout 9"):
        combine_conditions(c, [("audio", 8)])


def test_windows_by_hand() -> None:
    assert plan_windows(10, window_s=4, hop_s=3).tolist() == [[0, 4], [3, 7], [6, 10]]
    assert plan_windows(9.9, window_s=4, hop_s=3, start_s=1).tolist() == [[1, 5], [4, 8]]
    assert plan_windows(2.5, window_s=4).tolist() == [[0, 2.5]]


@settings(max_examples=200, deadline=None)
@given(*[st.floats(0.01, 5000)] * 3, st.floats(0, 100))
def test_windows_lie_within_the_track(duration_s: float, window_s: float, hop_s: float, start_s: float) -> None:
    assume(start_s < duration_s and duration_s / hop_s < 1e4)
    windows = plan_windows(duration_s, window_s=window_s, hop_s=hop_s, start_s=start_s)
    assert windows[0, 0] == start_s
    assert windows.max() <= duration_s
    np.testing.assert_allclose(np.diff(windows[:, 0]), hop_s, rtol=1e-6)
    np.testing.assert_allclose(windows[:, 1] - windows[:, 0], min(window_s, duration_s - start_s), rtol=1e-6, atol=1e-6)
    assert len(windows) == 1 or duration_s - windows[-1, 1] < hop_s + 1e-6  # nothing that a window would fit in is left


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"duration_s": 10, "hop_s": 0}, "cannot be cut"),
        ({"duration_s": 10, "window_s": -1}, "cannot be cut"),
        ({"duration_s": NAN}, "cannot be cut"),
        ({"duration_s": 0}, "nothing is left"),
        ({"duration_s": 10, "start_s": 10}, "nothing is left after 10 s"),
        ({"duration_s": 1e9, "hop_s": 0.001}, "more than 100,000"),
    ],
)
def test_windows_that_cannot_be(given: dict[str, float], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        plan_windows(**given)


def test_a_path_is_smooth_and_stays_where_the_track_stays() -> None:
    jump = np.repeat([[0.0, 1.0], [1.0, 1.0]], 20, axis=0)
    path = smooth_path(jump)
    assert path.shape == jump.shape
    assert (path[:, 1] == 1).all()
    assert np.abs(np.diff(path[:, 0])).max() < 0.25
    assert (np.diff(path[:, 0]) >= 0).all()
    np.testing.assert_allclose(path[[0, -1], 0], [0, 1], atol=1e-3)
    np.testing.assert_array_equal(smooth_path(jump, 0), jump)
    with pytest.raises(InputError, match="smoothed over -1"):
        smooth_path(jump, -1)


def test_a_path_bridges_what_cannot_be_heard() -> None:
    path = smooth_path(np.array([[NAN], [0.0], [NAN], [NAN], [3.0], [NAN]]), 0)
    np.testing.assert_allclose(path[:, 0], [0, 0, 1, 2, 3, 3])


def test_a_path_walked_backwards_is_the_same_path() -> None:
    codes = rng.standard_normal((30, 3))
    np.testing.assert_allclose(smooth_path(codes[::-1])[::-1], smooth_path(codes), atol=1e-6)


def test_a_path_of_conditions_is_that_of_each_block_by_hand() -> None:
    layout = [("audio", 1), ("tags", 2), ("year", 1)]
    c = np.array(
        [
            [1, 0.0, 0, 0, 0, 0, 0],
            [NAN] * 7,  # a silent window
            [1, 4.0, 1, 0, 1, 0, 0],
            [1, 6.0, 1, 1, 0, 0, 0],
        ]
    )
    rows = smooth_conditions(c, layout, width=0.0)
    assert rows.dtype == np.float32
    audio, tags, year = rows[:, :2], rows[:, 2:5], rows[:, 5:]
    assert audio.tolist() == [[1, 0], [1, 2], [1, 4], [1, 6]]
    assert tags.tolist() == [[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 1, 0]]  # present all along, since somewhere
    assert not year.any()
    wide = smooth_conditions(c, layout, width=2.0)
    np.testing.assert_array_equal(wide[:, 1:2], smooth_path(c[:, 1:2], 2.0))
    np.testing.assert_array_equal(wide[:, [0, 2, 5]], rows[:, [0, 2, 5]])
