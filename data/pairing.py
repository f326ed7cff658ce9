"""Pairs of music and cover, of three kinds. A model can only learn what its pairs hold: its card names their kind.

`true`: cover and clip of one release.

`genre`: a cover's tags name genres, and each genre has mean attributes; a row's own are drawn around them, with the
spread that tracks within one genre have, and shared out among the covers of a genre by `data.associations`.

`crossmodal`: covers of one set and music of another, which nothing joins, are matched by optimal transport under
`data.associations` and the genres that both are known to have. Every cover is used and every clip, as often as their
numbers say; entropy leaves each cover many clips that it may get, so that chance, too, is in the pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from data.associations import MUSIC, pairing_cost
from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES
from data.transport import transport_plan

TRUE, GENRE, CROSSMODAL = "true", "genre", "crossmodal"

SPREAD: Mapping[str, float] = {
    "danceability": 0.13,
    "acousticness": 0.20,
    "energy": 0.17,
    "instrumentalness": 0.20,
    "liveness": 0.13,
    "loudness": 3.0,
    "speechiness": 0.06,
    "tempo": 24.0,
    "valence": 0.20,
}
"""Standard deviation of each attribute among tracks of one genre, on its own scale; round figures."""

BLUR = 0.03
"""Entropy of the crossmodal plan (`data.transport`)."""


def couple_true(cover_releases: Sequence[Hashable], clip_releases: Sequence[Hashable]) -> np.ndarray:
    """The clip of each cover's own release, int64 `[N]`; −1 where there is none (None names no release).

    The covers of a release get its clips by turns.
    """
    clips: dict[Hashable, list[int]] = defaultdict(list)
    for place, release in enumerate(clip_releases):
        clips[release].append(place)
    clips.pop(None, None)
    used: dict[Hashable, int] = defaultdict(int)
    coupled = np.full(len(cover_releases), -1, dtype=np.int64)
    for place, release in enumerate(cover_releases):
        if own := clips.get(release):
            coupled[place] = own[used[release] % len(own)]
            used[release] += 1
    return coupled


def draw_attributes(genre_means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One draw of attributes float32 `[N, 10]` around genre means `[N, 10]` (own scales; NaN stays NaN).

    Normal with the deviations of `SPREAD`, held within each attribute's scale. Popularity says nothing about
    how music sounds and stays unknown.
    """
    deviations = np.array([SPREAD.get(name, 0.0) for name in ATTRIBUTE_NAMES])
    drawn = genre_means + deviations * rng.standard_normal(genre_means.shape)
    drawn = np.clip(drawn, [a.low for a in ATTRIBUTES], [a.high for a in ATTRIBUTES])
    drawn[:, ATTRIBUTE_NAMES.index("popularity")] = np.nan
    return drawn.astype(np.float32)


def couple_genre(traits: np.ndarray, genre_means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Attributes float32 `[N, 10]` for covers of one pool with traits `[N, 6]`, drawn around genre means `[N, 10]`.

    Which draw goes to which cover is the assignment of least cost, so that every draw is used once.
    """
    drawn = draw_attributes(genre_means, rng)
    return drawn[linear_sum_assignment(pairing_cost(traits, music_of_attributes(drawn)))[1]]


def couple_crossmodal(
    traits: np.ndarray,
    music: np.ndarray,
    rng: np.random.Generator,
    strangers: np.ndarray | None = None,
    blur: float = BLUR,
) -> np.ndarray:
    """A track for each cover: int64 `[N]`, drawn from the entropic plan between covers and tracks.

    traits `[N, 6]` and music `[M, 10]` as in `data.associations`, `strangers` `[N, M]` as for `pairing_cost`.
    """
    return draw_pairs(transport_plan(pairing_cost(traits, music, strangers), blur), rng)


def draw_pairs(plan: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column of a plan `[N, M]` for each row: int64 `[N]`, each column N / M times, up or down to a whole number.

    Each row draws from its own share of the plan. Those whose column is full by then are put where there is room, by
    an assignment of least −log plan with Gumbel noise on it, which leaves to chance what the plan leaves to chance.
    """
    n, m = plan.shape
    room = np.full(m, n // m)
    room[rng.permutation(m)[: n % m]] += 1
    shares = np.cumsum(plan, axis=1)
    drawn = (shares < rng.random((n, 1)) * shares[:, -1:]).sum(axis=1).clip(max=m - 1)
    coupled = np.full(n, -1, dtype=np.int64)
    for row in rng.permutation(n):
        if room[drawn[row]] > 0:
            coupled[row] = drawn[row]
            room[drawn[row]] -= 1
    left = np.flatnonzero(coupled < 0)
    places = np.repeat(np.arange(m), room)
    likely = np.log(np.maximum(plan[np.ix_(left, places)], np.finfo(np.float64).tiny))
    likely += rng.gumbel(size=likely.shape)
    coupled[left] = places[linear_sum_assignment(likely, maximize=True)[1]]
    return coupled


def music_of_attributes(attributes: np.ndarray) -> np.ndarray:
    """What attributes `[M, 10]` alone say of tracks, in the columns of `data.associations.MUSIC`: float64 `[M, 10]`."""
    music = np.full((len(attributes), len(MUSIC)), np.nan)
    for place, name in enumerate(MUSIC):
        if name in ATTRIBUTE_NAMES:
            music[:, place] = attributes[:, ATTRIBUTE_NAMES.index(name)]
    return music
