"""`gatefold generate`: one cover a track and seed, the same every time; whatever is wrong with a track is one line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.covers import read_png, write_png
from data.synthetic import draw_tracks, synthesize
from scripts.sheet import draw_sheet

SR = 22_050
TONE = (0.3 * np.sin(np.arange(2 * SR) * 0.05)).astype(np.float32)


def sound(y: np.ndarray, sr: int = SR, **written: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, y, sr, **({"format": "WAV", "subtype": "FLOAT"} | written))
    return file.getvalue()


BAD = {
    "silence.wav": sound(np.zeros(2 * SR, np.float32)),
    "10 ms.wav": sound(TONE[: SR // 100]),
    "empty.mp3": b"",
    "text.mp3": b"this is not music\n" * 100,
    "truncated to nothing.mp3": sound(TONE, format="MP3", subtype="MPEG_LAYER_III")[:100],
    "not a number.wav": sound(np.full(2 * SR, np.nan, np.float32)),
}
ODD_BUT_GOOD = {
    "8 channels.wav": sound(np.repeat(TONE[:, None], 8, axis=1)),
    "192 kHz.wav": sound(np.repeat(TONE, 9), 192_000),
    "cut short.mp3": sound(np.tile(TONE, 3), format="MP3", subtype="MPEG_LAYER_III")[:-5000],
}
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


@pytest.fixture
def make(gatefold, bundle, tmp_path):
    """`make(*words)`: `gatefold generate` with the random bundle, not finished, into `tmp_path / "covers"`."""
    return lambda *words: gatefold(
        "generate", "--model", bundle, "--finish", "raw", "--out", tmp_path / "covers", *words
    )


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


@pytest.mark.parametrize("name", BAD)
def test_a_track_that_cannot_be_used_is_one_line_and_two(make, tmp_path, name):
    (tmp_path / name).write_bytes(BAD[name])
    done = make(tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ["missing.mp3", "folder"])
def test_what_is_no_file_is_one_line_and_two(make, tmp_path, name):
    (tmp_path / "folder").mkdir()
    done = make(tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ODD_BUT_GOOD)
def test_odd_audio_is_heard(make, tmp_path, name):
    (tmp_path / name).write_bytes(ODD_BUT_GOOD[name])
    done = make(tmp_path / name)
    assert done.code == 0, done.err
    assert len(done.lines) == 1


def test_in_a_batch_the_rest_goes_on(make, songs, tmp_path):
    tracks = [songs[0]]
    for name, content in BAD.items():
        (tmp_path / name).write_bytes(content)
        tracks.append(tmp_path / name)
    (tmp_path / "folder").mkdir()
    tracks += [tmp_path / "missing.mp3", tmp_path / "folder", songs[1]]
    done = make(*tracks)
    assert done.code == 0
    assert [Path(line).name for line in done.lines] == ["calm-0.png", "loud-0.png"]
    n = len(BAD) + 2
    *told, summary = done.err.splitlines()
    assert len(told) == n
    assert summary == f"{n} of {n + 2} skipped, 2 done"


def test_a_batch_of_which_nothing_is_usable_is_two(make, tmp_path):
    done = make(tmp_path / "a.mp3", tmp_path / "b.mp3")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == "2 of 2 skipped, 0 done"


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


@pytest.mark.parametrize(
    "words",
    [
        ["--attributes", "energy=7"],
        ["--attributes", "enrgy=0.7"],
        ["--attributes", "energy"],
        ["--year", "88"],
        ["--year", "soon"],
        ["--truncation", "nan"],
        ["--truncation", "-1"],
        ["--strength", "inf"],
        ["--seed", "-1"],
        ["--seed", "1e99"],
        ["--seed", str(2**63 - 1), "--count", "2"],
        ["--count", "0"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_options_off_their_scale_are_one_line_and_two(make, songs, tmp_path, words):
    done = make(songs[0], *words)
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.count("\n") == 1, done.err
    assert not (tmp_path / "covers").exists()


def test_a_tag_that_the_model_does_not_know_is_said(make, songs):
    done = make(songs[0], "--tags", "techno,zydeco")
    assert done.code == 0
    assert done.err == "this model saw too little of the tag zydeco; what it makes of it is a guess\n"


def test_an_output_that_is_no_folder_is_one_line_and_two(gatefold, bundle, songs, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "file", songs[0])
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_is_none_is_one_line_and_two(gatefold, songs, tmp_path):
    done = gatefold("generate", "--model", tmp_path, songs[0])
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


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


def test_no_cover_no_sheet(make, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(BAD["silence.wav"])
    assert make(bad, "--sheet", tmp_path / "sheet.png").code == 2
    assert not (tmp_path / "sheet.png").exists()


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


def test_no_two_seeds_are_one(make, songs):
    assert make(songs[0], "--seed", str(2**32)).code == 2
    assert make(songs[0], "--seed", str(2**32 - 1)).code == 0


@pytest.fixture
def make_album(gatefold, hearing, tmp_path):
    """`make_album(name, *words)`: one cover for all tracks, with the bundle that hears, into `tmp_path / "covers"`."""
    return lambda name, *words: gatefold(
        "generate", "--model", hearing, "--finish", "raw", "--out", tmp_path / "covers", "--album", name, *words
    )


def heard_of(cover: str) -> tuple[str, str]:
    """What a cover's text says of its music and its condition."""
    text = read_png(cover)[1]
    return text["track"], json.loads(text["condition"])["sha256"]


