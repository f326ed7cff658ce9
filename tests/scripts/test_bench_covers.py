"""The bench of covers times the whole way from sound to a finished picture, and what the network draws beside it."""

from __future__ import annotations

from scripts.bench_covers import AT_MOST_S, finishing


def test_a_finished_cover_is_timed_beside_the_plain_one(bundle, tmp_path):
    (figure,) = finishing(tmp_path, bundle)
    assert "1,024 px" in figure.name
    assert "32 px" in figure.yardstick
    assert (figure.unit, figure.n) == ("s", 9)
    assert 0 < figure.interval[0] <= figure.value <= figure.interval[1]
    assert figure.met == (figure.value <= AT_MOST_S)
