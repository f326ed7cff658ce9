"""Resampling: equal to zeros between the pixels, a sum over the filter's taps, and every other place."""

import pytest
import torch
from torch.nn import functional as F

from gans.resample import blur, double, double_and_convolve, halve_and_convolve


def filtered(x, before, after):
    """The slow formula: each output is the sum of 16 products with [1, 3, 3, 1]⊗[1, 3, 3, 1] / 64, zeros around."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    x = F.pad(x, (before, after, before, after))
    out = x.new_zeros(*x.shape[:2], x.shape[2] - 3, x.shape[3] - 3)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = (x[:, :, i : i + 4, j : j + 4] * taps[:, None] * taps).sum(dim=(2, 3))
    return out


def stuffed(x):
    """A zero after each pixel and each row."""
    out = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    out[:, :, ::2, ::2] = x
    return out


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 3, 6, 6, dtype=torch.float64)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_blur_equals_the_slow_formula(x, padding):
    torch.testing.assert_close(blur(x, padding, gain=2.0), 2 * filtered(x, padding, padding))


def test_doubling_equals_the_slow_formula_and_keeps_a_constant(x):
    torch.testing.assert_close(double(x), 4 * filtered(stuffed(x), 2, 1))
    torch.testing.assert_close(double(torch.ones(1, 1, 4, 4))[..., 1:-1, 1:-1], torch.ones(1, 1, 6, 6))


def test_doubling_with_a_convolution_equals_filtering_first_and_convolving_then(x):
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    wide = filtered(stuffed(x), 3, 2)  # one place more on each side than the image, for the convolution's border
    torch.testing.assert_close(double_and_convolve(x, weight), F.conv2d(wide, weight.flip(2, 3)))


@pytest.mark.parametrize("size", [1, 3])
def test_halving_with_a_convolution_equals_the_slow_formula(x, size):
    weight, bias = torch.randn(5, 3, size, size, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    around = 1 + size // 2
    full = F.conv2d(filtered(x, around, around), weight, bias)
    torch.testing.assert_close(halve_and_convolve(x, weight, bias), full[:, :, ::2, ::2])


def test_resampling_can_be_differentiated_twice(x):
    weight = torch.randn(2, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    for resample in (double_and_convolve, halve_and_convolve):
        assert torch.autograd.gradgradcheck(resample, (x[:1, :, :4, :4].clone().requires_grad_(), weight))


def test_what_was_kept_while_drawing_serves_training_too():
    with torch.inference_mode():
        blur(torch.ones(1, 77, 4, 4), 1)
    x = torch.ones(1, 77, 4, 4, requires_grad=True)
    blur(x, 1).sum().backward()
    assert x.grad is not None
