"""Whether covers of kindred tracks look alike: two tracks of one album beside two of different genres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.descriptors import compute_descriptors
from analysis.probes import Score, rows_by_artist, score_sums
from analysis.sensitivity import Draw


def find_kin(albums: np.ndarray, genres: np.ndarray, artists: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """Places int64 `[n, 3]`, n ≤ `most`, among N tracks: one, another of its album, one of another genre and artist.

    albums, genres, artists `[N]`: what each track is of, a genre empty where it is unknown: such tracks are left out.
    An album's tracks are paired two by two, so that none is in two pairs of kin.
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(genres != "")
    kin: list[np.ndarray] = []
    for members in rows_by_artist(albums[known]):
        dealt = rng.permutation(known[members])
        kin.extend(dealt[: len(dealt) // 2 * 2].reshape(-1, 2))
    found = []
    for place in rng.permutation(len(kin))[:most]:
        one, other = kin[place]
        strangers = known[(genres[known] != genres[one]) & (artists[known] != artists[one])]
        if len(strangers):
            found.append((one, other, rng.choice(strangers)))
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def measure_kinship(
    draw: Draw, c: np.ndarray, kin: np.ndarray, artists: np.ndarray, seeds: Sequence[int] = (0, 1)
) -> Score:
    """How far apart covers of two tracks of one album are, over how far apart those of two tracks of different genres
    are: 1 is chance (kinship does not show), 0 means twins. `c [N, c_dim]`: conditions; kin: as from `find_kin`.

    All three covers of a row of `kin` have one latent; distances are between descriptors, averaged over `seeds`. The
    interval is over the `artists [N]` of the first tracks. Where all tracks get the same cover nothing shows, and the
    answer is 1. Raises `ValueError` for fewer than two artists.
    """
    distances = np.zeros((len(kin), 2))
    for seed in seeds:
        own, sibling, stranger = (compute_descriptors(draw(c[column], seed)) for column in kin.T)
        distances += np.stack([np.linalg.norm(own - other, axis=1) for other in (sibling, stranger)], axis=1)

    def ratio(sums: np.ndarray) -> np.ndarray:
        near, far = sums[..., 0], sums[..., 1]
        return np.where(far > 1e-9, near / np.maximum(far, 1e-9), 1.0)

    return score_sums(distances, ratio, artists[kin[:, 0]], 1.0)
