"""Splits: stable, in the asked shares, and nothing of one artist or one cover on two sides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from data.splits import assign_splits, normalised_artist, split_of
from data.table import SPLITS

STORED = {"Proswell": "train", "Björk": "train", "Benfay": "validation", "Transient": "test"}


def test_an_artist_has_one_side_for_ever() -> None:
    """Stored values: a dataset built next year must be split as one built today."""
    sides = {name: split_of(name) for name in STORED}
    assert sides == STORED
    assert {split_of(name) for name in ("Björk", "bjork", " BJÖRK ", "Bjo\u0308rk")} == {sides["Björk"]}
    assert [split_of(f"a{n}", salt="x") for n in range(50)] != [split_of(f"a{n}") for n in range(50)]


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (1.0, 0.0, 0.0), (8, 1, 1)])
def test_the_shares_are_those_asked_for(fractions: tuple[float, float, float]) -> None:
    counts = Counter(split_of(f"artist {number}", fractions) for number in range(5000))
    for split, fraction in zip(SPLITS, fractions, strict=True):
        assert counts[split] / 5000 == pytest.approx(fraction / sum(fractions), abs=0.02)


def test_rows_of_an_artist_follow_the_artist() -> None:
    artists = [f"artist {number % 40}" for number in range(200)]
    assert assign_splits(artists, np.arange(200)) == [split_of(artist) for artist in artists]


def test_nothing_that_hangs_together_is_parted() -> None:
    rng = np.random.default_rng(0)
    artists: list[str | None] = [None if rng.random() < 0.2 else f"artist {rng.integers(150)}" for _ in range(400)]
    groups = rng.integers(0, 350, 400)
    splits = assign_splits(artists, groups)
    by_artist: dict[str, set[str]] = {}
    by_group: dict[int, set[str]] = {}
    for artist, group, split in zip(artists, groups.tolist(), splits, strict=True):
        by_group.setdefault(group, set()).add(split)
        if artist is not None:
            by_artist.setdefault(artist, set()).add(split)
    assert all(len(sides) == 1 for sides in (*by_artist.values(), *by_group.values()))


def test_joined_artists_are_spread_over_the_splits_like_others() -> None:
    """Pairs of artists joined by a cover: their share of `train` is the asked one, not that of a lesser
    draw.
    """
    artists = [f"artist {number}" for number in range(4000)]
    splits = assign_splits(artists, np.arange(4000) // 2)
    assert Counter(splits)["train"] / 4000 == pytest.approx(0.8, abs=0.025)


def test_rows_without_an_artist_stand_alone_and_are_stable() -> None:
    keys = [f"id {number}" for number in range(300)]
    splits = assign_splits([None] * 300, np.arange(300), keys=keys)
    assert 0.7 < Counter(splits)["train"] / 300 < 0.9
    assert assign_splits([None] * 300, np.arange(300), keys=keys[::-1]) == splits[::-1]
    assert assign_splits(["Various Artists", "VA", ""] * 100, np.arange(300), keys=keys) == splits


@pytest.mark.parametrize(
    ("name", "plain"),
    [("The Beatles", "thebeatles"), ("AC/DC", "acdc"), ("!!!", "!!!"), ("Sigur Rós", "sigurros"), ("音楽", "音楽"),
     ("Various Artists", None), ("", None), (None, None)],
)  # fmt: skip
def test_one_spelling_for_one_artist(name: str | None, plain: str | None) -> None:
    assert normalised_artist(name) == plain


def test_lengths_must_agree() -> None:
    assert assign_splits([], []) == []
    with pytest.raises(ValueError, match="do not match"):
        assign_splits(["a"], [1, 2])
