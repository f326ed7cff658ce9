"""Tracks as they are named on a command line: files, and folders with all the music in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.errors import printable
from scripts.shell import complain


def all_tracks(paths: Sequence[Path], out: Path) -> list[Path]:
    """`paths`, each folder replaced by the music in it and below, in the order of its path.

    What lies in `out`, where results go, is left out. A folder without music stays, to be told like any other track
    that cannot be used; what else a folder holds is counted on standard error.
    """
    tracks: list[Path] = []
    for path in paths:
        found = [path] if not path.is_dir() else _music(path, out.resolve())
        tracks += found or [path]
    return tracks


def album_of(folder: Path, out: Path) -> tuple[list[Path], str]:
    """The tracks in a folder and what they are called as an album: as the tags of all of them have it, else as the
    folder is.
    """
    from data.library import read_album

    tracks = all_tracks([folder], out)
    names = {read_album(track)[1] for track in tracks}
    return tracks, (names.pop() if len(names) == 1 else None) or folder.resolve().name or "album"


def _music(folder: Path, out: Path) -> list[Path]:
    from data.library import files_in, is_music  # what reads a library loads tables: one file needs none

    files = [file for file in files_in(folder) if out not in file.resolve().parents]
    music = list(filter(is_music, files))
    if music and len(music) < len(files):
        complain(f"{printable(str(folder))}: {len(files) - len(music)} files that are no music passed over")
    return music
