"""The names of a track (artist, album, title) as a code: what a name, in any script, tells of the music.

Each name is the mean of the embeddings of its different character n-grams (Bojanowski et al. 2017); the three means,
side by side, go through one linear layer. It is trained to predict whatever else is known of the tracks, and
keeps in its configuration how far that succeeded for artists it had not seen, beside what chance gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from data.errors import InputError
from encoders.base import fingerprint_state
from encoders.heads import check_tensors
from encoders.name_training import MOST_TRACKS, Targets, train_names
from encoders.ngrams import ngram_buckets

Names = Sequence[str | None]
"""Artist, album and title of a track, None or empty where unknown."""
FIELDS = ("artist", "album", "title")


class NameEncoder:
    """Names to codes float32 `[N, code_dim]` of about unit scale, with the contract of `encoders.base.Encoder`.

    `width` numbers an n-gram, `n_buckets` n-grams told apart. `measured` says how well names of unseen
    artists predict (see `encoders.name_training`). A track of which no name is known has a row of NaN.
    """

    name: ClassVar[str] = "names"

    def __init__(self, code_dim: int = 16, width: int = 32, n_buckets: int = 4096) -> None:
        sizes = {"code_dim": (code_dim, 256), "width": (width, 256), "n_buckets": (n_buckets, 2**16)}
        for what, (size, most) in sizes.items():
            if type(size) is not int or not 1 <= size <= most:
                raise InputError("names", f"{what} is {size!r}, not a whole number from 1 to {most}")
        self.code_dim, self.width, self.n_buckets = code_dim, width, n_buckets
        self.measured: dict[str, Any] = {}
        self._table = np.zeros((n_buckets, width), dtype=np.float16)
        self._weight = np.zeros((len(FIELDS) * width, code_dim), dtype=np.float32)
        self._bias = np.zeros(code_dim, dtype=np.float32)

    def fit(self, names: Sequence[Names], targets: Targets, seed: int = 0) -> Self:
        """Learns from N tracks (at most 50,000 of them, drawn with `seed`) to tell their `targets` by their names.

        Raises `InputError` where fewer than two tracks have both a name and something to tell.
        """
        from data.splits import normalised_artist  # loads pyarrow, which a cover can do without

        if len(names) != len(targets):
            raise ValueError(f"{len(names)} tracks have names, {len(targets)} targets")
        told = targets.known()
        rows = np.array([row for row, track in enumerate(names) if told[row] and any(map(_plain, track))], dtype=int)
        if len(rows) > MOST_TRACKS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_TRACKS, replace=False))
        if len(rows) < 2:
            raise InputError("names", f"{len(rows)} tracks with a name and something known are too few to learn from")
        grams = [[ngram_buckets(text, self.n_buckets) for text in names[row]] for row in rows]
        artists = [normalised_artist(names[row][0]) or f"\0{row}" for row in rows]
        sizes = (self.n_buckets, self.width, self.code_dim)
        learnt = train_names(grams, artists, targets.take(rows), sizes, seed)
        self._table, self._weight, self._bias, self.measured = learnt
        return self

    def encode(self, names: Sequence[Names]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of the names of N tracks; a row of NaN where all of them are missing."""
        codes = np.full((len(names), self.code_dim), np.nan, dtype=np.float32)
        # Row by row in float64: a matrix product's rounding would depend on what else is in the batch.
        weight = self._weight.astype(np.float64)
        for code, track in zip(codes, names, strict=True):
            grams = [ngram_buckets(text, self.n_buckets) for text in track]
            if any(map(len, grams)):
                means = [self._mean(found) for found in grams]  # one [width] a field
                code[:] = np.concatenate(means) @ weight + self._bias
        return codes

    def _mean(self, grams: np.ndarray) -> np.ndarray:
        return self._table[grams].mean(axis=0, dtype=np.float64) if len(grams) else np.zeros(self.width)

    @property
    def tells(self) -> bool:
        """Whether names told anything of artists that were held out: an r² over 0.05, or more tags right than chance
        by two standard errors.
        """
        for kind, found in self.measured.items():
            if kind == "tags":
                chance, n = found["chance"], self.measured["held_out"]
                if found["accuracy"] > chance + 2 * (chance * (1 - chance) / n) ** 0.5:
                    return True
            elif kind != "held_out" and found["r2"] > 0.05:
                return True
        return False

    def config(self) -> dict[str, Any]:
        """Sizes, and how well names of unseen artists predict what they were trained on."""
        return {
            "code_dim": self.code_dim,
            "width": self.width,
            "n_buckets": self.n_buckets,
            "measured": self.measured,
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """`table` float16 `[n_buckets, width]`, `weight` float32 `[3 · width, code_dim]`, `bias` `[code_dim]`."""
        return {"table": self._table, "weight": self._weight, "bias": self._bias}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The encoder of this state; `InputError` where parts are missing or misshapen."""
        keys = {"code_dim", "width", "n_buckets", "measured"}
        if not isinstance(config, Mapping) or set(config) != keys:
            raise InputError("names", f"its configuration does not have the keys {', '.join(sorted(keys))}")
        if not isinstance(config["measured"], dict):
            raise InputError("names", "what was measured is not an object of figures")
        encoder = cls(config["code_dim"], config["width"], config["n_buckets"])
        for name, own in encoder.tensors().items():
            check_tensors("names", tensors, {name: own.shape}, own.dtype.type)
        encoder.measured = config["measured"]
        encoder._table, encoder._weight, encoder._bias = (tensors[name] for name in encoder.tensors())
        return encoder

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the state: encoders with the same codes for everything, and only those, share it."""
        return fingerprint_state(self.name, self.config(), self.tensors())


def _plain(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
