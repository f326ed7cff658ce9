"""Muon: what its steps are, which weights take them, and that it goes on as it stood."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from encoders.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (16, 16)])
def test_all_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 7
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert (values > 0.4).all()
    assert (values < 1.3).all()
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity((u @ v).flatten(), orthogonal(matrix).flatten(), dim=0) > 0.97


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.gru = nn.GRU(4, 6, batch_first=True)
        self.last = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.norm(self.first(x)).mean(dim=2).transpose(1, 2)
        answer: torch.Tensor = self.last(self.gru(rows)[0].mean(dim=1))
        return answer


def step(network: nn.Module, optimiser: Muon, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(8, 1, 6, 9, generator=generator), torch.randn(8, 2, generator=generator)
    loss = (network(x) - y).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def test_a_convolution_turns_and_keeps_its_length_and_every_weight_moves() -> None:
    torch.manual_seed(0)
    network = Small()
    before = copy.deepcopy(network.state_dict())
    step(network, Muon(network, rate=0.05, learning_rate=1e-3, weight_decay=0.0), 0)
    assert network.first.weight.norm().item() == pytest.approx((4 / 3) ** 0.5, rel=1e-5)
    for name, value in network.named_parameters():
        assert not torch.equal(value, before[name]), name


def test_it_goes_on_as_it_stood() -> None:
    torch.manual_seed(0)
    network = Small()
    optimiser = Muon(network, rate=0.05, learning_rate=1e-3, weight_decay=0.1)
    step(network, optimiser, 0)
    other = copy.deepcopy(network)
    again = Muon(other, rate=0.05, learning_rate=1e-3, weight_decay=0.1)
    again.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for seed in (1, 2):
        assert step(network, optimiser, seed) == step(other, again, seed)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
