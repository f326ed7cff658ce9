"""Every command of the README is run as it stands there, in a folder where its example files exist but are tiny."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.strip()]

# What is added so that a command of hours takes seconds. It runs through the same code.
BRIEFLY = {
    "gatefold train": "--images 64 --batch 8 --set generator.base_channels=256 --set discriminator.base_channels=256",
    "gatefold board": "--port 0",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, songs, _library):
    """A folder that looks like a clone of the repository, its environment already made, with a user's files in it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "requirements.lock", "README.md", "tests", "scripts"):
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
    return folder


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # `make test` inside the tests would never end: there it only runs those of the house.
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-k test_packages_are_listed"}


def test_the_readme_has_commands():
    assert COMMANDS[:2] == ["make cover TRACK=song.mp3", "make test"]
    assert len(COMMANDS) > 10


def test_every_command_of_the_readme_works(sandbox):
    """In the README's own order, since later commands use what earlier ones made."""
    for command in COMMANDS:
        added = next((more for start, more in BRIEFLY.items() if command.startswith(start)), "")
        if command.startswith("gatefold board"):
            watch_and_stop(f"{command} {added}", sandbox)
            continue
        words = ["bash", "-ec", f"{command} {added}"]
        done = subprocess.run(words, cwd=sandbox, env=environment(), capture_output=True, text=True, timeout=300)
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
