"""The bundle that ships: small, honest about itself, and one that hears."""

import itertools

import numpy as np
import pytest

from data.associations import TRAITS, cover_traits
from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES
from data.covers import read_png
from data.pairing import draw_attributes
from gans.bundle import SHIPPED, load_bundle
from gans.sampling import generate_covers
from scripts.pipeline import Listener
from scripts.pretrain import measure_following


@pytest.fixture(scope="module")
def shipped():
    return load_bundle(SHIPPED)


def test_it_is_light_and_holds_its_three_files_alone():
    files = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert files.keys() == {"model.json", "generator.safetensors", "encoders.safetensors"}
    assert sum(files.values()) < 20e6
    assert files["encoders.safetensors"] < 8e6


def test_its_card_says_what_one_must_know(shipped):
    assert {"name", "what", "pairs", "learned", "weaknesses", "licences"} <= shipped.model["card"].keys()
    assert {"recipe", "images_shown", "resolution", "config", "data", "metrics"} <= shipped.model.keys()
    assert set(shipped.model["data"]["sources"]) == {"graphic", "painting"}


def test_it_has_all_encoders_and_says_how_they_took_the_old_ones_place(shipped):
    assert list(Listener(shipped).encoders) == ["cnn", "rnn", "autoencoder", "pca"]
    assert "is foretold from the one it hears now" in shipped.model["card"]["ears"]
    assert "of remixes of them" in shipped.model["card"]["licences"]


def test_covers_follow_the_music_beyond_chance_here_and_on_the_card(shipped):
    rng = np.random.default_rng(0)
    middle = np.tile([(a.low + a.high) / 2 for a in ATTRIBUTES], (150, 1))
    attributes = draw_attributes(middle, rng)
    measured = measure_following(shipped, (attributes, Listener(shipped).schema.assemble(attributes=attributes)))
    assert measured.keys() == shipped.model["metrics"]["follows"].keys()
    for follows in (measured, shipped.model["metrics"]["follows"]):
        beyond = [name for name, found in follows.items() if found["interval"][0] > 0 and found["r"] > found["chance"]]
        assert len(beyond) >= 3, follows


def test_three_tracks_of_one_seed_get_visibly_different_covers(gatefold, tmp_path):
    done = gatefold("demo", "--out", tmp_path)
    covers = [read_png(line)[0].astype(float) for line in done.lines[:3]]
    for a, b in itertools.combinations(covers, 2):
        assert np.abs(a - b).mean() > 10  # of 255


def test_more_energy_gives_busier_covers(shipped):
    """Everything else held, over many seeds: the sign that the card claims."""
    listener = Listener(shipped)
    attributes = np.full((2, len(ATTRIBUTE_NAMES)), np.nan)
    attributes[:, ATTRIBUTE_NAMES.index("energy")] = 0.1, 0.95
    attributes[:, ATTRIBUTE_NAMES.index("loudness")] = -20, -4
    calm, wild = listener.schema.assemble(attributes=attributes)
    busy = TRAITS.index("edges")
    edges = [
        cover_traits(generate_covers(shipped.generator, np.tile(c, (40, 1)), range(40)))[:, busy] for c in (calm, wild)
    ]
    assert (edges[1] > edges[0]).mean() > 0.7
