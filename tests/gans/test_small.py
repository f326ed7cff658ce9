"""The networks for few covers: excitation, and restoring."""

import pytest
import torch
from torch import nn

from gans.discriminator import Features
from gans.small import Discriminator, Excitation, Generator, distance

TINY = {"base_channels": 256, "max_channels": 16}
TINY_D = {**TINY, "decoder_channels": 8}


@pytest.mark.parametrize("resolution", [32, 64, 256])
def test_what_is_restored_from_is_at_16_and_8_px_whatever_the_size(resolution):
    discriminator = Discriminator(resolution=resolution, c_dim=0, **TINY_D)
    images = torch.randn(2, 3, resolution, resolution)
    features = discriminator.features(images)
    assert [map_.shape[2:] for map_ in features.maps] == [(16, 16), (8, 8)]
    assert discriminator.restore(features, images).shape == ()


@pytest.mark.parametrize("place", range(5))
def test_every_style_moves_the_picture(place):
    torch.manual_seed(0)
    generator = Generator(resolution=64, c_dim=2, **TINY).eval()
    w = generator.map(torch.randn(1, generator.z_dim), torch.randn(1, 2)).clone()
    before = generator.synthesize(w)
    w[:, place] += 1
    assert not torch.allclose(generator.synthesize(w), before)


def test_excitation_equals_its_formula():
    """Means over a 4 × 4 grid, a 4 × 4 convolution, lrelu, a linear layer, σ, and one weight for every channel."""
    torch.manual_seed(0)
    excitation = Excitation(3, 5)
    coarse, fine = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 6, 6)
    pooled = coarse.reshape(2, 3, 4, 2, 4, 2).mean(dim=(3, 5))
    seen = torch.einsum("ncij,ocij->no", pooled, excitation.look.weight) + excitation.look.bias
    seen = torch.where(seen > 0, seen, 0.2 * seen)
    weights = 1 / (1 + torch.exp(-(seen @ excitation.weigh.weight[:, :, 0, 0].T + excitation.weigh.bias)))
    assert torch.allclose(excitation(coarse, fine), weights[:, :, None, None] * fine, atol=1e-6)


def test_each_map_excites_the_one_three_levels_finer():
    generator = Generator(resolution=128, c_dim=0, **TINY)
    for excitation in generator.excitations:
        excitation.register_forward_pre_hook(
            lambda module, given: sides.append((given[0].shape[-1], given[1].shape[-1]))
        )
    sides: list[tuple[int, int]] = []
    generator(torch.randn(2, generator.z_dim), torch.zeros(2, 0))
    assert sides == [(4, 32), (8, 64), (16, 128)]


def test_distance_by_hand():
    images = torch.zeros(1, 3, 2, 2)
    assert distance(images + 0.5, images) == 0.5  # another colour, no other edge
    dotted = images.clone()
    dotted[0, 0, 0, 0] = 1.2
    # One of 12 values is off; of 6 steps down one is, of 6 across one.
    assert distance(dotted, images).item() == pytest.approx(1.2 / 12 + 1.2 / 6 + 1.2 / 6)


class _Known(nn.Module):
    """A decoder that says what it was told to."""

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__()
        self.images = images

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.images


@pytest.mark.parametrize("resolution", [32, 64])
@pytest.mark.parametrize("quarter", range(4))
def test_restoring_perfectly_costs_nothing(resolution, quarter, monkeypatch):
    discriminator = Discriminator(resolution=resolution, c_dim=0, **TINY_D)
    half = resolution // 2
    images = torch.randn(2, 3, resolution, resolution)
    rows = slice(half) if quarter < 2 else slice(half, None)
    columns = slice(half) if quarter % 2 == 0 else slice(half, None)
    whole = images.reshape(2, 3, half, 2, half, 2).mean(dim=(3, 5))
    discriminator.decoders = nn.ModuleList([_Known(images[:, :, rows, columns]), _Known(whole)])
    monkeypatch.setattr(torch, "randint", lambda most, size: torch.tensor(quarter))
    features = Features(torch.zeros(2, 16), (torch.zeros(2, 16, 16, 16), torch.zeros(2, 16, 8, 8)))
    assert discriminator.restore(features, images) < 1e-6
    assert discriminator.restore(features, images.flip(3)) > 0.1


def test_restoring_one_image_is_learned():
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=32, c_dim=0, **TINY_D)
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    images = nn.functional.interpolate(images[..., ::8, ::8], scale_factor=8)  # fields of colour
    learned = [p for name, p in discriminator.named_parameters() if name.startswith(("from_rgb", "blocks.0", "deco"))]
    losses = []
    for _ in range(60):
        loss = discriminator.restore(discriminator.features(images), images)
        with torch.no_grad():
            for parameter, gradient in zip(learned, torch.autograd.grad(loss, learned), strict=True):
                parameter -= 0.02 * gradient
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_restoring_teaches_the_layers_that_judge():
    discriminator = Discriminator(resolution=32, c_dim=0, **TINY_D)
    images = torch.randn(2, 3, 32, 32)
    discriminator.restore(discriminator.features(images), images).backward()
    assert discriminator.from_rgb[0].weight.grad.abs().sum() > 0
    assert discriminator.blocks[0].convolving[0].weight.grad.abs().sum() > 0
