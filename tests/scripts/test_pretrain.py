"""What is said of the shipped model: by clips of no pair, heard bare, and by the ears that it was made with."""

import numpy as np
import pytest
import torch

from data.attributes import ATTRIBUTE_NAMES
from data.audio import load_audio
from data.errors import InputError
from data.files import read_json
from data.shards import Dataset
from data.synthetic import write_world
from encoders.conditions import track_condition
from encoders.features import compute_features
from encoders.heard import dataset_features
from encoders.training import CONFIG_FILE
from gans.bundle import load_bundle
from gans.fine_tune import Start
from gans.recipes import resolve
from scripts import built
from scripts.ears import bundle_extras
from scripts.pretrain import (
    CARD,
    FOLLOWED,
    FURTHER,
    LEARNT,
    OPTIONS,
    RECIPE,
    bare_conditions,
    blend,
    finish,
    measure_following,
    options_after,
    told_of_stages,
)
from scripts.teach import ears_of, teach_ears
from tests.scripts.ears import hearing_schema, random_pca, untrained_cnn, write_hearing_bundle


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world") / "music", 60, seed=1, duration_s=1.5, resolution=16)


def test_held_out_clips_are_heard_as_bare_tracks(music):
    ears = untrained_cnn()
    schema = hearing_schema(ears.code_dim)
    attributes, c = bare_conditions(music, schema, ears)
    rows = np.setdiff1d(music.indices("all"), music.indices("train"))
    assert len(attributes) == len(c) == len(rows) > 3
    estimated = dataset_features(music).attributes(rows)
    assert np.array_equal(attributes, estimated, equal_nan=True)
    excerpt = load_audio(music.row(int(rows[0]))["audio"]["bytes"]).at_full_scale()
    own = dict(zip(ATTRIBUTE_NAMES, map(float, estimated[0]), strict=True))
    alone = track_condition(schema, ears, compute_features(excerpt.y, excerpt.sr), attributes=own)
    assert c[0] == pytest.approx(alone, abs=1e-5)


def test_a_finished_bundle_has_its_ears_its_card_and_what_was_measured(music, tmp_path):
    ears, other = untrained_cnn(), random_pca()
    model, tensors = bundle_extras(hearing_schema(ears.code_dim), ears)
    snapshot = write_hearing_bundle(tmp_path / "snapshot", {**model, "metrics": {"frechet": 1.0}}, tensors)
    finish(snapshot, music, tmp_path / "bundle", [ears, other])
    made = load_bundle(tmp_path / "bundle")
    assert made.model["card"] == CARD
    assert set(made.model["encoders"]) == {"cnn", "pca"}
    assert made.model["metrics"]["frechet"] == 1.0
    assert set(made.model["metrics"]["follows"]) == {f"{a} → {trait}" for a, trait in FOLLOWED}


def test_ears_that_the_conditions_were_not_made_with_are_refused(hearing, music, tmp_path):
    with pytest.raises(InputError, match="was not trained with the encoder pca"):
        finish(hearing, music, tmp_path / "bundle", [random_pca()])
    assert not (tmp_path / "bundle").exists()


def test_a_training_begun_with_a_bundle_hears_and_ships_with_its_ears(music, tmp_path):
    """Ears trained anew are never just those that the bundle's conditions are made with."""
    ears, other = untrained_cnn(), random_pca()
    model, tensors = bundle_extras(hearing_schema(ears.code_dim), ears, others=[other])
    start = write_hearing_bundle(tmp_path / "start", {**model, "metrics": {}}, tensors)
    found = ears_of(start)
    assert [each.fingerprint for each in found] == [ears.fingerprint, other.fingerprint]
    finish(start, music, tmp_path / "bundle", found)
    assert ears_of(tmp_path / "bundle")[0].fingerprint == ears.fingerprint
    assert ears_of(None) == []


def test_the_taught_hear_remixes_too(music, tmp_path, monkeypatch):
    monkeypatch.setattr(built, "REMIXES", 1)
    taught = teach_ears(tmp_path / "data", tmp_path / "store", music, tmp_path / "ears", steps=2)
    assert [each.name for each in taught] == ["cnn", "rnn", "autoencoder", "pca"]
    remixes = Dataset(tmp_path / "store" / "remixes")
    assert len(remixes) == (len(music) - len(music.indices("validation")))
    assert read_json(tmp_path / "ears" / "cnn" / CONFIG_FILE)["data"]["also"] == [remixes.fingerprint]


def test_of_too_few_clips_nothing_is_said(hearing):
    assert measure_following(load_bundle(hearing), (np.zeros((3, 10)), np.zeros((3, 5)))) == {}


def test_the_card_says_which_kinds_of_pairs_there_are_and_what_was_not_learned():
    assert CARD["kinds_of_pairs"] == ["crossmodal", "genre"]
    assert "No true pairs" in CARD["pairs"]
    assert "has not learned what covers of real tracks look like" in CARD["learned"]


def test_a_fresh_discriminator_leads_and_one_that_comes_with_the_weights_does_not():
    """The options of each are ones that the recipe hears."""
    bundle, run = Start("0", "small", {}, {}), Start("0", "small", {}, {"verdict.head.bias": None})
    assert options_after(None) == OPTIONS
    assert options_after(bundle) == FURTHER
    led, went_on = (resolve(RECIPE, options_after(begun)) for begun in (bundle, run))
    assert 0 < led.lead_images < led.total_images
    assert went_on.lead_images == 0


@pytest.mark.parametrize(
    ("before", "led", "told"),
    [
        ({}, 16_000, "1,000 images (abc). Its discriminator began afresh and learnt alone for 16,000; rates fell"),
        ({"started_from": "def"}, 0, "(abc), which had begun with those of another (def). Its discriminator went on"),
    ],
)
def test_the_card_tells_what_a_training_began_with(before, led, told):
    last = {"started_from": "abc", "config": {"lead_images": led}}
    assert told in told_of_stages({"images_shown": 1000, **before}, last)


def test_a_finished_bundle_lies_between_the_beginning_and_the_end_and_is_scored_there(music, tmp_path):
    ears = untrained_cnn()
    model, tensors = bundle_extras(hearing_schema(ears.code_dim), ears)
    model |= {"metrics": {"frechet": 1.0}, "images_shown": 8, "started_from": "abc", "config": {"lead_images": 4}}
    first = write_hearing_bundle(tmp_path / "first", model, tensors)
    snapshot = write_hearing_bundle(tmp_path / "snapshot", model, tensors)
    seen = []
    finish(
        snapshot,
        music,
        tmp_path / "bundle",
        [ears],
        first,
        lambda generator: seen.append(generator) or {"frechet": 0.5},
    )
    made = load_bundle(tmp_path / "bundle").model
    assert (made["metrics"]["frechet"], len(seen)) == (0.5, 1)
    assert "75% of the way" in made["card"]["stages"]
    last, begun = (load_bundle(path).generator for path in (snapshot, first))
    with torch.no_grad():
        for weights in last.parameters():
            weights.add_(1)
    blend(last, begun.state_dict())
    for moved, weights in zip(last.parameters(), begun.parameters(), strict=True):
        torch.testing.assert_close(moved, weights + LEARNT)
    with pytest.raises(InputError, match="of other sizes"):
        blend(last, {})
