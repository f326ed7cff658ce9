"""Networks that grow: every level is a law about the levels beside it, and mid-growth survives saving."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gans.bundle import load_bundle, write_bundle
from gans.ema import MovingAverage
from gans.precision import place
from gans.progan import Discriminator, Generator, pixel_norm
from gans.state import STATE_FILE
from gans.training import Surroundings, train
from gans.verdict import CONDITIONING

TINY = {"base_channels": 256, "max_channels": 12, "embedding_dim": 6}
JUST = 2.0**-20
"""The smallest step above a level that is used here: α is about a millionth."""


def networks(resolution=32, c_dim=5, condition="projection"):
    torch.manual_seed(0)
    generator = Generator(resolution=resolution, c_dim=c_dim, z_dim=8, **TINY)
    return generator, Discriminator(resolution=resolution, c_dim=c_dim, condition=condition, **TINY)


def draw(generator, level, n=4):
    """Images of the same latents and conditions at any level."""
    torch.manual_seed(1)
    generator.grow(level)
    return generator(torch.randn(n, generator.z_dim), torch.randn(n, generator.c_dim))


def enlarged(images):
    return images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


@pytest.mark.parametrize("resolution", [32, 64, 128, 256, 512])
def test_at_every_level_both_networks_and_the_real_images_have_one_size(resolution):
    generator, discriminator = networks(resolution)
    real, c, top = torch.randn(2, 3, resolution, resolution), torch.randn(2, 5), resolution.bit_length() - 1
    assert float(generator.level) == float(discriminator.level) == top
    for level in [*range(2, top + 1), 2.01, top - 0.5]:
        side = 2 ** math.ceil(level)
        generator.grow(level)
        discriminator.grow(level)
        with torch.no_grad():
            images, looked = generator(torch.randn(2, 8), c), discriminator.look(real)
            assert images.shape == looked.shape == (2, 3, side, side)
            assert discriminator(images, c).shape == (2,)
            assert images.isfinite().all()


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_stage_that_has_just_begun_draws_the_stage_below_enlarged(level):
    generator, _ = networks()
    assert torch.allclose(draw(generator, level + JUST), enlarged(draw(generator, level)), atol=1e-4)


def test_fading_in_is_a_straight_line_between_two_stages():
    generator, _ = networks()
    below, above = enlarged(draw(generator, 3)), draw(generator, 4)
    for alpha in (0.25, 0.5, 0.75):
        assert torch.allclose(draw(generator, 3 + alpha), (1 - alpha) * below + alpha * above, atol=1e-6)
    assert torch.allclose(draw(generator, 4 - JUST), above, atol=1e-4)


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_stage_that_has_just_begun_looks_as_the_stage_below(level):
    _, discriminator = networks()
    images = torch.randn(4, 3, 2 ** (level + 1), 2 ** (level + 1))
    discriminator.grow(level + JUST)
    beginning = discriminator.features(images).vector
    discriminator.grow(level)
    assert torch.allclose(beginning, discriminator.features(F.avg_pool2d(images, 2)).vector, atol=1e-4)


@pytest.mark.parametrize("level", [3, 4, 5])
def test_a_stage_that_is_all_but_there_looks_as_if_it_were(level):
    _, discriminator = networks()
    images = torch.randn(4, 3, 2**level, 2**level)
    discriminator.grow(level - JUST)
    ending = discriminator.features(images).vector
    discriminator.grow(level)
    assert torch.allclose(ending, discriminator.features(images).vector, atol=1e-4)


def test_at_a_whole_level_the_generator_is_the_plain_network_of_the_paper():
    generator, _ = networks(c_dim=0)

    def layer(x, convolution):
        weight = convolution.weight * (2 / (x.shape[1] * 9)) ** 0.5
        x = F.leaky_relu(F.conv2d(x, weight, convolution.bias, padding=1), 0.2)
        return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()

    torch.manual_seed(1)
    z = torch.randn(4, 8)
    start, *ups = generator.blocks
    x = F.linear(z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt(), start[0].weight) * (2 / 8) ** 0.5 / 4
    x = F.leaky_relu((x + start[0].bias).reshape(4, -1, 4, 4), 0.2)
    x = layer(x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt(), start[4])
    for up in ups[:2]:
        x = layer(layer(enlarged(x), up[1]), up[4])
    rgb = generator.to_rgb[2]
    expected = F.conv2d(x, rgb.weight / x.shape[1] ** 0.5, rgb.bias)
    assert torch.allclose(draw(generator, 4), expected, atol=1e-5)


def test_at_a_whole_level_the_discriminator_is_the_plain_network_of_the_paper():
    _, discriminator = networks(c_dim=0)
    discriminator.grow(4)

    def layer(x, convolution, padding=1):
        fan_in = convolution.weight[0].numel()
        weight = convolution.weight * (2 / fan_in) ** 0.5
        return F.leaky_relu(F.conv2d(x, weight, convolution.bias, padding=padding), 0.2)

    images = torch.randn(4, 3, 16, 16)
    x = layer(images, discriminator.from_rgb[2][0], padding=0)
    end, *downs = discriminator.blocks
    for first, _, second, _, _ in downs[1::-1]:
        x = layer(layer(x, first), second)
        x = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).mean(dim=(3, 5))
    deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
    x = layer(torch.cat([x, deviation.expand(4, 1, 4, 4)], dim=1), end[1])
    joined, head = end[4], discriminator.verdict.head
    x = F.leaky_relu(F.linear(x.flatten(1), joined.weight * (2 / joined.weight.shape[1]) ** 0.5, joined.bias), 0.2)
    expected = F.linear(x, head.weight / x.shape[1] ** 0.5, head.bias)[:, 0]
    assert torch.allclose(discriminator(images, torch.zeros(4, 0)), expected, atol=1e-5)


def test_real_images_lose_the_detail_that_has_not_yet_come():
    _, discriminator = networks()
    real = torch.randn(2, 3, 32, 32)
    assert torch.equal(discriminator.look(real), real)
    discriminator.grow(3)
    assert torch.allclose(discriminator.look(real), real.reshape(2, 3, 8, 4, 8, 4).mean(dim=(3, 5)), atol=1e-6)
    discriminator.grow(3.25)
    at_16, at_8 = real.reshape(2, 3, 16, 2, 16, 2).mean(dim=(3, 5)), real.reshape(2, 3, 8, 4, 8, 4).mean(dim=(3, 5))
    assert torch.allclose(discriminator.look(real), 0.25 * at_16 + 0.75 * enlarged(at_8), atol=1e-6)


def learning(network):
    """Names of the parameters that a gradient has reached, by part and stage: `("blocks", 2)`."""
    names = [name.split(".") for name, p in network.named_parameters() if p.grad is not None and p.grad.any()]
    return {(part, int(stage)) for part, stage, *_ in names if part in ("blocks", "to_rgb", "from_rgb")}


@pytest.mark.parametrize(("level", "through", "colours"), [(3, 2, {1}), (3.5, 3, {1, 2}), (5, 4, {3})])
def test_only_the_stages_in_use_learn(level, through, colours):
    generator, discriminator = networks()
    discriminator.grow(level)
    discriminator(draw(generator, level), torch.randn(4, 5)).sum().backward()
    stages = {("blocks", stage) for stage in range(through)}
    assert learning(generator) == stages | {("to_rgb", stage) for stage in colours}
    assert learning(discriminator) == stages | {("from_rgb", stage) for stage in colours}
    unused = generator.blocks[through:]
    assert all(parameter.grad is None for parameter in unused.parameters())


def test_a_state_saved_in_mid_growth_draws_the_same_and_looks_the_same():
    generator, discriminator = networks()
    expected = draw(generator, 3.4)
    discriminator.grow(3.4)
    verdict = discriminator(expected, torch.ones(4, 5))
    other, another = Generator(resolution=32, c_dim=5, z_dim=8, **TINY), Discriminator(resolution=32, c_dim=5, **TINY)
    other.load_state_dict(generator.state_dict())
    another.load_state_dict(discriminator.state_dict())
    torch.manual_seed(1)
    assert torch.equal(other(torch.randn(4, 8), torch.randn(4, 5)), expected)
    assert torch.equal(another(expected, torch.ones(4, 5)), verdict)


def test_a_bundle_saved_in_mid_growth_draws_the_same(tmp_path):
    generator, _ = networks(c_dim=4)
    expected = draw(generator, 3.4)
    options = {"resolution": 32, "c_dim": 4, "z_dim": 8, **TINY}
    model = {"network": "progan", "generator": options, "layout": [["attributes", 3]]}
    loaded = load_bundle(write_bundle(tmp_path / "bundle", generator, model)).generator
    torch.manual_seed(1)
    assert torch.equal(loaded(torch.randn(4, 8), torch.randn(4, 4)), expected)


@pytest.mark.parametrize("killed_at", [12, 28])
def test_growth_survives_a_kill_while_a_stage_fades_in(killed_at, tiny_config, tiny_data, tmp_path):
    """16 images a phase: 12 is at 4 px, 28 while 8 px fade in, and the run ends while 16 px do."""
    config = tiny_config("progan", precision="fp32", growth_images=16, total_images=56)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    ends = train(config, tiny_data, whole)
    left = iter([False] * (killed_at // 4))
    train(config, tiny_data, broken, Surroundings(stop=lambda: next(left, True)))
    assert torch.load(broken / STATE_FILE, weights_only=True)["shown"] == killed_at
    train(config, tiny_data, broken)
    for part in ("generator", "discriminator", "average"):
        one, other = (torch.load(run / STATE_FILE, weights_only=True)[part] for run in (whole, broken))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert 3 < load_bundle(ends).generator.level < 4


def test_the_average_grows_with_its_generator():
    generator, _ = networks()
    average = MovingAverage(generator, half_life=10_000)
    for level in (3.2, 3.4):
        for network in (generator, average.module):
            network.grow(level)
        average.follow(generator, 4, 4)
        assert torch.equal(average.module.level, generator.level)


@pytest.mark.parametrize(("level", "side"), [(-3.0, 4), (1e9, 32)])
def test_levels_beyond_the_network_are_the_nearest_it_has(level, side):
    generator, _ = networks()
    assert draw(generator, level).shape[2:] == (side, side)


def test_pixel_norm_equals_its_formula():
    torch.manual_seed(0)
    x = torch.randn(3, 7, 2, 5, dtype=torch.double, requires_grad=True)
    expected = torch.stack([v / ((v @ v) / 7 + 1e-8).sqrt() for v in x.permute(0, 2, 3, 1).reshape(-1, 7)])
    assert torch.allclose(pixel_norm(x).permute(0, 2, 3, 1).reshape(-1, 7), expected)
    assert torch.autograd.gradcheck(pixel_norm, x)
    assert torch.autograd.gradgradcheck(pixel_norm, x)


def test_the_style_has_unit_length_whatever_latent_and_condition():
    generator, _ = networks()
    w = generator.map(100 * torch.randn(6, 8), torch.randn(6, 5))
    assert w.shape == (6, 1, 8 + 6)
    assert torch.allclose(w.square().mean(dim=2), torch.ones(6, 1))


@pytest.mark.parametrize("level", [2, 3.5, 5])
@pytest.mark.parametrize("condition", ["projection", "concatenation"])
def test_the_condition_reaches_picture_and_verdict_at_every_level(level, condition):
    generator, discriminator = networks(condition=condition)
    generator.grow(level)
    discriminator.grow(level)
    z, c = torch.randn(4, 8), torch.randn(4, 5, requires_grad=True)
    images = generator(z, c)
    (by_picture,) = torch.autograd.grad(images.square().sum(), c, retain_graph=True)
    (by_verdict,) = torch.autograd.grad(discriminator(images.detach(), c).sum(), c)
    assert (by_picture.abs().sum(dim=1) > 0).all()
    assert (by_verdict.abs().sum(dim=1) > 0).all()
    assert not torch.allclose(discriminator(images, c), discriminator(images, c.roll(1, 0)))
    changed = generator(z, c.roll(1, 0)) - images
    assert (changed.abs() > 0).float().mean() > 0.99


@pytest.mark.parametrize("condition", CONDITIONING)
def test_every_layer_learns_at_the_equalised_rate(condition):
    for network in networks(condition=condition):
        assert not [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        weights = [p for name, p in network.named_parameters() if name.endswith("weight")]
        assert all(0.5 < weight.std() < 1.5 for weight in weights)
        assert not any(p.any() for name, p in network.named_parameters() if name.endswith("bias"))


def test_maps_keep_their_variance_on_the_way_in_and_out():
    torch.manual_seed(0)
    generator = Generator(resolution=64, c_dim=0)
    discriminator = Discriminator(resolution=64, c_dim=0)
    with torch.no_grad():
        images = generator(torch.randn(8, generator.z_dim), torch.zeros(8, 0))
        assert 0.5 < images.std() < 2
        assert 0.3 < discriminator.features(torch.randn(8, 3, 64, 64)).vector.square().mean().sqrt() < 3


def test_a_gradient_penalty_can_be_had_in_mid_growth():
    generator, discriminator = networks()
    discriminator.grow(3.5)
    points = draw(generator, 3.5).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(points, torch.randn(4, 5)).sum(), points, create_graph=True)
    gradient.square().sum().backward()
    assert {("blocks", 2), ("from_rgb", 2), ("from_rgb", 1)} <= learning(discriminator)


def test_channels_last_changes_only_the_order_of_numbers():
    generator, discriminator = networks()
    discriminator.grow(4.5)
    images = draw(generator, 4.5)
    verdict = discriminator(images, torch.ones(4, 5))
    images_last = draw(place(generator, torch.device("cpu")), 4.5)
    verdict_last = place(discriminator, torch.device("cpu"))(images, torch.ones(4, 5))
    assert torch.allclose(images, images_last, atol=1e-5)
    assert torch.allclose(verdict, verdict_last, atol=1e-5)


def test_stages_hold_all_that_draws_and_looks():
    generator, discriminator = networks()
    drawing = sum(p.numel() for stage in generator.stages() for p in stage.parameters())
    assert drawing == sum(p.numel() for n, p in generator.named_parameters() if not n.startswith("embedding"))
    assert generator.stages()[0][0] is generator.blocks[0]
    assert discriminator.stages()[0][0] is discriminator.from_rgb[-1]
    assert len(generator.stages()) == len(discriminator.stages()) == 4
