"""Encoders of sound: what they must bear, and that their state is all there is."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from encoders import ENCODERS, encoder_state, load_encoder
from encoders.features import compute_features
from encoders.heads import Heads
from encoders.networks import CNNSizes, RNNSizes
from encoders.sound import WINDOW_FRAMES, SoundEncoder
from encoders.stored import read_encoder, write_encoder

KINDS = ("cnn", "rnn")
SIZES = {
    "cnn": CNNSizes(code_dim=6, channels=(4, 8, 8), mixed=16),
    "rnn": RNNSizes(code_dim=6, front=(4, 8, 16), hidden=12),
}


def untrained(name: str, seed: int = 0) -> SoundEncoder:
    kind: Any = ENCODERS[name]
    torch.manual_seed(seed)
    network = kind.build_network(SIZES[name], {"genres": 3})
    level_mean = np.linspace(-20, -60, 128, dtype=np.float32)
    return kind(SIZES[name], network, level_mean, 18.0, {"made": "for a test"})


def log_mel(n_frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(-50, 15, (128, n_frames)), -80).astype(np.float32)


@pytest.fixture(scope="module", params=KINDS)
def encoder(request: pytest.FixtureRequest) -> SoundEncoder:
    return untrained(request.param)


def test_a_code_does_not_depend_on_the_batch(encoder: SoundEncoder) -> None:
    tracks = [log_mel(100 + 37 * k, seed=k) for k in range(4)]
    together = encoder.encode_heard(tracks)
    np.testing.assert_array_equal(together, np.concatenate([encoder.encode_heard([track]) for track in tracks]))
    assert together.dtype == np.float32
    assert encoder.encode_heard([]).shape == (0, 6)


def test_a_code_does_not_depend_on_the_number_of_threads(encoder: SoundEncoder) -> None:
    threads = torch.get_num_threads()
    codes = encoder.encode_heard([log_mel(300)])
    try:
        torch.set_num_threads(threads + 1)
        np.testing.assert_array_equal(encoder.encode_heard([log_mel(300)]), codes)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("y", [np.zeros(22050), np.full(22050, 0.5), 1e-7 * np.ones(30000)])
def test_sounds_without_any_music_have_a_finite_code(encoder: SoundEncoder, y: np.ndarray) -> None:
    codes = encoder.encode([compute_features(y, 22050)])
    assert np.isfinite(codes).all()


def test_levels_beyond_all_reason_have_a_finite_code(encoder: SoundEncoder) -> None:
    assert np.isfinite(encoder.encode_heard([np.full((128, 90), 1e30, np.float32)])).all()


@pytest.mark.parametrize("n_frames", [1, 3, 44])
def test_a_very_short_sound_is_heard_again_and_again(encoder: SoundEncoder, n_frames: int) -> None:
    short = log_mel(n_frames)
    again = np.tile(short, -(-64 // n_frames))
    np.testing.assert_array_equal(encoder.encode_heard([short]), encoder.encode_heard([again]))


def test_a_long_sound_has_the_mean_code_of_its_windows(encoder: SoundEncoder) -> None:
    long = log_mel(WINDOW_FRAMES + 400)
    halves = encoder.encode_heard([long[:, : WINDOW_FRAMES // 2 + 200], long[:, WINDOW_FRAMES // 2 + 200 :]])
    np.testing.assert_allclose(encoder.encode_heard([long])[0], halves.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("wrong", [np.zeros((40, 100)), np.zeros(128), np.zeros((128, 0))])
def test_what_is_no_log_mel_is_a_programming_error(encoder: SoundEncoder, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="log-mels are"):
        encoder.encode_heard([wrong])


def test_standardised_codes_have_mean_0_and_deviation_1() -> None:
    encoder = untrained("cnn")
    tracks = [log_mel(120, seed=k) for k in range(12)]
    for _ in range(2):  # doing it again changes nothing
        encoder.standardise_codes(encoder.encode_heard(tracks))
        codes = encoder.encode_heard(tracks)
        np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("name", KINDS)
def test_state_round_trip(name: str, tmp_path: Any) -> None:
    encoder = untrained(name)
    encoder.standardise_codes(encoder.encode_heard([log_mel(120, seed=k) for k in range(5)]))
    encoder.heads = Heads(("a", "b"), np.ones((6, 2), np.float32), np.zeros(2, np.float32), 1.5)
    config, tensors = encoder_state(encoder)
    again = load_encoder(name, json.loads(json.dumps(config)), tensors)
    assert again.fingerprint == encoder.fingerprint
    tracks = [log_mel(200, seed=9)]
    np.testing.assert_array_equal(again.encode_heard(tracks), encoder.encode_heard(tracks))
    stored = read_encoder(write_encoder(tmp_path / "encoder", encoder, {"dataset": "none"}))
    assert stored.fingerprint == encoder.fingerprint
    assert stored.heads.genres == ("a", "b")
    np.testing.assert_array_equal(stored.encode_heard(tracks), encoder.encode_heard(tracks))


@pytest.mark.parametrize("name", KINDS)
def test_an_encoder_of_before_there_were_bands_is_read(name: str) -> None:
    kind: Any = ENCODERS[name]
    sizes = dataclasses.replace(SIZES[name], bands=0)
    encoder = kind(sizes, kind.build_network(sizes, {}), np.full(128, -40.0), 18.0, {})
    config = encoder.config()
    del config["sizes"]["bands"]
    again = load_encoder(name, config, encoder.tensors())
    np.testing.assert_array_equal(again.encode_heard([log_mel(200)]), encoder.encode_heard([log_mel(200)]))


def test_matrices_are_kept_in_16_bits(encoder: SoundEncoder) -> None:
    assert {a.dtype for a in encoder.tensors().values() if a.ndim > 1} == {np.dtype(np.float16)}


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "sizes gone": ({"sizes": {}}, "its sizes are not"),
    "sizes a list": ({"sizes": []}, "its sizes are not"),
    "another size": ({"sizes": SIZES["cnn"].to_json() | {"code_dim": 7}}, "tensor|code"),
    "more layers": ({"sizes": SIZES["cnn"].to_json() | {"channels": [4, 8, 8, 8]}}, "its tensors are not"),
    "huge": ({"sizes": SIZES["cnn"].to_json() | {"channels": [1024] * 7}}, "its tensors are not"),
    "text for a size": ({"sizes": SIZES["cnn"].to_json() | {"code_dim": "six"}}, "whole number"),
    "negative": ({"sizes": SIZES["cnn"].to_json() | {"mixed": -1}}, "not between"),
    "another version": ({"log_mel": "old"}, "another version"),
    "no card": ({"card": None}, "card"),
    "more keys": ({"more": 1}, "keys"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_broken_configuration_is_refused(what: str) -> None:
    change, reason = CHANGES[what]
    encoder = untrained("cnn")
    with pytest.raises(InputError, match=reason):
        load_encoder("cnn", encoder.config() | change, encoder.tensors())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_broken_tensors_are_refused(data: st.DataObject) -> None:
    encoder = untrained("cnn")
    tensors = encoder.tensors()
    name = data.draw(st.sampled_from(sorted(tensors)))
    array = tensors[name].copy()
    harm = data.draw(st.sampled_from(["gone", "shape", "type", "nan", "infinite", "more", "negative scale"]))
    if harm == "gone":
        del tensors[name]
    elif harm == "shape":
        tensors[name] = np.concatenate([array, array])
    elif harm == "type":
        tensors[name] = array.astype(np.float64)
    elif harm in ("nan", "infinite"):
        array.flat[array.size // 2] = np.nan if harm == "nan" else np.inf
        tensors[name] = array
    elif harm == "more":
        tensors["network/more"] = array
    else:
        tensors["code_scale"] = -tensors["code_scale"]
    with pytest.raises(InputError):
        load_encoder("cnn", encoder.config(), tensors)


@pytest.mark.parametrize("name", KINDS)
def test_they_are_trained_not_fitted(name: str) -> None:
    with pytest.raises(InputError, match="train-encoder"):
        untrained(name).fit([log_mel(100)])


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("encoder.json", b"{", "not valid JSON"),
        ("encoder.json", b"[]", "not the card"),
        ("encoder.json", b'{"name": "cnn", "format_version": 99}', "format 99"),
        ("encoder.json", b'{"name": "wav2vec", "format_version": 1}', "none named wav2vec"),
        ("encoder.safetensors", b"nonsense", "not a safetensors"),
        ("encoder.safetensors", None, "no such file"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path: Any, file: str, content: bytes | None, reason: str) -> None:
    folder = write_encoder(tmp_path / "encoder", untrained("cnn"), {})
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_encoder(folder)


def test_tensors_of_another_encoder_are_noticed(tmp_path: Any) -> None:
    one = write_encoder(tmp_path / "one", untrained("cnn"), {})
    other = write_encoder(tmp_path / "other", untrained("cnn", seed=1), {})
    (one / "encoder.safetensors").write_bytes((other / "encoder.safetensors").read_bytes())
    with pytest.raises(InputError, match="not those that it was written with"):
        read_encoder(one)
