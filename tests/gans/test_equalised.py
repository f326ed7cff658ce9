"""Equalised learning rate: the definition, and what it is for."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gans.equalised import EqualConv2d, EqualLinear, equalise


@pytest.mark.parametrize(("gain", "lr"), [(1.0, 1.0), (2**0.5, 1.0), (1.0, 0.01)])
def test_a_layer_is_its_kept_weights_times_the_constant_of_he(gain, lr):
    linear, convolution = EqualLinear(6, 4, gain=gain, lr=lr), EqualConv2d(6, 4, 3, gain=gain, lr=lr)
    with torch.no_grad():
        linear.bias.fill_(0.5 / lr)
        convolution.bias.fill_(0.5 / lr)
    x = torch.randn(2, 6, 5, 5)
    by_hand = F.linear(x[:, :, 0, 0], linear.weight * gain * lr / 6**0.5) + 0.5
    torch.testing.assert_close(linear(x[:, :, 0, 0]), by_hand)
    by_hand = F.conv2d(x, convolution.weight * gain * lr / 54**0.5, padding=1) + 0.5
    torch.testing.assert_close(convolution(x), by_hand)


@pytest.mark.parametrize("lr", [1.0, 0.01])
@pytest.mark.parametrize("features", [8, 512])
def test_weights_are_kept_at_unit_variance_and_what_passes_keeps_its_own(features, lr):
    torch.manual_seed(0)
    layer = EqualLinear(features, 512, lr=lr)
    assert layer.weight.std().item() == pytest.approx(1 / lr, rel=0.05)
    assert layer(torch.randn(512, features)).std().item() == pytest.approx(1, rel=0.1)


def test_one_step_of_adam_moves_wide_and_narrow_layers_by_the_same_share():
    moved = []
    for features in (4, 400):
        layer = EqualLinear(features, 16, bias=None)
        before = layer.weight.detach().clone()
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(8, features)).square().sum().backward()
        optimiser.step()
        moved.append(((layer.weight - before).norm() / before.norm()).item())
    assert moved[0] == pytest.approx(moved[1], rel=0.5)


def test_a_multiplier_slows_learning_by_itself():
    outputs = []
    for lr in (1.0, 0.01):
        torch.manual_seed(0)
        layer = EqualLinear(8, 8, bias=0.0, lr=lr)
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.001)
        x = torch.randn(4, 8)
        before = layer(x)
        before.sum().backward()
        optimiser.step()
        outputs.append((before.detach(), (layer(x) - before).detach()))
    torch.testing.assert_close(outputs[0][0], outputs[1][0])  # the same function at first
    torch.testing.assert_close(outputs[0][1] * 0.01, outputs[1][1], rtol=1e-2, atol=1e-6)


def test_bias_and_padding():
    assert EqualLinear(3, 2, bias=None).bias is None
    assert EqualConv2d(3, 2, 1, bias=None).bias is None
    torch.testing.assert_close(EqualLinear(3, 2, bias=1.0, lr=0.1)(torch.zeros(1, 3)), torch.ones(1, 2))
    assert EqualConv2d(3, 2, 4, padding=0)(torch.zeros(1, 3, 4, 4)).shape == (1, 2, 1, 1)


def test_equalising_a_network_replaces_its_linear_layers_and_keeps_their_names():
    network = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Sequential(nn.Linear(4, 2, bias=False)))
    names = {name: value.shape for name, value in network.state_dict().items()}
    assert equalise(network) is network
    assert {name: value.shape for name, value in network.state_dict().items()} == names
    x = torch.randn(5, 3)
    by_hand = F.leaky_relu(x @ network[0].weight.T / 3**0.5, 0.2) @ network[2][0].weight.T / 2
    torch.testing.assert_close(network(x), by_hand)
