"""Training on a dataset: what batches hold, what is learnt, exact return, and every odd dataset told in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.errors import InputError
from data.remixes import BOTH, artists_of, write_remixes
from data.shards import Dataset, DatasetWriter
from data.synthetic import draw_tracks, synthesize, write_world
from data.table import make_row
from encoders.augment import Augmentation
from encoders.features import DESCRIPTOR_NAMES
from encoders.heard import dataset_features
from encoders.lessons import Hearings, Source, dataset_labels, descriptor_weights, measure_scales
from encoders.recipes import options_of
from encoders.sound_training import genre_loss, mean_where, own_turns
from encoders.spectrograms import dataset_spectrograms
from encoders.stored import read_encoder
from encoders.task import Examination, Listener
from encoders.training import train_encoder
from tests.conftest import wav_bytes

QUICK = ["steps=6", "batch_size=4", "crop_frames=64", "mask_frames=8", "warmup_steps=2", "report_every=2"]
SMALL = {
    "pca": ["code_dim=4"],
    "autoencoder": ["steps=6", "code_dim=4", "hidden=4", "excerpts=false"],
    "rnn": [*QUICK, "code_dim=4", "front=4+4+8", "hidden=8"],
    "cnn": [*QUICK, "code_dim=4", "channels=4+8", "mixed=8", "precision=fp32"],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 tracks of 6 artists."""
    return write_world(tmp_path_factory.mktemp("world") / "store", 24, seed=1, duration_s=2.0, resolution=16)


def sides(dataset: Dataset) -> dict[str, np.ndarray]:
    n = len(dataset)
    return {"rows": np.arange(n - 4), "held_out": np.arange(n - 4, n)}


def make(folder: Path, rows: list[dict[str, Any]]) -> Dataset:
    """A dataset of short tracks; a row's `seconds` of 0: no audio, below 0: silence."""
    with DatasetWriter(folder) as writer:
        for number, (row, track) in enumerate(zip(rows, draw_tracks(len(rows), seed=3), strict=True)):
            seconds = row.get("seconds", 1.5)
            audio = {"bytes": wav_bytes(track, abs(seconds)), "path": f"{number}.wav"} if seconds else None
            if seconds < 0:
                import io

                import soundfile

                silent = io.BytesIO()
                soundfile.write(silent, np.zeros(44100), 22050, format="WAV")
                audio = {"bytes": silent.getvalue(), "path": f"{number}.wav"}
            given = {key: value for key, value in row.items() if key != "seconds"}
            writer.write(make_row(**({"track_id": f"t{number}", "artist": f"artist {number}", "audio": audio} | given)))
    return Dataset(folder)


def train(name: str, dataset: Dataset, out: Path | None = None, *more: str, **kept: Any) -> Any:
    asked = {"rows": np.arange(len(dataset))} | kept
    return train_encoder(name, dataset, out, config=options_of(name, [*SMALL[name], *more]), **asked)


@pytest.mark.parametrize("name", SMALL)
def test_every_encoder_is_trained_written_and_read_again(name: str, world: Dataset, tmp_path: Path) -> None:
    found: list[Examination] = []
    listener = Listener(examined=lambda step, examination: found.append(examination))
    encoder = train(name, world, tmp_path, listener=listener, **sides(world))
    assert found[-1].rows.tolist() == [20, 21, 22, 23]
    assert found[-1].codes.shape == (4, 4)
    assert set(encoder.heads.genres) <= set(found[-1].genres)
    stored = read_encoder(tmp_path)
    assert stored.fingerprint == encoder.fingerprint
    assert stored.heads.genres == encoder.heads.genres


@pytest.mark.parametrize("name", ["autoencoder", "rnn", "cnn"])
def test_stopped_and_gone_on_with_is_as_never_stopped(name: str, world: Dataset, tmp_path: Path) -> None:
    whole = train(name, world, None, **sides(world))
    asked = iter([False, False, False, True])
    train(name, world, tmp_path, stop=lambda: next(asked), **sides(world))
    again = train(name, world, tmp_path, **sides(world))
    assert again.fingerprint == whole.fingerprint
    other = train(name, world, None, seed=1, **sides(world))
    assert other.fingerprint != whole.fingerprint


def test_another_training_in_the_same_folder_is_refused(world: Dataset, tmp_path: Path) -> None:
    train("cnn", world, tmp_path, **sides(world))
    for change, reason in (
        ({"config": options_of("cnn", [*SMALL["cnn"], "batch_size=5"])}, "batch_size=4, not 5"),
        ({"seed": 1}, r"on other data \(seed differs\)"),
        ({"held_out": np.arange(3)}, r"on other data \(rows, held_out, split differs\)"),
    ):
        asked = {"config": options_of("cnn", SMALL["cnn"]), **sides(world)} | change
        with pytest.raises(InputError, match=reason):
            train_encoder("cnn", world, tmp_path, **asked)


