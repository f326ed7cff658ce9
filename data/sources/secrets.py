"""Keys to services: read from the environment or `.env`, and kept out of everything that is written."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data.errors import InputError
from data.files import reason_of

_SHORTEST = 4  # shorter values would be found in ordinary text


class Secrets(Mapping[str, str]):
    """Values by name. `hide` puts `{NAME}` where a value stands in a text (`{NAME%}` where it is spelt with %-signs),
    and `reveal` puts it back; all that goes into the journal, to a screen or into an error passes through `hide`.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        spelt = {urllib.parse.quote(value, safe=""): f"{{{name}%}}" for name, value in self._values.items()}
        spelt |= {value: f"{{{name}}}" for name, value in self._values.items()}
        # The longest first: one value may be a part of another.
        self._spelt = sorted(
            (pair for pair in spelt.items() if len(pair[0]) >= _SHORTEST), key=lambda pair: -len(pair[0])
        )

    def hide(self, text: str) -> str:
        """`text` without any secret."""
        for value, name in self._spelt:
            text = text.replace(value, name)
        return text

    def reveal(self, text: str) -> str:
        """The text that `hide` was given."""
        for value, name in self._spelt:
            text = text.replace(name, value)
        return text

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"


def read_secrets(names: Sequence[str], folder: str | os.PathLike[str] = ".") -> Secrets:
    """The named secrets, from the environment or else from `.env` in `folder`; `InputError` names those that miss."""
    there = _read_env(Path(folder) / ".env") | dict(os.environ) if names else {}
    missing = [name for name in names if not there.get(name)]
    if missing:
        raise InputError(" and ".join(missing), "not set, neither in the environment nor in .env")
    return Secrets({name: there[name] for name in names})


def _read_env(path: Path) -> dict[str, str]:
    """NAME=value lines; comments, `export` and quotes as a shell would have them."""
    values = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "not a text file"
        raise InputError(path, reason) from error
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = value.split(" #")[0].rstrip()
        values[name.strip()] = value
    return values
