"""The command as a whole: quick to answer, the same as its modules, light to import."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

VERBS = (
    "demo", "generate", "reproduce", "grid", "mix", "walk", "encode", "build", "sources", "collect", "status",
    "merge", "review", "card", "export", "train", "evaluate", "train-encoder", "compare-encoders", "board",
)  # fmt: skip


def test_help_names_every_verb(gatefold):
    done = gatefold("--help")
    assert done.code == 0
    assert all(f" {verb} " in done.out for verb in VERBS)
    assert gatefold().out == done.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(gatefold, verb):
    done = gatefold(verb, "--help")
    assert done.code == 0
    assert "Usage" in done.out


def test_the_version_is_that_of_the_package(gatefold):
    assert gatefold("--version").out == "gatefold 0.1.0\n"


def test_an_unknown_verb_is_one_line_and_two(gatefold):
    done = gatefold("genrate")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom scripts.cli import main\nsys.argv[1:] = ['--help']\n"
        "try:\n    main()\nfinally:\n    print(sorted({'numpy', 'torch', 'PIL'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_verb_is_a_program_of_its_own(tmp_path):
    words = [sys.executable, "-m", "scripts.generate", str(tmp_path / "none.mp3"), "--model", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_bench_prints_figures_as_json_or_as_a_table():
    words = [sys.executable, "-m", "scripts.bench", "help"]
    figure = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    assert {"name", "value", "unit", "interval", "n", "yardstick", "ratio", "chance"} <= set(figure)
    table = subprocess.run([*words, "--table"], capture_output=True, text=True, check=True).stdout
    assert table.startswith("| what | measured |")