def test_held_out_tracks_are_never_trained_on(world: Dataset) -> None:
    """Their labels may set the temperature, nothing else: codes are equal with and without them in the dataset."""
    asked = {"rows": np.arange(24), "held_out": np.arange(20, 24)}
    one, other = train("cnn", world, **asked), train("cnn", world, **(asked | {"rows": np.arange(20)}))
    assert one.fingerprint == other.fingerprint


def source(dataset: Dataset) -> Source:
    rows = np.arange(len(dataset))
    x = dataset_features(dataset).descriptors(rows)
    return Source(dataset_spectrograms(dataset), rows, dataset_labels(dataset, rows), x, None)


def test_batches_are_a_function_of_the_step(world: Dataset) -> None:
    lessons = [source(world)]
    scales = measure_scales(lessons)
    options = Augmentation(crop_frames=64, mask_frames=8, mixup_share=1.0)
    answers = ("genres", "descriptors")
    one, other = (Hearings(lessons, scales, answers, options, seed=3) for _ in range(2))
    for step in (5, 0, 2):
        a, b = one.at(step, 6), other.at(step, 6)
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_allclose(a.targets["genres"].sum(axis=1)[a.known["genres"]], 1, atol=1e-6)
        assert not np.array_equal(a.x, one.at(step + 1, 6).x)


def test_every_track_is_heard_once_an_epoch(world: Dataset) -> None:
    lessons = [source(world)]
    hearings = Hearings(lessons, measure_scales(lessons), (), Augmentation(), seed=0)
    for epoch in range(2):
        assert sorted(hearings._track(epoch * 24 + k)[1] for k in range(24)) == list(range(24))


def test_genre_loss_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    shares = torch.tensor([[1.0, 0.0, 0.0]])
    smooth = np.array([0.7 + 0.1, 0.1, 0.1])
    expected = 2.0 * -(smooth * np.log([0.5, 0.25, 0.25])).sum()
    assert genre_loss(logits, shares, 0.3, torch.tensor([2.0, 5.0, 5.0])).item() == pytest.approx(expected, rel=1e-5)


def test_unknown_rows_do_not_count() -> None:
    values = torch.tensor([1.0, 100.0, 3.0])
    assert mean_where(values, torch.tensor([True, False, True])).item() == 2.0
    assert mean_where(values, torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_timbre_rhythm_and_harmony_have_the_same_say() -> None:
    weights = dict(zip(DESCRIPTOR_NAMES, descriptor_weights().tolist(), strict=True))
    harmony = weights["majorness"] + weights["key_clarity"]
    assert harmony == pytest.approx(len(weights) / 3, rel=1e-4)
    assert sum(weights.values()) == pytest.approx(len(weights), rel=1e-4)


def test_labels(tmp_path: Path) -> None:
    """A genre counts that two artists share; two genres share a track; one artist's genre is unknown."""
    rows: list[dict[str, Any]] = [
        {"genres": ["Hip-Hop"]}, {"genres": ["hip hop", "rock"]}, {"genres": ["rock"]}, {"genres": ["polka"]},
        {"genres": []}, {"genres": ["polka"], "artist": "artist 3"},
    ]  # fmt: skip
    labels = dataset_labels(make(tmp_path / "d", [row | {"seconds": 0} for row in rows]), np.arange(6))
    assert labels.genres == ("hip hop", "rock")
    np.testing.assert_allclose(labels.genre_shares[:3], [[1, 0], [0.5, 0.5], [0, 1]])
    assert np.isnan(labels.genre_shares[3:]).all()


# Odd datasets


@pytest.mark.parametrize("name", SMALL)
def test_one_genre_only_is_no_question(name: str, tmp_path: Path) -> None:
    encoder = train(name, make(tmp_path / "d", [{"genres": ["rock"]}] * 6))
    assert encoder.heads.genres == ()


@pytest.mark.parametrize("name", ["rnn", "cnn"])
def test_without_any_label_descriptors_teach(name: str, tmp_path: Path) -> None:
    assert not train(name, make(tmp_path / "d", [{}] * 4)).heads


def test_with_nothing_to_learn_from_the_cnn_says_so(tmp_path: Path) -> None:
    dataset = make(tmp_path / "d", [{}] * 4)
    with pytest.raises(InputError, match=r"cnn: there is nothing to learn from: no two genres"):
        train("cnn", dataset, None, "weight_descriptors=0")
    assert not train("rnn", dataset, None, "weight_descriptors=0").heads  # it foretells the sound


@pytest.mark.parametrize("name", SMALL)
def test_clips_of_all_lengths_and_without_any(name: str, tmp_path: Path) -> None:
    lengths = [1.0, 1.2, 3.0, 0.5, 0.0, -1.0, 2.0, 1.5]
    rows = [{"seconds": seconds, "genres": [["a", "b"][k % 2]]} for k, seconds in enumerate(lengths)]
    encoder = train(name, make(tmp_path / "d", rows))
    assert np.isfinite(encoder.tensors()[min(encoder.tensors())]).all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    ("rows", "reason"),
    [([{}] * 2, "2 tracks"), ([{"seconds": -1.0}] * 4, "0 tracks .* silent"), ([{"seconds": 0}] * 4, "0 tracks")],
)
def test_too_little_to_hear_is_one_clear_line(
    name: str, rows: list[dict[str, Any]], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason):
        train(name, make(tmp_path / "d", rows))


