"""The shipped model's dataset: each cover with music of its own split, nearly blank ones left out, the same by seed."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from data.attributes import ATTRIBUTE_NAMES
from data.audio import load_audio
from data.emotions import EMOTIONS
from data.shards import Dataset, DatasetWriter
from data.splits import split_of
from data.synthetic import draw_tracks, synthesize
from data.table import SPLITS, make_row
from encoders.heard import dataset_features
from scripts.sleeves import COPIES, WINDOWS, _cut, write_sleeves

N_GRAPHIC, N_PAINTED, N_CLIPS = 60, 40, 30


def picture(rng: np.random.Generator | None) -> dict[str, object]:
    """A cover of coloured squares; a blank one where there is nothing to draw from."""
    squares = np.full((8, 8, 3), 250, np.uint8) if rng is None else rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(squares).resize((64, 64), Image.Resampling.NEAREST).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": "cover.png"}


def sound(seconds: float, seed: int = 0) -> dict[str, object]:
    buffer = io.BytesIO()
    soundfile.write(buffer, synthesize(draw_tracks(seed + 1, seed=3)[seed], seconds), 22_050, format="WAV")
    return {"bytes": buffer.getvalue(), "path": "clip.wav"}


def row(track_id: str, artist: str, **known: object) -> dict[str, object]:
    return make_row(track_id=track_id, artist=artist, split=split_of(artist), **known)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, list[dict[str, object]], Path]:
    """The dataset, its rows, and the folder that it was made in."""
    folder = tmp_path_factory.mktemp("sleeves")
    rng = np.random.default_rng(0)
    with DatasetWriter(folder / "netlabels") as writer:
        for k in range(N_GRAPHIC):
            known = {"genres": ["idm"] if k % 3 else [], "release_date": "2004", "title": f"Title {k}"}
            writer.write(row(f"net-{k}", f"Label {k}", cover=picture(rng), **known))
        writer.write(row("net-blank", "Label 0", cover=picture(None)))
    with DatasetWriter(folder / "paintings") as writer:
        for k in range(N_PAINTED):
            writer.write(row(f"paint-{k}", f"Painter {k}", cover=picture(rng), genres=["impressionism"]))
    with DatasetWriter(folder / "music") as writer:
        for k in range(N_CLIPS):
            known = {
                "genres": [("electronic", "rock")[k % 2]],
                "release_date": "2006",
                "emotions": [0.5] * len(EMOTIONS),
            }
            writer.write(row(f"clip-{k}", f"Band {k}", audio=sound(1.5, k), **known))
    (folder / "spotify").mkdir()
    means = ",".join(["0.5"] * 6 + ["-10", "0.05", "120", "0.5"])
    lines = [f"genres,{','.join(ATTRIBUTE_NAMES)}", f"intelligent dance music,{means}", f"impressionism,{means}"]
    (folder / "spotify" / "genres.csv").write_text("\n".join(lines))
    details = "".join(f"paint-{k},1862,False\n" for k in range(N_PAINTED))
    (folder / "paintings" / "paintings.csv").write_text("id,born,grey\n" + details)
    write(folder, folder / "out")
    dataset = Dataset(folder / "out")
    return dataset, list(dataset.iter_rows()), folder


def write(folder: Path, out: Path) -> None:
    write_sleeves(folder, *(Dataset(folder / name) for name in ("netlabels", "paintings", "music")), out)


def test_every_cover_and_every_clip_is_used_but_for_blank_ones(made):
    rows = [row for row in made[1] if row["subset"] == "crossmodal"]
    covers = Counter(row["track_id"].split("~")[0] for row in rows)
    expected = {f"net-{k}": COPIES["graphic"] for k in range(N_GRAPHIC)}
    assert covers == expected | {f"paint-{k}": COPIES["painting"] for k in range(N_PAINTED)}
    for split in SPLITS:
        clips = Counter(row["track_id"].split("~")[1] for row in rows if row["split"] == split)
        there = [k for k in range(N_CLIPS) if split_of(f"Band {k}") == split]
        assert set(clips) == {f"clip-{k}" for k in there}
        assert max(clips.values()) - min(clips.values()) <= 1


def test_artists_of_covers_and_of_clips_are_held_out_together(made):
    for row in made[1]:
        cover, clip = row["track_id"].split("~")[:2]
        name = f"Label {cover[4:]}" if row["source"] == "graphic" else f"Painter {cover[6:]}"
        assert split_of(name) == row["split"]
        if row["subset"] == "crossmodal":
            assert row["artist"] == f"Band {clip[5:]}"
            assert split_of(row["artist"]) == row["split"]


def test_a_third_of_the_covers_with_music_tell_their_clip_alone(made):
    rows = [row for row in made[1] if row["subset"] == "crossmodal"]
    bare = [row for row in rows if not row["genres"]]
    assert 0.2 < len(bare) / len(rows) < 0.47
    for row in bare:
        assert row["audio"]
        assert row["cover"]
        assert row["energy"] is None
        assert row["emotions"] is None
        assert row["release_date"] is None
    for row in rows:
        if row["genres"]:
            assert row["energy"] is not None
            assert row["emotions"] is not None
            assert row["release_date"] == "2006"
            assert set(row["genres"]) <= {"electronic", "rock", "idm", "graphic", "impressionism", "painting"}


def test_tagged_covers_also_get_attributes_of_their_genre_and_paintings_do_not(made):
    rows = [row for row in made[1] if row["subset"] == "genre"]
    assert {row["track_id"] for row in rows} == {f"net-{k}~genre" for k in range(N_GRAPHIC) if k % 3}
    for row in rows:
        assert row["audio"] is None
        assert row["release_date"] == "2004"
        assert row["energy"] is not None
        assert "idm" in row["genres"]


def test_covers_of_a_known_genre_get_music_of_its_family(made):
    rows = [row for row in made[1] if row["subset"] == "crossmodal" and row["split"] == "train"]
    named = [row for row in rows if row["track_id"].startswith("net-") and int(row["track_id"].split("~")[0][4:]) % 3]
    rock = [int(row["track_id"].split("~")[1][5:]) % 2 for row in named]
    others = [int(row["track_id"].split("~")[1][5:]) % 2 for row in rows if row not in named]
    assert np.mean(rock) < np.mean(others) - 0.2


def test_rows_of_one_file_lie_together_and_are_heard_as_each_would_be_alone(made):
    dataset, rows, _ = made
    sounds = [row["audio"]["bytes"] for row in rows if row["audio"] and row["split"] == "train"]
    changes = sum(a != b for a, b in itertools.pairwise(sounds))
    assert changes == len(set(sounds)) - 1
    heard = dataset_features(dataset)
    attributes = heard.attributes()
    for place in np.flatnonzero(heard.usable())[::17]:
        same = [other for other in range(len(rows)) if rows[other]["audio"] == rows[place]["audio"]]
        assert (attributes[same] == attributes[place]).all() | np.isnan(attributes[place]).any()


def test_the_same_data_give_the_same_dataset(made, tmp_path):
    dataset, _, folder = made
    write(folder, tmp_path / "again")
    assert Dataset(tmp_path / "again").fingerprint == dataset.fingerprint


def test_a_long_clip_is_cut_into_windows_from_its_begin_to_its_end():
    clip = {"track_id": "x", "audio": sound(45.0)}
    cut = _cut(clip)
    whole = load_audio(clip["audio"]["bytes"]).y
    assert len(cut) == WINDOWS
    for window, start in zip(cut, (0, 7.5, 15), strict=True):
        heard = load_audio(window["bytes"])
        assert heard.total_s == pytest.approx(30, abs=0.05)
        there = whole[int(start * 22_050) :][: len(heard.y)]
        assert np.corrcoef(heard.y[: len(there)], there)[0, 1] > 0.9
    assert _cut({"track_id": "x", "audio": sound(3.0)})[0]["path"] == "clip.wav"
