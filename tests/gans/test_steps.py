"""The sums that the steps minimise, against sums done by hand on players of one number each."""

import math

import pytest
import torch
from torch import nn

from gans import draws
from gans.conditions import mismatch
from gans.discriminator import DiscriminatorNetwork, Features
from gans.generator import GeneratorNetwork
from gans.recipes import resolve
from gans.steps import Moment, discriminator_step, generator_step

REAL = torch.tensor([0.5, -0.2])
C = torch.tensor([[1.0], [3.0]])


class Flat(GeneratorNetwork):
    """Images of one value, `a`, whatever the latent."""

    z_dim = n_styles = 1

    def __init__(self, a=0.3):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def map(self, z, c):
        return z[:, None]

    def synthesize(self, w):
        return self.a.expand(len(w))[:, None, None, None].expand(-1, 3, 2, 2)

    def stages(self):
        return []


class Critic(DiscriminatorNetwork):
    """logit = w · c · (mean of the image): its gradient in the image is w·c/12 at each of 12 values."""

    def __init__(self, w=0.7):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def features(self, images):
        return Features(images.mean(dim=(1, 2, 3))[:, None])

    def judge(self, features, c):
        return self.w * c[:, 0] * features.vector[:, 0]

    def recognise(self, features):
        return torch.cat([torch.ones(2, 1), self.w * features.vector], dim=1)

    def restore(self, features, images):
        return self.w * features.vector.sum()

    def stages(self):
        return []


def images():
    return REAL[:, None, None, None].expand(-1, 3, 2, 2).clone()


def config(recipe="wgan-gp", **changes):
    return resolve(recipe, {"precision": "fp32", "augment": (), "gradient_penalty": 0.0, "r1": 0.0, **changes})


def step(config, penalise=True):
    critic = Critic()
    torch.manual_seed(0)
    moment = Moment(penalise=penalise)
    losses = discriminator_step(Flat(), critic, images(), C, C.flip(0) if config.mismatch else None, config, moment)
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


def test_penalties_are_multiplied_by_the_schedules_scale():
    setting, moment = config(r1=2.0, r2=2.0, gradient_penalty=10.0), Moment(penalise=True, penalty_scale=0.25)
    torch.manual_seed(0)
    scaled = discriminator_step(Flat(), Critic(), images(), C, None, setting, moment)
    whole, _ = step(setting)
    for name in ("d/r1", "d/r2", "d/gradient_penalty"):
        assert scaled[name].item() == pytest.approx(whole[name] / 4, rel=1e-5)
    assert scaled["d/adversarial"].item() == pytest.approx(whole["d/adversarial"])


def test_penalties_wait_for_their_turn_and_none_is_none():
    assert "d/r1" not in step(config(r1=2.0), penalise=False)[0]
    assert set(step(config(), penalise=True)[0]) == {"d/adversarial", "logits/D(real)", "logits/D(fake)", "logits/sign"}


def test_the_generators_step_moves_it_toward_higher_verdicts_and_leaves_the_critic_alone():
    generator, critic = Flat(), Critic()
    losses = generator_step(generator, critic, images(), C, config(), Moment())
    assert losses["g/adversarial"].item() == pytest.approx(-0.7 * FAKE_SUM)
    assert generator.a.grad.item() == pytest.approx(-0.7 * 2)  # −w · mean(c)
    assert critic.w.grad is None
    assert critic.w.requires_grad


def test_gradients_are_taken_outside_of_lower_precision():
    """There, products within a float32 graph would be bfloat16, as the second derivatives of optimised latents."""
    generator, critic, lower = Flat(), Critic(), []
    for parameter in (generator.a, critic.w):
        parameter.register_hook(lambda gradient: lower.append(torch.is_autocast_enabled("cpu")))
    setting = config(precision="bf16")
    discriminator_step(generator, critic, images(), C, None, setting, Moment())
    generator_step(generator, critic, images(), C, setting, Moment())
    assert lower == [False, False]


def test_mismatched_conditions_are_never_the_images_own():
    repeated = torch.tensor([[0.0], [0.0], [2.0], [1.0]])
    for seed in range(50):
        torch.manual_seed(seed)
        wrong = mismatch(repeated)
        assert (wrong != repeated).all()
        assert {float(v) for v in wrong} <= {0.0, 1.0, 2.0}
    assert mismatch(torch.zeros(3, 2)) is None


def test_r2_is_r1_on_generated_images():
    losses, _ = step(config(r2=2.0))
    assert losses["d/r2"] == pytest.approx(2.0 / 2 * 0.7**2 * (1 + 9) / 2 / 12)


