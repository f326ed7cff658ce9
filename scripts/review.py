"""`gatefold review`: contact sheets of a dataset's covers, and the bad ones struck out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import InputError, printable
from scripts.shell import complain, print_path, run_verb, stages

if TYPE_CHECKING:
    import numpy as np

    from data.shards import Dataset

COLUMNS, PER_SHEET = 10, 60
_SHOWN = ("track_id", "artist", "album", "title", "cover")


def review(
    dataset: Annotated[Path, typer.Argument(help="A dataset, built or collected.")],
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A track's id, or a file with one a line (what follows a tab is passed over)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for the sheets; default: `review` in the dataset's cache.")
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="Only rows that meet this; may be repeated.")] = None,
) -> None:
    """Draw contact sheets, each with the list of its tracks' ids beside it; or, with --drop, strike tracks out."""
    from data.striking import finish_striking, strike

    if drop:
        with stages() as told:
            struck = strike(dataset, _ids(drop), told)
        for row in struck:
            print(json.dumps(row, ensure_ascii=False))
        complain(f"{len(struck)} struck out")
        return
    from data.shards import Dataset

    if dataset.is_dir():
        finish_striking(dataset)
    opened = Dataset(dataset)
    for sheet in _write_sheets(opened, out or opened.cache_dir / "review", where or ()):
        print_path(sheet)


def _ids(words: Sequence[str]) -> list[str]:
    """The ids that were given, or that stand in the files that were."""
    from data.files import reason_of

    ids: list[str] = []
    for word in words:
        try:
            lines = Path(word).read_text(encoding="utf-8").splitlines() if Path(word).is_file() else [word]
        except UnicodeDecodeError as error:
            raise InputError(word, "not UTF-8 text") from error
        except OSError as error:
            raise InputError(word, reason_of(error)) from error
        ids += [line.split("\t")[0].strip() for line in lines if line.strip()]
    if not ids:
        raise InputError(", ".join(words), "names no track")
    return ids


def _write_sheets(dataset: Dataset, folder: Path, where: Sequence[str]) -> Iterator[Path]:
    """Sheets `sheet-001.png`, … of all covers, and beside each a list of its ids in the same order."""
    from data.covers import write_png
    from data.files import write_bytes
    from data.where import matching_rows
    from scripts.sheet import draw_sheet

    for former in (*folder.glob("sheet-*.png"), *folder.glob("sheet-*.txt")):
        former.unlink()
    with stages() as told:
        chosen = matching_rows(dataset, where, told) & dataset.present("cover")
        rows = (row for row, wanted in zip(dataset.iter_rows(_SHOWN), chosen, strict=True) if wanted)
        batches = iter(lambda: list(islice(rows, PER_SHEET)), [])
        for number, batch in enumerate(batches, start=1):
            names = [f"{place} {row['track_id']}" for place, row in enumerate(batch, start=1)]
            path = folder / f"sheet-{number:03d}.png"
            lines = (f"{row['track_id']}\t{_names(row)}\n" for row in batch)
            write_bytes(path.with_suffix(".txt"), "".join(lines).encode())
            write_png(path, draw_sheet([_picture(row) for row in batch], list(map(printable, names)), COLUMNS))
            told("drawing", (number - 1) * PER_SHEET + len(batch), int(chosen.sum()))
            yield path


def _picture(row: dict[str, Any]) -> np.ndarray:
    """uint8 `[3, h, w]`: a row's cover, black where it does not decode."""
    import numpy as np

    from data.covers import decode_cover, resize_cover
    from scripts.sheet import SIDE_PX

    try:
        return resize_cover(decode_cover(row["cover"]["bytes"] or b""), SIDE_PX)
    except InputError:
        return np.zeros((3, SIDE_PX, SIDE_PX), dtype=np.uint8)


def _names(row: dict[str, Any]) -> str:
    return " – ".join(" ".join(row[name].split()) for name in ("artist", "album", "title") if row[name])


if __name__ == "__main__":
    run_verb(review)
