"""`gatefold generate`: tracks in, covers out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from data.errors import InputError, printable
from gans.typestyles import STYLES
from scripts.making import DEFAULT_LOOK, MAX_SEED, Family, Lettering, Wishes
from scripts.options import FinishName, Model, Size, Strength, TracksOrFolders, Truncation, parse_finish
from scripts.shell import Batch, complain, print_path, progress, run_verb
from scripts.titles import Words
from scripts.tracks import album_of, all_tracks

if TYPE_CHECKING:
    import numpy as np

    from scripts.pipeline import Subject

SHEET_MARK = "gatefold sheet"
FAMILY_SPREAD = 0.4


def generate(
    track: TracksOrFolders = None,
    out: Annotated[Path, typer.Option(help="Folder for the covers.")] = Path("covers"),
    model: Model = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Another number, another cover.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="Covers a track, with seeds SEED, SEED+1, …")] = 1,
    truncation: Truncation = 1.0,
    strength: Strength = 1.0,
    attributes: Annotated[
        str, typer.Option(help="Override what is heard, on Spotify's scales: energy=0.9,valence=0.2,tempo=140")
    ] = "",
    tags: Annotated[str, typer.Option(help="Genres and kinds, separated by commas: techno,dub")] = "",
    year: Annotated[int | None, typer.Option(help="Year of the music.")] = None,
    vary: Annotated[
        bool, typer.Option("--vary", help="Seeds go on from track to track: each its own composition, not one for all.")
    ] = False,
    family: Annotated[
        int | None,
        typer.Option(
            min=0, max=MAX_SEED, help="Seeds go on as with --vary, each a variation of the composition of this one."
        ),
    ] = None,
    spread: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help=f"How far a family's members lie apart; default: {FAMILY_SPREAD}."),
    ] = None,
    album: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One cover for all tracks together, with this name; or for a folder, named alone."
        ),
    ] = None,
    size: Size = None,
    finish: FinishName = DEFAULT_LOOK,
    format: Annotated[Literal["png", "jpeg"], typer.Option(help="Shops take JPEG: sRGB with its profile.")] = "png",
    title: Annotated[str | None, typer.Option(help="Set this title on the cover.")] = None,
    artist: Annotated[str | None, typer.Option(help="Set this artist on the cover.")] = None,
    titled: Annotated[
        bool, typer.Option("--titled/--untitled", help="Set title and artist from each file's tags, or its name.")
    ] = False,
    style: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="NAME",
            help=f"Style of the lettering: {', '.join(STYLES)}; default: what suits the music.",
        ),
    ] = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Also write the cover into the tags of a copy of each track, beside it.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="With --embed: into the tracks themselves; their sound stays as it is.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="Also lay all covers on one picture, here, with names.")] = None,
) -> None:
    """Make covers for tracks, or for wishes alone (--attributes, --tags, --year); prints one path a cover, then those
    of the tracks that hold it, and the sheet's last.
    """
    wishes = Wishes.parse(attributes, tags, year)
    finished = parse_finish(finish, size)
    if sheet is not None:
        check_sheet(sheet)
    if album is not None and vary:
        raise InputError("--vary", "is for a cover a track; with --album there is one for all")
    if album is not None and not album.strip():
        raise InputError("--album", "the album needs a name")
    if spread is not None and family is None:
        raise InputError("--spread", "is for a family: give --family too")
    if in_place and not embed:
        raise InputError("--in-place", "is for --embed")
    if embed and count > 1:
        raise InputError("--embed", "takes one cover a track, and --count asks for more")
    if track:
        track = all_tracks(track, out)
    elif album is None:
        if wishes == Wishes():
            raise InputError("track", "name the music: files, or folders with it; or wish with --attributes or --tags")
        if titled or embed:
            raise InputError("--titled" if titled else "--embed", "is for tracks, and none is named")
        track = []
    elif not Path(album).is_dir():
        raise InputError("--album", f"{printable(album)} is no folder: name the tracks of the album, too")
    else:
        track, album = album_of(Path(album), out)
    words = Words.parse(title, artist, titled, style, len(track) if album is None else 1)
    vary = vary or (family is not None and album is None)
    if seed + count * (max(len(track), 1) if vary else 1) - 1 > MAX_SEED:
        raise InputError("--count", f"the last seed would be beyond {MAX_SEED}")

    from scripts.pipeline import Listener, most_typical, write_covers
    from scripts.tagged_tracks import embed_copy, embed_in_place

    listener = Listener.open(model)
    for remark in listener.remarks(wishes):
        complain(remark)
    covers: list[tuple[Path, str]] = []
    kin = None if family is None else Family(family, FAMILY_SPREAD if spread is None else spread)
    suffix = ".jpg" if format == "jpeg" else ".png"

    def make(subject: Subject, first: int, lettering: Lettering | None) -> Path:
        seeds = range(first, first + count)
        made = write_covers(listener, subject, out, seeds, truncation, strength, kin, finished, suffix, lettering)
        for number, written in zip(seeds, made, strict=True):
            print_path(written)
            covers.append((written, f"{number}  {subject.name}" if count > 1 else subject.name))
        return covers[-1][0]

    def put(cover: Path, path: Path, music: str, number: int) -> None:
        if embed:
            print_path(embed_in_place(path, cover) if in_place else embed_copy(path, music, cover, number))

    batch, tracks = Batch(max(len(track), 1)), []
    if not track:
        with batch.item():
            subject = listener.wished(wishes)
            make(subject, seed, words.for_wishes(subject.attributes, wishes.tags))
    for place, path in enumerate(progress(track, "covers") if len(track) > 1 else track):
        with batch.item():
            subject = listener.subject(path, wishes)
            if album is None:
                first = seed + place * count if vary else seed
                lettering = words.for_track(path, subject.attributes, wishes.tags)
                put(make(subject, first, lettering), path, subject.music, first)
            else:
                tracks.append((path, subject))
    if album is not None and tracks:
        subjects = [subject for _, subject in tracks]
        typical = most_typical(subjects)
        if typical is not None:
            complain(f"the most typical track of {printable(album)} is {printable(str(tracks[typical][0]))}")
        whole = listener.album(album, subjects)
        lettering = words.for_album(album, [path for path, _ in tracks], whole.attributes, wishes.tags)
        cover, written = make(whole, seed, lettering), Batch(len(tracks))
        for path, subject in tracks:
            with written.item():
                put(cover, path, subject.music, seed)
        written.finish()
    if sheet is not None and covers:
        write_sheet(sheet, covers)
        print_path(sheet)
    batch.finish()


def check_sheet(sheet: Path) -> None:
    """Refuses a sheet's path that would overwrite anything but an earlier sheet."""
    from data.covers import read_png

    if sheet.suffix.lower() != ".png":
        raise InputError(sheet, "a sheet is a PNG: give it a name that ends in .png")
    try:
        ours = not sheet.exists() or SHEET_MARK in read_png(sheet)[1]
    except InputError:
        ours = False
    if not ours:
        raise InputError(sheet, "is there already and is not a sheet of covers")


def write_sheet(sheet: Path, covers: Sequence[tuple[Path, str]]) -> None:
    """Writes one PNG of `covers`, each a path and the name to put under it."""
    from data.jpeg import read_cover
    from scripts.sheet import draw_sheet, small

    images = [small(read_cover(path)[0]) for path, _ in covers]
    save_sheet(sheet, draw_sheet(images, [shown(name) for _, name in covers]), len(covers))


def save_sheet(sheet: Path, picture: np.ndarray, n_covers: int) -> None:
    """Writes uint8 `[3, H, W]` as a sheet."""
    from data.covers import write_png

    check_sheet(sheet)  # once more: a cover may have taken its name since
    write_png(sheet, picture, {SHEET_MARK: f"{n_covers} covers"})


def shown(name: str) -> str:
    """A track's name as it stands on a sheet."""
    from data.errors import printable

    return printable(name).replace("_", " ")


if __name__ == "__main__":
    run_verb(generate)
