"""Maps that keep their place: fitted on real covers or codes, later ones placed in, each with how far to trust it.

Columns are standardised only by those who made them: what is far apart in `x` counts as far apart here. Everything
runs on one thread, since sums over threads come out a little otherwise each time and maps magnify that: the same
numbers and the same seed give the same map.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.projections import MOST_POINTS, project_tsne

METHODS = ("tsne", "umap")
COMPONENTS = 50
PERPLEXITY = 30.0
UMAP_NEIGHBOURS = 15
FEWEST = 4
MOST_EXACT = 20_000
"""Points up to which neighbours are exact; beyond, t-SNE takes approximate ones."""
MOST_CHECKED = 3000
"""Points that trustworthiness is computed on: its ranks take N² memory."""


@dataclass(frozen=True)
class Map:
    """A fitted map: `points` float64 `[N, 2]`, `place(x [M, d]) -> [M, 2]` for later ones, `note` what was unusual."""

    method: str
    points: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]
    note: str = ""


@dataclass(frozen=True)
class Reduction:
    """Principal components: `mean [d]`, `axes [d, k]`, `explained` the share of variance that they keep, 0–1."""

    mean: np.ndarray
    axes: np.ndarray
    explained: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Coordinates float64 `[N, k]` of `x [N, d]`."""
        return (np.asarray(x, np.float64) - self.mean) @ self.axes


def fit_reduction(x: np.ndarray, components: int = COMPONENTS) -> Reduction:
    """The first principal components of `x [N, d]`, at most `components`, each turned so that its largest entry is
    positive. Columns that do not vary count for nothing; where none does, one component of zeros is left.
    """
    x = _finite(x)
    mean = x.mean(axis=0)
    covariance = (x - mean).T @ (x - mean) / max(len(x) - 1, 1)
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = max(1, min(components, int((values > 1e-10 * max(values[0], 1e-300)).sum()), len(x) - 1))
    axes = vectors[:, :kept]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(kept)])
    total = float(values.clip(0).sum())
    return Reduction(mean, axes, float(values[:kept].sum() / total) if total > 0 else 1.0)


def fit_map(x: np.ndarray, method: str = "tsne", seed: int = 0) -> Map:
    """A map of `x [N, d]`, N ≥ 4, by principal components and then t-SNE or UMAP; the same for one seed.

    t-SNE (van der Maaten 2008) is scikit-learn's up to 2,000 points and openTSNE's interpolated one above (Linderman et
    al. 2019); later points are moved among the fixed ones by the same forces (Poličar et al. 2019). Perplexity is 30,
    or a third of the points where there are fewer than 91, which `note` then says. UMAP: McInnes et al. 2018.
    Raises `ValueError` for fewer points, another shape, an unknown method or numbers that are not finite.
    """
    from threadpoolctl import threadpool_limits

    if method not in METHODS:
        raise ValueError(f"no map {method!r}; known: {', '.join(METHODS)}")
    x = _finite(x)
    if len(x) < FEWEST:
        raise ValueError(f"needs at least {FEWEST} points, not {len(x)}")
    with threadpool_limits(1):
        reduction = fit_reduction(x)
        reduced = reduction(x)
        if np.ptp(reduced, axis=0).max() <= 1e-9 * (1 + np.abs(x).max()):
            return Map(method, np.zeros((len(x), 2)), lambda new: np.zeros((len(new), 2)), "all points are the same")
        points, place, note = (_fit_tsne if method == "tsne" else _fit_umap)(reduced, seed)

    def place_in(new: np.ndarray) -> np.ndarray:
        if not len(new):
            return np.zeros((0, 2))
        with threadpool_limits(1):
            return np.asarray(place(reduction(_finite(new))), dtype=np.float64)

    return Map(method, points, place_in, note)


Fitted = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], str]


