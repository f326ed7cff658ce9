"""Tracks with their covers in their tags: copies among the results, or the tracks themselves."""

from __future__ import annotations

from pathlib import Path

from data.errors import InputError
from scripts.making import safe_name


def embed_copy(track: Path, music: str, cover: Path, seed: int) -> Path:
    """Writes a copy of `track` with `cover` in its tags beside the cover, as `<track>-<seed>`; its path.

    `music` is the track's fingerprint. Where that name is taken by anything but this music with this cover, digits of
    the fingerprint come between; nothing else is overwritten.
    """
    from data.cover_tags import embed_art

    picture, name = cover.read_bytes(), safe_name(track.stem)
    for stem in (f"{name}-{seed}", f"{name}-{music[:8]}-{seed}"):
        copy = cover.with_name(stem + track.suffix)
        if not copy.exists() or _holds(copy, music, picture):
            embed_art(track, copy, picture)
            return copy
    raise InputError(copy, "is there already and is not this track with this cover")


def embed_in_place(track: Path, cover: Path) -> Path:
    """Writes `cover` into the tags of `track` itself; its path."""
    from data.cover_tags import embed_art

    embed_art(track, track, cover.read_bytes())
    return track


def _holds(path: Path, music: str, picture: bytes) -> bool:
    """Whether a file is the music of this fingerprint with this front cover."""
    from data.audio import load_audio
    from data.library import read_pictures

    try:
        return read_pictures(path)[:1] == [picture] and load_audio(path).fingerprint == music
    except InputError:
        return False
