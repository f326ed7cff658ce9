"""Every command of the README is run as it stands there, in a folder where its example files exist but are tiny."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from data.attributes import ATTRIBUTE_NAMES, ATTRIBUTES
from data.synthetic import draw_tracks, render_cover, synthesize
from tests.encoders.weights import random_weights
from tests.gans.pickled import small_generator, stylegan2, write_pickle
from tests.sources.deezer_standin import FILES as DEEZER_FILES
from tests.sources.deezer_standin import DeezerStandIn
from tests.sources.spotify_standin import CLIENT_ID, CLIENT_SECRET, SpotifyStandIn
from tests.sources.spotify_standin import FILE_HOSTS as SPOTIFY_FILES
from tests.sources.standin import StandIn

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.strip()]

# What is added so that a command of hours takes seconds. It runs through the same code.
BRIEFLY = {
    "gatefold train-encoder": "--set steps=2 --set batch_size=2",
    "gatefold compare-encoders": "--folds 2 --world 0 --set cnn.steps=2 --set rnn.steps=2 --set autoencoder.steps=2",
    "gatefold train ": "--images 64 --batch 8 --set generator.base_channels=256 --set discriminator.base_channels=256",
    "torchrun": "--images 32 --batch 8 --set generator.base_channels=256 --set discriminator.base_channels=256",
    "gatefold collect deezer": "--limit 12",
    "gatefold collect spotify": "--limit 4",
    "gatefold compare ": "--budget 1s --resolution 32 --set generator.base_channels=64",
    "gatefold walk": "--seconds 1",
    "gatefold analyze": "--maps tsne --count 24",
    "gatefold evaluate": "--listeners ridge --seeds 8",
    "python -m scripts.modes": "hinge --seeds 1",
    "gatefold board": "--port 0",
    "make pretrained": "FLAGS='--images 64 --bundle pretrained --ears-steps 2'",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, songs, _library):
    """A folder that looks like a clone of the repository, its environment already made, with a user's files in it."""
    folder = tmp_path_factory.mktemp("clone")
    files = ("Makefile", "setup.cfg", "pyproject.toml", "requirements.lock", "README.md")
    for name in (*files, "tests", "scripts", "gans"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith("."):
            (folder / ".venv" / part.name).symlink_to(part)
    for stamp in (".created", ".installed", ".installed-dev"):
        (folder / ".venv" / stamp).touch()  # newer than what the environment is made from: nothing is installed
    shutil.copy(songs[0], folder / "song.mp3")
    shutil.copy(songs[1], folder / "another song.flac")
    shutil.copytree(_library, folder / "music")
    write_pretraining_data(folder / "path" / "to" / "data")
    write_pickle(folder / "network.pkl", {"G_ema": stylegan2(small_generator())})
    return folder


def write_pretraining_data(data: Path) -> None:
    """As little as will do of what the shipped model is trained from: covers, paintings, genres, clips."""
    tracks = draw_tracks(160, seed=8)
    for folder in ("netlabels/covers", "paintings/images", "music/clips", "spotify", "teachers", "pairs", "clips"):
        (data / folder).mkdir(parents=True)
    releases, paintings, clips = [], [], []
    for place, track in enumerate(tracks):
        graphic = place < len(tracks) // 2
        cover = f"{'covers' if graphic else 'images'}/{track.track_id}.png"
        pixels = render_cover(track, 64).transpose(1, 2, 0)  # [3, H, W] -> [H, W, 3]
        Image.fromarray(np.ascontiguousarray(pixels)).save(data / ("netlabels" if graphic else "paintings") / cover)
        row = {"id": track.track_id, "cover": cover, "artist": f"{track.artist} {place}"}
        if graphic:
            releases.append({**row, "title": track.album, "date": "2004-03-13", "tags": ["idm"]})
        else:
            paintings.append({**row, "movement": "Realism", "born": 1820, "died": 1900, "grey": False})
        if place < 28:
            clip = f"clips/{track.track_id}.wav"
            soundfile.write(data / "music" / clip, synthesize(track, 2.0), 22_050)
            genre = ("folk", "techno")[place % 2]
            clips.append({"id": track.track_id, "clip": clip, "artist": f"Artist {place // 2}", "genre": genre})
    for folder, track in zip(("pairs", "clips"), draw_tracks(2, seed=9), strict=True):
        soundfile.write(data / folder / f"Somebody - {track.track_id}.wav", synthesize(track, 2.0), 22_050)
    torch.save(random_weights(), data / "teachers" / "fcn-jamendo.pth")
    (data / "netlabels" / "releases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in releases))
    means = [(a.low + 0.4 * (a.high - a.low)) for a in ATTRIBUTES]
    genres = [{"genres": g, **dict(zip(ATTRIBUTE_NAMES, means, strict=True))} for g in ("techno", "folk")]
    write_csv(data / "paintings" / "paintings.csv", paintings)
    write_csv(data / "music" / "clips.csv", clips)
    write_csv(data / "spotify" / "genres.csv", genres)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def environment(**more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # `make test` inside the tests would never end: there it only runs those of the house.
    house = "tests/test_house.py -k test_packages_are_listed"
    return {
        **os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": house, "OMP_NUM_THREADS": "1", **more,
    }  # fmt: skip


def test_the_readme_has_commands():
    assert COMMANDS[:2] == ["make cover TRACK=song.mp3", "make test"]
    assert len(COMMANDS) > 10


@pytest.fixture(scope="module")
def services():
    """Stand-ins of the services that the README gathers from; the address under which all of them answer."""
    routes = {**DeezerStandIn(artists=6).routes, **SpotifyStandIn(extended=False).routes}
    with StandIn(routes, file_hosts=[*DEEZER_FILES, *SPOTIFY_FILES]) as server:
        yield server.url


def test_every_command_of_the_readme_works(sandbox, services):
    """In the README's own order, since later commands use what earlier ones made."""
    (sandbox / ".env").write_text(f"SPOTIPY_CLIENT_ID={CLIENT_ID}\nSPOTIPY_CLIENT_SECRET={CLIENT_SECRET}\n")
    for command in COMMANDS:
        added = next((more for start, more in BRIEFLY.items() if command.startswith(start)), "")
        if command.startswith("gatefold board"):
            watch_and_stop(f"{command} {added}", sandbox)
            continue
        words = ["bash", "-ec", f"{command} {added}"]
        env = environment(GATEFOLD_ROUTE=services, XDG_CACHE_HOME=str(sandbox / ".cache"))
        done = subprocess.run(words, cwd=sandbox, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{command}\n{done.stderr}"
    made = {path.name for path in (sandbox / "covers").glob("*.png")}
    assert {"song-0.png", "another song-0.png", "contact-sheet.png"} <= made
    assert len(list((sandbox / "candidates").glob("song-*.png"))) == 6
    assert (sandbox / "runs" / "mine" / "config.json").is_file()


def watch_and_stop(command: str, folder: Path) -> None:
    """Starts a server, waits for its address on standard output, and interrupts it as a person would."""
    with subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert address.startswith("http://"), err
    assert process.returncode == 0, err
