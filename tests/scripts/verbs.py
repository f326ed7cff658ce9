"""A verb that is a module of its own, `python -m scripts.…`, run in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scripts.shell import new_app, run


def run_alone(verb: Callable[..., None], *words: object) -> int:
    """The exit code of `verb` with these words."""
    app = new_app()
    app.command()(verb)
    with pytest.raises(SystemExit) as stop:
        run(app, list(map(str, words)))
    return int(stop.value.code or 0)
