"""R3GAN: what its blocks are at the beginning, what its resampling does."""

import pytest
import torch
from torch import nn

from gans.r3gan import Discriminator, Generator, ResidualBlock, enlarge, halve

TINY = {"base_channels": 256, "max_channels": 16}
TAPS = (1, 3, 3, 1)


def _disturb(network: nn.Module) -> None:
    """Moves every weight, so that branches that begin as zero speak."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


def test_at_the_beginning_every_branch_is_silent_and_the_generator_is_its_skip_path():
    torch.manual_seed(0)
    generator = Generator(resolution=64, c_dim=0, blocks=2, **TINY)
    w = generator.map(torch.randn(3, generator.z_dim), torch.zeros(3, 0))
    x = generator.parts[0][0](w[:, 0])
    for part in generator.parts[1:]:
        x = part[0](x)
    assert torch.equal(generator.to_rgb(x), generator.synthesize(w))


def test_at_the_beginning_the_discriminator_is_its_skip_path():
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=64, c_dim=0, blocks=2, **TINY)
    images = torch.randn(3, 3, 64, 64)
    x = discriminator.from_rgb(images)
    for part in discriminator.parts:
        x = part[-1](x)
    assert torch.equal(x.flatten(1), discriminator.features(images).vector)


def test_a_silent_branch_still_learns():
    block = ResidualBlock(16, expansion=2, group_size=8, depth=4)
    block(torch.randn(2, 16, 4, 4)).square().sum().backward()
    assert block.narrow.weight.grad.abs().sum() > 0


def test_a_block_equals_its_formula():
    torch.manual_seed(0)
    block = ResidualBlock(8, expansion=2, group_size=4, depth=1).double()
    _disturb(block)
    x = torch.randn(1, 8, 5, 5, dtype=torch.float64)
    wide = torch.einsum("oi,nihw->nohw", block.widen.weight[:, :, 0, 0], x) + block.widen.bias[:, None, None]
    wide = torch.where(wide > 0, wide, 0.2 * wide)
    mixed = torch.zeros_like(wide)
    for out in range(16):
        group = out // 4
        for row in range(5):
            for column in range(5):
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        if 0 <= row + dy < 5 and 0 <= column + dx < 5:
                            heard = wide[0, 4 * group : 4 * group + 4, row + dy, column + dx]
                            mixed[0, out, row, column] += block.mix.weight[out, :, dy + 1, dx + 1] @ heard
    mixed = mixed + block.mix.bias[:, None, None]
    mixed = torch.where(mixed > 0, mixed, 0.2 * mixed)
    expected = x + torch.einsum("oi,nihw->nohw", block.narrow.weight[:, :, 0, 0], mixed)
    assert torch.allclose(block(x), expected)


def test_the_first_two_convolutions_of_a_branch_begin_as_fix_up_asks():
    """Variance g²·L^(−1/2)/fan-in for L blocks, g² = 2/(1 + 0.2²)."""
    torch.manual_seed(0)
    block = ResidualBlock(64, expansion=2, group_size=16, depth=16)
    for layer, fan_in in ((block.widen, 64), (block.mix, 16 * 9)):
        expected = 2 / 1.04 / 4 / fan_in
        assert layer.weight.var().item() == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()


def test_enlarging_equals_the_slow_formula():
    """out[y] is the sum of taps[y + 1 − 2·k]/4 · x[k] along each axis: zeros between the pixels, then the low-pass."""
    x = torch.randn(2, 3, 3, 4)
    expected = torch.zeros(2, 3, 6, 8)
    for y in range(6):
        for column in range(8):
            for k in range(3):
                for m in range(4):
                    down, across = y + 1 - 2 * k, column + 1 - 2 * m
                    if 0 <= down < 4 and 0 <= across < 4:
                        expected[:, :, y, column] += TAPS[down] * TAPS[across] / 16 * x[:, :, k, m]
    assert torch.allclose(enlarge(x), expected, atol=1e-6)


def test_enlarging_is_bilinear_inside():
    x = torch.randn(1, 2, 8, 8)
    bilinear = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(enlarge(x)[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1], atol=1e-6)


def test_halving_equals_the_slow_formula():
    x = torch.randn(2, 3, 6, 8)
    expected = torch.zeros(2, 3, 3, 4)
    for y in range(3):
        for column in range(4):
            for down in range(4):
                for across in range(4):
                    row, place = 2 * y + down - 1, 2 * column + across - 1
                    if 0 <= row < 6 and 0 <= place < 8:
                        expected[:, :, y, column] += TAPS[down] * TAPS[across] / 64 * x[:, :, row, place]
    assert torch.allclose(halve(x), expected, atol=1e-6)


def test_halving_is_the_transpose_of_enlarging():
    """⟨enlarge(x), y⟩ = 4·⟨x, halve(y)⟩."""
    x, y = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 8, 8)
    assert torch.allclose((enlarge(x) * y).sum(), 4 * (x * halve(y)).sum(), atol=1e-4)


def test_resampling_keeps_the_number_format():
    x = torch.randn(1, 2, 4, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert enlarge(x).dtype == halve(x).dtype == torch.bfloat16


def test_a_penalty_of_the_gradient_can_itself_be_differentiated():
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=32, c_dim=2, **TINY)
    _disturb(discriminator)
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images, torch.randn(2, 2)).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert all(part[0].mix.weight.grad.abs().sum() > 0 for part in discriminator.parts)


def test_the_published_sizes_can_be_had_and_cost_nothing_to_describe():
    """FFHQ at 64 px: 768 channels up to 32 px, 384 at 64 px, two blocks a stage, groups of 16."""
    with torch.device("meta"):
        generator = Generator(resolution=64, c_dim=0, base_channels=24_576, max_channels=768, blocks=2)
        Discriminator(resolution=64, c_dim=0, base_channels=24_576, max_channels=768, blocks=2)
    assert [part[1].mix.groups for part in generator.parts] == [96, 96, 96, 96, 48]
    assert [part[1].mix.in_channels for part in generator.parts] == [1536, 1536, 1536, 1536, 768]


def test_nothing_is_random_but_the_latent():
    generator = Generator(resolution=32, c_dim=3, **TINY).train()
    discriminator = Discriminator(resolution=32, c_dim=3, **TINY).train()
    z, c = torch.randn(2, generator.z_dim), torch.randn(2, 3)
    before = torch.get_rng_state()
    discriminator(generator(z, c), c)
    assert torch.equal(torch.get_rng_state(), before)
