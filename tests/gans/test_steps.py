"""The sums that the steps minimise, against sums done by hand on players of one number each."""

import math

import pytest
import torch
from torch import nn

from gans.recipes import resolve
from gans.steps import discriminator_step, generator_step, mismatched_logits

REAL = torch.tensor([0.5, -0.2])
C = torch.tensor([[1.0], [3.0]])


class Flat(nn.Module):
    """Images of one value, `a`, whatever the latent."""

    z_dim = 1

    def __init__(self, a=0.3):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, z, c):
        return self.a.expand(len(z))[:, None, None, None].expand(-1, 3, 2, 2)


class Critic(nn.Module):
    """logit = w · c · (mean of the image): its gradient in the image is w·c/12 at each of 12 values."""

    def __init__(self, w=0.7):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, images, c):
        return self.w * c[:, 0] * images.mean(dim=(1, 2, 3))


def images():
    return REAL[:, None, None, None].expand(-1, 3, 2, 2).clone()


def config(recipe="wgan-gp", **changes):
    return resolve(recipe, {"precision": "fp32", "augment": (), "gradient_penalty": 0.0, "r1": 0.0, **changes})


def step(config, penalise=True):
    critic = Critic()
    losses = discriminator_step(Flat(), critic, images(), C, config, penalise)
    return {name: value.item() for name, value in losses.items()}, critic.w.grad.item()


REAL_SUM = (0.5 * 1 - 0.2 * 3) / 2  # mean of c · image, without w
FAKE_SUM = (0.3 * 1 + 0.3 * 3) / 2
WRONG_SUM = (0.5 * 3 - 0.2 * 1) / 2  # the two conditions exchanged


def test_wasserstein_is_fake_minus_real_and_its_gradient_too():
    losses, gradient = step(config())
    assert losses["d/adversarial"] == pytest.approx(0.7 * (FAKE_SUM - REAL_SUM))
    assert gradient == pytest.approx(FAKE_SUM - REAL_SUM)
    assert losses["logits/D(real)"] == pytest.approx(0.7 * REAL_SUM)
    assert losses["logits/D(fake)"] == pytest.approx(0.7 * FAKE_SUM)


def test_cross_entropy_by_hand():
    losses, _ = step(config(loss="bce"))
    softplus = [math.log1p(math.exp(x)) for x in (-0.35, 0.42, 0.21, 0.63)]
    assert losses["d/adversarial"] == pytest.approx(sum(softplus[:2]) / 2 + sum(softplus[2:]) / 2, rel=1e-5)


def test_mismatched_pairs_take_their_share_of_the_negatives():
    losses, gradient = step(config(mismatch=0.3))
    assert losses["d/adversarial"] == pytest.approx(0.7 * 0.7 * (FAKE_SUM - REAL_SUM))
    assert losses["d/mismatch"] == pytest.approx(0.3 * 0.7 * (WRONG_SUM - REAL_SUM))
    assert gradient == pytest.approx(0.7 * (FAKE_SUM - REAL_SUM) + 0.3 * (WRONG_SUM - REAL_SUM), rel=1e-5)


def test_r1_is_half_gamma_times_the_squared_gradient_times_its_laziness():
    losses, gradient = step(config(r1=2.0, penalty_every=4))
    squared = (1 + 9) / 2 / 12  # mean over images of |∇|² / w²: twelve values of (c/12)²
    assert losses["d/r1"] == pytest.approx(4 * 2.0 / 2 * 0.7**2 * squared)
    assert gradient == pytest.approx(FAKE_SUM - REAL_SUM + 4 * 2.0 / 2 * 2 * 0.7 * squared, rel=1e-5)


def test_gradient_penalty_pulls_the_gradients_norm_to_one():
    losses, gradient = step(config(gradient_penalty=10.0))
    norms = [c / math.sqrt(12) for c in (1, 3)]  # |∇| / w
    assert losses["d/gradient_penalty"] == pytest.approx(10 * sum((0.7 * n - 1) ** 2 for n in norms) / 2, rel=1e-5)
    slope = 10 * sum(2 * (0.7 * n - 1) * n for n in norms) / 2
    assert gradient == pytest.approx(FAKE_SUM - REAL_SUM + slope, rel=1e-5)


def test_penalties_wait_for_their_turn_and_none_is_none():
    assert "d/r1" not in step(config(r1=2.0), penalise=False)[0]
    assert set(step(config(), penalise=True)[0]) == {"d/adversarial", "logits/D(real)", "logits/D(fake)"}


def test_the_generators_step_moves_it_toward_higher_verdicts_and_leaves_the_critic_alone():
    generator, critic = Flat(), Critic()
    losses = generator_step(generator, critic, C, config())
    assert losses["g/adversarial"].item() == pytest.approx(-0.7 * FAKE_SUM)
    assert generator.a.grad.item() == pytest.approx(-0.7 * 2)  # −w · mean(c)
    assert critic.w.grad is None
    assert critic.w.requires_grad


def test_equal_conditions_are_not_taken_for_mismatched_ones():
    repeated = torch.tensor([[0.0], [0.0], [2.0]])
    for seed in range(20):
        torch.manual_seed(seed)
        logits = mismatched_logits(lambda x, c: c[:, 0] - 100 * x, torch.tensor([0.0, 0.0, 1.0]), repeated)
        assert len(logits) == 2  # one of the two zeros meets the other and is left out
    assert len(mismatched_logits(lambda x, c: c[:, 0], torch.zeros(3), torch.zeros(3, 1))) == 0
