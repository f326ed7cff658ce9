"""Listeners: what learns, from real pairs of cover and condition, to tell a track's condition by its cover.

Three kinds, each a pair of maps into one space, where a cover lies near its track, and the answers in numbers:

- `ridge`: the condition itself is the space (Hoerl & Kennard 1970; one penalty for each attribute);
- `canonical`: the half of the regularised canonical pairs that correlate most (Hotelling 1936; Vinod 1976);
- `contrastive`: two small networks whose outputs agree for a pair and for no other (InfoNCE: van den Oord et al. 2018,
  both ways as in Radford et al. 2021); an artist's own other tracks do not count as others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.probes import artist_folds, fit_ridge
from data.rows import squared_distances

KINDS = ("ridge", "canonical", "contrastive")
COMPONENTS = 250
INNER_FOLDS = 3
_STEPS, _BATCH, _WIDTH, _SPACE, _TEMPERATURE = 120, 256, 32, 16, 0.2


@dataclass(frozen=True)
class Listener:
    """`answers(x [n, d])` is the condition `[n, k]` told by covers; `of_covers(x)` and `of_tracks(y)` are their places
    `[n, e]`, of length one, in the common space. `kind` is one of `KINDS`."""

    kind: str
    answers: Callable[[np.ndarray], np.ndarray]
    of_covers: Callable[[np.ndarray], np.ndarray]
    of_tracks: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Eye:
    """From families of looks to at most `COMPONENTS` numbers: kernel principal components (Schölkopf et al. 1998) of
    the families' mean Gaussian kernel, each as wide as the median distance of two covers in its family."""

    means: list[np.ndarray]
    scales: list[np.ndarray]
    widths: list[float]
    known: list[np.ndarray]
    centre: np.ndarray
    axes: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, families: Sequence[int]) -> Eye:
        """The eye of covers `x [N, d]`, whose columns are families of these sizes, in order."""
        from scipy.linalg import eigh

        parts = _split(x, families)
        means, scales = [part.mean(axis=0) for part in parts], [_scale(part) for part in parts]
        known = [(part - mean) / scale for part, mean, scale in zip(parts, means, scales, strict=True)]
        squares = [squared_distances(part, part) for part in known]
        widths = [float(np.median(square)) or 1.0 for square in squares]
        kernels = [np.exp(-square / width) for square, width in zip(squares, widths, strict=True)]
        kernel = np.mean(kernels, axis=0)  # [N, N]
        centre = kernel.mean(axis=0)
        n = len(x)
        first = max(n - min(COMPONENTS, n - 1), 0)
        values, vectors = eigh(kernel - centre - centre[:, None] + centre.mean(), subset_by_index=(first, n - 1))
        useful = values > 1e-9 * n
        return cls(means, scales, widths, known, centre, vectors[:, useful] / np.sqrt(values[useful]))

    def see(self, x: np.ndarray) -> np.ndarray:
        """The components float64 `[n, m]` of covers `x [n, d]`."""
        parts = _split(x, [len(mean) for mean in self.means])
        kernel = np.zeros((len(x), len(self.centre)))
        for part, mean, scale, width, known in zip(
            parts, self.means, self.scales, self.widths, self.known, strict=True
        ):
            kernel += np.exp(-squared_distances((part - mean) / scale, known) / width) / len(parts)
        return (kernel - kernel.mean(axis=1, keepdims=True) - self.centre + self.centre.mean()) @ self.axes


def _split(x: np.ndarray, families: Sequence[int]) -> list[np.ndarray]:
    return np.split(np.asarray(x, dtype=np.float64), np.cumsum(families)[:-1], axis=1)


def _scale(x: np.ndarray) -> np.ndarray:
    """Deviations `[d]`; infinity for a column that does not vary, which so counts for nothing."""
    deviation = x.std(axis=0)
    return np.where(deviation > 1e-9, deviation, np.inf)


