"""Other ears for a finished bundle: where they hear the same in another way, covers stay; what does not fit is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.shards import Dataset
from data.synthetic import write_world
from encoders.heard import dataset_codes
from encoders.stored import write_encoder
from scripts.ears import bundle_extras
from scripts.making import Wishes
from scripts.pipeline import Listener
from scripts.rehear import foretell, rehear
from tests.scripts.ears import hearing_schema, random_pca, untrained_cnn, untrained_rnn, write_hearing_bundle
from tests.scripts.verbs import run_alone


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_world(tmp_path_factory.mktemp("world") / "music", 60, seed=5, duration_s=1.5, resolution=32)


def settled(encoder: Any, music: Dataset) -> Any:
    """With codes of unit scale, as training leaves them."""
    encoder.standardise_codes(np.asarray(dataset_codes(music, encoder)))
    return encoder


SCALE, SHIFT = np.linspace(0.8, 1.6, 6, dtype=np.float32), np.linspace(-0.3, 0.3, 6, dtype=np.float32)


def turned(encoder: Any) -> Any:
    """The same network with the same answers, whose code is told in other units and from another zero: the old code
    is `SCALE` times the new one and `SHIFT`."""
    encoder.code_mean = encoder.code_mean + encoder.code_scale * SHIFT
    encoder.code_scale = encoder.code_scale * SCALE
    arrays = encoder.heads.tensors()
    for kind in ("genre", "tag", "emotion"):
        weight = arrays[f"{kind}_weight"]
        arrays |= {f"{kind}_weight": SCALE[:, None] * weight, f"{kind}_bias": arrays[f"{kind}_bias"] + SHIFT @ weight}
    encoder.heads = replace(encoder.heads, **arrays)
    return encoder


@pytest.fixture(scope="module")
def own_bundle(music: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = settled(untrained_cnn(), music)
    extras = bundle_extras(hearing_schema(own.code_dim), own, others=[random_pca()])
    return write_hearing_bundle(tmp_path_factory.mktemp("bundles") / "own", *extras)


def cover(listener: Listener, song: Path) -> np.ndarray:
    return listener.draw(listener.subject(song, Wishes()).c, 1, 1.0, 1.0).astype(int)


def test_a_code_in_other_units_is_foretold_whole(music):
    old, new = settled(untrained_cnn(), music), turned(settled(untrained_cnn(), music))
    matrix, offset, share = foretell(old, new, music)
    assert share > 0.999
    np.testing.assert_allclose(matrix, np.diag(SCALE), atol=0.02)
    np.testing.assert_allclose(offset, SHIFT, atol=0.02)


def test_what_hears_something_else_foretells_less(music):
    assert foretell(settled(untrained_cnn(), music), random_pca(), music)[2] < 0.9


def test_covers_stay_where_the_new_ears_hear_the_same(own_bundle, music, songs, tmp_path, capsys):
    ears = turned(settled(untrained_cnn(), music))
    write_encoder(tmp_path / "ears", ears, {})
    words = (own_bundle, music.folder, "--encoder", tmp_path / "ears", "--out", tmp_path / "new")
    assert run_alone(rehear, *words, "--pairs", music.folder) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "new")
    before, after = Listener.open(own_bundle), Listener.open(tmp_path / "new")
    assert after.own_encoder.fingerprint == ears.fingerprint
    assert list(after.encoders) == ["cnn", "pca"]  # those of other names stay
    model = after.bundle.model
    assert "100.0% is foretold" in model["card"]["ears"]
    assert set(model["metrics"]) == {
        "frechet", "frechet_of_training_covers", "kernel", "kernel_of_training_covers", "follows",
    }  # fmt: skip
    for song in songs:
        assert np.abs(cover(before, song) - cover(after, song)).max() <= 4, song


def test_ears_of_another_kind_take_the_place_and_the_old_ones_travel_on(own_bundle, music, songs, tmp_path, capsys):
    write_encoder(tmp_path / "rnn", settled(untrained_rnn(), music), {})
    words = (own_bundle, music.folder, "--encoder", tmp_path / "rnn", "--out", tmp_path / "new")
    assert run_alone(rehear, *words) == 0
    after = Listener.open(tmp_path / "new")
    assert after.own_encoder.name == "rnn"
    assert list(after.encoders) == ["cnn", "rnn", "pca"]
    assert dict(after.bundle.layout)["audio"] == 4
    assert set(after.bundle.model["metrics"]) == {"follows"}
    share = float(re.search(r"([\d.]+) of the variance", capsys.readouterr().err)[1])
    assert f"{share:.1%} is foretold" in after.bundle.model["card"]["ears"]
    assert np.abs(cover(after, songs[0]) - cover(after, songs[1])).mean() > 1


def test_what_cannot_be_done_is_one_line(bundle, own_bundle, music, tmp_path, capsys):
    new = tmp_path / "new"
    few = write_world(tmp_path / "few", 8, seed=1, duration_s=1.5, resolution=16).folder
    for words, reason in (
        ((bundle, music.folder, "--encoder", "cnn", "--out", new), "hears no code of a track"),
        ((own_bundle, music.folder, "--encoder", "ear", "--out", new), "has no encoder 'ear'"),
        ((own_bundle, music.folder, "--encoder", "pca", "--out", own_bundle), "is there already"),
        ((own_bundle, few, "--encoder", "pca", "--out", new), "artists can be heard, and 5 are needed"),
    ):
        assert run_alone(rehear, *words) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert "Traceback" not in error
    assert not new.exists()
