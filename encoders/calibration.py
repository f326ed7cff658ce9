"""Prints the curves of `encoders.attributes` again: `python -m encoders.calibration MUSIC SPOTIFY`.

MUSIC holds `clips.csv` with the columns `clip` and `genre` (classical, electronic, pop, rock), SPOTIFY holds
`spotify_songs.csv.gz` (audio features and `playlist_genre` of songs) and `genres.csv` (mean audio features of
genres). Also prints how each estimate orders the four genres, beside Spotify's medians.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from data.audio import load_audio
from encoders.attributes import INDICES, integrated_loudness
from encoders.features import HOP, compute_features

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MATCHING = {"electronic": "edm", "pop": "pop", "rock": "rock"}
CLASSICAL = "classical|baroque|orchestra|chamber|opera|string quartet|harpsichord"


def fit_curve(index: np.ndarray, share: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The monotone curve through the quantiles of an index `[n]` and of the shares `[m]` it shall match."""
    return (
        tuple(float(value) for value in np.quantile(index, QUANTILES).round(3)),
        tuple(float(value) for value in np.quantile(share, QUANTILES).round(3)),
    )


def measure(music: Path) -> pd.DataFrame:
    """One row a clip: genre, LUFS and every index."""
    rows = []
    for clip in pd.read_csv(music / "clips.csv").itertuples():
        excerpt = load_audio(music / clip.clip)
        features = compute_features(excerpt.y, excerpt.sr)
        lufs = integrated_loudness(features.frames["k_weighted"], excerpt.sr / HOP)
        indices = {name: index(features, lufs, excerpt.sr) for name, index in INDICES.items()}
        rows.append({"genre": clip.genre, "loudness": lufs, **indices})
    return pd.DataFrame(rows)


def reference(spotify: Path) -> pd.DataFrame:
    """Spotify's values, 183 rows or more of each of the four genres, the rows of each weighing alike."""
    songs = pd.read_csv(spotify / "spotify_songs.csv.gz")
    genres = pd.read_csv(spotify / "genres.csv")
    parts = {name: songs[songs.playlist_genre == label] for name, label in MATCHING.items()}
    parts["classical"] = genres[genres.genres.str.contains(CLASSICAL)]
    size = max(len(part) for part in parts.values())
    even = [part.sample(size, replace=True, random_state=0).assign(genre=name) for name, part in parts.items()]
    return pd.concat(even)[["genre", "loudness", *INDICES]]


def main(music: str, spotify: str) -> None:
    """Prints the table of curves and the medians by genre."""
    ours, theirs = measure(Path(music)), reference(Path(spotify))
    for name in INDICES:
        print(f'"{name}": {fit_curve(ours[name].to_numpy(), theirs[name].to_numpy())},')
    print(ours.groupby("genre").median().round(2).to_string())
    print(theirs.groupby("genre").median().round(2).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:3])
