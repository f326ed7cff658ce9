"""`gatefold reproduce`: the same pixels again, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from scripts.making import NO_MUSIC, Making, as_json
from scripts.shell import complain, run_verb

if TYPE_CHECKING:
    import numpy as np

NOT_THE_SAME = 1


def reproduce(
    cover: Annotated[Path, typer.Argument(help="A cover that Gatefold made.")],
    track: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The music it was made from: a track, an album's in their order, a mix's two; none for one of wishes."
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="The bundle or run that made it; default: the model that comes with Gatefold.")
    ] = None,
) -> None:
    """Make a cover again from what its file says and compare every pixel; exit code 1 where one differs."""
    from data.jpeg import as_jpeg, is_jpeg, read_cover

    pixels, text = read_cover(cover)
    making = Making.from_text(cover, text)

    tracks = track or []
    if bool(tracks) == (making.track == NO_MUSIC):
        none = making.track == NO_MUSIC
        raise InputError(cover, "made from wishes alone, no track" if none else "name the music it was made from")

    import numpy as np

    from scripts.pipeline import Listener, condition_hash

    listener = Listener.open(model)
    if listener.bundle.hash != making.bundle:
        ours = listener.bundle.hash[:12]
        raise InputError(cover, f"made by the model {making.bundle[:12]}, not by {ours}; name its folder with --model")
    if making.mix is not None and len(tracks) != 2:
        raise InputError(cover, f"mixed from two tracks, for its structure and its style, not from {len(tracks)}")
    subjects = [listener.subject(path, making.wishes) for path in tracks] or [listener.wished(making.wishes)]
    style = subjects.pop() if making.mix is not None else None
    subject = listener.album(cover.stem, subjects)
    if subject.music != making.track:
        if len(subjects) == 1:
            raise InputError(tracks[0], f"not the music that {cover.name} was made from (its fingerprint differs)")
        raise InputError(cover, f"not made from these {len(tracks)} tracks in this order (their fingerprint differs)")
    if making.mix is not None and style is not None and style.music != making.mix.track:
        raise InputError(tracks[1], f"not the music that gave {cover.name} its style (its fingerprint differs)")
    again = listener.make(making, subject.c, None if style is None else style.c)
    if is_jpeg(cover):
        again = as_jpeg(again)
    same = np.array_equal(again, pixels)
    what = "mix" if style is not None else "album"
    paths = [str(path) for path in tracks]
    music = {what: paths} if len(paths) > 1 else {"track": paths[0] if paths else None}
    print(as_json({"cover": str(cover), **music, "same": same, "seed": making.seed}))
    if not same:
        alike = condition_hash(subject.c) == making.heard
        if making.mix is not None and style is not None:
            alike &= condition_hash(style.c) == making.mix.heard
        other = "" if text["Software"] == making.to_text()["Software"] else f"made by {text['Software']}; "
        complain(str(InputError(cover, other + _reason(pixels, again, alike))))
        raise typer.Exit(NOT_THE_SAME)


def _reason(pixels: np.ndarray, again: np.ndarray, heard_alike: bool) -> str:
    """Why the pixels are not the same; both uint8 `[3, H, W]`."""
    if pixels.shape != again.shape:
        return (
            f"is {pixels.shape[2]} × {pixels.shape[1]} pixels, not {again.shape[2]} × {again.shape[1]} as it was made"
        )
    gaps = abs(pixels.astype(int) - again)
    how_far = f"{(gaps.max(axis=0) > 0).mean():.1%} of the pixels differ, by {gaps.max()} of 255 at most"
    if not heard_alike:
        why = "another version or machine, other names in the file?"
        return f"the music was heard otherwise than when it was made ({why}): {how_far}"
    return f"the picture was changed, or made on another kind of machine: {how_far}"


if __name__ == "__main__":
    run_verb(reproduce)
