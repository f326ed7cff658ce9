"""Latent steps against their closed formulas, by hand and by finite differences."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from gans.latent_optimisation import moving_cost, optimise_latents
from gans.networks import build_discriminator, build_generator

ALPHA, BETA = 0.9, 5.0
Z = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]], dtype=torch.float64)
CURVATURE = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 3.0]], dtype=torch.float64)
SLOPE = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
DAMPINGS = pytest.mark.parametrize("damping", [None, BETA])


def hill(z):
    """f(z) = b·z − ½ zᵀA z, whose gradient is b − A z."""
    return z @ SLOPE - 0.5 * torch.einsum("ni,ij,nj->n", z, CURVATURE, z)


def stepped(z, damping):
    """One step up the hill, latent by latent, by the closed formula; the natural one with the Fisher matrix itself."""
    rows = []
    for row in z:
        g = SLOPE - CURVATURE @ row
        fisher = torch.outer(g, g) + (damping or 0) * torch.eye(3, dtype=torch.float64)
        rows.append(row + ALPHA * (g if damping is None else torch.linalg.solve(fisher, g)))
    return torch.stack(rows)


def optimised(z, damping, score=hill, **options):
    return optimise_latents(score, z, rate=ALPHA, damping=damping, **options)


def test_a_slope_of_three_and_four_gives_the_steps_done_by_hand():
    slope = torch.tensor([3.0, 4.0])
    natural = optimised(torch.zeros(1, 2), BETA, lambda z: z @ slope)
    assert natural[0].tolist() == pytest.approx([0.9 * 3 / (5 + 25), 0.9 * 4 / (5 + 25)])
    plain = optimised(torch.zeros(1, 2), None, lambda z: z @ slope)
    assert plain[0].tolist() == pytest.approx([0.9 * 3, 0.9 * 4])


@DAMPINGS
def test_every_step_equals_the_closed_formula(damping):
    expected = Z
    for steps in range(4):
        torch.testing.assert_close(optimised(Z, damping, steps=steps), expected)
        expected = stepped(expected, damping)
        assert not torch.allclose(optimised(Z, damping, steps=steps), expected)  # one more step is another place


@pytest.mark.parametrize(
    "norm", [lambda g: torch.ones_like(g).norm(), lambda g: g.square().sum(), lambda g: g.norm(dim=1, keepdim=True)],
    ids=["of ones", "of the batch", "not squared"],
)  # fmt: skip
def test_a_wrong_norm_would_not_pass(norm):
    gradient = SLOPE - Z @ CURVATURE
    assert not torch.allclose(optimised(Z, BETA), Z + ALPHA * gradient / (BETA + norm(gradient)))


def test_a_rate_of_zero_changes_nothing():
    assert torch.equal(optimise_latents(hill, Z, rate=0.0, steps=3), Z)


@DAMPINGS
def test_small_steps_climb(damping):
    heights = [hill(optimise_latents(hill, Z, rate=0.1, damping=damping, steps=n)) for n in range(6)]
    for lower, higher in pairwise(heights):
        assert (higher > lower).all()


def test_the_natural_step_is_never_longer_than_its_bound():
    slopes = torch.logspace(-3, 6, 50, dtype=torch.float64)[:, None]
    moved = optimised(torch.zeros(50, 1, dtype=torch.float64), BETA, lambda z: (z * slopes).sum(1))
    assert moved.max() <= ALPHA / (2 * BETA**0.5)
    assert moved.max() > 0.99 * ALPHA / (2 * BETA**0.5)


@DAMPINGS
def test_an_images_step_knows_nothing_of_the_batch(damping):
    alone = torch.cat([optimised(row[None], damping, steps=2) for row in Z])
    torch.testing.assert_close(optimised(Z, damping, steps=2), alone)
    torch.testing.assert_close(optimised(Z.repeat(8, 1), damping, steps=2), alone.repeat(8, 1))


def test_a_share_moves_the_first_numbers_and_the_norm_is_theirs():
    slope = torch.tensor([3.0, 100.0])
    moved = optimised(torch.zeros(1, 2), BETA, lambda z: z @ slope, share=0.5)
    assert moved[0].tolist() == pytest.approx([0.9 * 3 / (5 + 9), 0])


def deep(weight, z):
    return torch.tanh(z @ weight).sum(dim=1)


@DAMPINGS
@pytest.mark.parametrize("steps", [1, 2])
def test_derivatives_through_the_steps_are_right(damping, steps):
    torch.manual_seed(0)
    weight = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    z = Z.clone().requires_grad_()

    def through(weight, z):
        return optimised(z, damping, lambda latents: deep(weight, latents), steps=steps)

    assert torch.autograd.gradcheck(through, (weight, z))
    assert torch.autograd.gradgradcheck(through, (weight, z))


def test_the_cost_is_the_mean_squared_way():
    cost = moving_cost(torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    assert cost.item() == pytest.approx((25 + 1) / 2)


def test_gradients_reach_both_networks_through_the_steps_and_only_so():
    torch.manual_seed(0)
    sizes = {"resolution": 32, "c_dim": 2, "base_channels": 256, "max_channels": 8, "embedding_dim": 4}
    generator = build_generator("dcgan", {**sizes, "z_dim": 6})
    discriminator = build_discriminator("dcgan", sizes)
    z, c = torch.randn(4, 6), torch.randn(4, 2)

    def optimise(through):
        torch.manual_seed(1)
        return optimised(z, BETA, lambda z: discriminator(generator(z, c), c), steps=2, through=through)

    constant, dependent = optimise(False), optimise(True)
    assert not constant.requires_grad
    assert torch.equal(constant, dependent.detach())
    assert not torch.equal(constant, z)
    moving_cost(z, dependent).backward()
    for network in (generator, discriminator):
        reached = [p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters() if p.dim() > 1]
        assert all(reached)


@DAMPINGS
@pytest.mark.parametrize("through", [False, True])
def test_derivatives_are_as_precise_amid_lower_precision(damping, through):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))

    def moved():
        return optimised(Z.float(), damping, lambda z: layers(z)[:, 0], steps=2, through=through)

    wanted = moved()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(moved(), wanted)


@torch.no_grad()
def test_latents_are_optimised_where_gradients_are_off():
    assert torch.equal(optimised(Z, BETA, through=False), optimised(Z, BETA))
