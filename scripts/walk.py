"""`gatefold walk`: a film that leads from cover to cover, or through one track."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from data.errors import InputError
from scripts.making import Wishes, as_json, parse_seeds
from scripts.options import Model, Seeds, Strength, Tracks, Truncation
from scripts.shell import Batch, print_path, progress, run_verb

if TYPE_CHECKING:
    from scripts.pipeline import Listener, Subject

LEG_S = 3.0
WINDOW_S = 10.0
SIDE_PX = 256
LONGEST_S = 3600.0
"""As `data.audio.MAX_DURATION_S`, which would load numpy for `gatefold --help`."""

MAX_FPS = 50
"""As `data.film.MAX_FPS`."""


def walk(
    track: Tracks,
    out: Annotated[Path, typer.Option(help="A .gif, an .mp4 or, without an ending, a folder of PNGs.")] = Path(
        "walk.mp4"
    ),
    model: Model = None,
    seeds: Seeds = "0",
    by: Annotated[
        Literal["z", "w", "condition"],
        typer.Option(help="Latent and condition move; or the style, straight; or, of one seed, the condition alone."),
    ] = "z",
    through: Annotated[
        bool, typer.Option("--through", help="Through one track as it plays, in an .mp4 with its sound.")
    ] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Go on from the last cover to the first.")] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=LONGEST_S, help=f"Length; default: {LEG_S:g} from cover to cover, or all of the track."
        ),
    ] = None,
    fps: Annotated[int, typer.Option(min=1, max=MAX_FPS, help="Pictures a second.")] = 25,
    side: Annotated[
        int | None,
        typer.Option(min=16, max=2048, help=f"Pixels a side; default: {SIDE_PX}, more where the model draws more."),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=1.0, max=LONGEST_S, help=f"With --through: seconds heard at once; default: {WINDOW_S:g}."),
    ] = None,
    turns: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=60.0, help="With --through: turns a minute of the composition, driven by the beat; default: 0."
        ),
    ] = None,
    truncation: Truncation = 1.0,
    strength: Strength = 1.0,
) -> None:
    """Film a walk from track to track, or from seed to seed of one track; prints the film's path.

    One seed is for all tracks; several are one a track, or all of one track.
    """
    from data.film import check_film, film_kind, write_film

    numbers = parse_seeds(seeds)
    if through and (len(track) > 1 or len(numbers) > 1 or loop or by != "z"):
        raise InputError("--through", "leads through one track with one seed, from its start to its end")
    if not through and (window is not None or turns is not None):
        raise InputError("--window, --turns", "are for the way through a track: give --through too")
    if by == "condition" and len(numbers) > 1:
        raise InputError("--by condition", "holds one seed, and several were given")
    if len(track) > 1 and len(numbers) not in (1, len(track)):
        raise InputError("--seeds", f"{len(numbers)} seeds for {len(track)} tracks; give one for all, or one for each")
    if not through and len(track) == len(numbers) == 1:
        raise InputError(track[0], "one cover is no walk: give more tracks, or more --seeds, or --through")
    check_film(out)

    from scripts.pipeline import Listener

    listener = Listener.open(model)
    text = {"bundle": listener.bundle.hash, "seeds": numbers, "truncation": truncation, "strength": strength}
    sound = None
    if through:
        from data.audio import load_audio
        from scripts.through import SOUND_SR, draw_course, hear_course

        course = hear_course(listener, track[0], WINDOW_S if window is None else window, seconds)
        text |= {"tracks": [course.music], "through": True, "turns": turns or 0.0}
        total = round(course.duration_s * fps)
        pictures = draw_course(listener, course, total, fps, numbers[0], turns or 0.0, truncation, strength)
        if film_kind(out) == "MP4":
            sound = load_audio(track[0], sr=SOUND_SR, duration_s=course.duration_s, offset_s=0.0).y, SOUND_SR
    else:
        from gans import latents
        from gans.sampling import latent_of_seed

        ways = _hear_ways(listener, track, numbers)
        total = round((LEG_S * (len(ways) - 1 + loop) if seconds is None else seconds) * fps)
        if total < len(ways):
            raise InputError("--seconds", f"{total} pictures are too few to lead through {len(ways)} covers")
        places = latents.even_places(total, len(ways), loop)
        generator, layout = listener.bundle.generator, listener.bundle.layout
        stops = [latents.Stop(latent_of_seed(seed, generator.z_dim), subject.c) for subject, seed in ways]
        stops += stops[:loop]
        text |= {"tracks": [subject.music for subject, _ in ways], "by": by, "loop": loop}
        pictures = latents.walk(generator, stops, places, layout, "w" if by == "w" else "z", truncation, strength)
    if side is None and film_kind(out) != "PNG":
        side = max(SIDE_PX, listener.bundle.generator.resolution)
    write_film(out, progress(pictures, "pictures", total), fps, text=as_json(text), side=side, sound=sound)
    print_path(out)


def _hear_ways(listener: Listener, tracks: Sequence[Path], seeds: Sequence[int]) -> list[tuple[Subject, int]]:
    """Each track with its seed, or the one track with each seed; a track that cannot be used is left out."""
    if len(tracks) == 1:
        subject = listener.subject(tracks[0], Wishes())
        return [(subject, seed) for seed in seeds]
    batch, ways = Batch(len(tracks)), []
    for path, seed in zip(progress(tracks, "tracks"), itertools.cycle(seeds), strict=False):
        with batch.item():
            ways.append((listener.subject(path, Wishes()), seed))
    batch.finish()
    if len(ways) < 2:
        raise InputError("walk", "one track alone is left, and leads nowhere")
    return ways


if __name__ == "__main__":
    run_verb(walk)
