"""`gatefold align`: after it, covers of an unconditional model follow the track."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.covers import read_png
from data.synthetic import write_world
from encoders.stored import write_encoder
from gans.align import AlignedGenerator
from gans.bundle import load_bundle, write_bundle
from scripts.rehear import rehear
from tests.gans.pickled import small_generator
from tests.scripts.ears import random_pca
from tests.scripts.verbs import run_alone

N_TRACKS = 26


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("align") / "world", N_TRACKS, seed=1, duration_s=2.0).folder


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory):
    generator = small_generator()
    sizes = {"resolution": 32, "c_dim": 0, "z_dim": 8, "w_dim": 12, "mapping_layers": 2}
    options = {**sizes, "base_channels": 512, "max_channels": 24}
    card = {"recipe": "adopted", "network": "stylegan2", "resolution": 32, "generator": options, "layout": []}
    return write_bundle(tmp_path_factory.mktemp("align") / "plain", generator, card)


@pytest.fixture(scope="module")
def ears(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("align") / "pca", random_pca(4), {})


@pytest.fixture
def aligned(gatefold, unconditional, world, ears, tmp_path):
    done = gatefold("align", unconditional, world, "--encoder", ears, "--out", tmp_path / "aligned")
    assert done.code == 0, done.err
    assert done.lines == [str(tmp_path / "aligned")]
    assert "from N(0, 1)" in done.err.splitlines()[-1]
    return tmp_path / "aligned"


def cover(gatefold, model, out, *words):
    done = gatefold("generate", "--model", model, "--finish", "raw", "--out", out, *words)
    assert done.code == 0, done.err
    return [read_png(path)[0].astype(int) for path in done.lines]


def test_each_track_gets_its_own_covers_which_can_be_made_again(gatefold, aligned, unconditional, songs, tmp_path):
    plain = cover(gatefold, unconditional, tmp_path / "plain", *songs)
    assert np.array_equal(*plain)
    calm, other_calm, loud, _ = cover(gatefold, aligned, tmp_path / "covers", "--count", 2, *songs)
    assert not np.array_equal(calm, loud)
    assert 0 < np.abs(calm - other_calm).mean() < np.abs(calm - loud).mean()
    path = tmp_path / "covers" / "calm-0.png"
    again = gatefold("reproduce", "--model", aligned, path, songs[0])
    assert json.loads(again.out)["same"] is True
    deaf = cover(gatefold, aligned, tmp_path / "deaf", "--strength", 0, songs[0])
    assert np.array_equal(deaf[0], plain[0])
    album = cover(gatefold, aligned, tmp_path / "album", "--album", "both", *songs)
    assert not np.array_equal(album[0], calm)


def test_the_card_says_what_it_was_aligned_to(aligned, unconditional):
    bundle = load_bundle(aligned)
    assert isinstance(bundle.generator, AlignedGenerator)
    said = bundle.model["aligned"]
    assert (said["dataset"], said["covers"]) == ("world", False)
    assert 0 < said["ks_distance"] < 0.5
    assert bundle.model["network"] == "stylegan2"
    assert bundle.model["layout"] == [["audio", 4]]
    network = bundle.generator.network.state_dict()
    assert all(
        np.array_equal(network[name], tensor)
        for name, tensor in load_bundle(unconditional).generator.state_dict().items()
    )


def test_aligning_an_aligned_bundle_starts_from_the_generator_behind_it(gatefold, aligned, world, ears):
    done = gatefold("align", aligned, world, "--own", 1)
    assert done.code == 0, done.err
    again = load_bundle(aligned.with_name("aligned-aligned"))  # with the encoder that the bundle brings
    assert again.model["alignment"]["own"] == 1
    assert isinstance(again.generator, AlignedGenerator)
    assert not isinstance(again.generator.network, AlignedGenerator)


def test_covers_of_the_dataset_turn_it(gatefold, aligned, unconditional, world, ears, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.align.SAMPLES", 60)
    done = gatefold("align", unconditional, world, "--encoder", ears, "--covers", "--out", tmp_path / "turned")
    assert done.code == 0, done.err
    turned, plain = load_bundle(tmp_path / "turned"), load_bundle(aligned)
    assert turned.model["aligned"]["covers"] is True
    assert not np.allclose(turned.generator.alignment.spread, plain.generator.alignment.spread)


def test_what_cannot_be_aligned_is_one_line_and_two(gatefold, unconditional, bundle, world, ears, tmp_path):
    few = write_world(tmp_path / "few", 6, seed=1, duration_s=2.0).folder
    silent = write_world(tmp_path / "silent", 20, seed=1, audio=False).folder
    for words, says in [
        ([bundle, world, "--encoder", ears], "hears conditions already"),
        ([unconditional, few, "--encoder", ears], "tracks are too few to align to"),
        ([unconditional, silent, "--encoder", ears], "has no audio"),
        ([unconditional, world, "--encoder", "nose"], "has no encoder 'nose'"),
        ([unconditional, world, "--jobs", 0], "--jobs"),
        ([unconditional, tmp_path / "none", "--encoder", ears], "none"),
        ([tmp_path / "none", world, "--encoder", ears], "no such bundle"),
        ([unconditional, world, "--out", world], "is there already"),
    ]:
        out = [] if "--out" in words else ["--out", tmp_path / "out"]
        done = gatefold("align", *words, *out)
        assert (done.code, done.out) == (2, ""), words
        assert says in done.err
        assert done.err.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_other_ears_are_aligned_anew_not_foretold(aligned, world, ears, tmp_path, capfd):
    assert run_alone(rehear, aligned, world, "--encoder", ears, "--out", tmp_path / "new") == 2
    assert "gatefold align gives it another" in capfd.readouterr().err
    assert not (tmp_path / "new").exists()
