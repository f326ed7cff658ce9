"""Path lengths: equal to the norm of a Jacobian's product, of one's own image alone, and differentiable."""

from unittest import mock

import pytest
import torch

from gans import draws, steps
from gans.path_length import path_lengths
from gans.stylegan2 import Generator


@pytest.fixture
def generator():
    torch.manual_seed(0)
    options = {"z_dim": 4, "w_dim": 3, "mapping_layers": 2, "embedding_dim": 2, "base_channels": 64, "max_channels": 4}
    return Generator(resolution=32, c_dim=2, **options).double().eval()


def measured(generator, w, y):
    with mock.patch.object(draws, "normal", return_value=y):
        return path_lengths(generator, w)


def test_lengths_equal_the_norm_of_the_jacobian_times_the_picture(generator):
    w = torch.randn(2, generator.n_styles, 3, dtype=torch.float64)
    y = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    lengths = measured(generator, w, y)
    steps = 1e-6 * torch.eye(w[0].numel(), dtype=torch.float64).view(
        -1, *w.shape[1:]
    )  # one along each number of a style
    for one, picture, length in zip(w, y, lengths, strict=True):
        jacobian = (generator.synthesize(one + steps) - generator.synthesize(one - steps)) / 2e-6  # [numbers, 3, H, W]
        product = torch.einsum("kchw,chw->k", jacobian, picture / 32).view(-1, 3)
        torch.testing.assert_close(length, product.square().sum(dim=1).mean().sqrt(), rtol=1e-5, atol=0)


def test_one_images_length_does_not_depend_on_the_others(generator):
    w, y = torch.randn(3, generator.n_styles, 3, dtype=torch.float64), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(measured(generator, w[:1], y[:1]), measured(generator, w, y)[:1])


def test_lengths_can_be_differentiated_by_styles(generator):
    y = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    w = torch.randn(1, generator.n_styles, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda styles: measured(generator, styles, y), w)


def test_their_gradients_reach_the_mapping_and_every_styled_weight(generator):
    z, c = torch.randn(2, 4, dtype=torch.float64), torch.randn(2, 2, dtype=torch.float64)
    path_lengths(generator, generator.map(z, c)).square().mean().backward()
    for name, parameter in generator.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_a_linear_generator_has_one_length_everywhere():
    """Images A·w: E‖Jᵀy‖² is ‖A‖² / (H·W), wherever one stands."""

    class Linear:
        matrix = torch.randn(3 * 8 * 8, 5, generator=torch.Generator().manual_seed(0))

        def synthesize(self, w):
            return (w.mean(dim=1) @ self.matrix.T).view(-1, 3, 8, 8) * w.shape[1]

    torch.manual_seed(0)
    lengths = path_lengths(Linear(), torch.randn(4_000, 2, 5))
    assert lengths.square().mean().item() == pytest.approx((Linear.matrix.square().sum() / 64).item(), rel=0.05)


def test_the_penalty_of_a_batch_spread_over_two_processes_is_that_of_the_batch(generator):
    generator, c = generator.float(), torch.randn(8, 2)

    def penalty(rows, *place_and_number):
        torch.manual_seed(1)
        with mock.patch.object(draws, "place_and_number", return_value=place_and_number):
            return torch.stack(steps._path_penalty(generator, rows, torch.tensor(0.1)))

    spread = (penalty(c[:4], 0, 2) + penalty(c[4:], 1, 2)) / 2
    torch.testing.assert_close(spread, penalty(c, 0, 1))
