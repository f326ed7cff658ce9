"""Affine sampling: what is not moved stays itself, whole pixels move exactly, and all else as its formula says."""

import math

import pytest
import torch
from torch.nn import functional as F

from gans.geometry import SYMLET, resample


def source(matrix=((1.0, 0.0), (0.0, 1.0)), move=(0.0, 0.0), n=1):
    rows = [[*row, by] for row, by in zip(matrix, move, strict=True)]
    return torch.tensor([rows] * n, dtype=torch.float64)


def waves(size, at=lambda x, y: (x, y)):
    """A smooth picture, at places in pixels from the centre: no wave shorter than half the image."""
    along = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    x, y = at(along[None, :].expand(size, -1), along[:, None].expand(-1, size))
    k = 2 * math.pi / size
    return torch.stack([torch.sin(k * x), torch.cos(k * y), torch.sin(k * (x + 2 * y) + 0.5)])[None]


def test_the_filter_is_orthogonal_to_its_own_shifts_by_two():
    taps = torch.tensor(SYMLET, dtype=torch.float64)
    assert taps.sum().item() == pytest.approx(2**0.5)
    for shift in range(0, 12, 2):
        product = (taps[shift:] * taps[: 12 - shift]).sum().item()
        assert product == pytest.approx(float(shift == 0), abs=1e-10)


@pytest.mark.parametrize("size", [4, 8, 32, 33])
def test_where_nothing_moves_the_image_stays_itself(size):
    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    torch.testing.assert_close(resample(images, source(n=2)), images)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -5), (-8, 8), (2, 1)])
def test_whole_pixels_move_exactly_and_a_mirror_image_comes_in(right, down):
    def shifted(images):
        around = F.pad(images, (8, 8, 8, 8), mode="reflect")
        return around[:, :, 8 - down : 8 - down + 32, 8 - right : 8 - right + 32]

    images = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    inside = F.pad(torch.ones(1, 1, 32, 32), (8, 8, 8, 8))[:, :, 8 - down : 40 - down, 8 - right : 40 - right] > 0
    moved, expected = resample(images, source(move=(-right, -down))), shifted(images)
    torch.testing.assert_close(moved * inside, expected * inside)
    # The filter is not quite symmetric, so its image in the mirror is not quite itself.
    assert (resample(waves(32), source(move=(-right, -down))) - shifted(waves(32))).abs().max() < 0.02


@pytest.mark.parametrize(
    ("matrix", "move"),
    [
        (((0.0, -1.0), (1.0, 0.0)), (0.0, 0.0)),
        (((math.cos(0.7), -math.sin(0.7)), (math.sin(0.7), math.cos(0.7))), (0.0, 0.0)),
        (((0.6, 0.0), (0.0, 0.6)), (1.3, -2.4)),
        (((1.2, 0.3), (-0.1, 0.8)), (0.5, 0.25)),
    ],
)
def test_a_smooth_picture_is_found_where_the_formula_says(matrix, move):
    size = 64

    def found(x, y):
        (a, b), (c, d) = matrix
        return a * x + b * y + move[0], c * x + d * y + move[1]

    expected, drawn = waves(size, found), resample(waves(size), source(matrix, move))
    x, y = found(*torch.meshgrid(*[torch.arange(size) - (size - 1) / 2] * 2, indexing="xy"))
    inside = (x.abs() < size / 2 - 4) & (y.abs() < size / 2 - 4)  # beyond, the picture's mirror image
    assert inside.float().mean() > 0.4

    assert (drawn - expected).abs()[:, :, inside].max() < 0.02


def test_each_image_has_its_own_map():
    images = waves(32).repeat(2, 1, 1, 1)
    both = resample(images, torch.cat([source(), source(move=(5.0, 0.0))]))
    torch.testing.assert_close(both[0], images[0])
    torch.testing.assert_close(both[1:], resample(images[1:], source(move=(5.0, 0.0))))


def test_resampling_can_be_differentiated_twice():
    turned = source(((0.8, -0.5), (0.4, 0.9)), (0.3, 1.1))
    images = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resample(x, turned), images)
    assert torch.autograd.gradgradcheck(lambda x: resample(x, turned) ** 2, images)
