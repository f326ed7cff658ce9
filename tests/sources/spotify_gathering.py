"""Spotify gathered in a test: without its waits, and the rows by number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from data.journal import Journal
from data.shards import Dataset
from data.sources.spotify import Spotify
from data.tally import status
from tests.sources.spotify_standin import FILE_HOSTS, GENRES, SpotifyStandIn, native
from tests.sources.standin import Faults, StandIn

ALL = [("genre", genre) for genre in GENRES]
ARTIST = [("artist", native("artist", 3))]


class Quick(Spotify):
    """Without the waits of Spotify's limit."""

    service = replace(Spotify.service, requests=1_000, per_s=0.1)


def served(standin: SpotifyStandIn, faults: Faults | None = None) -> StandIn:
    """Spotify's hosts on this machine."""
    return StandIn(standin.routes, faults, file_hosts=FILE_HOSTS)


def rows_of(folder: Path) -> dict[int, dict[str, Any]]:
    """The rows by the numbers of their tracks; each track is there once."""
    rows = list(Dataset(folder).iter_rows())
    numbers = {int(row["track_id"].removeprefix("spotify:track")): row for row in rows}
    assert len(numbers) == len(rows)
    return numbers


def closed_of(folder: Path) -> dict[str, str]:
    return next(line["closed"] for line in status(folder) if line["what"] == "requests")


def wait_over(store: Path) -> None:
    """As when the time is over for which the service rests."""
    with Journal(store) as journal:
        journal.keep("until spotify", None)
        journal.commit()
