"""Modulated convolution: equal to every image's own weights, at unit variance, and differentiable twice."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gans.modulated import StyledConv, ToRgb, modulated_convolution
from gans.resample import double_and_convolve


@pytest.fixture
def parts():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    return x, torch.randn(6, 4, 3, 3, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)


@pytest.mark.parametrize("doubles", [False, True])
def test_modulated_convolution_equals_the_direct_formula(parts, doubles):
    """Each image with weights of its own: scaled along the input, divided by their norm for each output (eqs. 1, 3)."""
    x, weight, style = parts
    expected = []
    for one, scales in zip(x, style, strict=True):
        own = weight * scales[None, :, None, None]
        own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        expected.append(4 * double_and_convolve(one[None], own) if doubles else F.conv2d(one[None], own, padding=1))
    torch.testing.assert_close(modulated_convolution(x, weight, style, doubles), torch.cat(expected))


def test_gain_and_shift_come_after(parts):
    x, weight, style = parts
    shift = torch.randn(3, 1, 5, 5, dtype=torch.float64)
    plain = modulated_convolution(x, weight, style)
    torch.testing.assert_close(modulated_convolution(x, weight, style, gain=2.0, shift=shift), 2 * plain + shift)


def test_what_leaves_has_unit_variance_whatever_the_style(parts):
    torch.manual_seed(0)
    style = torch.exp(torch.randn(8, 64))
    y = modulated_convolution(torch.randn(8, 64, 16, 16), torch.randn(32, 64, 3, 3), style)
    assert y[..., 1:-1, 1:-1].std().item() == pytest.approx(1, abs=0.03)


def test_modulated_convolution_can_be_differentiated_twice(parts):
    x, weight, style = (part.requires_grad_() for part in parts)

    def convolve(x, weight, style):
        return modulated_convolution(x[:2, :, :3, :3], weight[:2], style[:2], True)

    assert torch.autograd.gradgradcheck(convolve, (x, weight, style))


def test_a_styled_convolution_is_noise_and_bias_and_a_rectifier_of_gain_root_two():
    torch.manual_seed(0)
    layer = StyledConv(4, 6, 8, 5, place=3).double().eval()
    nn.init.constant_(layer.strength, 0.7)
    nn.init.normal_(layer.bias)
    x, w = torch.randn(2, 4, 5, 5, dtype=torch.float64), torch.randn(2, 8, dtype=torch.float64)
    plain = modulated_convolution(x, layer.weight, layer.affine(w))
    expected = 2**0.5 * F.leaky_relu(plain + 0.7 * layer.constant + layer.bias[:, None, None], 0.2)
    torch.testing.assert_close(layer(x, w), expected)


def test_a_style_begins_at_one():
    layer = StyledConv(4, 6, 8, 5, place=0)
    torch.testing.assert_close(layer.affine(torch.zeros(1, 8)), torch.ones(1, 4))


def test_noise_is_new_for_each_image_in_training_and_a_constant_of_the_place_in_evaluation():
    layers = [StyledConv(2, 2, 4, 8, place=place) for place in (5, 5, 6)]
    assert torch.equal(layers[0].constant, layers[1].constant)
    assert not torch.equal(layers[0].constant, layers[2].constant)
    layer = layers[0]
    nn.init.ones_(layer.strength)
    x, w = torch.zeros(2, 2, 8, 8), torch.zeros(2, 4)
    drawn = layer.train()(x, w)
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn, layer(x, w))
    fixed = layer.eval()(x, w)
    assert torch.equal(fixed[0], fixed[1])
    assert torch.equal(fixed, layer(x, w))


def test_bound_holds_what_leaves():
    torch.manual_seed(0)
    x, w = 100 * torch.randn(2, 4, 8, 8), torch.randn(2, 8)
    for layer in (StyledConv(4, 4, 8, 8, place=0, bound=1), ToRgb(4, 8, bound=1)):
        assert layer(x, w).abs().max() == 1


def test_colours_are_styled_and_not_normalised():
    torch.manual_seed(0)
    layer = ToRgb(4, 8).double()
    nn.init.normal_(layer.bias)
    x, w = torch.randn(2, 4, 5, 5, dtype=torch.float64), torch.randn(2, 8, dtype=torch.float64)
    style = layer.affine(w) / 2  # √4
    expected = torch.einsum("nchw,oc,nc->nohw", x, layer.weight[:, :, 0, 0], style) + layer.bias[:, None, None]
    torch.testing.assert_close(layer(x, w), expected)
