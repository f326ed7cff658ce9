"""`gatefold generate`: one cover a track and seed, the same every time, under names that take nobody's place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.covers import read_png, write_png
from data.synthetic import draw_tracks, synthesize
from scripts.sheet import draw_sheet
from tests.scripts.sounds import BAD, TONE, sound

HOSTILE = [
    "with space.wav",
    'quote\'s "both".wav',
    "new\nline.wav",
    "été 雪 🎵.wav",
    "-rf.wav",
    "$(touch owned) `id` ;&|.wav",
    "100%s %d {}.wav",
    "\x1b[31mred.wav",
    ".hidden.wav",
    "a" * 240 + ".wav",
    os.fsdecode(b"caf\xe9.wav"),
]


def test_a_cover_is_a_png_that_names_its_making(make, songs, tmp_path):
    done = make(songs[0], "--seed", "7", "--attributes", "energy=0.9", "--tags", "techno", "--year", "1988")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / "calm-7.png")]
    image, text = read_png(done.lines[0])
    assert image.shape == (3, 32, 32)
    assert (text["seed"], text["truncation"], text["strength"]) == ("7", "1.0", "1.0")
    condition = json.loads(text["condition"])
    assert condition["attributes"] == {"energy": 0.9}
    assert (condition["tags"], condition["year"]) == (["techno"], 1988)
    assert len(text["bundle"]) == len(text["track"]) == 64


def test_the_same_track_and_seed_give_the_same_file(make, songs, tmp_path):
    cover = Path(make(songs[0]).lines[0])
    first = cover.read_bytes()
    cover.unlink()
    assert Path(make(songs[1], songs[0]).lines[1]).read_bytes() == first


def test_another_track_another_seed_another_wish_give_another_cover(make, songs):
    def pixels(*words: str | Path) -> np.ndarray:
        return read_png(make(*words).lines[0])[0].astype(int)

    plain = pixels(songs[0])
    others = [
        pixels(songs[1]),
        pixels(songs[0], "--seed", "1"),
        pixels(songs[0], "--attributes", "energy=1,tempo=200"),
        pixels(songs[0], "--tags", "folk"),
        pixels(songs[0], "--year", "1930"),
        pixels(songs[0], "--truncation", "0.5"),
        pixels(songs[0], "--strength", "2"),
    ]
    for other in others:
        assert (plain != other).mean() > 0.05


def test_one_path_a_cover_in_the_order_of_the_arguments(make, songs, tmp_path):
    done = make(songs[1], songs[0], "--count", "2", "--seed", "3")
    names = ["loud-3.png", "loud-4.png", "calm-3.png", "calm-4.png"]
    assert done.lines == [str(tmp_path / "covers" / name) for name in names]
    assert len(list((tmp_path / "covers").iterdir())) == 4


def test_two_tracks_of_one_name_get_a_cover_each(make, songs, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, song in zip(folders, songs, strict=True):
        folder.mkdir()
        (folder / "song.wav").write_bytes(song.read_bytes())
    tracks = [folder / "song.wav" for folder in folders]
    first = make(*tracks)
    assert len(set(first.lines)) == 2
    pixels = [read_png(line)[0] for line in first.lines]
    assert not np.array_equal(*pixels)
    again = make(*tracks)
    assert again.lines == first.lines
    assert all(np.array_equal(read_png(line)[0], p) for line, p in zip(again.lines, pixels, strict=True))


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_names_of_all_kinds_are_names(make, tmp_path, name):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / name).write_bytes(sound(TONE))
    done = make("--", tmp_path / "music" / name)
    assert (done.code, done.err) == (0, "")
    assert len(done.lines) == 1
    assert len(list((tmp_path / "covers").iterdir())) == 1
    assert Path(done.lines[0]).is_file()
    missing = make("--", tmp_path / "none" / name)
    assert missing.code == 2
    assert missing.err.count("\n") == 1
    assert "\x1b" not in missing.err


def test_a_run_stands_for_its_newest_snapshot(gatefold, bundle, songs, tmp_path):
    run = tmp_path / "run"
    (run / "snapshots").mkdir(parents=True)
    (run / "snapshots" / "000000064").symlink_to(tmp_path)
    (run / "snapshots" / "000000128").symlink_to(bundle)
    covers = [gatefold("generate", "--model", m, "--out", tmp_path / "c", songs[0]).lines[0] for m in (bundle, run)]
    assert np.array_equal(*(read_png(cover)[0] for cover in covers))


def test_in_a_process_of_its_own_it_is_the_same_file_and_loads_nothing_heavy(make, bundle, tmp_path):
    track = draw_tracks(1, seed=9)[0]
    song = tmp_path / "song.mp3"
    song.write_bytes(sound(synthesize(track, 3.0), format="MP3", subtype="MPEG_LAYER_III"))
    code = (
        "import atexit, sys\n"
        "heavy = {'numba', 'llvmlite', 'pandas', 'pyarrow', 'sklearn', 'tensorboard', 'librosa.core', 'mutagen'}\n"
        "heavy.add('torch._dynamo')\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from scripts.cli import main\n"
        "main()\n"
    )
    words = ["generate", "--model", bundle, "--out", tmp_path / "apart", song]
    apart = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=120)
    assert (apart.returncode, apart.stderr) == (0, "[]\n")
    assert Path(apart.stdout.strip()).read_bytes() == Path(make(song, "--finish", "paper").lines[0]).read_bytes()


def test_a_sheet_holds_every_cover_that_could_be_made(make, songs, tmp_path):
    sheet, bad = tmp_path / "sheets" / "all.png", tmp_path / "bad.wav"
    bad.write_bytes(BAD["silence.wav"])
    done = make(songs[0], bad, songs[1], "--count", "2", "--sheet", sheet)
    assert (done.code, len(done.lines)) == (0, 5)
    assert done.lines[-1] == str(sheet)
    picture, _ = read_png(sheet)
    assert picture.shape == draw_sheet([np.zeros((3, 8, 8), np.uint8)] * 4, [""] * 4).shape


def test_with_vary_seeds_go_on_from_track_to_track(make, songs):
    done = make(*songs[:2], "--vary", "--seed", "3", "--count", "2")
    seeds = [read_png(line)[1]["seed"] for line in done.lines]
    assert seeds == ["3", "4", "5", "6"]


@pytest.mark.parametrize("name", ["song.wav", "photo.png"])
def test_a_sheet_overwrites_nothing_but_a_sheet(make, songs, tmp_path, name):
    mine = tmp_path / name
    if name.endswith("png"):
        write_png(mine, np.zeros((3, 20, 20), np.uint8))
    else:
        mine.write_bytes(sound(TONE))
    before = mine.read_bytes()
    done = make(songs[0], "--sheet", mine)
    assert (done.code, done.out, mine.read_bytes()) == (2, "", before)
    for _ in range(2):
        assert make(songs[0], "--sheet", tmp_path / "sheet.png").code == 0
