"""Exit codes and streams: what a command promises to whoever calls it, person or program."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from data.errors import InputError
from scripts import shell

HOSTILE = "a'b\"c\n$(d) é雪\x1b[31m"


def run(verb, *words: str) -> int:
    app = shell.new_app()
    app.command()(verb)
    with pytest.raises(SystemExit) as stop:
        shell.run(app, list(words))
    return stop.value.code


def test_a_users_mistake_is_one_line_and_two(capfd):
    def verb(name: str) -> None:
        raise InputError(name, "is\nno good")

    assert run(verb, HOSTILE) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith(": is\\nno good\n")
    assert "\x1b" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["--debug", "x"], ["x", "--debug"]])
def test_debug_shows_where_it_came_from(words):
    def verb(name: str) -> None:
        raise InputError(name, "is no good")

    app = shell.new_app()
    app.command()(verb)
    with pytest.raises(InputError, match="no good"):
        shell.run(app, words)


def test_debug_after_two_dashes_is_a_name(capfd):
    def verb(name: str) -> None:
        print(name)

    assert run(verb, "--", "--debug") == 0
    assert capfd.readouterr().out == "--debug\n"


@pytest.mark.parametrize("words", [["--nonsense"], [], ["x", "--n", "three"], ["x", "y"], ["x", "--n", "9"]])
def test_misspelt_options_are_one_line_and_two(words, capfd):
    def verb(name: str, n: int = typer.Option(0, max=5)) -> None:
        raise AssertionError

    assert run(verb, *(words or ["--"])) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err


def test_a_folder_that_may_not_be_written_is_one_line(tmp_path, capfd):
    (tmp_path / "file").write_text("")

    def verb() -> None:
        (tmp_path / "file" / "below").mkdir(parents=True)

    assert run(verb, "--") == 2
    assert capfd.readouterr().err == f"{tmp_path / 'file' / 'below'}: not a directory\n"


def test_our_own_mistakes_are_not_hidden():
    def verb() -> None:
        raise ValueError("a bug")

    app = shell.new_app()
    app.command()(verb)
    with pytest.raises(ValueError, match="a bug"):
        shell.run(app, ["--"])


def test_an_interruption_is_one_line_and_130(capfd):
    def verb() -> None:
        raise KeyboardInterrupt

    assert run(verb, "--") == 130
    assert capfd.readouterr().err.count("\n") == 1


def in_a_process(code: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", f"import typer, time, sys\nfrom scripts import shell\n{code}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_ctrl_c_ends_quietly():
    verb = "def verb():\n    print('ready', flush=True)\n    time.sleep(30)\nshell.run_verb(verb)"
    with in_a_process(verb) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("how", ["print('x' * 50, flush=True)", "shell.print_path('x' * 50)", "print('x' * 50)"])
def test_a_reader_that_goes_away_is_not_an_error(how):
    verb = f"def verb():\n    sys.stdin.read()\n    for _ in range(2000): {how}\nshell.run_verb(verb)"
    with in_a_process(verb, stdin=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.close()
        err = process.stderr.read()
    assert process.returncode == 141
    assert err == b""


def test_paths_are_printed_in_their_own_bytes(capfdbinary):
    shell.print_path(Path(os.fsdecode(b"caf\xe9.png")))
    assert capfdbinary.readouterr().out == b"caf\xe9.png\n"


def test_in_a_batch_the_rest_goes_on(capfd):
    batch = shell.Batch(3)
    for name in ("good", "bad", "fine"):
        with batch.item():
            if name == "bad":
                raise InputError(name, "no")
    batch.finish()
    assert capfd.readouterr().err == "bad: no\n1 of 3 skipped, 2 done\n"


def test_a_batch_of_nothing_but_failures_is_two(capfd):
    batch = shell.Batch(2)
    for name in ("bad", "worse"):
        with batch.item():
            raise InputError(name, "no")
    with pytest.raises(typer.Exit) as stop:
        batch.finish()
    assert stop.value.exit_code == 2
    assert capfd.readouterr().err == "bad: no\nworse: no\n2 of 2 skipped, 0 done\n"


def test_the_only_item_is_told_once():
    batch = shell.Batch(1)
    with pytest.raises(InputError), batch.item():
        raise InputError("bad", "no")


@pytest.mark.parametrize("words", [["build", "music", ""], ["generate", ""], ["generate", "a.mp3", "--out", ""]])
def test_an_empty_name_does_not_mean_the_current_folder(gatefold, words):
    done = gatefold(*words)
    assert (done.code, done.out) == (2, "")
    assert "an empty name" in done.err


def test_empty_wishes_are_none(gatefold, tmp_path):
    for wish in shell.MAY_BE_EMPTY:
        assert "an empty name" not in gatefold("generate", tmp_path / "none.mp3", wish, "").err


def test_a_closed_standard_output_is_one_line():
    words = f"{shlex.quote(sys.executable)} -m scripts.cli encode song.mp3 >&-"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "standard output: is closed; results have nowhere to go\n")