def test_drift_is_the_mean_square_of_real_verdicts():
    losses, _ = step(config(drift=0.5))
    assert losses["d/drift"] == pytest.approx(0.5 * 0.7**2 * (0.5**2 + 0.6**2) / 2)


def test_a_relativistic_loss_compares_neighbours():
    losses, _ = step(config(loss="relativistic"))
    margins = [0.7 * (0.5 - 0.3) * 1, 0.7 * (-0.2 - 0.3) * 3]  # D(real) − D(fake) under each condition
    assert losses["d/adversarial"] == pytest.approx(sum(math.log1p(math.exp(-m)) for m in margins) / 2, rel=1e-5)
    generator, critic = Flat(), Critic()
    found = generator_step(generator, critic, images(), C, config(loss="relativistic"), Moment())
    assert found["g/adversarial"].item() == pytest.approx(sum(math.log1p(math.exp(m)) for m in margins) / 2, rel=1e-5)
    slopes = [1 / (1 + math.exp(-m)) * -0.7 * c for m, c in zip(margins, (1, 3), strict=True)]
    assert generator.a.grad.item() == pytest.approx(sum(slopes) / 2, rel=1e-5)


class Straight(Flat):
    """Images of one value, a · z: each of 12 values moves by `a` with the style."""

    def synthesize(self, w):
        return (self.a * w[:, 0])[:, :, None, None].expand(-1, 3, 2, 2)


def test_path_lengths_are_pulled_to_their_mean_with_weight_and_laziness(monkeypatch):
    monkeypatch.setattr(draws, "normal", lambda n, *shape, device="cpu": torch.ones(n, *shape))
    generator, critic = Straight(), Critic()
    setting = config(path_length=2.0, path_length_every=4)
    found = generator_step(generator, critic, images(), C, setting, Moment(lengthen=True, path_mean=torch.tensor(0.5)))
    length = 12 * 0.3 / 2  # a picture of ones over √(2 · 2)
    assert found["path/length"].item() == pytest.approx(length)
    assert found["g/path_length"].item() == pytest.approx(2.0 * 4 * (length - 0.5) ** 2, rel=1e-5)
    adversarial = -0.7 * 2  # −w · mean(c), all latents being 1
    assert generator.a.grad.item() == pytest.approx(adversarial + 2.0 * 4 * 2 * (length - 0.5) * 6, rel=1e-5)
    unasked = generator_step(Straight(), critic, images(), C, setting, Moment(path_mean=torch.tensor(0.5)))
    assert set(unasked) == {"g/adversarial"}


LAYOUT = [("energy", 1)]
HEARD = torch.tensor([[1.0, 0.4], [0.0, 9.0]])  # the second image's block is absent: what it holds does not count


def test_both_players_want_the_condition_recognised_in_real_and_in_generated_images():
    setting = config(recognition=2.0, discriminator={"condition": "auxiliary"})
    moment = Moment(layout=LAYOUT)
    generator, critic = Flat(), Critic()
    losses = discriminator_step(generator, critic, images(), HEARD, None, setting, moment)
    assert losses["d/recognition_of_real"].item() == pytest.approx(2.0 * (0.7 * 0.5 - 0.4) ** 2 / 2, rel=1e-5)
    assert losses["d/recognition_of_fake"].item() == pytest.approx(2.0 * (0.7 * 0.3 - 0.4) ** 2 / 2, rel=1e-5)
    found = generator_step(generator, critic, images(), HEARD, setting, moment)
    assert found["g/recognition"].item() == pytest.approx(2.0 * (0.7 * 0.3 - 0.4) ** 2 / 2, rel=1e-5)
    adversarial = -0.7 * 1 / 2  # of the mean over both images, c = 1 and 0
    assert generator.a.grad.item() == pytest.approx(adversarial + 2.0 * 2 * (0.7 * 0.3 - 0.4) * 0.7 / 2, rel=1e-4)


def test_a_self_supervised_loss_counts_with_its_weight():
    assert step(config("small", restoration=0.5))[0]["d/restoration"] == pytest.approx(0.5 * 0.7 * (0.5 - 0.2))


def test_a_batch_in_two_parts_gives_the_gradients_of_the_whole():
    whole, halved = Critic(), Critic()
    discriminator_step(Flat(), whole, images(), C, None, config(r1=1.0), Moment(penalise=True))
    for place in range(2):
        one = slice(place, place + 1)
        setting = config(r1=1.0, accumulate=2)
        discriminator_step(Flat(), halved, images()[one], C[one], None, setting, Moment(penalise=True))
    assert halved.w.grad.item() == pytest.approx(whole.w.grad.item(), rel=1e-5)
