"""Sampling: one seed one cover, truncation toward the mean of this condition, strength."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gans.dcgan import Generator
from gans.sampling import _guided, generate_cover, generate_covers, latent_of_seed


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return Generator(resolution=32, c_dim=6, z_dim=8, base_channels=512, max_channels=32).eval()


class Transparent(nn.Module):
    """w = z + 10·c, drawn as one flat colour plane each, so that what sampling does to w can be read off."""

    resolution, c_dim, z_dim = 1, 3, 3

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        return z + 10 * c

    def synthesize(self, w: Tensor) -> Tensor:
        return (w / 127.5)[:, :, None, None]


def test_a_seed_is_one_latent_with_the_distribution_of_training():
    assert torch.equal(latent_of_seed(7, 16), latent_of_seed(7, 16))
    drawn = torch.stack([latent_of_seed(seed, 64) for seed in range(400)])
    assert drawn.mean().abs() < 0.02
    assert drawn.std().item() == pytest.approx(1, abs=0.02)


def test_a_cover_does_not_depend_on_its_company(generator):
    c = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    together = generate_covers(generator, c, seeds=range(5))
    alone = [generate_cover(generator, c[i], i) for i in range(5)]
    backwards = generate_covers(generator, c[::-1], seeds=[4, 3, 2, 1, 0])[::-1]
    assert np.array_equal(together, np.stack(alone))
    assert np.array_equal(together, backwards)


def test_seeds_and_conditions_each_change_the_cover(generator):
    c = np.ones(6, np.float32)
    base = generate_cover(generator, c, 0)
    assert (base.shape, base.dtype) == ((3, 32, 32), np.uint8)
    assert not np.array_equal(base, generate_cover(generator, c, 1))
    assert not np.array_equal(base, generate_cover(generator, -c, 0))


def test_truncation_one_is_the_generator_as_it_is(generator):
    c, z = torch.ones(1, 6), latent_of_seed(3, 8)[None]
    with torch.no_grad():
        raw = ((generator(z, c)[0] + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    assert np.array_equal(raw, generate_cover(generator, np.ones(6, np.float32), 3, truncation=1.0))


def test_truncation_zero_is_the_mean_of_this_condition_not_of_all():
    for c in ([0, 1, 2], [3, 0, 0]):
        cover = generate_cover(Transparent(), np.array(c, np.float32), seed=5, truncation=0.0)
        assert cover[:, 0, 0].tolist() == pytest.approx([127.5 + 10 * value for value in c], abs=0.51)


def test_strength_scales_what_the_condition_does():
    c = torch.tensor([[1.0, 2.0, 3.0]])
    z = torch.randn(4, 3)
    for strength in (0.0, 1.0, 2.5):
        assert torch.allclose(_guided(Transparent(), z, c, strength), z + 10 * strength * c, atol=1e-5)


def test_strength_zero_is_no_condition(generator):
    unheard = generate_cover(generator, np.ones(6, np.float32), 2, strength=0.0)
    assert np.array_equal(unheard, generate_cover(generator, None, 2))


def test_a_condition_of_the_wrong_size_is_refused(generator):
    with pytest.raises(ValueError, match="hears 6 numbers"):
        generate_cover(generator, np.ones(5, np.float32), 0)
