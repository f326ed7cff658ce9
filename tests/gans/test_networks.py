"""Networks: the condition reaches both players, sizes hold at every resolution, no checkerboard by construction."""

import pytest
import torch
from torch import nn

from gans import draws
from gans.dcgan import Discriminator, Generator
from gans.layers import BatchNorm, MinibatchDeviation, Noise, levels
from gans.networks import build_discriminator, build_generator

SMALL = {"base_channels": 256, "max_channels": 16}


@pytest.mark.parametrize("resolution", [32, 64, 128, 256])
@pytest.mark.parametrize("c_dim", [0, 5])
def test_images_and_logits_have_the_promised_shapes(resolution, c_dim):
    generator = build_generator("dcgan", {"resolution": resolution, "c_dim": c_dim, **SMALL})
    discriminator = build_discriminator("dcgan", {"resolution": resolution, "c_dim": c_dim, **SMALL})
    c = torch.randn(2, c_dim)
    images = generator(torch.randn(2, generator.z_dim), c)
    assert images.shape == (2, 3, resolution, resolution)
    assert images.abs().max() <= 1
    assert discriminator(images, c).shape == (2,)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_condition_reaches_the_verdict(norm):
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=32, c_dim=5, norm=norm, **SMALL)
    images, c = torch.randn(4, 3, 32, 32), torch.randn(4, 5, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images, c).sum(), c)
    assert (gradient.abs().sum(dim=1) > 0).all()
    assert not torch.allclose(discriminator(images, c), discriminator(images, c.roll(1, 0)))


def test_the_condition_reaches_every_part_of_the_picture():
    torch.manual_seed(0)
    generator = Generator(resolution=32, c_dim=5, **SMALL).eval()
    z = torch.randn(1, generator.z_dim)
    difference = generator(z, torch.zeros(1, 5)) - generator(z, torch.ones(1, 5))
    assert (difference.abs() > 0).float().mean() > 0.99


def test_a_blank_latent_field_gives_a_picture_without_checkerboard():
    """Resize and convolution treat every place alike: with equal input away from the borders, so is the output."""
    generator = Generator(resolution=64, c_dim=0, noise=False, **SMALL).eval()
    nn.init.zeros_(generator.start.weight)
    nn.init.constant_(generator.start.bias, 0.3)
    with torch.no_grad():
        image = generator.synthesize(torch.randn(1, generator.n_styles, generator.w_dim))
    inner = image[..., 31:33, 31:33]
    assert (inner - inner.mean(dim=(2, 3), keepdim=True)).abs().max() < 1e-5


def test_noise_is_random_in_training_and_fixed_in_evaluation():
    noise = Noise(channels=2, resolution=8)
    nn.init.ones_(noise.strength)
    x = torch.zeros(3, 2, 8, 8)
    assert not torch.equal(noise.train()(x), noise(x))
    fixed = noise.eval()(x)
    assert torch.equal(fixed, Noise(2, 8).eval().constant.expand_as(fixed))


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_over_two_processes_equals_that_of_the_whole_batch_far_from_zero_too(affine, monkeypatch):
    torch.manual_seed(0)
    half = 100 + 0.01 * torch.randn(4, 3, 5, 5)
    ours, torchs = BatchNorm(3, affine=affine), nn.BatchNorm2d(3, affine=affine).double()
    monkeypatch.setattr(draws, "place_and_number", lambda: (0, 2))
    monkeypatch.setattr("gans.layers.mean_of_all", lambda values: values)  # the other process has the same
    whole = torch.cat([half, half]).double().requires_grad_()
    wanted, found = torchs(whole), ours(half.requires_grad_())
    torch.testing.assert_close(found.double(), wanted[:4], atol=1e-2, rtol=0)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name).double(), getattr(torchs, name), atol=1e-5, rtol=1e-5)
    assert found.isfinite().all()


def test_minibatch_deviation_equals_the_slow_formula():
    torch.manual_seed(0)
    x = torch.randn(8, 3, 2, 2)
    plane = MinibatchDeviation(size=4)(x)[:, 3]
    for group in range(2):
        members = x[4 * group : 4 * group + 4].flatten(1)
        deviation = ((members - members.mean(0)) ** 2).mean(0).add(1e-8).sqrt().mean()
        assert torch.allclose(plane[4 * group : 4 * group + 4], deviation.expand(4, 2, 2))


def test_minibatch_deviation_of_equal_images_is_zero():
    assert MinibatchDeviation()(torch.ones(6, 2, 4, 4))[:, 2].max() < 1e-3


def test_levels_double_up_to_the_resolution():
    assert levels(64) == [8, 16, 32, 64]
