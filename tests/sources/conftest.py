"""Gathering in tests: in seconds, from a stand-in."""

from __future__ import annotations

import pytest

from data.sources.http import Patience
from tests.sources.patience import QUICK as QUICK


@pytest.fixture
def quick() -> Patience:
    """Patience for a stand-in that hangs for some seconds."""
    return QUICK


@pytest.fixture(autouse=True)
def _limits_apart(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of a test is counted among the user's own requests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
