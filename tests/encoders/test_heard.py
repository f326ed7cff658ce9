"""What a dataset's clips sound like: the same however they are heard, heard once, and going on where it stopped."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.attributes import ATTRIBUTE_NAMES
from data.shards import Dataset, DatasetWriter
from data.synthetic import draw_tracks, synthesize, write_world
from data.table import make_row
from encoders import heard as module
from encoders.features import DESCRIPTOR_NAMES, compute_features
from encoders.heard import HeardTable, dataset_codes, dataset_features
from encoders.parts import NO_AUDIO, PART_ROWS
from encoders.pca import PCAEncoder
from tests.conftest import wav_bytes
from tests.encoders.ears import MeanOfBands

N = 2 * PART_ROWS + 12


def every(table: HeardTable) -> np.ndarray:
    return np.concatenate([x for x, _ in table.iter_batches()])


def write(folder: Path, seed: int = 4, n: int = N) -> Dataset:
    return write_world(folder, n, seed=seed, duration_s=1.0, resolution=16)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Short tracks, heard by one process; to be read, and its cache to be filled."""
    dataset = write(tmp_path_factory.mktemp("world") / "set")
    dataset_features(dataset)
    return dataset


@pytest.fixture(scope="module")
def pca(dataset: Dataset) -> PCAEncoder:
    return PCAEncoder(4).fit(every(dataset_features(dataset)))


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, most: int | None = None) -> Iterator[list[object]]:
    """The names of the clips that are decoded meanwhile; from the one after `most` on, the process is stopped."""
    load, loaded = module.load_audio, []

    def load_and_count(*given: object, **named: object) -> object:
        if len(loaded) == most:
            raise KeyboardInterrupt
        loaded.append(named["name"])
        return load(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(module, "load_audio", load_and_count)
        yield loaded


def test_table_of_what_is_heard(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    dataset = write_world(tmp_path / "set", PART_ROWS + 3, seed=4, duration_s=1.5, resolution=16)
    n = len(dataset)
    table = dataset_features(dataset, as_recorded=True, progress=lambda done, total: told.append((done, total)))
    assert told == [(PART_ROWS, n), (n, n)]
    assert every(table).shape == (n, len(DESCRIPTOR_NAMES))
    assert table.problems() == {}
    assert table.usable().all()
    rows = np.array([3, 20, n - 1])
    np.testing.assert_array_equal(table.descriptors(rows), every(table)[rows])
    np.testing.assert_array_equal(table.attributes(rows), table.attributes()[rows])
    with pytest.raises(ValueError, match="ascending"):
        table.descriptors(rows[::-1])
    # FLAC keeps 16 bits, so what is heard from the file is what was played, but for its rounding.
    played = compute_features(synthesize(draw_tracks(n, seed=4)[20], 1.5), 22050).descriptors
    np.testing.assert_allclose(table.descriptors(rows)[1][:3], played[:3], rtol=0.05)
    assert np.isnan(table.attributes()[:, 0]).all()
    assert np.isfinite(table.attributes()[:, 1:]).all()
    assert not list(dataset.cache_dir.glob("*-parts"))


@pytest.mark.parametrize("make", [dataset_features, lambda dataset: dataset_codes(dataset, MeanOfBands())])
def test_nothing_is_heard_twice(dataset: Dataset, monkeypatch: pytest.MonkeyPatch, make: Callable) -> None:
    make(dataset)
    with counted(monkeypatch) as loaded:
        make(dataset)
    assert not loaded


def test_a_file_that_neighbouring_rows_share_is_heard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row still has its own name and the same numbers as alone; without a file between them nothing is shared."""
    files = [wav_bytes(track, 1.0) for track in draw_tracks(2, seed=4)]
    with DatasetWriter(tmp_path / "set") as writer:
        for row, file in enumerate([0, 0, 0, None, 0, 1, 1]):
            audio = None if file is None else {"bytes": files[file], "path": "clip.wav"}
            writer.write(make_row(track_id=f"row {row}", audio=audio))
    dataset = Dataset(tmp_path / "set")
    with counted(monkeypatch) as loaded:
        codes = dataset_codes(dataset, MeanOfBands())
        x = every(dataset_features(dataset))
    assert loaded == ["row 0", "row 4", "row 5"]
    for made in (codes, x):
        assert np.isnan(made[3]).all()
        for row in (1, 2, 4):
            np.testing.assert_array_equal(made[row], made[0])
        np.testing.assert_array_equal(made[6], made[5])
        assert (made[5] != made[0]).any()


def test_a_stopped_extraction_goes_on(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its second part: the first stays done, and the table equals that of one never stopped."""
    again = write(tmp_path / "set")
    with counted(monkeypatch, most=PART_ROWS + 6), pytest.raises(KeyboardInterrupt):
        dataset_features(again)
    with counted(monkeypatch) as loaded:
        table = dataset_features(again)
    assert len(loaded) == N - PART_ROWS
    assert table.path.read_bytes() == dataset_features(dataset).path.read_bytes()


def test_two_processes_hear_the_same(dataset: Dataset, tmp_path: Path) -> None:
    copy = write(tmp_path / "set")
    codes = dataset_codes(copy, MeanOfBands(), jobs=2)
    np.testing.assert_array_equal(codes, dataset_codes(dataset, MeanOfBands()))
    together, alone = dataset_features(copy), dataset_features(dataset)
    assert together.path.read_bytes() == alone.path.read_bytes()
    assert together.fingerprint == alone.fingerprint


def test_rows_that_cannot_be_heard(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "set") as writer:
        writer.write(make_row(track_id="mute", energy=0.5))
        writer.write(make_row(track_id="broken", audio={"bytes": b"not music", "path": "a.mp3"}))
        for name, seconds in (("short", 1.2), ("long", 4.0)):
            audio = {"bytes": wav_bytes(draw_tracks(1, seed=0)[0], seconds), "path": "a.wav"}
            writer.write(make_row(track_id=name, audio=audio))
    dataset = Dataset(tmp_path / "set")
    codes, table = dataset_codes(dataset, MeanOfBands()), dataset_features(dataset)
    for found in (codes, every(table), table.attributes()[:, 1:]):
        assert np.isfinite(found).all(axis=1).tolist() == [False, False, True, True]
        assert np.isnan(found[:2]).all()
    assert table.usable().tolist() == [False, False, True, True]
    problems = table.problems()
    assert problems.pop(NO_AUDIO) == 1
    assert list(problems.values()) == [1]


def test_codes_of_descriptors_are_the_encoders(dataset: Dataset, pca: PCAEncoder) -> None:
    codes = dataset_codes(dataset, pca)
    assert isinstance(codes, np.memmap)
    np.testing.assert_array_equal(codes, pca.encode_heard(every(dataset_features(dataset))))


def test_codes_of_log_mels_are_the_encoders(dataset: Dataset) -> None:
    """As one track at a time: the clip that is heard is that of `generate`."""
    codes = dataset_codes(dataset, MeanOfBands())
    assert isinstance(codes, np.memmap)
    assert codes.shape == (N, 16)
    for row, kept in enumerate(dataset.iter_rows(["audio"])):
        if row % 20 == 0:
            excerpt = module.load_audio(kept["audio"]["bytes"]).at_full_scale()
            np.testing.assert_array_equal(
                codes[row], MeanOfBands().encode([compute_features(excerpt.y, excerpt.sr)])[0]
            )


def test_the_level_of_a_clip_is_heard_only_as_recorded(tmp_path: Path) -> None:
    y = synthesize(draw_tracks(1, seed=3)[0], 3.0)
    with DatasetWriter(tmp_path / "levels") as writer:
        for gain in (1.0, 0.25):
            file = io.BytesIO()
            soundfile.write(file, gain * y, 22050, format="WAV", subtype="FLOAT")
            writer.write(make_row(track_id=f"at {gain}", audio={"bytes": file.getvalue(), "path": "clip.wav"}))
    dataset = Dataset(tmp_path / "levels")
    loudness = ATTRIBUTE_NAMES.index("loudness")
    recorded, heard = (dataset_features(dataset, as_recorded=kind).attributes() for kind in (True, False))
    assert recorded[0, loudness] - recorded[1, loudness] == pytest.approx(20 * np.log10(4), abs=0.01)
    np.testing.assert_allclose(heard[0, 1:], heard[1, 1:], rtol=1e-3, atol=1e-3)
    codes, of_levels = (dataset_codes(dataset, MeanOfBands(), as_recorded=kind) for kind in (False, True))
    np.testing.assert_allclose(codes[0], codes[1], atol=1e-3)
    assert np.abs(of_levels[0] - of_levels[1]).max() > 1


def test_one_hearing_makes_features_and_codes(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = write(tmp_path / "set")
    with counted(monkeypatch) as loaded:
        codes = dataset_codes(copy, MeanOfBands())
        table = dataset_features(copy)
    assert len(loaded) == N
    assert table.path.read_bytes() == dataset_features(dataset).path.read_bytes()
    np.testing.assert_array_equal(codes, dataset_codes(dataset, MeanOfBands()))


def test_stopped_codes_go_on_beside_finished_features(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features stopped in their second part, then codes: each part is made of what it still lacks."""
    copy = write(tmp_path / "set")
    with counted(monkeypatch, most=PART_ROWS + 6), pytest.raises(KeyboardInterrupt):
        dataset_features(copy)
    with counted(monkeypatch, most=PART_ROWS + 6), pytest.raises(KeyboardInterrupt):
        dataset_codes(copy, MeanOfBands())
    with counted(monkeypatch) as loaded:
        codes = dataset_codes(copy, MeanOfBands())
    assert len(loaded) == N - PART_ROWS
    np.testing.assert_array_equal(codes, dataset_codes(dataset, MeanOfBands()))
    assert dataset_features(copy).path.read_bytes() == dataset_features(dataset).path.read_bytes()
    assert not list(copy.cache_dir.glob("*-parts"))


def test_another_encoder_has_other_codes(dataset: Dataset, pca: PCAEncoder) -> None:
    other = PCAEncoder(5).fit(every(dataset_features(dataset)))
    assert dataset_codes(dataset, other).shape == (N, 5)
    assert dataset_codes(dataset, pca).shape == (N, 4)
