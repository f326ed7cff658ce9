"""The contact sheet: every cover in its place, names below, long ones cut."""

import numpy as np
import pytest

from scripts.sheet import GAP_PX, SIDE_PX, draw_sheet


@pytest.mark.parametrize(("n", "columns", "shape"), [(1, 4, (1, 1)), (4, 4, (1, 4)), (5, 4, (2, 4)), (12, 6, (2, 6))])
def test_covers_stand_in_reading_order(n, columns, shape):
    covers = [np.full((3, 64, 64), 20 * place + 10, np.uint8) for place in range(n)]
    sheet = draw_sheet(covers, ["name"] * n, columns)
    rows, wide = shape
    cell_w, cell_h = SIDE_PX + GAP_PX, (sheet.shape[1] - GAP_PX) // rows
    assert sheet.shape[2] == wide * cell_w + GAP_PX
    for place in range(n):
        x, y = GAP_PX + place % wide * cell_w, GAP_PX + place // wide * cell_h
        assert (sheet[:, y : y + SIDE_PX, x : x + SIDE_PX] == 20 * place + 10).all()


def test_a_long_name_does_not_run_into_its_neighbour():
    covers = [np.zeros((3, 8, 8), np.uint8)] * 2
    long, short = draw_sheet(covers, ["W" * 200, ""], 2), draw_sheet(covers, ["", ""], 2)
    right_half = slice(GAP_PX + SIDE_PX + 1, None)
    assert np.array_equal(long[:, :, right_half], short[:, :, right_half])
    assert not np.array_equal(long, short)
