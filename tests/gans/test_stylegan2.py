"""StyleGAN2: styles by place, magnitudes, and the reach of R1."""

import torch
from torch import nn

from gans.draws import normal
from gans.losses import r1_penalty
from gans.resample import double
from gans.stylegan2 import Discriminator, Generator

SMALL = {"base_channels": 256, "max_channels": 16, "embedding_dim": 8}


def small_generator(**changes):
    torch.manual_seed(0)
    return Generator(**{"resolution": 32, "c_dim": 5, "z_dim": 8, "w_dim": 12, **SMALL, **changes})


def test_every_style_is_heard_and_the_coarse_ones_change_the_layout_most():
    generator = small_generator().eval()
    w = generator.map(torch.randn(1, 8), torch.randn(1, 5)).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(generator.synthesize(w).square().sum(), w)
    assert (gradient.abs().sum(dim=2) > 0).all()
    other = generator.map(torch.randn(1, 8), torch.randn(1, 5))
    fine = torch.cat([w[:, :-1], other[:, -1:]], dim=1)
    moved = generator.synthesize(fine) - generator.synthesize(w)  # the last style only colours, each pixel by itself
    assert moved.abs().max() > 1e-3
    features = nn.functional.avg_pool2d(generator.synthesize(other) - generator.synthesize(w), 8)
    assert features.abs().mean() > nn.functional.avg_pool2d(moved, 8).abs().mean()


def test_a_picture_is_the_sum_of_its_blocks_colours():
    """Of a generator without any style or noise to it, block by block: image = double(image so far) + colours."""
    generator = small_generator().eval()
    w = generator.map(torch.randn(2, 8), torch.randn(2, 5))
    x, image = None, torch.zeros(2, 3, 2, 2)
    for place, block in enumerate(generator.blocks):
        first = 2 * place
        x = block.start.expand(2, -1, -1, -1) if place == 0 else block.up(x, w[:, first - 1])
        x = block.convolution(x, w[:, first])
        image = double(image) + block.to_rgb(x, w[:, first + 1])
    torch.testing.assert_close(generator.synthesize(w), image)


def test_latents_and_conditions_matter_by_their_direction_alone():
    generator = small_generator()
    z, c = torch.randn(4, 8), torch.randn(4, 5)
    torch.testing.assert_close(generator.map(3 * z, c), generator.map(z, c))
    assert not torch.allclose(generator.map(-z, c), generator.map(z, c))
    assert not torch.allclose(generator.map(z, c.roll(1, 0)), generator.map(z, c))


def test_what_the_mapping_gives_keeps_its_size_through_its_layers():
    generator = small_generator(w_dim=256, z_dim=256, mapping_layers=8)
    w = generator.map(torch.randn(256, 256), torch.randn(256, 5))
    assert 0.4 < w.square().mean() < 2.5


def test_no_condition_at_all_is_no_steep_place():
    generator = small_generator()
    z, nothing = torch.randn(1, 8), torch.zeros(1, 5, requires_grad=True)
    something = torch.randn(1, 5, requires_grad=True)
    steep = [torch.autograd.grad(generator.map(z, c).square().sum(), c)[0].norm() for c in (nothing, something)]
    assert steep[0] < 100 * steep[1]


def test_a_condition_that_says_nothing_yet_can_be_written_into_the_weights():
    generator = small_generator().eval()
    z, c = torch.randn(2, 8), torch.randn(2, 5)
    embedding = generator.mapping.embedding
    embedding.say = 0.0
    torch.testing.assert_close(generator(z, c), generator(z, c.roll(1, 0)))
    embedding.say = 0.3
    before = generator(z, c)
    embedding.settle()
    assert embedding.say == 1
    torch.testing.assert_close(generator(z, c), before)
    again = small_generator().eval()
    again.load_state_dict(generator.state_dict())
    torch.testing.assert_close(again(z, c), before)


