"""Encoders that hear together: codes side by side, answers averaged, one fingerprint, and what cannot be joined."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.synthetic import draw_tracks, synthesize
from encoders import encoder_state, load_encoder
from encoders.autoencoder import AutoencoderEncoder
from encoders.base import Encoder
from encoders.features import Features, compute_features
from encoders.heads import Heads
from encoders.stored import read_encoder, write_encoder
from encoders.together import Together, members_of
from tests.scripts.ears import random_pca, untrained_cnn, untrained_rnn


@pytest.fixture(scope="module")
def tracks() -> list[Features]:
    return [compute_features(synthesize(track, 1.5 + at), 22050) for at, track in enumerate(draw_tracks(2, seed=0))]


@pytest.fixture
def both() -> Together:
    return Together([untrained_cnn(6), untrained_rnn(4)])


def test_the_code_is_theirs_one_after_the_other(both: Together, tracks: list[Features]) -> None:
    cnn, rnn = both.members
    assert (both.name, both.hears, both.code_dim) == ("cnn+rnn", "log_mel", 10)
    codes = both.encode(tracks)
    np.testing.assert_array_equal(codes[:, :6], cnn.encode(tracks))
    np.testing.assert_array_equal(codes[:, 6:], rnn.encode(tracks))
    assert codes.dtype == np.float32


def test_answers_are_the_mean_of_calibrated_logits_and_of_emotions(tracks: list[Features]) -> None:
    """By hand: p is in proportion to the root of the product of the members' own probabilities."""
    members = [untrained_cnn(6), untrained_rnn(4)]
    members[0].heads = dataclasses.replace(members[0].heads, temperature=2.0)
    both = Together(members)
    codes = both.encode(tracks)
    own = [(each.heads, each.encode(tracks)) for each in members]
    odds = np.sqrt(np.prod([heads.genre_probabilities(c) for heads, c in own], axis=0, dtype=np.float64))
    np.testing.assert_allclose(both.heads.genre_probabilities(codes), odds / odds.sum(axis=1, keepdims=True), rtol=1e-5)
    p = np.array([heads.tag_probabilities(c) for heads, c in own], dtype=np.float64)
    logits = np.log(p / (1 - p)).mean(axis=0)
    np.testing.assert_allclose(both.heads.tag_probabilities(codes), 1 / (1 + np.exp(-logits)), rtol=1e-4)
    felt = np.array([heads.emotions(c) for heads, c in own])
    inside = ((felt > 0) & (felt < 1)).all(axis=0)  # a share is held within 0 and 1
    assert inside.any()
    np.testing.assert_allclose(both.heads.emotions(codes)[inside], felt.mean(axis=0)[inside], rtol=1e-4)
    assert both.heads.temperature == 1.0


def test_a_member_that_knows_other_genres_or_nothing_has_no_say(tracks: list[Features]) -> None:
    first, second = untrained_cnn(6), untrained_rnn(4)
    second.heads = dataclasses.replace(second.heads, genres=("jazz", "soul"))
    both = Together([first, second])
    codes = both.encode(tracks)
    assert both.heads.genres == first.heads.genres
    expected = first.heads.genre_probabilities(first.encode(tracks))
    np.testing.assert_allclose(both.heads.genre_probabilities(codes), expected, rtol=1e-5)
    first.heads = Heads()
    alone = Together([first, second]).heads
    assert alone.genres == ("jazz", "soul")
    expected = second.heads.emotions(second.encode(tracks))
    np.testing.assert_allclose(alone.emotions(codes), expected, rtol=1e-5)
    second.heads = Heads()
    assert not Together([first, second]).heads


def test_a_state_gives_the_same_codes_and_answers_back(both: Together, tracks: list[Features], tmp_path: Path) -> None:
    """Also by way of a folder, whose JSON is sorted by key: the order of the members stays."""
    turned = Together(both.members[::-1])
    for encoder in (both, turned):
        states: list[Encoder] = [load_encoder(encoder.name, *encoder_state(encoder))]
        states.append(read_encoder(write_encoder(tmp_path / encoder.name, encoder, {})))
        for again in states:
            assert again.fingerprint == encoder.fingerprint
            np.testing.assert_array_equal(again.encode(tracks), encoder.encode(tracks))
            codes = encoder.encode(tracks)
            expected = encoder.heads.genre_probabilities(codes)
            np.testing.assert_array_equal(again.heads.genre_probabilities(codes), expected)
    assert both.fingerprint != turned.fingerprint


@pytest.mark.parametrize(
    "members",
    [{}, {"members": "cnn"}, {"members": [{"name": "cnn"}]}, {"members": []}, {"members": [{"name": 1, "config": {}}]}],
    ids=str,
)
def test_a_broken_state_is_one_line(members: dict[str, object]) -> None:
    with pytest.raises(InputError):
        load_encoder("cnn+rnn", members, {})


def test_what_cannot_hear_together_is_said(both: Together) -> None:
    with pytest.raises(InputError, match=r"cnn\+pca: these cannot hear together: cnn hears log_mel, pca hears desc"):
        Together([untrained_cnn(), random_pca()])
    with pytest.raises(InputError, match="two or more different encoders"):
        Together([untrained_cnn()])
    with pytest.raises(InputError, match="two or more different encoders"):
        Together([both, untrained_cnn()])


def test_the_members_of_one_are_itself(both: Together) -> None:
    cnn, rnn = both.members
    assert members_of(both) == (cnn, rnn)
    assert members_of(cnn) == (cnn,)


def test_descriptors_can_be_heard_together_and_fitted_at_once() -> None:
    rng = np.random.default_rng(0)
    pca = random_pca(3)
    x = rng.normal(size=(30, pca.tensors()["mean"].size)).astype(np.float32)
    both = Together([pca, AutoencoderEncoder().fit(x)]).fit(x)
    assert both.encode_heard(x).shape == (30, 3 + both.members[1].code_dim)
