"""A bundle's ears: what travels with the weights is what training heard with, and contradictions are said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.build import build_dataset
from data.errors import InputError
from data.shards import Dataset
from encoders.names import NameEncoder
from encoders.stored import write_encoder
from scripts import prepare as preparing
from scripts.making import Wishes
from scripts.pipeline import Listener, hear
from scripts.prepare import prepare
from tests.scripts.ears import random_pca, untrained_cnn, write_hearing_bundle

NOTHING = Wishes()


def test_generation_hears_what_training_heard(run, tmp_path):
    """The condition of a clip, heard as a file, is the row that training was given for it."""
    prepared = prepare(run.parent / "store", 32, "pca")
    listener = Listener.open(run)
    rows = list(Dataset(run.parent / "store").iter_rows())
    for row, trained in zip(rows, prepared.data.conditions, strict=True):
        clip = tmp_path / "clip.ogg"
        clip.write_bytes(row["audio"]["bytes"])
        assert np.allclose(listener.condition(hear(clip), NOTHING), trained, atol=1e-5)


def blocks(listener: Listener, c: np.ndarray) -> dict[str, np.ndarray]:
    """`c [c_dim]` cut into `[1 + size]`, presence bit first, by block."""
    sizes = [1 + size for _, size in listener.schema.layout]
    return dict(zip(dict(listener.schema.layout), np.split(c, np.cumsum(sizes)[:-1]), strict=True))


@pytest.mark.parametrize("ears", [random_pca, untrained_cnn])
def test_heads_and_names_answer_in_generation_as_in_training(library, tmp_path, monkeypatch, ears):
    """What rows do not say (genres, emotions) is answered by the heads, names are read off the file's tags."""
    import mutagen

    for track in library.rglob("*.flac"):
        tags = mutagen.File(track)
        tags.update({"artist": track.parts[-3], "album": track.parts[-2], "title": f"Song of {track.parts[-3]}"})
        tags.save()
    build_dataset(library, tmp_path / "store")
    monkeypatch.setattr(preparing, "LEAST_NAMED", 2)
    monkeypatch.setattr(NameEncoder, "tells", True)
    prepared = prepare(tmp_path / "store", 32, str(write_encoder(tmp_path / "encoder", ears(), {})))
    bundle = write_hearing_bundle(tmp_path / "bundle", dict(prepared.model), dict(prepared.encoder_tensors))
    listener = Listener.open(bundle)
    assert {"audio", "emotions", "tags", "names"} < set(dict(listener.schema.layout))
    for row, trained in zip(Dataset(tmp_path / "store").iter_rows(), prepared.data.conditions, strict=True):
        clip = tmp_path / "clip.ogg"
        clip.write_bytes(row["audio"]["bytes"])
        mutagen.File(clip).delete()  # the clip is the user's own file, tags and all
        known, bare = (blocks(listener, c) for c in (trained, listener.condition(hear(clip), NOTHING)))
        assert (known["names"][0], bare["names"].any()) == (1, False)
        for block in known.keys() - {"names"}:
            assert known[block][0] == 1
            assert np.allclose(known[block], bare[block], atol=1e-5)
        tagged = mutagen.File(clip)
        tagged.update({name: row[name] for name in ("artist", "album", "title")})
        tagged.save()
        assert np.allclose(listener.condition(hear(clip), NOTHING), trained, atol=1e-5)


def test_a_tag_that_is_wished_for_replaces_what_is_guessed(hearing, songs):
    listener = Listener.open(hearing)
    heard = hear(songs[0])
    plain, wished = (blocks(listener, listener.condition(heard, Wishes(tags=tags))) for tags in ((), ("dub",)))
    assert ((plain["tags"] > 0) & (plain["tags"] < 1)).any()
    assert (wished["tags"] == np.eye(len(wished["tags"]))[1 + listener.schema.tags.index("dub")])[1:].all()
    for block in plain.keys() - {"tags"}:
        assert np.array_equal(plain[block], wished[block])


def test_an_album_of_one_is_the_track_itself(hearing, songs):
    listener = Listener.open(hearing)
    one, other = (listener.subject(song, NOTHING) for song in songs)
    album = listener.album("Single", [one])
    assert (album.name, album.music) == ("Single", one.music)
    assert np.array_equal(album.c, one.c)
    both = listener.album("Both", [one, other])
    assert np.allclose(both.c, (one.c + other.c) / 2, atol=1e-6)  # both have every block


def test_a_gain_changes_no_condition(hearing, songs, tmp_path):
    """How loud a file is says how it was mastered, not how its music sounds."""
    y, sr = soundfile.read(songs[1], dtype="float32")
    soundfile.write(tmp_path / "soft.wav", y / 8, sr, subtype="FLOAT")
    listener = Listener.open(hearing)
    plain, soft = (listener.condition(hear(track), NOTHING) for track in (songs[1], tmp_path / "soft.wav"))
    np.testing.assert_allclose(soft, plain, atol=1e-3)


def test_a_wish_overrules_what_is_heard_and_nothing_else(bundle, songs):
    listener = Listener.open(bundle)
    heard = hear(songs[0])
    plain = listener.condition(heard, NOTHING)
    wished = listener.condition(heard, Wishes({"energy": 1.0}))
    assert (plain != wished).sum() == 1
    tagged = listener.condition(heard, Wishes(tags=("techno",)))
    assert (plain != tagged).sum() == 2  # the tag and the presence of tags


@pytest.fixture
def spoiled(run, tmp_path):
    """`spoiled(**changes)`: a copy of a trained bundle whose model.json says something else."""

    def spoil(**changes) -> Path:
        bundle = shutil.copytree(next((run / "snapshots").iterdir()), tmp_path / "bundle")
        model = json.loads((bundle / "model.json").read_text())
        (bundle / "model.json").write_text(json.dumps({**model, **changes}))
        return bundle

    return spoil


@pytest.mark.parametrize(
    "changes",
    [
        {"condition": None},
        {"condition": {"version": 99}},
        {"condition": {"version": 1, "blocks": [], "attribute_mean": [], "attribute_std": [], "tags": []}},
        {"encoders": {"ear": {}}},
        {"encoders": {"pca": {}}},
        {"encoders": {"pca": None}},
        {"encoders": "pca"},
        {"encoders": {}},
        {"encoder": "ear"},
    ],
    ids=json.dumps,
)
def test_a_bundle_that_contradicts_itself_is_one_line_and_two(gatefold, spoiled, songs, tmp_path, changes):
    bundle = spoiled(**changes)
    done = gatefold("generate", "--model", bundle, "--out", tmp_path / "covers", songs[0])
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.count("\n") == 1
    assert done.err.startswith(str(bundle))


def test_wishes_that_a_model_cannot_hear_are_said(run):
    remarks = list(Listener.open(run).remarks(Wishes({"energy": 0.5}, ("techno",), 1988)))
    assert remarks == [
        "--year has no effect: this model knows no years",
        "this model does not know the tag techno; it knows: none",
    ]


def test_without_training_covers_there_is_nothing_to_prepare(tmp_path):
    from data.shards import DatasetWriter
    from data.table import make_row

    with DatasetWriter(tmp_path / "store") as writer:
        writer.write(make_row(track_id="a"))
    with pytest.raises(InputError, match="0 training tracks with a cover"):
        prepare(tmp_path / "store", 32, None)
