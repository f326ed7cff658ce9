"""`gatefold reproduce`: the same pixels again, or the reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from scripts.making import Making, as_json
from scripts.shell import complain, run_verb

if TYPE_CHECKING:
    import numpy as np

NOT_THE_SAME = 1


def reproduce(
    cover: Annotated[Path, typer.Argument(help="A cover that Gatefold made.")],
    track: Annotated[Path, typer.Argument(help="The music it was made from.")],
    model: Annotated[
        Path | None, typer.Option(help="The bundle or run that made it; default: the model that comes with Gatefold.")
    ] = None,
) -> None:
    """Make a cover again from what its file says and compare every pixel; exit code 1 where one differs."""
    from data.covers import read_png

    pixels, text = read_png(cover)
    making = Making.from_text(cover, text)

    import numpy as np

    from scripts.pipeline import Listener, condition_hash, hear

    listener = Listener.open(model)
    if listener.bundle.hash != making.bundle:
        ours = listener.bundle.hash[:12]
        raise InputError(cover, f"made by the model {making.bundle[:12]}, not by {ours}; name its folder with --model")
    heard = hear(track)
    if heard.excerpt.fingerprint != making.track:
        raise InputError(track, f"not the music that {cover.name} was made from (its fingerprint differs)")
    c = listener.condition(heard, making.wishes)
    again = listener.draw(c, making.seed, making.truncation, making.strength)
    same = np.array_equal(again, pixels)
    print(as_json({"cover": str(cover), "track": str(track), "same": same, "seed": making.seed}))
    if not same:
        complain(str(InputError(cover, _reason(pixels, again, condition_hash(c) == making.heard))))
        raise typer.Exit(NOT_THE_SAME)


def _reason(pixels: np.ndarray, again: np.ndarray, heard_alike: bool) -> str:
    """Why the pixels are not the same; both uint8 `[3, H, W]`."""
    if pixels.shape != again.shape:
        return f"is {pixels.shape[2]} × {pixels.shape[1]} pixels, the model makes {again.shape[2]} × {again.shape[1]}"
    gaps = abs(pixels.astype(int) - again)
    how_far = f"{(gaps.max(axis=0) > 0).mean():.1%} of the pixels differ, by {gaps.max()} of 255 at most"
    if not heard_alike:
        return f"the music was heard otherwise than when it was made (another version or machine?): {how_far}"
    return f"the picture was changed, or made on another kind of machine: {how_far}"


if __name__ == "__main__":
    run_verb(reproduce)
