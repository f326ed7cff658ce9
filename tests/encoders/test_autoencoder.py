"""The denoising autoencoder: it starts as PCA, gives back what it heard, and is stored whole."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import InputError
from encoders import encoder_state, load_encoder
from encoders.autoencoder import Autoencoder, AutoencoderEncoder, AutoencoderOptions, AutoencoderSizes
from encoders.features import DESCRIPTOR_NAMES

D = len(DESCRIPTOR_NAMES)
QUICK = AutoencoderOptions(code_dim=5, hidden=8, steps=30, warmup_steps=5)


def random_x(n: int, seed: int = 0) -> np.ndarray:
    """Descriptors `[n, d]` that live near five dimensions, on very different scales."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(99).standard_normal((5, D))
    return (rng.standard_normal((n, 5)) @ axes + 0.1 * rng.standard_normal((n, D))) * np.geomspace(1e-3, 1e3, D)


@pytest.fixture(scope="module")
def fitted() -> AutoencoderEncoder:
    return AutoencoderEncoder(QUICK).fit(random_x(120))


def test_untrained_it_is_pca() -> None:
    torch.manual_seed(0)
    network = Autoencoder(AutoencoderSizes(code_dim=4)).eval()
    axes = torch.linalg.qr(torch.randn(D, 4))[0]
    network.start_from(axes)
    x = torch.randn(7, D)
    torch.testing.assert_close(network.decode(network.encode(x)), x @ axes @ axes.T)


def test_tracks_come_back_from_their_codes(fitted: AutoencoderEncoder) -> None:
    """Tracks that live near five dimensions return from five numbers, unheard ones too."""
    assert fitted.reconstruction(random_x(50, seed=1)) < 0.1
    assert fitted.reconstruction_of_pca(random_x(120), random_x(50, seed=1)) < 0.1


def test_where_the_world_is_bent_it_beats_pca() -> None:
    """One number decides all through curves: principal components need many, the autoencoder learns the curves."""
    rng = np.random.default_rng(0)
    waves = 2 * np.pi * rng.random(D)

    def bent(n: int, seed: int) -> np.ndarray:
        t = np.random.default_rng(seed).uniform(-2, 2, (n, 1))
        return np.sin(1.2 * t + waves)

    options = AutoencoderOptions(code_dim=1, hidden=64, steps=400, noise=0.0, blend=0.0, dropout=0.0, weight_decay=0.0,
                                 learning_rate=3e-3, warmup_steps=20)  # fmt: skip
    encoder = AutoencoderEncoder(options).fit(bent(300, 1))
    other = bent(100, 2)
    assert encoder.reconstruction(other) < 0.7 * encoder.reconstruction_of_pca(bent(300, 1), other)


def test_codes_are_standardised_and_do_not_depend_on_the_batch(fitted: AutoencoderEncoder) -> None:
    x = random_x(120)
    codes = fitted.encode_heard(x)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-4)
    np.testing.assert_array_equal(codes, np.concatenate([fitted.encode_heard(row[None]) for row in x]))
    assert fitted.encode_heard(np.zeros((0, D))).shape == (0, 5)
    assert np.isfinite(fitted.encode_heard(np.full((1, D), 1e30))).all()


def test_more_rows_are_learnt_from() -> None:
    one = AutoencoderEncoder(QUICK).train(random_x(30), 0)
    more = AutoencoderEncoder(QUICK).train(random_x(30), 0, random_x(300, seed=2))
    other = random_x(60, seed=3)
    assert more.reconstruction(other) < one.reconstruction(other)


def test_the_same_again_and_after_a_stop(tmp_path: Path, fitted: AutoencoderEncoder) -> None:
    assert AutoencoderEncoder(QUICK).fit(random_x(120)).fingerprint == fitted.fingerprint
    asked = iter([False] * 11 + [True])
    AutoencoderEncoder(QUICK).train(random_x(120), 0, folder=tmp_path, stop=lambda: next(asked))
    assert AutoencoderEncoder(QUICK).train(random_x(120), 0, folder=tmp_path).fingerprint == fitted.fingerprint


def test_state_round_trip(fitted: AutoencoderEncoder) -> None:
    config, tensors = encoder_state(fitted)
    again = load_encoder("autoencoder", json.loads(json.dumps(config)), tensors)
    assert again.fingerprint == fitted.fingerprint
    np.testing.assert_array_equal(again.encode_heard(random_x(9)), fitted.encode_heard(random_x(9)))


def test_it_hears_patches_too() -> None:
    """As an option it hears the sound itself: any length, one after another, also less than a patch."""
    rng = np.random.default_rng(0)
    heard = [rng.normal(-50, 10, (128, n)).astype(np.float32) for n in (20, 64, 200, 640)]
    encoder = AutoencoderEncoder(dataclasses.replace(QUICK, patches=True)).fit(heard)
    assert encoder.hears == "log_mel"
    codes = encoder.encode_heard(heard)
    assert codes.shape == (4, 5)
    again = load_encoder("autoencoder", encoder.config(), encoder.tensors())
    assert again.hears == "log_mel"
    np.testing.assert_array_equal(again.encode_heard(heard[:2]), codes[:2])


def test_an_autoencoder_of_before_modes_were_two_gives_the_codes_it_gave() -> None:
    old = AutoencoderEncoder(dataclasses.replace(QUICK, two_modes=False)).fit(random_x(60))
    config = old.config()
    del config["sizes"]["two_modes"]
    again = load_encoder("autoencoder", config, old.tensors())
    np.testing.assert_array_equal(again.encode_heard(random_x(9)), old.encode_heard(random_x(9)))


@pytest.mark.parametrize(
    ("x", "reason"), [(random_x(2), "too few"), (np.full((9, D), np.nan), "not finite"), ([], "too few")]
)
def test_unusable_training_data_is_refused(x: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        AutoencoderEncoder(QUICK).fit(x)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sizes": {}}, "its sizes are not"),
        ({"sizes": QUICK.sizes.to_json() | {"hidden": 9}}, "is not float32"),
        ({"sizes": QUICK.sizes.to_json() | {"patches": True}}, "another version"),
        ({"hears": "old"}, "another version"),
        ({"card": 1}, "card"),
        ({"more": 1}, "keys"),
    ],
)
def test_a_broken_configuration_is_refused(fitted: AutoencoderEncoder, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        load_encoder("autoencoder", fitted.config() | change, fitted.tensors())


@pytest.mark.parametrize("name", ["mean", "scale", "code_scale", "network/straight_in.weight"])
@pytest.mark.parametrize("harm", ["gone", "nan", "shape", "type"])
def test_broken_tensors_are_refused(fitted: AutoencoderEncoder, name: str, harm: str) -> None:
    tensors = fitted.tensors()
    array = tensors.pop(name)
    if harm != "gone":
        changed = {"nan": array * np.nan, "shape": array[:-1], "type": array.astype(np.float64)}[harm]
        tensors[name] = changed
    with pytest.raises(InputError):
        load_encoder("autoencoder", fitted.config(), tensors)
