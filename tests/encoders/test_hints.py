"""What hints are for: of the same few sounds, a student that is told every moment learns more."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from encoders.muon import Muon
from encoders.networks import CNN, CNNSizes

N_FRAMES, STEPS = 128, 60


def sounds(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`n` sounds `[n, 128, N_FRAMES]` of four parts, lowest to highest, whose levels change every eighth of the time;
    and what a toy teacher hears in each frame `[n, N_FRAMES, 4]`: how loud a part is together with the next."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randn(n, 4, 8, generator=generator).repeat_interleave(N_FRAMES // 8, 2)
    x = levels.repeat_interleave(32, 1) + 0.3 * torch.randn(n, 128, N_FRAMES, generator=generator)
    return x, torch.minimum(levels, levels.roll(1, dims=1)).transpose(1, 2)


def unexplained(weight_moments: float, seed: int) -> float:
    """The share of a whole sound's mean moment that a student does not explain in sounds it never heard."""
    torch.manual_seed(seed)
    sizes = CNNSizes(code_dim=8, channels=(8, 8), mixed=16, around=(), dropout=0.0)
    network = CNN(sizes, {"teachers": 4, "moments": 4}).train()
    optimiser = Muon(network, rate=0.05, learning_rate=5e-3, weight_decay=0.0)
    x, moments = sounds(16, seed)
    told = moments[:, network.places(N_FRAMES).round().astype(int)]
    mean, deviation = told.mean(dim=(0, 1)), told.std(dim=(0, 1))
    spread = told.mean(dim=1).std(dim=0)
    for _ in range(STEPS):
        lesson = network.learn(x, x)
        assert lesson.moments is not None
        whole = F.mse_loss(network.answer(lesson.codes)["teachers"], (told.mean(dim=1) - mean) / spread)
        hints = F.mse_loss(lesson.moments, (told - mean) / deviation)
        (whole + weight_moments * hints).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    other, moments = sounds(64, seed + 1000)
    truth = (moments.mean(dim=1) - mean) / spread
    with torch.no_grad():
        found = network.eval().answer(network.code(other))["teachers"]
    return float(F.mse_loss(found, truth) / truth.var(dim=0).mean())


def test_a_student_with_hints_is_nearer_to_its_teacher() -> None:
    with_hints, without = ([unexplained(weight, seed) for seed in range(3)] for weight in (2.0, 0.0))
    assert sum(with_hints) < 0.95 * sum(without)
