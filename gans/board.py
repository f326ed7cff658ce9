"""What a run shows in TensorBoard: numbers, and the same tracks × the same seeds again and again, to hear and see."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from data.covers import encode_png, tile
from data.files import write_bytes
from gans.generator import GeneratorNetwork
from gans.sampling import generate_covers

GIF_PX = 512
GIF_FRAMES = 60


@dataclass(frozen=True)
class Panel:
    """The fixed tracks that a run is watched by.

    conditions float32 `[P, c_dim]`; names `[P]`; covers uint8 `[P, 3, H, W]`, the tracks' real ones; audio `[P]`:
    float32 `[n_samples]` and rate in Hz, or None where a track has none.
    """

    conditions: np.ndarray
    names: Sequence[str]
    covers: np.ndarray | None = None
    audio: Sequence[tuple[np.ndarray, int] | None] = ()
    seeds: Sequence[int] = (0, 1, 2, 3, 4, 5)


class Board:
    """TensorBoard events of one run, on the images-shown clock.

    Opened at `shown` images, it takes back what a killed process wrote after that, so a resumed run's curves
    hold each point once.
    """

    def __init__(self, run: Path, shown: int) -> None:
        self.run = run
        _wait_for_a_new_second(run)
        self.writer = SummaryWriter(str(run), purge_step=shown + 1)

    def scalars(self, values: Mapping[str, float], shown: int) -> None:
        """One point for each named number."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, shown)

    def introduce(self, panel: Panel, shown: int) -> None:
        """The panel's real covers and its audio, under the names that its generated covers will have."""
        for place, name in enumerate(panel.names):
            if panel.covers is not None:
                self.writer.add_image(f"{_tag(place, name)}/real", panel.covers[place], shown)
            heard = panel.audio[place] if place < len(panel.audio) else None
            if heard is not None:
                y, sr = heard
                self.writer.add_audio(f"{_tag(place, name)}/track", y[None], shown, sample_rate=sr)
        self.writer.flush()

    def draw(self, panel: Panel, generator: GeneratorNetwork, shown: int) -> None:
        """The panel as it is now: a row a track, a column a seed, the real cover first; and a row by itself
        beside each track's audio. The whole is kept in `samples/` too."""
        rows = []
        for place, name in enumerate(panel.names):
            repeated = np.repeat(panel.conditions[place : place + 1], len(panel.seeds), axis=0)
            covers = generate_covers(generator, repeated, panel.seeds)
            self.writer.add_image(f"{_tag(place, name)}/generated", tile(covers, columns=len(covers)), shown)
            rows += [*([panel.covers[place]] if panel.covers is not None else []), *covers]
        columns = len(panel.seeds) + (panel.covers is not None)
        grid = tile(np.stack(rows), columns=columns)
        self.writer.add_image("panel", grid, shown)
        write_bytes(self.run / "samples" / f"panel-{shown:09d}.png", encode_png(grid, {"images_shown": str(shown)}))
        self.writer.flush()

    def finish(self, config: Mapping[str, Any], metrics: Mapping[str, float], shown: int) -> None:
        """The run's hyperparameters beside its last figures, and its progress as a moving picture."""
        flat = {
            key: value if isinstance(value, int | float | str | bool) else str(value) for key, value in config.items()
        }
        self.writer.add_hparams(
            flat, {f"last/{name}": value for name, value in metrics.items()}, run_name=".", global_step=shown
        )
        gif = _progress_gif(sorted((self.run / "samples").glob("panel-*.png")))
        if gif is not None:
            content, width, height = gif
            write_bytes(self.run / "samples" / "progress.gif", content)
            image = Summary.Image(encoded_image_string=content, width=width, height=height, colorspace=3)
            summary = Summary(value=[Summary.Value(tag="progress", image=image)])
            self.writer._get_file_writer().add_summary(summary, shown)  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """Puts on disk what was written so far."""
        self.writer.flush()

    def close(self) -> None:
        """Writes out what is buffered."""
        self.writer.close()


def _wait_for_a_new_second(run: Path) -> None:
    """TensorBoard reads a run's files in the order of their names, which begin with the second they were made in:
    a file that goes on from another must not share its second."""
    seconds = [int(path.name.split(".")[3]) for path in run.glob("events.out.tfevents.*")]
    while seconds and time.time() < max(seconds) + 1 and time.time() > max(seconds) - 1:
        time.sleep(0.02)


def _tag(place: int, name: str) -> str:
    return f"tracks/{place + 1} {name.replace('/', '-')[:60]}"


def _progress_gif(paths: Sequence[Path]) -> tuple[bytes, int, int] | None:
    """The panels as a GIF of at most `GIF_FRAMES` frames, the last one held; None where there are none."""
    if not paths:
        return None
    picked = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, GIF_FRAMES).astype(int))]
    frames = []
    for path in picked:
        with Image.open(path) as panel:
            frame = panel.convert("RGB")
        frame.thumbnail((GIF_PX, GIF_PX), Image.Resampling.BOX)
        frames.append(frame.quantize(128))
    buffer = io.BytesIO()
    durations = [150] * (len(frames) - 1) + [2_000]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return buffer.getvalue(), *frames[0].size
