"""`python -m tests.sources.command WORDS…`: the real `gatefold`, with a shop among its sources and little patience."""

from __future__ import annotations

import data.sources.http
from data.sources.registry import SOURCES
from scripts import cli, shell
from tests.sources.conftest import QUICK
from tests.sources.shop import Shop

if __name__ == "__main__":
    SOURCES["shop"] = Shop
    data.sources.http.Patience.__init__.__defaults__ = tuple(QUICK.__dict__.values())  # type: ignore[misc]
    shell.run(cli.app)
