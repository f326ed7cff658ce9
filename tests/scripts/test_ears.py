"""The encoders of a bundle: what is written is what is read, the right one is meant, contradictions are said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from data.audio import load_audio
from data.errors import InputError
from encoders import ENCODERS
from encoders.features import compute_features
from encoders.name_training import Targets
from encoders.names import NameEncoder
from encoders.stored import write_encoder
from gans.bundle import load_bundle
from scripts.ears import BEST, bundle_extras, own_encoder, pick, read_ears, read_name_encoder
from scripts.pipeline import Listener
from tests.scripts.ears import hearing_schema, random_pca, untrained_cnn, write_hearing_bundle


def test_what_is_written_is_what_is_read(hearing, songs):
    excerpt = load_audio(songs[0])
    features = compute_features(excerpt.y, excerpt.sr)
    bundle = load_bundle(hearing)
    encoders = read_ears(bundle)
    assert list(encoders) == ["cnn", "pca"]  # the best first
    for written in (untrained_cnn(), random_pca()):
        read = encoders[written.name]
        assert np.array_equal(read.encode([features]), written.encode([features]))
        assert read.heads.config() == written.heads.config()
        code = read.encode([features])
        assert np.array_equal(read.heads.emotions(code), written.heads.emotions(code))
    assert own_encoder(bundle, encoders) is encoders["cnn"]
    assert read_name_encoder(bundle) is None


def test_every_encoder_has_its_place_among_the_best():
    assert sorted(BEST) == sorted(ENCODERS)


def test_an_encoder_of_names_travels_too(tmp_path):
    names = [(f"Artist {n}", "Album", "Song") for n in range(6)]
    codes = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    encoder = NameEncoder(code_dim=4).fit(names, Targets({"codes": codes}, None))
    model, tensors = bundle_extras(hearing_schema(3), random_pca(), encoder)
    read = read_name_encoder(load_bundle(write_hearing_bundle(tmp_path / "bundle", model, tensors)))
    assert read is not None
    assert read.fingerprint == encoder.fingerprint
    del tensors["names/weight"]
    broken = load_bundle(write_hearing_bundle(tmp_path / "broken", model, tensors))
    with pytest.raises(InputError, match=r"broken: its encoder of names cannot be read .*tensor weight"):
        read_name_encoder(broken)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The working directory, with an encoder in a folder that is called like one of the bundle's."""
    monkeypatch.chdir(tmp_path)
    write_encoder(tmp_path / "cnn", random_pca(5), {})
    return tmp_path


def test_a_name_means_the_models_own_wherever_the_command_runs(hearing, elsewhere):
    encoders = read_ears(load_bundle(hearing))
    assert pick(encoders, "cnn", hearing) is encoders["cnn"]
    assert pick(encoders, "./cnn", hearing).code_dim == 5
    assert Listener.open(hearing).encoder() is not None
    assert Listener.open(hearing).encoder().name == "cnn"
    with pytest.raises(InputError, match=r"has no encoder 'rnn'; it has: cnn, pca$"):
        pick(encoders, "rnn", hearing)


def changed(bundle: Path, folder: Path, **changes: object) -> Path:
    shutil.copytree(bundle, folder)
    model = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**model, **changes}))
    return folder


@pytest.mark.parametrize("wish", ["rnn", "./cnn", ["cnn"], {}], ids=str)
def test_a_card_names_no_encoder_outside_its_bundle(hearing, elsewhere, wish):
    with pytest.raises(InputError, match=r"model\.json: its conditions need an encoder that it lacks"):
        Listener.open(changed(hearing, elsewhere / "bundle", encoder=wish))


def test_a_code_that_does_not_fit_its_block_is_said(hearing, tmp_path):
    with pytest.raises(InputError, match=r"its block audio has 6 values, the code for it 3"):
        Listener.open(changed(hearing, tmp_path / "bundle", encoder="pca"))


def test_damaged_heads_are_said(hearing, tmp_path):
    encoders = json.loads((hearing / "model.json").read_text())["encoders"]
    encoders["cnn"]["heads"]["temperature"] = -1.0
    with pytest.raises(InputError, match=r"bundle: its encoder cnn cannot be read \(heads: temperature"):
        Listener.open(changed(hearing, tmp_path / "bundle", encoders=encoders))
