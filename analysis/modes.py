"""Mode coverage: how many modes of a known mixture are reached, and how many samples lie near one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEAR = 3.0
"""Deviations from a mode within which a sample is near it (Srivastava et al. 2017, VEEGAN; Lin et al. 2018, PacGAN)."""


class Coverage(NamedTuple):
    """`reached`: modes with enough samples near them. `near`: share of the samples that are near some mode, 0–1."""

    reached: int
    near: float


def mode_coverage(samples: np.ndarray, centres: np.ndarray, deviation: float, least: float = 0.2) -> Coverage:
    """Coverage by `samples [N, d]` of round Gaussians of one `deviation` around `centres [K, d]`.

    A mode is reached by at least `least · N / K` samples near it: with 2,500 samples and 25 modes, 20 of the 100 that
    are its due. (The papers ask for one sample; on a 5 × 5 grid of deviation 0.05 and spacing 2, samples spread evenly
    over the square would then reach about 20 modes, and here they reach none.)
    """
    distances = np.linalg.norm(samples[:, None] - centres, axis=2)  # [N, K]
    near = distances.min(axis=1) <= NEAR * deviation
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=len(centres))
    return Coverage(int((counts >= least * len(samples) / len(centres)).sum()), float(near.mean()))
