"""Gathering in tests: in seconds, from a stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data.collecting import Gathering, collect
from data.sources.base import Source
from data.sources.http import Patience
from tests.sources.gathered import Gather
from tests.sources.patience import QUICK as QUICK
from tests.sources.shop import SHELF, Shop
from tests.sources.spotify_gathering import Quick
from tests.sources.spotify_standin import CLIENT_ID, CLIENT_SECRET
from tests.sources.standin import StandIn


@pytest.fixture
def quick() -> Patience:
    """Patience for a stand-in that hangs for some seconds."""
    return QUICK


@pytest.fixture(autouse=True)
def _limits_apart(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of a test is counted among the user's own requests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def gather(tmp_path: Path, quick: Patience) -> Gather:
    """`gather(server)`: shelf 1 of a shop into `tmp_path / "store"`."""

    def run(server: StandIn, wishes: Sequence[tuple[str, str]] = SHELF, to: str = "store", **how: Any) -> Gathering:
        return collect(Shop(), tmp_path / to, wishes, **({"route": server.url, "patience": quick} | how))

    return run


@pytest.fixture
def gather_spotify(tmp_path: Path, quick: Patience, monkeypatch: pytest.MonkeyPatch) -> Gather:
    """`gather_spotify(server, wishes)`: with the keys of an app, into `tmp_path / "store"`."""
    monkeypatch.setenv("SPOTIPY_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("SPOTIPY_CLIENT_SECRET", CLIENT_SECRET)

    def run(
        server: StandIn,
        wishes: Sequence[tuple[str, str]] = (),
        to: str = "store",
        source: type[Source] = Quick,
        **how: Any,
    ) -> Gathering:
        return collect(source(), tmp_path / to, wishes, **({"route": server.url, "patience": quick} | how))

    return run
