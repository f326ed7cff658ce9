"""`gatefold adopt`: a pickle in, a bundle out that covers are generated with."""

from __future__ import annotations

import json
import os
import pickle
from hashlib import sha256

import numpy as np
import pytest
import torch

from data.covers import to_uint8
from gans.bundle import load_bundle
from gans.sampling import generate_cover, latent_of_seed
from tests.gans.pickled import small_generator, stylegan2, write_pickle


@pytest.fixture
def network(tmp_path):
    return write_pickle(tmp_path / "network.pkl", {"G_ema": stylegan2(small_generator())})


def test_a_pickle_becomes_a_bundle_that_draws_the_same(gatefold, network, songs, tmp_path):
    done = gatefold("adopt", network, tmp_path / "adopted")
    assert (done.code, done.err, done.lines) == (0, "", [str(tmp_path / "adopted")])
    bundle = load_bundle(tmp_path / "adopted")
    expected = to_uint8(small_generator()(latent_of_seed(3, 8)[None], torch.zeros(1, 0))[0]).numpy()
    assert np.array_equal(generate_cover(bundle.generator, None, 3), expected)
    made_from = {"file": "network.pkl", "sha256": sha256(network.read_bytes()).hexdigest(), "training_data": "unknown"}
    assert bundle.model["adopted"] == made_from
    cover = gatefold(
        "generate", "--model", tmp_path / "adopted", "--finish", "raw", "--out", tmp_path / "covers", songs[0]
    )
    assert (cover.code, cover.err) == (0, "")
    again = gatefold("reproduce", "--model", tmp_path / "adopted", cover.out.strip(), songs[0])
    assert json.loads(again.out)["same"] is True


def test_a_hostile_pickle_is_one_line_and_nothing_happens(gatefold, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps({"G_ema": Bomb()}))
    done = gatefold("adopt", tmp_path / "bomb.pkl", tmp_path / "adopted")
    assert (done.code, done.out) == (2, "")
    line = "refused: it would have Python call or load posix.mkdir"
    assert done.err == f"{tmp_path / 'bomb.pkl'}: {line}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.pkl"]


def test_nothing_is_written_over_what_is_there(gatefold, network, tmp_path):
    for there in (network, tmp_path):
        done = gatefold("adopt", network, there)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"{there}: is there already: name a new folder\n"