def _directions(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def fit_listener(
    x: np.ndarray, y: np.ndarray, artists: np.ndarray, kinds: Sequence[str] = KINDS, seed: int = 0
) -> Listener:
    """The best of `kinds` for covers `x [N, d]` and conditions `y [N, k]`: that whose answers correlate most with the
    truth, on average over attributes, for artists that it did not learn from (three folds)."""
    fits = {"ridge": _fit_ridge, "canonical": _fit_canonical, "contrastive": _fit_contrastive}
    unknown = [kind for kind in kinds if kind not in fits]
    if unknown or not kinds:
        raise ValueError(f"no such listener: {unknown or 'none was named'}; there are {', '.join(fits)}")
    n_folds = min(INNER_FOLDS, len(np.unique(artists)))
    best = kinds[0]
    if len(kinds) > 1 and n_folds > 1:
        folds = artist_folds(artists, np.zeros(len(y), dtype=np.int64), n_folds, seed)
        marks = {kind: 0.0 for kind in kinds}
        for fold in range(n_folds):
            rest, out = folds != fold, folds == fold
            for kind in kinds:
                answers = fits[kind](x[rest], y[rest], artists[rest], seed).answers(x[out])
                marks[kind] += float(correlations(answers, y[out]).mean()) * out.sum()
        best = max(kinds, key=lambda kind: marks[kind])
    return fits[best](x, y, artists, seed)


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's r `[k]` of columns of `a` and `b` `[n, k]`; 0 where one does not vary."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    varies = size > 1e-12
    return np.asarray(np.where(varies, (a * b).sum(axis=0) / np.where(varies, size, 1), 0.0))


def _fit_ridge(x: np.ndarray, y: np.ndarray, artists: np.ndarray, seed: int) -> Listener:
    mean, scale = y.mean(axis=0), _scale(y)
    probe = fit_ridge(x, y, artists)
    return Listener(
        "ridge",
        probe.answers,
        lambda covers: _directions((probe.answers(covers) - mean) / scale),
        lambda tracks: _directions((tracks - mean) / scale),
    )


def _fit_canonical(x: np.ndarray, y: np.ndarray, artists: np.ndarray, seed: int) -> Listener:
    mean_x, mean_y, scale_y = x.mean(axis=0), y.mean(axis=0), _scale(y)
    cover, track = x - mean_x, (y - mean_y) / scale_y
    half_x, half_y = _root_of_inverse(cover, 1.0), _root_of_inverse(track, 0.01)
    u, s, vt = np.linalg.svd(half_x @ cover.T @ track @ half_y / len(x), full_matrices=False)
    kept = (len(s) + 1) // 2
    to_cover, to_track = half_x @ u[:, :kept] * s[:kept], half_y @ vt[:kept].T
    back = to_cover @ vt[:kept] @ np.linalg.pinv(half_y) * np.where(np.isfinite(scale_y), scale_y, 0)
    return Listener(
        "canonical",
        lambda covers: (covers - mean_x) @ back + mean_y,
        lambda covers: _directions((covers - mean_x) @ to_cover),
        lambda tracks: _directions((tracks - mean_y) / scale_y @ to_track),
    )


def _root_of_inverse(x: np.ndarray, penalty: float) -> np.ndarray:
    """`(xᵀx / n + penalty · mean variance)^−½` of centred `x [n, d]`."""
    covariance = x.T @ x / len(x)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0) + penalty * max(values.mean(), 1e-12)) @ vectors.T)


def _fit_contrastive(x: np.ndarray, y: np.ndarray, artists: np.ndarray, seed: int) -> Listener:
    import torch
    from torch import nn
    from torch.nn import functional as F

    mean_x, mean_y, scale_y = x.mean(axis=0), y.mean(axis=0), _scale(y)
    ids = torch.from_numpy(np.unique(artists, return_inverse=True)[1])

    def tower(d: int) -> nn.Module:
        return nn.Sequential(nn.Linear(d, _WIDTH), nn.GELU(), nn.Dropout(0.2), nn.Linear(_WIDTH, _SPACE))

    def prepare(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((values - mean) / scale).astype(np.float32))

    scale_x = np.full(x.shape[1], float(np.sqrt(x.var(axis=0).mean()) or 1.0))  # components keep their proportions
    covers, tracks = prepare(x, mean_x, scale_x), prepare(y, mean_y, scale_y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eye, ear = tower(x.shape[1]), tower(y.shape[1])
        optimiser = torch.optim.AdamW([*eye.parameters(), *ear.parameters()], lr=3e-3, weight_decay=0.1)
        for _ in range(_STEPS):
            rows = torch.randperm(len(x))[:_BATCH]
            a, b = F.normalize(eye(covers[rows])), F.normalize(ear(tracks[rows]))
            own = (ids[rows][:, None] == ids[rows]) & ~torch.eye(len(rows), dtype=torch.bool)
            logits = (a @ b.T / _TEMPERATURE).masked_fill(own, -1e9)
            target = torch.arange(len(rows))
            loss = F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    eye.eval()
    ear.eval()

    @torch.inference_mode()
    def place(network: nn.Module, values: torch.Tensor) -> np.ndarray:
        return _directions(network(values).double().numpy())

    def of_covers(values: np.ndarray) -> np.ndarray:
        return place(eye, prepare(values, mean_x, scale_x))

    probe = fit_ridge(of_covers(x), y, artists)
    return Listener(
        "contrastive",
        lambda values: probe.answers(of_covers(values)),
        of_covers,
        lambda values: place(ear, prepare(values, mean_y, scale_y)),
    )
