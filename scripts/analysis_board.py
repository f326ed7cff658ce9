"""A report in TensorBoard: the projector with cover sprites, numbers as scalars, figures as images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.layout import sprite_sheet
from analysis.report import Report
from data.covers import write_png
from data.files import write_bytes
from scripts.study import Study

MOST_PROJECTED = 10_000
"""Points in the projector: a browser turns so many smoothly."""
METADATA = ("name", "genre", "decade", "colour", "cluster", "kind")


def write_board(study: Study, report: Report, folder: Path) -> Path:
    """Writes TensorBoard events and a projector into `folder`, taking the place of earlier ones; the folder."""
    from torch.utils.tensorboard import SummaryWriter

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(folder)) as writer:
        for section in report.sections:
            for number in section.numbers:
                writer.add_scalar(f"{section.title}/{number.name}".replace(" ", "_"), number.value, 0)
        for name, content in report.images.items():
            pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
            writer.add_image(name, pixels, 0, dataformats="HWC")
    if len(study.rows):
        write_projector(folder, *projected(study))
    return folder


def projected(study: Study) -> tuple[np.ndarray, np.ndarray, list[Sequence[str]]]:
    """Descriptors `[P, d]`, covers uint8 `[P, 3, H, W]` and metadata of real covers and then generated ones."""
    found = study.clusters["k-means"].labels
    columns = zip(study.rows, study.genres(study.rows), study.decades(study.rows), study.colours, found, strict=True)
    words: list[Sequence[str]] = [
        (study.text(int(row)), genre or "–", decade or "–", colour, str(cluster + 1), "real")
        for row, genre, decade, colour, cluster in columns
    ]
    x, covers = study.descriptors, study.covers
    if study.generated:
        x, covers = np.concatenate([x, study.generated.descriptors]), np.concatenate([covers, study.generated.covers])
        words += [(name, "–", "–", "–", "–", "generated") for name in study.generated.names]
    picked = np.unique(np.linspace(0, len(x) - 1, MOST_PROJECTED).astype(int))
    return x[picked], covers[picked], [words[k] for k in picked]


def write_projector(folder: Path, x: np.ndarray, covers: np.ndarray, words: Sequence[Sequence[str]]) -> None:
    """The projector's files: vectors, metadata, a sprite sheet of at most 8,192 px a side, and what names them."""
    sheet, side, _ = sprite_sheet(covers)
    write_png(folder / "sprites.png", sheet)
    vectors = "\n".join("\t".join(f"{value:.5g}" for value in row) for row in x)
    write_bytes(folder / "covers.tsv", (vectors + "\n").encode())
    lines = ["\t".join(METADATA), *("\t".join(" ".join(word.split()) for word in line) for line in words)]
    write_bytes(folder / "metadata.tsv", ("\n".join(lines) + "\n").encode("utf-8", "replace"))
    config = (
        'embeddings {\n  tensor_name: "covers"\n  tensor_path: "covers.tsv"\n  metadata_path: "metadata.tsv"\n'
        f'  sprite {{\n    image_path: "sprites.png"\n    single_image_dim: {side}\n    single_image_dim: {side}\n'
        "  }\n}\n"
    )
    write_bytes(folder / "projector_config.pbtxt", config.encode())
