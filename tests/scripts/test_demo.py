"""`gatefold demo`: covers with nothing at hand."""

from __future__ import annotations

import itertools
from pathlib import Path

from data.audio import load_audio
from data.covers import read_png


def test_three_tracks_three_covers_and_a_contact_sheet(gatefold, bundle, tmp_path):
    done = gatefold("demo", "--model", bundle, "--out", tmp_path)
    assert done.code == 0, done.err
    names = ["demo-ambient-0.png", "demo-folk-0.png", "demo-metal-0.png", "contact-sheet.png"]
    assert done.lines == [str(tmp_path / name) for name in names]
    covers = [read_png(line)[0] for line in done.lines[:3]]
    assert all((a != b).mean() > 0.05 for a, b in itertools.pairwise(covers))
    sheet, _ = read_png(done.lines[3])
    assert sheet.shape[2] > 3 * sheet.shape[1] / 1.3  # three side by side
    assert [load_audio(path).total_s for path in sorted(tmp_path.glob("*.wav"))] == [30.0] * 3


def test_the_demo_is_the_same_every_time(gatefold, bundle, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        assert gatefold("demo", "--model", bundle, "--out", folder).code == 0
    a, b = ({path.name: path.read_bytes() for path in Path(folder).iterdir()} for folder in folders)
    assert a == b
