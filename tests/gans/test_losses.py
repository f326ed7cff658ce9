"""Losses against sums done by hand, so that no sign can flip unseen; penalties against closed forms."""

import math

import pytest
import torch

from gans.losses import (
    LOSSES,
    d_bce,
    d_hinge,
    d_logistic,
    d_relativistic,
    d_wasserstein,
    drift,
    gradient_penalty,
    r1_penalty,
)

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


def log1pexp(x: float) -> float:
    return math.log(1 + math.exp(x))


def test_discriminator_losses_equal_sums_by_hand():
    cross_entropy = (log1pexp(-2) + log1pexp(1)) / 2 + (log1pexp(0.5) + log1pexp(-3)) / 2
    assert d_logistic(REAL, FAKE).item() == pytest.approx(cross_entropy, rel=1e-6)
    assert d_bce(REAL, FAKE).item() == pytest.approx(cross_entropy, rel=1e-6)
    assert d_hinge(REAL, FAKE).item() == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert d_wasserstein(REAL, FAKE).item() == pytest.approx((0.5 - 3) / 2 - (2 - 1) / 2)
    assert d_relativistic(REAL, FAKE).item() == pytest.approx((log1pexp(0.5 - 2) + log1pexp(-3 + 1)) / 2)
    assert drift(REAL).item() == pytest.approx((4 + 1) / 2)


def test_generator_losses_equal_sums_by_hand():
    by_hand = {
        "bce": (log1pexp(-0.5) + log1pexp(3)) / 2,
        "logistic": (log1pexp(-0.5) + log1pexp(3)) / 2,
        "hinge": 1.25,
        "wasserstein": 1.25,
        "relativistic": (log1pexp(2 - 0.5) + log1pexp(-1 + 3)) / 2,
    }
    found = {name: loss.g(FAKE, REAL) if loss.relative else loss.g(FAKE) for name, loss in LOSSES.items()}
    assert {name: pytest.approx(value.item(), rel=1e-6) for name, value in found.items()} == by_hand


@pytest.mark.parametrize("name", LOSSES)
def test_the_players_pull_a_generated_images_logit_in_opposite_directions(name):
    loss = LOSSES[name]
    real, fake = torch.zeros(3), torch.zeros(3, requires_grad=True)
    (down,) = torch.autograd.grad(loss.d(real, fake), fake)
    (up,) = torch.autograd.grad(loss.g(fake, real) if loss.relative else loss.g(fake), fake)
    assert (down > 0).all()
    assert (up < 0).all()


def test_label_smoothing_is_one_sided_and_has_the_stated_mean():
    torch.manual_seed(0)
    real, fake = torch.full((100_000,), 1.0), torch.zeros(100_000)
    loss = d_bce(real, fake, smoothing=0.1).item()
    # Cross-entropy is linear in the label t: t·softplus(−1) + (1 − t)·softplus(1), with mean t = 0.9.
    assert loss == pytest.approx(0.9 * log1pexp(-1) + 0.1 * log1pexp(1) + math.log(2), abs=1e-3)


def test_flipping_every_label_calls_real_images_generated():
    assert d_bce(REAL, FAKE, flip=1.0).item() == pytest.approx(
        ((log1pexp(2) + log1pexp(-1)) + (log1pexp(0.5) + log1pexp(-3))) / 2, rel=1e-6
    )


def linear_critic(images: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Gradient 2 in each of 12 values: norm 2·√12."""
    return 2 * images.flatten(1).sum(1)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_penalties_of_a_linear_critic_are_known_at_any_batch_size(n):
    images, c = torch.randn(n, 3, 2, 2), torch.zeros(n, 0)
    assert r1_penalty(linear_critic, images, c).item() == pytest.approx(4 * 12)
    expected = (2 * math.sqrt(12) - 1) ** 2
    assert gradient_penalty(linear_critic, images, -images, c).item() == pytest.approx(expected, rel=1e-5)


def test_r1_of_a_quadratic_critic_is_the_mean_squared_gradient():
    images = torch.randn(5, 3, 4, 4)
    penalty = r1_penalty(lambda x, c: 0.5 * x.square().flatten(1).sum(1), images, torch.zeros(5, 0))
    assert penalty.item() == pytest.approx(images.square().flatten(1).sum(1).mean().item(), rel=1e-5)


def test_gradient_penalty_is_taken_between_real_and_generated():
    seen = []

    def critic(images: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        seen.append(images.detach())
        return images.flatten(1).sum(1)

    gradient_penalty(critic, torch.zeros(64, 1, 1, 1), torch.ones(64, 1, 1, 1), torch.zeros(64, 0))
    assert 0 <= seen[0].min() < 0.2 < 0.8 < seen[0].max() <= 1


@pytest.mark.parametrize("penalty", [lambda f, x: r1_penalty(f, x, x), lambda f, x: gradient_penalty(f, x, -x, x)])
def test_penalties_have_right_second_derivatives(penalty):
    """The penalty's gradient in the critic's own weight, against finite differences."""
    torch.manual_seed(3)
    images = torch.randn(4, 3, 2, 2, dtype=torch.float64)

    def value(weight: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return penalty(lambda x, c: torch.tanh(x.flatten(1) @ weight), images)

    assert torch.autograd.gradcheck(value, torch.randn(12, dtype=torch.float64, requires_grad=True))
