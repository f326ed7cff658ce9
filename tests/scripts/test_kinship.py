"""`python -m scripts.kinship`: one figure where a dataset has albums and genres, one line where it has none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.errors import InputError
from data.labels import album_groups
from data.shards import DatasetWriter
from data.synthetic import draw_tracks, write_world
from data.table import make_row
from encoders.schema import make_schema
from scripts.ears import bundle_extras
from scripts.kinship import kinship, score_kinship
from tests.scripts.ears import write_hearing_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    schema = make_schema(tags=[[track.style] for track in draw_tracks(60, 2)])
    return write_hearing_bundle(tmp_path_factory.mktemp("bundles") / "own", *bundle_extras(schema, None))


def test_albums_and_genres_give_one_figure(tmp_path, bundle, capsys):
    world = write_world(tmp_path / "world", 60, 2, resolution=32, audio=False)
    kinship(bundle, world.folder)
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "one album beside two genres"
    assert told["chance"] == 1
    assert told["n"] >= 5
    low, high = told["interval"]
    assert 0 <= low <= told["value"] <= high
    kinship(bundle, world.folder)
    assert json.loads(capsys.readouterr().out) == told


def test_covers_that_are_one_to_a_genre_show_it(tmp_path):
    world = write_world(tmp_path / "world", 60, 2, resolution=32, audio=False)
    albums, rows = album_groups(world), np.arange(60)
    c = np.unique(albums, return_inverse=True)[1][:, None].astype(np.float32)

    def draw(c, seed):
        return np.broadcast_to((3 * c[:, :1, None, None]), (len(c), 3, 16, 16)).astype(np.uint8)

    figure = next(score_kinship("own", draw, world, rows, c))
    assert figure.value == 0


def test_without_albums_there_is_one_line(tmp_path, bundle):
    with DatasetWriter(tmp_path / "store") as writer:
        for place in range(12):
            genres = [("folk", "dub")[place % 2]]
            writer.write(make_row(track_id=f"t{place}", artist=f"a{place}", genres=genres, split="train", energy=0.5))
    with pytest.raises(InputError, match="fewer than 5 pairs of one album"):
        kinship(bundle, tmp_path / "store")
