"""Clusters of covers or codes: three ways to find them, and how many there are said by a score, with its curve."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from analysis.maps import fit_reduction, sample_rows

METHODS = ("k-means", "mixture", "hdbscan")
COMPONENTS = 20
MOST_CLUSTERS = 12
MOST_FITTED = 5000
"""Rows that clusters are found in; the rest join the cluster of the one that is nearest to them."""
MOST_SCORED = 2000
"""Rows that a silhouette is computed on: it takes all distances between them."""


@dataclass(frozen=True)
class Clusters:
    """What `method` found: `labels` int64 `[N]`, 0 the largest cluster, −1 for rows that HDBSCAN leaves out.

    curve: the score of each number of clusters that was tried, `score` its name (empty for HDBSCAN, which is told no
    number); `centres` float64 `[k, d]`: the means of the clusters' rows. note: what was unusual.
    """

    method: str
    labels: np.ndarray
    centres: np.ndarray
    score: str = ""
    curve: tuple[tuple[int, float], ...] = ()
    note: str = ""

    @property
    def n(self) -> int:
        """How many clusters there are."""
        return len(self.centres)

    def typical(self, x: np.ndarray, cluster: int, count: int) -> np.ndarray:
        """The rows int64 of `x [N, d]` in `cluster` that lie nearest to its centre, the nearest first."""
        members = np.flatnonzero(self.labels == cluster)
        distance = ((x[members] - self.centres[cluster]) ** 2).sum(axis=1)
        return members[np.argsort(distance, kind="stable")[:count]]


def find_clusters(x: np.ndarray, method: str = "k-means", seed: int = 0) -> Clusters:
    """Clusters of `x [N, d]` in its first 20 principal components; the same for one seed.

    k-means takes the number with the highest silhouette (Rousseeuw 1987), the Gaussian mixture (diagonal covariances)
    the one with the lowest BIC (Schwarz 1978), of 2 to 12; HDBSCAN (Campello et al. 2013) finds its own, each at
    least a fiftieth of the rows. Where there are under 8 rows or all are the same, one cluster and a note.
    Raises `ValueError` for an unknown method, another shape or numbers that are not finite.
    """
    from threadpoolctl import threadpool_limits

    if method not in METHODS:
        raise ValueError(f"no clusters by {method!r}; known: {', '.join(METHODS)}")
    x = np.asarray(x, dtype=np.float64)
    with threadpool_limits(1):
        reduced = fit_reduction(x, COMPONENTS)(x)
        different = len(np.unique(reduced.round(9), axis=0))
        if different < 8:
            note = f"{different} different points are too few for clusters"
            return Clusters(method, np.zeros(len(x), dtype=np.int64), x.mean(axis=0, keepdims=True), note=note)
        fitted = sample_rows(len(x), MOST_FITTED, seed)
        most = min(MOST_CLUSTERS, different // 3)
        find = {"k-means": _k_means, "mixture": _mixture, "hdbscan": _hdbscan}[method]
        labels, curve, score = find(reduced[fitted], range(2, most + 1), seed)
        labels = _joined(reduced, fitted, labels)
    note = "" if (labels >= 0).any() else "no dense regions: every row is left out"
    labels = _by_size(labels)
    centres = np.array([x[labels == k].mean(axis=0) for k in range(labels.max() + 1)]).reshape(-1, x.shape[1])
    return Clusters(method, labels, centres, score, tuple(curve), note)


Found = tuple[np.ndarray, list[tuple[int, float]], str]


def _k_means(x: np.ndarray, numbers: range, seed: int) -> Found:
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    checked = sample_rows(len(x), MOST_SCORED, seed)
    tried = {k: KMeans(k, n_init=3, random_state=seed).fit_predict(x) for k in numbers}
    curve = [
        (k, float(silhouette_score(x[checked], labels[checked])))
        for k, labels in tried.items()
        if len(np.unique(labels[checked])) > 1
    ]
    best = max(curve, key=lambda point: point[1])[0]
    return tried[best], curve, "silhouette"


def _mixture(x: np.ndarray, numbers: range, seed: int) -> Found:
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mixture that has not settled is scored as it is
        floor = 1e-4 * float(x.var(axis=0).max())
        tried = {
            k: GaussianMixture(k, covariance_type="diag", random_state=seed, reg_covar=floor).fit(x) for k in numbers
        }
    curve = [(k, float(mixture.bic(x) / len(x))) for k, mixture in tried.items()]
    best = min(curve, key=lambda point: point[1])[0]
    return tried[best].predict(x), curve, "BIC a row"


def _hdbscan(x: np.ndarray, numbers: range, seed: int) -> Found:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=max(5, len(x) // 50), min_samples=5, copy=True).fit_predict(x), [], ""


def _joined(x: np.ndarray, fitted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels `[N]` of all rows from those of the rows `fitted`: each as its nearest fitted one."""
    if len(fitted) == len(x):
        return np.asarray(labels, dtype=np.int64)
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=1).fit(x[fitted]).kneighbors(x, return_distance=False)[:, 0]
    return np.asarray(labels[nearest], dtype=np.int64)


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters, numbered from the largest; −1 stays."""
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    renamed = np.full(len(labels), -1, dtype=np.int64)
    for number, name in enumerate(order):
        renamed[labels == name] = number
    return renamed