def test_an_image_is_a_function_of_latent_and_condition_in_evaluation_only():
    generator = small_generator()
    for name, parameter in generator.named_parameters():
        if name.endswith("strength"):
            nn.init.ones_(parameter)
    z, c = torch.randn(2, 8), torch.randn(2, 5)
    assert not torch.equal(generator(z, c), generator(z, c))
    assert torch.equal(generator.eval()(z, c), generator(z, c))
    torch.testing.assert_close(generator(z[:1], c[:1]), generator(z, c)[:1])


def test_what_both_networks_pass_on_keeps_its_size():
    """Equalised layers, rectifiers of gain √2 and sums divided by √2: nothing fades or swells, at any depth."""
    torch.manual_seed(0)
    generator = Generator(resolution=128, c_dim=0, base_channels=4096, max_channels=64)
    discriminator = Discriminator(resolution=128, c_dim=0, base_channels=4096, max_channels=64)
    sizes = []
    for block in [*generator.blocks, *discriminator.blocks]:
        block.register_forward_hook(lambda _, __, out: sizes.append((out[0] if isinstance(out, tuple) else out).std()))
    images = generator(normal(4, 128), torch.zeros(4, 0))
    discriminator(torch.randn(4, 3, 128, 128), torch.zeros(4, 0))
    assert min(sizes) > 0.3
    assert max(sizes) < 3
    assert images.std() < 5


def test_the_residual_discriminator_can_be_differentiated_twice():
    torch.manual_seed(0)
    block = Discriminator(resolution=32, c_dim=0, base_channels=64, max_channels=8).blocks[-1].double()
    assert torch.autograd.gradgradcheck(block, torch.randn(1, 8, 4, 4, dtype=torch.float64, requires_grad=True))


def test_the_discriminator_equals_the_formulas_of_the_paper():
    """Residual blocks (figure 7c, right): (two convolutions, the second by 2) + (a straight 1×1 way by 2), over √2;
    rectifiers of gain √2, weights times He's constant, filtered by [1, 3, 3, 1] before each second pixel is taken."""
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=32, c_dim=0, **SMALL)
    for name, parameter in discriminator.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter)

    def rectified(x):
        return 2**0.5 * nn.functional.leaky_relu(x, 0.2)

    def convolved(x, layer, halves=False):
        size = layer.weight.shape[-1]
        if halves:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
            kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
            x = nn.functional.conv2d(x, kernel, padding=1 + size // 2, groups=x.shape[1])
        y = nn.functional.conv2d(x, layer.weight / layer.weight[0].numel() ** 0.5, padding=0 if halves else size // 2)
        return y[:, :, ::2, ::2] if halves else y

    def biased(x, layer, gain=1.0):
        return x + layer.bias[:, None, None] / gain

    images = torch.randn(4, 3, 32, 32)
    x = rectified(biased(convolved(images, discriminator.from_rgb), discriminator.from_rgb, 2**0.5))
    for block in discriminator.blocks:
        y = rectified(biased(convolved(x, block.first), block.first, 2**0.5))
        y = rectified(biased(convolved(y, block.second, halves=True), block.second))
        x = (y + convolved(x, block.straight, halves=True)) / 2**0.5
    deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    x = torch.cat([x, deviation.expand(4, 1, 4, 4)], dim=1)
    x = rectified(biased(convolved(x, discriminator.end), discriminator.end, 2**0.5))
    compress, head = discriminator.compress, discriminator.verdict.head
    x = rectified(x.flatten(1) @ compress.weight.T / compress.weight.shape[1] ** 0.5 + compress.bias / 2**0.5)
    expected = (x @ head.weight.T / head.weight.shape[1] ** 0.5 + head.bias)[:, 0]
    torch.testing.assert_close(discriminator(images, torch.zeros(4, 0)), expected, rtol=1e-4, atol=1e-4)


def test_r1_reaches_every_weight_that_the_verdict_hangs_on():
    torch.manual_seed(0)
    discriminator = Discriminator(resolution=32, c_dim=5, **SMALL)
    r1_penalty(discriminator, torch.randn(4, 3, 32, 32), torch.randn(4, 5)).backward()
    for name, parameter in discriminator.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad.abs().sum() > 0, name
