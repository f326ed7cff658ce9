"""How a step's generated images come about: latents moved as the config says, styles mixed from a random place on."""

import pytest
import torch
from torch import nn

from gans.discriminator import DiscriminatorNetwork, Features
from gans.fakes import draw_fakes, mix_some
from gans.generator import GeneratorNetwork
from gans.recipes import resolve

N = 4
C = torch.zeros(N, 0)
SLOPE = torch.tensor([3.0, 4.0])


class Mirror(GeneratorNetwork):
    """Images `[N, 2, n_styles, 1]` that are the styles, and styles that are the latent: what was drawn can be read."""

    z_dim, n_styles = 2, 1

    def map(self, z, c):
        return z[:, None].expand(-1, self.n_styles, -1)

    def synthesize(self, w):
        return w.transpose(1, 2)[..., None]

    def stages(self):
        return []


class Hill(DiscriminatorNetwork):
    """logit = slope · z, so that every latent's gradient is the slope."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(SLOPE.clone())

    def features(self, images):
        return Features(images.flatten(1))

    def judge(self, features, c):
        return features.vector @ self.slope

    def stages(self):
        return []


def drawn(generator=None, through=False, **changes):
    """Images as latents `[N, 2, ...]`, and the cost of moving them; of one seed the same latents at each call."""
    torch.manual_seed(0)
    config = resolve("logan", {"precision": "fp32", "augment": (), **changes})
    images, moved = draw_fakes(generator or Mirror(), Hill(), C, config, p=0.0, through=through)
    return images.squeeze(3).squeeze(2), moved


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"latent_kind": "gradient", "latent_rate": 0.1, "latent_share": 1.0}, [0.3, 0.4]),
        ({"latent_rate": 0.9, "latent_damping": 5.0, "latent_share": 1.0}, [0.9 * 3 / 30, 0.9 * 4 / 30]),
        ({"latent_rate": 0.9, "latent_damping": 5.0, "latent_share": 0.5}, [0.9 * 3 / 14, 0.0]),
    ],
    ids=["gradient", "natural", "half of the numbers"],
)
def test_latents_move_as_the_config_says(changes, step, steps, through):
    begun, _ = drawn(latent_steps=0)
    found, moved = drawn(latent_steps=steps, through=through, **changes)
    way = steps * torch.tensor(step)
    torch.testing.assert_close(found, begun + way)
    assert moved.item() == pytest.approx(way.square().sum().item(), rel=1e-5)


def test_without_steps_latents_stay_where_they_were_drawn_and_cost_nothing():
    found, moved = drawn(latent_steps=0)
    torch.manual_seed(0)
    assert torch.equal(found, torch.randn(N, 2))
    assert moved is None


def test_the_generators_share_of_styles_is_mixed():
    class Two(Mirror):
        n_styles = 2

    same, mixed = (drawn(Two(), latent_steps=0, style_mixing=share)[0] for share in (0.0, 1.0))  # each [N, 2, 2]
    assert torch.equal(same[..., 0], same[..., 1])
    assert torch.equal(mixed[..., 0], same[..., 0])
    assert (mixed[..., 1] != mixed[..., 0]).any(dim=1).all()


def test_a_mixture_begins_with_its_own_style_and_ends_with_another_from_any_place_on():
    torch.manual_seed(0)
    n, places = 2_000, 6
    own = torch.zeros(n, places, 3)
    mixed = mix_some(own, own + 1, share=1.0)
    others = mixed[..., 0].sum(dim=1)  # how many places are the other's
    assert torch.equal(mixed, (torch.arange(places) >= places - others[:, None])[..., None].expand_as(own).float())
    assert others.unique().tolist() == [1, 2, 3, 4, 5]
    assert others.int().bincount()[1:].min() > 300  # of 2,000 in five places


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_asked_share_of_a_batch_is_mixed(share):
    torch.manual_seed(0)
    own = torch.zeros(5_000, 4, 1)
    touched = mix_some(own, own + 1, share).flatten(1).any(dim=1).float().mean().item()
    assert touched == pytest.approx(share, abs=0.02)