def test_an_album_has_one_cover_a_seed(make_album, songs, tmp_path):
    done = make_album("Both Sides", *songs, "--seed", "3", "--count", "2", "--sheet", tmp_path / "sheet.png")
    assert (done.code, done.err) == (0, "")
    covers = [tmp_path / "covers" / f"Both Sides-{seed}.png" for seed in (3, 4)]
    assert done.lines == [*map(str, covers), str(tmp_path / "sheet.png")]
    assert sorted((tmp_path / "covers").iterdir()) == covers
    assert read_png(tmp_path / "sheet.png")[0].shape == draw_sheet([np.zeros((3, 8, 8), np.uint8)] * 2, ["", ""]).shape
    assert heard_of(covers[0]) == heard_of(covers[1])
    assert not np.array_equal(*(read_png(cover)[0] for cover in covers))


def test_an_albums_condition_is_that_of_all_its_tracks(make_album, hearing, songs):
    from encoders.sets import combine_conditions
    from scripts.making import Wishes
    from scripts.pipeline import Listener, condition_hash

    listener, wishes = Listener.open(hearing), Wishes.parse("energy=0.5", "dub")
    tracks = [listener.subject(song, wishes) for song in songs]
    c = combine_conditions(np.stack([track.c for track in tracks]), listener.schema.layout)
    assert not any(np.array_equal(c, track.c) for track in tracks)
    done = make_album("Both", *songs, "--attributes", "energy=0.5", "--tags", "dub")
    assert heard_of(done.lines[0])[1] == condition_hash(c)
    np.testing.assert_array_equal(read_png(done.lines[0])[0], listener.draw(c, 0, 1.0, 1.0))


def test_an_album_of_one_track_is_that_track(gatefold, make_album, hearing, songs, tmp_path):
    words = ("--model", hearing, "--finish", "raw", "--out", tmp_path / "alone")
    alone = gatefold("generate", *words, songs[0]).lines[0]
    album = make_album("Single", songs[0]).lines[0]
    assert Path(album).name == "Single-0.png"
    assert Path(album).read_bytes() == Path(alone).read_bytes()


def test_an_album_goes_on_without_a_track_that_cannot_be_used(make_album, songs, tmp_path):
    (tmp_path / "bad.wav").write_bytes(BAD["silence.wav"])
    whole = make_album("Both", *songs).lines
    done = make_album("Both", songs[0], tmp_path / "bad.wav", songs[1])
    assert (done.code, done.lines) == (0, whole)
    assert done.err == f"{tmp_path / 'bad.wav'}: silent\n1 of 3 skipped, 2 done\n"
    nothing = make_album("Nothing", tmp_path / "bad.wav", tmp_path / "missing.wav")
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err.splitlines()[-1] == "2 of 2 skipped, 0 done"


def test_a_model_that_hears_no_code_makes_albums_too(gatefold, bundle, songs, tmp_path):
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", "--album", "Both", *songs)
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / "Both-0.png")]


def test_an_albums_name_stays_in_the_folder(make_album, songs, tmp_path):
    done = make_album("../AC/DC\n", songs[0])
    assert (done.code, done.err) == (0, "")
    assert done.lines == [str(tmp_path / "covers" / ".._AC_DC_-0.png")]


@pytest.mark.parametrize("words", [["--album", "A", "--vary"], ["--album", " "], ["--album="]], ids=" ".join)
def test_an_album_without_a_name_or_with_vary_is_refused(make, songs, tmp_path, words):
    done = make(*songs, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not (tmp_path / "covers").exists()
