"""The DCGAN of 2016: layer by layer as published, and trained by its row with a picture every so many steps."""

from itertools import pairwise

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from gans.dcgan2016 import Discriminator, Generator
from gans.layers import BatchNorm
from gans.networks import count_parameters
from gans.recipes import resolve
from gans.training import Surroundings, train

TINY = {"base_channels": 256, "max_channels": 16, "embedding_dim": 6}


def networks(resolution=32, c_dim=5, **options):
    torch.manual_seed(0)
    generator = Generator(resolution=resolution, c_dim=c_dim, **TINY)
    return generator, Discriminator(resolution=resolution, c_dim=c_dim, **TINY, **options)


def test_at_64_px_the_layers_are_those_of_the_authors():
    generator, discriminator = Generator(resolution=64, c_dim=0), Discriminator(resolution=64, c_dim=0)
    shapes = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0])
        for m in generator.modules()
        if isinstance(m, nn.ConvTranspose2d)
    ]
    widths = [512, 256, 128, 64]
    pairs = [*pairwise(widths), (64, 3)]
    assert shapes == [(100, 512, 4, 1, 0), *((before, after, 4, 2, 1) for before, after in pairs)]
    assert not [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    convolutions = 16 * (100 * 512 + sum(before * after for before, after in pairs))
    assert count_parameters(generator) == convolutions + 2 * sum(widths) + 3  # norms, and the bias of the colours
    strided = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in strided[:-1]] == [(after, before) for before, after in pairs[::-1]]
    assert not [m for m in discriminator.modules() if isinstance(m, nn.MaxPool2d | nn.AvgPool2d)]


def test_norms_are_everywhere_but_where_images_go_in_and_come_out():
    generator, discriminator = networks()
    assert [sum(isinstance(m, BatchNorm) for m in stage.modules()) for stage in generator.stages()] == [1, 1, 1, 0]
    assert [sum(isinstance(m, BatchNorm) for m in stage.modules()) for stage in discriminator.stages()] == [0, 1, 1, 0]
    assert {m.negative_slope for m in discriminator.blocks.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_weights_begin_as_published():
    torch.manual_seed(0)
    for network in (Generator(resolution=64, c_dim=0), Discriminator(resolution=64, c_dim=0)):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert abs(module.weight.mean().item()) < 0.002
            if isinstance(module, BatchNorm):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.5)


def test_the_latent_is_an_image_of_one_pixel():
    generator, _ = networks(c_dim=0)
    z = torch.randn(2, 100)
    start = generator.blocks[0][0]
    apart = start(z[:, :, None, None])
    assert apart.shape == (2, 16, 4, 4)
    assert torch.allclose(apart[0], torch.einsum("i,iohw->ohw", z[0], start.weight), atol=1e-5)
    assert torch.equal(generator.map(z, torch.zeros(2, 0))[:, 0], z)


def test_without_conditions_the_verdict_is_one_convolution_of_the_last_maps():
    _, discriminator = networks(c_dim=0)
    images = torch.randn(4, 3, 32, 32)
    maps = images
    for block in discriminator.blocks:
        maps = block(maps)
    v, compress = discriminator.verdict.head, discriminator.compress
    weight = torch.einsum("f,fchw->chw", v.weight[0], compress.weight)[None]
    expected = F.conv2d(maps, weight, v.weight @ compress.bias + v.bias).flatten()
    assert torch.allclose(discriminator(images, torch.zeros(4, 0)), expected, atol=1e-5)


def test_the_row_is_ten_thousand_steps_of_16_with_a_picture_every_hundred():
    config = resolve("dcgan-2016")
    assert (config.batch_size, config.total_images / config.batch_size) == (16, 10_000)
    assert config.panel_every / config.batch_size == 100
    assert (config.loss, config.g_lr, config.d_lr, config.beta1, config.beta2) == ("bce", 2e-4, 2e-4, 0.5, 0.999)
    assert config.label_smoothing == 0.1
    assert config.generator["z_dim"] == 100


def test_a_run_leaves_a_picture_every_so_many_steps_and_their_film(tiny_config, tiny_data, tiny_panel, tmp_path):
    config = tiny_config("dcgan-2016", batch_size=4, panel_every=3 * 4, total_images=9 * 4)
    train(config, tiny_data, tmp_path, Surroundings(panel=tiny_panel))
    steps = [int(path.stem.split("-")[1]) / 4 for path in sorted((tmp_path / "samples").glob("panel-*.png"))]
    assert steps == [0, 3, 6, 9]
    with Image.open(tmp_path / "samples" / "progress.gif") as film:
        assert film.n_frames == 4
