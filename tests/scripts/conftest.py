"""Networks this small spend their time waiting for the second thread; a bundle that hears; `generate` in one word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start


@pytest.fixture(scope="session")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that hears with a network, and a PCA beside it, both with heads; to be read, not written to."""
    from scripts.ears import bundle_extras
    from tests.scripts.ears import hearing_schema, random_pca, untrained_cnn, write_hearing_bundle

    own = untrained_cnn()
    extras = bundle_extras(hearing_schema(own.code_dim), own, others=[random_pca()])
    return write_hearing_bundle(tmp_path_factory.mktemp("bundles") / "hearing", *extras)


@pytest.fixture
def make(gatefold, bundle, tmp_path):
    """`make(*words)`: `gatefold generate` with the random bundle, not finished, into `tmp_path / "covers"`."""
    return lambda *words: gatefold(
        "generate", "--model", bundle, "--finish", "raw", "--out", tmp_path / "covers", *words
    )
