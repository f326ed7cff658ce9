"""Prints the curves of `encoders.attributes` again: `python -m encoders.calibration MUSIC SPOTIFY`.

MUSIC holds `clips.csv` with the columns `clip` and `genre` (classical, electronic, pop, rock), SPOTIFY holds
`spotify_songs.csv.gz` (audio features and `playlist_genre` of songs) and `genres.csv` (mean audio features of
genres). Also prints how the estimates order the four genres, beside Spotify's medians, and how they agree
with what listeners felt, where `clips.csv` has the shares of raters who felt it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from data.audio import load_audio
from encoders.attributes import INDICES, Sound, on_curve
from encoders.features import compute_features

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MATCHING = {"electronic": "edm", "pop": "pop", "rock": "rock"}
FELT = {
    "valence": ("joyful_activation", "sadness"),
    "energy": ("power", "calmness"),
    "acousticness": ("calmness", "power"),
    "danceability": ("joyful_activation", "solemnity"),
}
"""Emotions, one for and one against, that an attribute should go along with though it is none of them."""
CLASSICAL = "classical|baroque|orchestra|chamber|opera|string quartet|harpsichord"


def fit_curve(index: np.ndarray, share: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The monotone curve through the quantiles of an index `[n]` and of the shares `[m]` it shall match."""
    return (
        tuple(float(value) for value in np.quantile(index, QUANTILES).round(3)),
        tuple(float(value) for value in np.quantile(share, QUANTILES).round(3)),
    )


def measure(music: Path) -> pd.DataFrame:
    """One row a clip: every column of `clips.csv` and every index."""
    rows = []
    clips = pd.read_csv(music / "clips.csv")
    for clip in clips.itertuples():
        excerpt = load_audio(music / clip.clip)
        features = compute_features(excerpt.y, excerpt.sr)
        sound = Sound.measure(excerpt.y, excerpt.sr, features)
        rows.append({name: float(index(sound)) for name, index in INDICES.items()})
    return clips.join(pd.DataFrame(rows))


def reference(spotify: Path) -> pd.DataFrame:
    """Spotify's values, 183 rows or more of each of the four genres, the rows of each weighing alike."""
    songs = pd.read_csv(spotify / "spotify_songs.csv.gz")
    genres = pd.read_csv(spotify / "genres.csv")
    parts = {name: songs[songs.playlist_genre == label] for name, label in MATCHING.items()}
    parts["classical"] = genres[genres.genres.str.contains(CLASSICAL)]
    size = max(len(part) for part in parts.values())
    even = [part.sample(size, replace=True, random_state=0).assign(genre=name) for name, part in parts.items()]
    return pd.concat(even)[["genre", *INDICES]]


def correlation(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Pearson's r of `[n]` and `[n]`, and the ends of its 95 % interval (Fisher's z)."""
    r = float(np.corrcoef(a, b)[0, 1])
    reach = 1.96 / np.sqrt(len(a) - 3)
    return r, float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach))


def main(music: str, spotify: str) -> None:
    """Prints the table of curves, the medians by genre and the correlations with what was felt."""
    ours, theirs = measure(Path(music)), reference(Path(spotify))
    for name in INDICES:
        print(f'"{name}": {fit_curve(ours[name].to_numpy(), theirs[name].to_numpy())},')
    shares = ours[["genre"]].assign(**{name: [on_curve(name, x) for x in ours[name]] for name in INDICES})
    print("\nmedians: estimated, then Spotify's")
    print(shares.groupby("genre").median().round(2).to_string())
    print(theirs.groupby("genre")[list(INDICES)].median().round(2).to_string())
    print(f"\ncorrelation with raters over {len(ours)} clips (chance 0)")
    for name, (more, less) in FELT.items():
        if {more, less} <= set(ours.columns):
            r, low, high = correlation(ours[name].to_numpy(), (ours[more] - ours[less]).to_numpy())
            print(f"{name} ~ {more} − {less}: {r:.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main(*sys.argv[1:3])
