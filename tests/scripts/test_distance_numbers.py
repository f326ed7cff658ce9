"""The report's distances: what real covers score in the generated ones' place, intervals, genres, and how."""

from __future__ import annotations

import numpy as np
import pytest

from analysis import distances, neighbours
from data.synthetic import draw_tracks, render_cover
from scripts import distance_numbers
from scripts.distance_numbers import measure_distances
from scripts.study import Generated, Study

N = 480


@pytest.fixture(scope="module")
def tracks() -> list:
    return draw_tracks(N, seed=6)


def look(tracks: list, covers_of: list) -> Study:
    """A study of `tracks`, their mode as genre, and for each of them the cover of another, as if a bundle drew it."""
    table = [{"genres": [track.mode]} for track in tracks]
    covers, drawn = (np.stack([render_cover(track, 16) for track in part]) for part in (tracks, covers_of))
    made = Generated(drawn, np.arange(len(drawn)), ["a cover"] * len(drawn), {})
    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, 1)), ""
    return Study(None, np.arange(len(tracks)), covers, table, made, *nothing, 0, ("tsne",), [])  # type: ignore[arg-type]


def test_covers_of_the_same_world_are_as_near_as_real_ones_and_each_number_says_of_what(tracks):
    study = look(tracks, draw_tracks(N, seed=7))
    told = {number.name: number for number in measure_distances(study, study.generated)}
    assert all(one.how.startswith("descriptors of 16 px covers, lanczos") for one in told.values())
    assert told["Fréchet distance"].n == told["coverage"].n == N // 2
    assert told["Fréchet distance"].value == pytest.approx(told["Fréchet distance"].chance, rel=0.5)
    low, high = told["kernel distance"].interval
    assert low < 0 < high
    assert "jackknife" in told["kernel distance"].how
    assert told["precision"].how.endswith("; 5 nearest neighbours, exact")


def test_covers_drawn_for_the_wrong_genre_show_within_the_genres(tracks):
    majors, minors = ([track for track in tracks if track.mode == mode] for mode in ("major", "minor"))
    n = min(len(majors), len(minors))
    mixed = [track for pair in zip(majors[:n], minors[:n], strict=True) for track in pair]
    right, wrong = (look(mixed, covers) for covers in (mixed, [*mixed[1:], mixed[0]]))
    far, near = (
        {number.name: number for number in measure_distances(study, study.generated)} for study in (wrong, right)
    )
    name = "Fréchet distance within a genre"
    assert far["Fréchet distance"].value == pytest.approx(near["Fréchet distance"].value, rel=1)
    assert far[name].value > 5 * near[name].value
    assert far[name].chance == pytest.approx(near[name].value, rel=1)
    assert far[name].how.endswith("mean over 2 genres of at least 50 covers")


def test_many_covers_are_compared_by_subsets_and_approximate_neighbours(tracks, monkeypatch):
    for module in (distance_numbers, neighbours):
        monkeypatch.setattr(module, "MOST_PAIRS", 100**2)
    monkeypatch.setattr(distances.kernel_over_subsets, "__defaults__", (60,))
    study = look(tracks, draw_tracks(N, seed=7))
    told = {number.name: number for number in measure_distances(study, study.generated)}
    assert "4 separate subsets of 60 rows" in told["kernel distance"].how
    low, high = told["kernel distance"].interval
    assert low < 0 < high
    assert "approximate" in told["recall"].how


def test_a_few_covers_have_no_distance_within_a_genre(tracks):
    study = look(tracks[:20], tracks[:20])
    assert "Fréchet distance within a genre" not in {one.name for one in measure_distances(study, study.generated)}
    study = look(tracks[:4], tracks[:1])
    assert list(measure_distances(study, study.generated)) == []
