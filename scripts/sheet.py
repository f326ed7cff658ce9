"""A contact sheet to choose from: covers side by side, each with its track's name under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE_PX = 200
GAP_PX = 14
TEXT_PX = 15
_INK, _PALE, _PAPER = (40, 40, 40), (130, 130, 130), (250, 250, 248)


def draw_sheet(covers: Sequence[np.ndarray], names: Sequence[str], columns: int = 4) -> np.ndarray:
    """One picture uint8 `[3, H, W]`: covers (each uint8 `[3, h, w]`) in rows of `columns`, names below, cut to fit."""
    columns = min(columns, len(covers))
    rows = -(-len(covers) // columns)
    cell_w, cell_h = SIDE_PX + GAP_PX, SIDE_PX + GAP_PX + TEXT_PX + 8
    sheet = Image.new("RGB", (columns * cell_w + GAP_PX, rows * cell_h + GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_PX)
    for place, (cover, name) in enumerate(zip(covers, names, strict=True)):
        x = GAP_PX + place % columns * cell_w
        y = GAP_PX + place // columns * cell_h
        sheet.paste(_picture(small(cover)), (x, y))
        draw.text((x, y + SIDE_PX + 5), _cut(name, draw, font), fill=_INK, font=font)
    return np.asarray(sheet).transpose(2, 0, 1)


def draw_grid(covers: Sequence[Sequence[np.ndarray]], rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """One picture uint8 `[3, H, W]`: rows of covers (each uint8 `[3, h, w]`), the rows' names above them on the left,
    the columns' names on top, cut to fit.
    """
    cell, head = SIDE_PX + GAP_PX, TEXT_PX + 8
    width, height = len(columns) * cell + GAP_PX, head + len(rows) * (cell + head) + GAP_PX
    grid = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(grid)
    font = ImageFont.load_default(TEXT_PX)
    for place, name in enumerate(columns):
        draw.text((GAP_PX + place * cell, GAP_PX), _cut(name, draw, font), fill=_PALE, font=font)
    for down, (name, row) in enumerate(zip(rows, covers, strict=True)):
        y = GAP_PX + head + down * (cell + head)
        draw.text((GAP_PX, y), _cut(name, draw, font, width - 2 * GAP_PX), fill=_INK, font=font)
        for across, cover in enumerate(row[: len(columns)]):
            grid.paste(_picture(small(cover)), (GAP_PX + across * cell, y + head))
    return np.asarray(grid).transpose(2, 0, 1)


def small(cover: np.ndarray) -> np.ndarray:
    """A cover uint8 `[3, h, w]` in the size that it has on a sheet."""
    picture = _picture(cover).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    return np.asarray(picture).transpose(2, 0, 1)


def _picture(cover: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0)))  # [3, h, w] → [h, w, 3]


def _cut(
    name: str,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int = SIDE_PX,
) -> str:
    """`name` as far as it fits into `width` pixels."""
    if draw.textlength(name, font) <= width:
        return name
    while name and draw.textlength(f"{name}…", font) > width:
        name = name[:-1]
    return f"{name.rstrip()}…"
