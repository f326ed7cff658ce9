"""What every row of networks promises, whatever it is made of; then DCGAN and the layers that several share."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from gans import draws
from gans.dcgan import Generator
from gans.layers import BatchNorm, MinibatchDeviation, Noise, levels
from gans.networks import NETWORKS, build_discriminator, build_generator
from gans.precision import place
from gans.verdict import CONDITIONING
from tests.gans.worlds import tiny_options

RESOLUTIONS = (32, 64, 128, 256, 512)

every_network = pytest.mark.parametrize("network", NETWORKS)


def drawer(network, resolution=32, c_dim=5):
    """The generator at toy size, the same one at each call."""
    torch.manual_seed(0)
    return build_generator(network, {"resolution": resolution, "c_dim": c_dim, **tiny_options(network)["generator"]})


def judge(network, resolution=32, c_dim=5, **changes):
    """The discriminator likewise."""
    torch.manual_seed(0)
    options = {**tiny_options(network)["discriminator"], **changes}
    return build_discriminator(network, {"resolution": resolution, "c_dim": c_dim, **options})


@torch.no_grad()
@every_network
@pytest.mark.parametrize(("resolution", "c_dim"), [(32, 0), *((resolution, 5) for resolution in RESOLUTIONS)])
def test_styles_images_and_logits_have_the_promised_shapes(network, resolution, c_dim):
    generator, discriminator = drawer(network, resolution, c_dim), judge(network, resolution, c_dim)
    z, c = torch.randn(2, generator.z_dim), torch.randn(2, c_dim)
    w = generator.map(z, c)
    assert w.ndim == 3
    assert w.shape[:2] == (2, generator.n_styles)
    images = generator.synthesize(w)
    assert images.shape == (2, 3, resolution, resolution)
    logits = discriminator(images, c)
    assert logits.shape == (2,)
    assert images.dtype == logits.dtype == torch.float32
    assert images.isfinite().all()
    assert logits.isfinite().all()


@every_network
def test_each_doubling_is_one_more_stage_to_freeze_in_either_player(network):
    for player in (drawer, judge):
        stages = [len(player(network, resolution).stages()) for resolution in RESOLUTIONS]
        assert {after - before for before, after in pairwise(stages)} == {1}


@torch.no_grad()
@pytest.mark.parametrize("network", ["dcgan", "dcgan-2016", "small", "quantum"])
def test_colours_that_are_squashed_stay_within_their_range_however_loud_the_weights(network):
    generator = drawer(network)
    for parameter in generator.parameters():
        parameter.mul_(30)
    assert 0.9 < generator(torch.randn(4, generator.z_dim), torch.randn(4, 5)).abs().max() <= 1


@pytest.mark.parametrize("condition", CONDITIONING)
@pytest.mark.parametrize(
    ("network", "options"), [*((network, {}) for network in NETWORKS), ("dcgan", {"norm": "batch"})]
)
def test_the_condition_reaches_the_verdict_or_is_recognised(network, options, condition):
    discriminator = judge(network, condition=condition, **options)
    c = torch.randn(4, 5, requires_grad=True)
    features = discriminator.features(torch.randn(4, 3, 32, 32))
    logits, recognised = discriminator.judge(features, c), discriminator.recognise(features)
    if condition == "auxiliary":
        assert torch.equal(logits, discriminator.judge(features, c.roll(1, 0)))
        assert recognised.shape == c.shape
        return
    (gradient,) = torch.autograd.grad(logits.sum(), c)
    assert (gradient.abs().sum(dim=1) > 0).all()
    assert not torch.allclose(logits, discriminator.judge(features, c.roll(1, 0)))
    assert recognised is None


@torch.no_grad()
@every_network
def test_the_condition_reaches_every_part_of_the_picture(network):
    generator = drawer(network).eval()
    z = torch.randn(1, generator.z_dim)
    difference = generator(z, torch.zeros(1, 5)) - generator(z, torch.ones(1, 5))
    assert (difference.abs() > 0).float().mean() > 0.99


@torch.no_grad()
@every_network
def test_a_cover_is_a_function_of_latent_and_condition_alone(network):
    generator = drawer(network).eval()
    z, c = torch.randn(4, generator.z_dim), torch.randn(4, 5)
    together = generator(z, c)
    assert torch.equal(generator(z, c), together)
    assert torch.allclose(generator(z[1:2], c[1:2]), together[1:2], atol=1e-5)


@torch.no_grad()
@every_network
def test_what_is_random_in_training_is_drawn_where_a_batch_may_be_spread_over_processes(network, monkeypatch):
    generator, discriminator = drawer(network), judge(network)
    z, c = torch.randn(2, generator.z_dim), torch.randn(2, 5)
    monkeypatch.setattr(draws, "normal", lambda n, *shape, device: torch.ones(n, *shape, device=device))
    before = torch.get_rng_state()
    discriminator.train()(generator.train()(z, c), c)
    assert torch.equal(torch.get_rng_state(), before)


@torch.no_grad()
@every_network
def test_channels_last_weights_keep_maps_channels_last_and_change_only_the_order_of_sums(network):
    plain, last = ([drawer(network, 64), judge(network, 64)] for _ in range(2))
    for player in last:
        place(player, torch.device("cpu"))
    layouts = {}

    def note(module, given, x):
        if isinstance(x, torch.Tensor) and x.ndim == 4 and x.shape[-1] > 4:  # of 4 px, the order costs nothing
            layouts[module] = x.is_contiguous(memory_format=torch.channels_last)

    for module in [*last[0].modules(), *last[1].modules()]:
        module.register_forward_hook(note)
    z, c = torch.randn(2, plain[0].z_dim), torch.randn(2, 5)
    images, wanted = last[0](z, c), plain[0](z, c)
    assert torch.allclose(images, wanted, atol=1e-4)
    assert torch.allclose(last[1](images, c), plain[1](wanted, c), atol=1e-4)
    assert len(layouts) > 10
    assert all(layouts.values()), [module for module, is_last in layouts.items() if not is_last]


@torch.no_grad()
@every_network
def test_generators_can_be_described_without_memory_and_given_their_weights_later(network):
    with torch.device("meta"):
        described = drawer(network, 64)
    generator = drawer(network, 64)
    shapes = [{name: value.shape for name, value in n.state_dict().items()} for n in (described, generator)]
    assert shapes[0] == shapes[1]
    assert all(parameter.is_meta for parameter in described.parameters())
    described.load_state_dict(generator.state_dict(), assign=True)
    z, c = torch.randn(1, generator.z_dim), torch.randn(1, 5)
    assert torch.equal(described.eval()(z, c), generator.eval()(z, c))


def test_a_blank_latent_field_gives_a_picture_without_checkerboard():
    """Resize and convolution treat every place alike: with equal input away from the borders, so is the output."""
    torch.manual_seed(0)
    generator = Generator(resolution=64, c_dim=0, noise=False, base_channels=256, max_channels=16).eval()
    nn.init.zeros_(generator.start.weight)
    nn.init.constant_(generator.start.bias, 0.3)
    with torch.no_grad():
        image = generator.synthesize(torch.randn(1, generator.n_styles, generator.w_dim))
    inner = image[..., 31:33, 31:33]
    assert (inner - inner.mean(dim=(2, 3), keepdim=True)).abs().max() < 1e-4


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


@pytest.mark.parametrize(("batch", "processes"), [(8, 2), (8, 4), (4, 2), (6, 2), (6, 3), (12, 6)])
def test_groups_of_a_minibatch_are_those_of_the_whole_batch_however_it_is_spread(batch, processes, monkeypatch):
    x, deviation = torch.randn(batch, 3, 2, 2), MinibatchDeviation()
    whole, share = deviation(x), batch // processes
    monkeypatch.setattr("gans.layers.rows_of_all", lambda values: x)
    for rank in range(processes):
        monkeypatch.setattr(draws, "place_and_number", lambda rank=rank: (rank, processes))
        own = slice(rank * share, (rank + 1) * share)
        torch.testing.assert_close(deviation(x[own]), whole[own])


def test_second_derivatives_of_minibatch_deviation_are_those_of_the_slow_formula():
    """What a gradient penalty needs of it; the layer computes in float32, the formula in float64."""
    torch.manual_seed(0)
    x = torch.randn(8, 3, 2, 2)
    towards = torch.randn(8, dtype=torch.float64)

    def slow(x):
        members = x.reshape(2, 4, -1)
        variance = (members - members.mean(dim=1, keepdim=True)).square().mean(dim=1)
        return (variance + 1e-8).sqrt().mean(dim=1).repeat_interleave(4)

    def bent(deviation, x):
        (gradient,) = torch.autograd.grad((deviation(x).square() * towards).sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), x)[0].double()

    fast = bent(lambda x: MinibatchDeviation(size=4)(x)[:, 3, 0, 0], x.clone().requires_grad_())
    torch.testing.assert_close(fast, bent(slow, x.double().requires_grad_()), rtol=1e-3, atol=1e-6)


def test_minibatch_deviation_of_equal_images_is_zero():
    assert MinibatchDeviation()(torch.ones(6, 2, 4, 4))[:, 2].max() < 1e-3


def test_levels_double_up_to_the_resolution():
    assert levels(64) == [8, 16, 32, 64]
