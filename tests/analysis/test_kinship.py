"""Kinship: pairs are what they are said to be, and what albums share shows, no more and no less than it is there."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.kinship import find_kin, measure_kinship

RNG = np.random.default_rng(0)
N = 120
ALBUMS = np.repeat(np.arange(N // 3), 3)
ARTISTS = np.array([f"artist {album // 2}" for album in ALBUMS])
GENRES = np.where(ALBUMS % 4 == 0, "", np.where(ALBUMS % 4 == 1, "folk", "techno"))


def greys(c: np.ndarray, seed: int) -> np.ndarray:
    """Covers as light as the condition says, with a seam where the latent is."""
    images = np.repeat((110 + 30 * c[:, 0]).clip(0, 235)[:, None, None, None], 3, axis=1) * np.ones((1, 1, 16, 16))
    for image, place in zip(images, np.random.default_rng(seed).integers(2, 14, len(c)), strict=True):
        image[:, :, place:] += 20
    return images.astype(np.uint8)


def test_kin_are_of_one_album_and_strangers_of_another_genre_and_artist():
    kin = find_kin(ALBUMS, GENRES, ARTISTS, most=500)
    one, other, stranger = kin.T
    assert (ALBUMS[one] == ALBUMS[other]).all()
    assert (one != other).all()
    assert len(set(np.concatenate([one, other]))) == 2 * len(kin)  # nobody twice
    assert len(kin) == 30  # a pair from each album of three whose genre is known
    assert (GENRES[one] != GENRES[stranger]).all()
    assert (ARTISTS[one] != ARTISTS[stranger]).all()
    assert "" not in GENRES[kin.ravel()]
    assert find_kin(ALBUMS, GENRES, ARTISTS, most=7).shape == (7, 3)
    assert (find_kin(ALBUMS, GENRES, ARTISTS, most=500) == kin).all()


@pytest.mark.parametrize(
    ("albums", "genres"), [(np.arange(N), GENRES), (ALBUMS, np.full(N, "folk")), (ALBUMS, np.full(N, ""))]
)
def test_where_there_are_no_albums_or_no_genres_there_are_no_pairs(albums, genres):
    assert find_kin(albums, genres, ARTISTS, most=500).shape == (0, 3)


def test_what_albums_share_shows():
    kin = find_kin(ALBUMS, GENRES, ARTISTS, most=500)
    shared = RNG.normal(size=N // 3)[ALBUMS][:, None]
    twins = measure_kinship(greys, shared, kin, ARTISTS)
    assert twins.value == twins.high == 0  # the same condition and the same latent: the same cover
    some = measure_kinship(greys, shared + 0.3 * RNG.normal(size=(N, 1)), kin, ARTISTS)
    assert 0 < some.low < some.value < some.high < 1
    assert some.chance == 1
    assert some.n == 30


def test_what_albums_do_not_share_does_not_show():
    kin = find_kin(ALBUMS, GENRES, ARTISTS, most=500)
    nothing = measure_kinship(greys, RNG.normal(size=(N, 1)), kin, ARTISTS)
    assert nothing.low < 1 < nothing.high
    deaf = measure_kinship(lambda c, seed: greys(np.zeros((len(c), 1)), seed), np.zeros((N, 1)), kin, ARTISTS)
    assert deaf[:3] == (1, 1, 1)
    with pytest.raises(ValueError, match="two"):
        measure_kinship(greys, np.zeros((N, 1)), kin, np.full(N, "one"))
