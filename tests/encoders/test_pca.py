"""The PCA encoder: its mathematics, its state, and that its code knows what the synthetic music is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data.errors import InputError
from encoders import ENCODERS
from encoders.features import DESCRIPTOR_NAMES
from encoders.pca import EMPHASIS, PCAEncoder, stand_out

D = len(DESCRIPTOR_NAMES)
MODE = DESCRIPTOR_NAMES.index("majorness")


def random_x(n: int, seed: int = 0) -> np.ndarray:
    """Descriptors `[n, d]` that live near five dimensions, on very different scales."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(99).standard_normal((5, D))
    return (rng.standard_normal((n, 5)) @ axes + 0.1 * rng.standard_normal((n, D))) * np.geomspace(1e-3, 1e3, D)


def test_whitened_codes_are_uncorrelated_with_variance_one() -> None:
    codes = PCAEncoder(5).fit(random_x(400)).encode_heard(random_x(400))
    np.testing.assert_allclose(np.cov(codes.T), np.eye(5), atol=1e-2)
    assert codes.dtype == np.float32


def test_without_whitening_the_variances_are_those_explained() -> None:
    x = random_x(300)
    encoder = PCAEncoder(5, whiten=False, two_modes=False).fit(x)
    variance = encoder.encode_heard(x).var(axis=0, ddof=1)
    total = D - len(EMPHASIS) + sum(loudness**2 for loudness in EMPHASIS.values())
    np.testing.assert_allclose(variance / (total * 300 / 299), encoder.explained_variance_ratio, rtol=1e-3)
    assert (np.diff(variance) <= 0).all()
    assert 0.9 < encoder.explained_variance_ratio.sum() <= 1  # five dimensions hold nearly all


def test_scale_and_offset_of_descriptors_do_not_matter() -> None:
    x = random_x(200)
    scale, offset = np.geomspace(1e2, 1e-2, D), np.linspace(-5, 5, D)
    plain = PCAEncoder(4).fit(x).encode_heard(x)
    moved = PCAEncoder(4).fit(x * scale + offset).encode_heard(x * scale + offset)
    np.testing.assert_allclose(moved, plain, atol=2e-2)


def test_the_same_in_any_batch_and_at_any_time() -> None:
    encoder = PCAEncoder(8).fit(random_x(100))
    x = random_x(30, seed=1)
    together = encoder.encode_heard(x)
    np.testing.assert_array_equal(together, np.concatenate([encoder.encode_heard(row[None]) for row in x]))
    assert PCAEncoder(8).fit(random_x(100)).fingerprint == encoder.fingerprint
    assert PCAEncoder(8).fit(random_x(101)).fingerprint != encoder.fingerprint
    assert encoder.encode_heard(np.zeros((0, D))).shape == (0, 8)


def test_a_descriptor_that_never_changed_is_not_heard() -> None:
    x = random_x(50)
    x[:, 3] = 7.0
    encoder = PCAEncoder(4).fit(x)
    other = x.copy()
    other[:, 3] = 1e6
    np.testing.assert_array_equal(encoder.encode_heard(other), encoder.encode_heard(x))


def test_one_absurd_track_stays_bounded() -> None:
    encoder = PCAEncoder(4).fit(random_x(100))
    assert np.abs(encoder.encode_heard(np.full((1, D), 1e30))).max() < 100


def test_state_round_trip() -> None:
    encoder = PCAEncoder(6).fit(random_x(80))
    config = json.loads(json.dumps(encoder.config()))
    again = ENCODERS["pca"].from_state(config, encoder.tensors())
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode_heard(random_x(9)), encoder.encode_heard(random_x(9)))


def test_a_mode_is_one_of_two() -> None:
    """Majorness levels off around its mean, the same on both sides; nothing else does."""
    standard = np.zeros((3, D), dtype=np.float32)
    standard[:, 1] = standard[:, MODE] = [-2, 0.1, 2]
    told = stand_out(standard, two_modes=True)
    np.testing.assert_allclose(told[:, MODE] / EMPHASIS["majorness"], np.tanh([-6, 0.3, 6]), rtol=1e-6)
    np.testing.assert_array_equal(told[:, 1], standard[:, 1])
    np.testing.assert_allclose(stand_out(standard, two_modes=False)[:, MODE], [-10, 0.5, 10], rtol=1e-6)
    assert standard[0, MODE] == -2  # what was given is left as it is


def test_an_encoder_of_before_modes_were_two_gives_the_codes_it_gave() -> None:
    encoder = PCAEncoder(6, two_modes=False).fit(random_x(80))
    config = encoder.config()
    del config["two_modes"]
    again = PCAEncoder.from_state(config, encoder.tensors())
    np.testing.assert_array_equal(again.encode_heard(random_x(9)), encoder.encode_heard(random_x(9)))
    assert not np.allclose(PCAEncoder(6).fit(random_x(80)).encode_heard(random_x(9)), encoder.encode_heard(random_x(9)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"two_modes": 1}, "wrong type"),
        ({"code_dim": 7}, "tensor axes"),
        ({"code_dim": 0}, "code_dim is 0"),
        ({"code_dim": "6"}, "wrong type"),
        ({"whiten": 1}, "wrong type"),
        ({"descriptors": "old"}, "another version"),
        ({"explained_variance_ratio": [0.1]}, "another size"),
        ({"explained_variance_ratio": "much"}, "not a list of numbers"),
        ({"more": 1}, "keys"),
    ],
)
def test_broken_configuration_is_refused(change: dict[str, object], reason: str) -> None:
    encoder = PCAEncoder(6).fit(random_x(80))
    with pytest.raises(InputError, match=reason):
        PCAEncoder.from_state(encoder.config() | change, encoder.tensors())


@pytest.mark.parametrize("array", [None, np.zeros(3, np.float32), np.zeros(D), np.full(D, np.nan, np.float32)])
def test_broken_tensors_are_refused(array: np.ndarray | None) -> None:
    encoder = PCAEncoder(6).fit(random_x(80))
    with pytest.raises(InputError, match="tensor mean"):
        PCAEncoder.from_state(encoder.config(), encoder.tensors() | {"mean": array})


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (random_x(4), "too few"),
        (np.zeros((50, 3)), "needs finite descriptors"),
        (np.full((50, D), np.nan), "needs finite descriptors"),
    ],
)
def test_unusable_training_data_is_refused(x: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        PCAEncoder(4).fit(x)


def test_other_descriptors_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="fitted to"):
        PCAEncoder(4).fit(random_x(20)).encode_heard(np.zeros((2, 5)))


@pytest.mark.parametrize("truth", ["tempo_bpm", "energy", "major"])
def test_the_code_knows_the_music(world, truth: str) -> None:
    """A linear probe on 32 numbers, fitted to 320 tracks, on 80 tracks of other artists: R² (chance is 0)."""
    encoder = PCAEncoder(32).fit(world.x[:320])
    codes = encoder.encode(world.features)
    y = world.truth(truth)
    design = np.column_stack([codes, np.ones(len(codes))])
    weights = np.linalg.lstsq(design[:320], y[:320], rcond=None)[0]
    residual = y[320:] - design[320:] @ weights
    r2 = 1 - (residual**2).sum() / ((y[320:] - y[320:].mean()) ** 2).sum()
    assert r2 > 0.7
