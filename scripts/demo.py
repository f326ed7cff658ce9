"""`gatefold demo`: three synthesised tracks → three covers and a contact sheet, with nothing at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.making import DEFAULT_LOOK, DEFAULT_SIZE, MAX_SEED, Finish, Wishes
from scripts.shell import complain, print_path, run_verb

TRACKS = (  # style, tempo in BPM, energy, mode, brightness
    ("ambient", 66.0, 0.1, "minor", 0.2),
    ("folk", 104.0, 0.45, "major", 0.6),
    ("metal", 168.0, 0.95, "minor", 0.8),
)
DURATION_S = 30.0


def demo(
    out: Annotated[Path, typer.Option(help="Folder for tracks, covers and contact sheet.")] = Path("covers"),
    model: Annotated[
        Path | None, typer.Option(help="A bundle or a run; default: the model that comes with Gatefold.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Another number, other covers.")] = 0,
) -> None:
    """Synthesise three tracks, make a cover for each, and lay them side by side."""
    from scripts.generate import write_sheet
    from scripts.pipeline import Listener, write_covers

    listener, finish = Listener.open(model), Finish(DEFAULT_LOOK, DEFAULT_SIZE)
    covers = []
    for track in _write_tracks(out):
        complain(f"synthesised {track}")
        for cover in write_covers(listener, listener.subject(track, Wishes()), out, [seed], finish=finish):
            print_path(cover)
            covers.append((cover, track.stem))
    sheet = out / "contact-sheet.png"
    write_sheet(sheet, covers)
    print_path(sheet)


def _write_tracks(out: Path) -> list[Path]:
    """Three tracks that sound nothing alike, as WAV files in `out`; the same ones every time."""
    import io

    import soundfile

    from data.files import write_bytes
    from data.synthetic import SyntheticTrack, synthesize

    paths = []
    for index, (style, tempo_bpm, energy, mode, brightness) in enumerate(TRACKS):
        name = f"demo-{style}"
        track = SyntheticTrack(
            track_id=name,
            artist=name,
            album=name,
            style=style,
            tempo_bpm=tempo_bpm,
            energy=energy,
            mode=mode,
            brightness=brightness,
            year=2000,
            seed=index,
        )
        sound = io.BytesIO()
        soundfile.write(sound, synthesize(track, DURATION_S), 22050, format="WAV")
        paths.append(out / f"{name}.wav")
        write_bytes(paths[-1], sound.getvalue())
    return paths


if __name__ == "__main__":
    run_verb(demo)
