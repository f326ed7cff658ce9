"""How every verb begins and ends: exit codes, one-line errors, and what goes to which stream."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
import typer.main
from typer.exceptions import TyperException

from data.errors import InputError, printable
from data.files import reason_of

Item = TypeVar("Item")

USER_MISTAKE = 2
MAY_BE_EMPTY = ("--attributes", "--tags", "--title", "--artist")
INTERRUPTED = 128 + signal.SIGINT
CLOSED_PIPE = 128 + 13  # SIGPIPE, which has no name on every system


def new_app(**settings: Any) -> typer.Typer:
    """A Typer application without decorated tracebacks: errors are one plain line here."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, **settings)


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs `app` on `arguments` (default: those of the process) and exits.

    Exit codes: 0 done; 2 a user's mistake, told in one line on standard error; 130 interrupted; 141 the
    reader of our output went away (the shell's own number for it, said without a word). `--debug`, anywhere
    before `--`, raises what would have been one line, so that Python shows where it came from.
    """
    words, debug = _without_debug(list(sys.argv[1:] if arguments is None else arguments))
    code = 0
    try:
        _check_streams_and_words(words)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal without some character shows another in its place
                stream.reconfigure(errors="replace")
        command = typer.main.get_command(app)
        with command.make_context("gatefold", words or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as stop:
        code = stop.exit_code
    except KeyboardInterrupt:
        if debug:
            raise
        complain("interrupted; what was finished stays finished")
        code = INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more on its way out, into the same broken pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = CLOSED_PIPE
    except TyperException as error:
        code = _fail(printable(error.format_message(), longest=600), error, debug)
    except InputError as error:
        code = _fail(str(error), error, debug)
    except OSError as error:
        subject = os.fspath(error.filename) if isinstance(error.filename, (str, Path)) else "system"
        code = _fail(str(InputError(subject, reason_of(error))), error, debug)
    sys.exit(code)


def _check_streams_and_words(words: Sequence[str]) -> None:
    """Refuses a closed standard output, and an empty word where a name belongs: it would mean the current folder."""
    if sys.stdout is None:
        raise InputError("standard output", "is closed; results have nowhere to go")
    for before, word in zip(["", *words], words, strict=False):
        if not word and before not in MAY_BE_EMPTY:
            raise InputError("''", "an empty name was given (a variable that is not set?)")


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end


def _fail(line: str, error: Exception, debug: bool) -> int:
    if debug:
        raise error
    complain(line)
    return USER_MISTAKE


def run_verb(verb: Callable[..., None]) -> NoReturn:
    """Runs one verb as a program of its own: `python -m scripts.VERB`."""
    app = new_app()
    app.command()(verb)
    # Typer shows its help for no words at all only where a verb needs one; a verb that needs none just runs.
    run(app, sys.argv[1:] or ["--"])


def complain(line: str) -> None:
    """One line on standard error: everything that is not a result goes there."""
    print(line, file=sys.stderr, flush=True)


def print_path(path: str | os.PathLike[str]) -> None:
    """One path a line on standard output, in the very bytes of its name."""
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(path) + b"\n")
    sys.stdout.buffer.flush()


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """`items` behind a bar on standard error, which shows itself only on a terminal."""
    from tqdm import tqdm

    yield from tqdm(items, desc=what, total=total, disable=None, leave=False, file=sys.stderr)


@contextlib.contextmanager
def stages() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on standard error (on a terminal only) for work that tells `(stage, done, total)`."""
    from tqdm import tqdm

    with tqdm(disable=None, leave=False, file=sys.stderr) as bar:

        def show(stage: str, done: int, total: int | None) -> None:
            bar.set_description(stage, refresh=False)
            bar.total = total
            bar.update(done - bar.n)

        yield show


class Batch:
    """Works through `total` items: a bad one is told and skipped, the rest goes on."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.skipped = 0

    @contextlib.contextmanager
    def item(self) -> Iterator[None]:
        """Around the work on one item. The only item of a batch of one is allowed to fail it."""
        try:
            yield
        except InputError as error:
            if self.total == 1:
                raise
            complain(str(error))
            self.skipped += 1
        else:
            self.done += 1

    def finish(self) -> None:
        """Says what was skipped; leaves with exit code 2 where nothing at all could be done."""
        if self.skipped:
            complain(f"{self.skipped} of {self.total} skipped, {self.done} done")
        if not self.done:
            raise typer.Exit(USER_MISTAKE)
