"""The moving average of the generator: what is sampled, shipped and scored."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class MovingAverage(AveragedModel):
    """Exponential moving average of weights and buffers with a half-life in images shown.

    Early on the half-life is at most `ramp` of the images shown so far, so the average forgets its start
    (Karras et al. 2020, StyleGAN2's schedule). Counters such as batch norm's are copied.
    """

    def __init__(self, module: nn.Module, half_life: float, ramp: float = 0.05) -> None:
        super().__init__(module, multi_avg_fn=self._average, use_buffers=True)
        self.half_life, self.ramp, self.decay = half_life, ramp, 0.0
        self.module.eval().requires_grad_(False)

    def follow(self, module: nn.Module, batch_size: int, images_shown: int) -> None:
        """Moves the average toward `module` after a step that showed `batch_size` images."""
        half_life = min(self.half_life, max(self.ramp * images_shown, 1.0))
        self.decay = 0.5 ** (batch_size / half_life)
        self.update_parameters(module)

    @torch.no_grad()
    def _average(self, averages: Sequence[Tensor], values: Sequence[Tensor], _: Tensor | int) -> None:
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(values), 1 - self.decay)
        else:
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
