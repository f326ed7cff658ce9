"""`python -m tests.sources.command WORDS…`: the real `gatefold`, with a shop among its sources and little patience.

It starts in a fraction of a second and keeps what it has done every few hundredths of one, so that short lives get on.
"""

from __future__ import annotations

import data.collector
import data.sources.http
from data.sources.registry import SOURCES
from scripts import cli, shell
from tests.sources.patience import QUICK
from tests.sources.shop import Shop

if __name__ == "__main__":
    SOURCES["shop"] = Shop
    data.sources.http.Patience.__init__.__defaults__ = tuple(QUICK.__dict__.values())  # type: ignore[misc]
    data.collector._COMMIT_S = 0.05
    shell.run(cli.app)
