"""A bundle's ears: what travels with the weights is what training heard with, and contradictions are said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.shards import Dataset
from scripts.making import Wishes
from scripts.pipeline import Listener, hear
from scripts.prepare import prepare

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
