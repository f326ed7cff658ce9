"""A contact sheet to choose from: covers side by side, each with its track's name under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE_PX = 200
GAP_PX = 14
TEXT_PX = 15
_INK, _PAPER = (40, 40, 40), (250, 250, 248)


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
        picture = Image.fromarray(np.ascontiguousarray(cover.transpose(1, 2, 0)))  # [3, h, w] → [h, w, 3]
        sheet.paste(picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC), (x, y))
        draw.text((x, y + SIDE_PX + 5), _cut(name, draw, font), fill=_INK, font=font)
    return np.asarray(sheet).transpose(2, 0, 1)


def _cut(name: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """`name` as far as it fits under a cover."""
    if draw.textlength(name, font) <= SIDE_PX:
        return name
    while name and draw.textlength(f"{name}…", font) > SIDE_PX:
        name = name[:-1]
    return f"{name.rstrip()}…"