def _fit_tsne(x: np.ndarray, seed: int) -> Fitted:
    from openTSNE import TSNEEmbedding, affinity, initialization, nearest_neighbors

    perplexity = min(PERPLEXITY, (len(x) - 1) / 3)
    # An index of our own: asked to choose one, openTSNE imports (and numba compiles) one that is not used here.
    search = nearest_neighbors.Sklearn if len(x) <= MOST_EXACT else nearest_neighbors.Annoy
    index = search(x, min(len(x) - 1, int(3 * perplexity)), n_jobs=1, random_state=seed)
    affinities = affinity.PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=1, random_state=seed)
    start = project_tsne(x, seed) if len(x) <= MOST_POINTS else initialization.pca(x, random_state=seed)
    options = {"negative_gradient_method": "fft" if len(x) > MOST_POINTS else "bh", "n_jobs": 1, "random_state": seed}
    embedding = TSNEEmbedding(start, affinities, **options)
    if len(x) > MOST_POINTS:
        embedding = embedding.optimize(250, exaggeration=12, momentum=0.5).optimize(500, momentum=0.8)
    points = np.array(embedding, dtype=np.float64)
    note = "" if perplexity == PERPLEXITY else f"few points: perplexity {perplexity:.1f} instead of {PERPLEXITY:.0f}"

    def place(new: np.ndarray) -> np.ndarray:
        among = int(min(5, len(x) - 1))
        moved = np.asarray(embedding.transform(new, perplexity=min(5.0, max(among / 3, 1.0)), n_iter=100))
        return moved + (points[0] - np.asarray(embedding)[0])  # openTSNE shifts its map, in place, to the middle

    return points, place, note


def _fit_umap(x: np.ndarray, seed: int) -> Fitted:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from umap import UMAP

        neighbours = min(UMAP_NEIGHBOURS, len(x) - 1)
        init = "spectral" if len(x) > UMAP_NEIGHBOURS + 2 else "random"
        fitted = UMAP(n_neighbors=neighbours, init=init, random_state=seed, transform_seed=seed, n_jobs=1).fit(x)
    few = neighbours < UMAP_NEIGHBOURS
    note = f"few points: {neighbours} neighbours instead of {UMAP_NEIGHBOURS}" if few else ""

    def place(new: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(fitted.transform(new))

    return np.asarray(fitted.embedding_, dtype=np.float64), place, note


def trustworthiness(x: np.ndarray, points: np.ndarray, k: int = 12, seed: int = 0) -> float:
    """How many of a map's neighbours were neighbours, 0–1 (Venna & Kaski 2001, eq. 1), of `points [N, 2]` made from
    `x [N, d]`; of at most 3,000 drawn points. About 0.5 is what a random map gets.
    """
    from sklearn.manifold import trustworthiness as measured

    x, points = _finite(x), _finite(points)
    picked = sample_rows(len(x), MOST_CHECKED, seed)
    k = min(k, (len(picked) - 1) // 2)
    return float(measured(x[picked], points[picked], n_neighbors=k)) if k >= 1 else 1.0


def neighbourhood_hit(points: np.ndarray, labels: np.ndarray, k: int = 6) -> tuple[float, float]:
    """The mean share, 0–1, of a point's k nearest that have its own label (Paulovich et al. 2008), and what labels laid
    down at random get (Σ over labels of their share squared, a point itself left out).

    points `[N, 2]`, labels `[N]`, N ≥ 2.
    """
    from sklearn.neighbors import NearestNeighbors

    _, kinds = np.unique(np.asarray(labels), return_inverse=True)
    n = len(kinds)
    if n < 2:
        raise ValueError("needs at least two points")
    k = min(k, n - 1)
    near = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)  # [N, k], itself left out
    counts = np.bincount(kinds)
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    return float((kinds[near] == kinds[:, None]).mean()), chance


def sample_rows(n: int, most: int, seed: int = 0) -> np.ndarray:
    """int64, ascending: all of `n` rows, or `most` drawn from them."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _finite(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not x.shape[1]:
        raise ValueError(f"needs [N, d], not {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("needs finite numbers")
    return x
