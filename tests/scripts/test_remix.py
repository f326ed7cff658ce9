"""The command that remixes: three of each clip, none of the validation split, and nothing is written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.remixes import artists_of
from data.shards import Dataset
from data.synthetic import write_world
from scripts.remix import remix
from tests.scripts.verbs import run_alone


def test_artists_that_are_held_out_are_in_no_remix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music = write_world(tmp_path / "music", 40, seed=3, duration_s=1.5, resolution=16)
    held = music.indices("validation")
    assert len(held)
    assert run_alone(remix, music.folder, "--out", tmp_path / "remixes") == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "remixes")
    made = Dataset(tmp_path / "remixes")
    assert len(made) == 3 * (len(music) - len(held))
    unheard = set().union(*(artists_of(music.row(int(row))["artist"]) for row in held))
    assert not unheard & set().union(*(artists_of(row["artist"]) for row in made.iter_rows()))
    assert run_alone(remix, music.folder, "--out", tmp_path / "remixes") == 2
    assert "is a dataset already" in capsys.readouterr().err
    assert run_alone(remix, tmp_path / "nothing", "--out", tmp_path / "other") == 2
    assert capsys.readouterr().err.count("\n") == 1
