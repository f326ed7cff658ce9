"""What all tests share: a bundle with random weights, tracks that can be heard, the command run in-process."""

from __future__ import annotations

import io
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.synthetic import SyntheticTrack, draw_tracks, synthesize


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would every process that a test interrupts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The README's commands first: one test of minutes, beside which another process gets through many files."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


@pytest.fixture
def gatefold(capfd: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """`gatefold(*words)`: runs the command in this process."""
    from scripts import cli, shell

    def run(*words: str | Path) -> Finished:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            shell.run(cli.app, list(map(str, words)))
        out, err = capfd.readouterr()
        return Finished(int(stop.value.code or 0), out, err)

    return run


def wav_bytes(track: SyntheticTrack, duration_s: float = 3.0, **written: object) -> bytes:
    """A synthesised track as the bytes of a sound file, WAV unless `format` says otherwise."""
    sound = io.BytesIO()
    soundfile.write(sound, synthesize(track, duration_s), 22_050, **({"format": "WAV"} | written))  # type: ignore[arg-type]
    return sound.getvalue()


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two tracks that sound nothing alike; to be read, not written to."""
    folder = tmp_path_factory.mktemp("songs")
    calm, loud = sorted(draw_tracks(40, seed=5), key=lambda track: track.energy)[::39]
    paths = folder / "calm.wav", folder / "loud.wav"
    for path, track in zip(paths, (calm, loud), strict=True):
        path.write_bytes(wav_bytes(track))
    return paths


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with random weights that hears attributes, tags and the year; to be read, not written to."""
    return write_random_bundle(tmp_path_factory.mktemp("bundles") / "random")


def write_random_bundle(folder: Path, seed: int = 0, resolution: int = 32) -> Path:
    """A bundle with random weights, whose covers differ with what they are made from."""
    import torch

    from encoders.schema import make_schema
    from gans.bundle import write_bundle
    from gans.dcgan import Generator

    rng = np.random.default_rng(0)
    low, high = np.array([0, 0, 0, 0, 0, 0, -30, 0, 60, 0]), np.array([100, 1, 1, 1, 1, 1, 0, 1, 180, 1])
    schema = make_schema(
        attributes=rng.uniform(low, high, (50, 10)), tags=[["techno"], ["folk", "live"]] * 20, year=np.full(50, 1999.0)
    )
    options = {"resolution": resolution, "c_dim": schema.dim, "z_dim": 16, "base_channels": 256, "max_channels": 32}
    torch.manual_seed(seed)
    generator = Generator(**options)
    with torch.no_grad():  # fresh weights draw almost nothing: what decides the picture is made louder
        for parameter in generator.parameters():
            parameter.mul_(2.0)
    model = {
        "recipe": "dcgan",
        "network": "dcgan",
        "resolution": resolution,
        "generator": options,
        "layout": [list(block) for block in schema.layout],
        "condition": schema.to_json(),
        "encoder": None,
        "encoders": {},
    }
    return write_bundle(folder, generator, model)


@pytest.fixture(scope="session")
def _library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    from data.synthetic import render_cover

    folder = tmp_path_factory.mktemp("library") / "music"
    for track in draw_tracks(4, seed=7):
        album = folder / f"{track.artist}-{track.track_id}" / track.album
        album.mkdir(parents=True)
        (album / "01 song.flac").write_bytes(wav_bytes(track, format="FLAC"))
        pixels = np.ascontiguousarray(render_cover(track, 64).transpose(1, 2, 0))  # [3, H, W] -> [H, W, 3]
        Image.fromarray(pixels).save(album / "cover.jpg")
    return folder


@pytest.fixture
def library(_library: Path, tmp_path: Path) -> Path:
    """A person's music folder: artist / album / song with a `cover.jpg` beside it; four tracks."""
    return shutil.copytree(_library, tmp_path / "music")


@pytest.fixture(scope="session")
def other_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `bundle`, with other weights."""
    return write_random_bundle(tmp_path_factory.mktemp("bundles") / "other", seed=1)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, _library: Path) -> Path:
    """A run of a few steps on the library's four tracks, encoder and all; to be read, not written to."""
    from data.build import build_dataset
    from gans.recipes import resolve
    from gans.training import train
    from scripts.prepare import prepare

    folder = tmp_path_factory.mktemp("run")
    build_dataset(_library, folder / "store")
    prepared = prepare(folder / "store", 32, "pca")
    small = {"base_channels": 64}
    sizes = {"resolution": 32, "total_images": 8, "batch_size": 4, "precision": "fp32"}
    config = resolve("logistic-r1", {**sizes, "generator": small, "discriminator": small})
    train(config, prepared.data, folder / "run", prepared.surroundings(lambda: False, lambda shown, figures: None))
    return folder / "run"