def test_also_is_heard_without_its_labels_and_held_out_artists(world: Dataset, tmp_path: Path) -> None:
    held = world.row(20)["artist"]
    more = make(tmp_path / "d", [{"artist": held, "genres": ["rock"]}, {"artist": "x"}, {"artist": "y"}])
    alone = train("cnn", world, **sides(world))
    both = train("cnn", world, also=[more], **sides(world))
    assert both.heads.genres == alone.heads.genres
    assert both.fingerprint != alone.fingerprint
    only_held = make(tmp_path / "e", [{"artist": held}] * 3)
    assert train("cnn", world, also=[only_held], **sides(world)).fingerprint == alone.fingerprint
    remixed = make(tmp_path / "f", [{"artist": f"x{BOTH}{held}"}, {"artist": f"{held}{BOTH}y"}])
    assert train("cnn", world, also=[remixed], **sides(world)).fingerprint == alone.fingerprint


def test_a_remix_of_a_track_by_nobody_is_held_out_with_it(tmp_path: Path) -> None:
    dataset = make(tmp_path / "d", [{"artist": None}, {"artist": "x"}])
    made = write_remixes(dataset, [0], tmp_path / "r", 1)
    held = dataset_labels(dataset, np.arange(2)).artists[0]
    assert held in artists_of(made.row(0)["artist"])


def test_where_other_sound_outnumbers_the_labelled_every_second_hearing_is_of_that() -> None:
    for own, others in ((300, 900), (10, 1000), (7, 24)):
        share = own * own_turns(own, others) / (own * own_turns(own, others) + others)
        assert share == pytest.approx(0.5, abs=0.05)
    assert own_turns(300, 0) == own_turns(300, 31) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rnn", "cnn"])
def test_genres_of_other_artists_are_learnt(name: str, tmp_path: Path) -> None:
    """The synthetic world's styles, on artists that were held out, in about a minute: well above chance."""
    world = write_world(tmp_path / "world", 96, seed=2, duration_s=4.0, resolution=16)
    found: list[Examination] = []
    sizes = {"rnn": ["front=8+16+32", "hidden=32"], "cnn": ["channels=8+16+16", "mixed=32", "precision=fp32"]}[name]
    settings = [*sizes, "steps=150", "batch_size=16", "crop_frames=128", "code_dim=16", "warmup_steps=10"]
    train_encoder(
        name, world, None, rows=np.arange(64), held_out=np.arange(64, 96), config=options_of(name, settings),
        listener=Listener(examined=lambda step, examination: found.append(examination)),
    )  # fmt: skip
    assert found[-1].figures["accuracy"] > 2 * found[-1].figures["accuracy_by_chance"]


@pytest.mark.slow
def test_a_reversed_track_has_another_code(tmp_path: Path) -> None:
    """Backward, a track is further from itself for the recurrent encoder than for PCA, each in units of the usual
    distance between two tracks."""
    from encoders.features import compute_features

    world = write_world(tmp_path / "world", 48, seed=4, duration_s=4.0, resolution=16)
    settings = [
        "front=8+16+32",
        "hidden=32",
        "steps=300",
        "batch_size=16",
        "crop_frames=128",
        "code_dim=16",
        "mixup_share=0",
        "weight_direction=2",
    ]
    rnn = train_encoder("rnn", world, None, rows=np.arange(48), config=options_of("rnn", settings))
    pca = train_encoder("pca", world, None, rows=np.arange(48), config=options_of("pca", ["code_dim=16"]))
    sounds = [synthesize(track, 4.0) for track in draw_tracks(60, seed=5)[:16]]
    forward = [compute_features(y, 22050) for y in sounds]
    backward = [compute_features(y[::-1].copy(), 22050) for y in sounds]

    def moved(encoder: Any) -> float:
        codes, other = encoder.encode(forward), encoder.encode(backward)
        usual = np.linalg.norm(codes[:, None] - codes[None], axis=2)[np.triu_indices(16, 1)].mean()
        return float(np.linalg.norm(codes - other, axis=1).mean() / usual)

    assert moved(rnn) > moved(pca)


def test_options_of_another_encoder_are_a_programming_error(world: Dataset) -> None:
    with pytest.raises(TypeError, match="are not the options of cnn"):
        train_encoder("cnn", world, None, config=options_of("rnn"), **sides(world))
