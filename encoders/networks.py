"""The networks that listen to log-mel spectrograms: a residual CNN and a recurrent one, from sound to code."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.errors import InputError
from encoders.features import N_MELS
from encoders.layers import Around, AttentivePool, Block, LargestOf, convolution
from encoders.options import Options, within

FRAMES_A_STEP = 4
"""Spectrogram frames that the recurrent network takes at a step: 93 ms."""

MOMENTS = "moments"
"""The name of the answer on each moment of what teachers hear in it."""

PREDICTED_BANDS = 32
"""Bands of four mel filters each in which the recurrent network foretells the sound."""


@dataclass(frozen=True)
class SoundSizes(Options):
    """What all networks of sound have sizes of: their code, and the equal bands whose levels stand beside what is
    pooled before it (0: none)."""

    code_dim: int = 64
    bands: int = 32
    dropout: float = 0.1

    def __post_init__(self) -> None:
        within(self, 1, 1024, "code_dim")
        within(self, 0, 0.9, "dropout")
        if self.bands and (self.bands < 0 or N_MELS % self.bands):
            raise InputError("bands", f"{self.bands} bands cannot be made of {N_MELS} equally")


@dataclass(frozen=True)
class CNNSizes(SoundSizes):
    """Sizes of `CNN`: channels of the stem and after each residual block, which halves pitch and time; how many steps
    (of 0.74 s where there are four blocks) to either side each convolution after them looks in time."""

    channels: tuple[int, ...] = (32, 64, 96, 128, 128)
    mixed: int = 256
    around: tuple[int, ...] = (1, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, 1, 1024, "channels", "mixed", "around")
        if not 2 <= len(self.channels) <= 7:
            raise InputError("channels", f"{len(self.channels)} numbers; the stem and 1 to 6 blocks have one each")


@dataclass(frozen=True)
class RNNSizes(SoundSizes):
    """Sizes of `RNN`: channels of the convolutions before it and of what it reads, units of each of its layers."""

    front: tuple[int, ...] = (24, 48, 64)
    mixed: int = 160
    hidden: int = 160
    layers: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, 1, 1024, "front", "mixed", "hidden")
        if len(self.front) != 3:
            raise InputError("front", f"{len(self.front)} numbers; there are three convolutions")
        within(self, 1, 8, "layers")


class Lesson(NamedTuple):
    """What a network makes of B hearings: codes `[B, code_dim]`, answers on moments `[B, n_places, size]` where it is
    asked for them, and a loss `[]` of what it foretold, where it foretells."""

    codes: Tensor
    moments: Tensor | None
    surprise: Tensor | None


class SoundNetwork(nn.Module, ABC):
    """From standardised log-mels `[B, 128, n_frames]` to codes `[B, code_dim]`, and from these to named answers.

    Every answer is linear in the code, so that what the network was taught can be read off the code; but for
    `MOMENTS`, which is linear in the rows `[B, width, t]` that the code is pooled from.
    """

    hop: int
    """Frames from one row to the next."""

    behind: float = 0.0
    """How many frames before a row's own middle the moment has its middle that it is asked for."""

    def __init__(self, sizes: SoundSizes, answers: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.bands = sizes.bands
        self.pool = AttentivePool(width)
        self.drop = nn.Dropout(sizes.dropout)
        self.to_code = nn.Linear(2 * (width + sizes.bands), sizes.code_dim)
        self.answers = nn.ModuleDict(
            {name: nn.Linear(sizes.code_dim, size) for name, size in answers.items() if name != MOMENTS}
        )
        self.moments = nn.Conv1d(width, answers[MOMENTS], 1) if MOMENTS in answers else None

    def places(self, n_frames: int) -> np.ndarray:
        """The middles float64 `[n_places]` of the moments asked for, in frames of a hearing of `n_frames`."""
        return (np.arange(n_frames // self.hop) + 0.5) * self.hop - 0.5 - self.behind

    @abstractmethod
    def code(self, x: Tensor) -> Tensor:
        """Codes `[B, code_dim]` of `x [B, 128, n_frames]`."""

    @abstractmethod
    def learn(self, x: Tensor, clean: Tensor) -> Lesson:
        """What it makes of `x`; what it foretells is held against `clean`, which is `x` without masks."""

    def answer(self, codes: Tensor) -> dict[str, Tensor]:
        """Every answer `[B, size]` by name."""
        return {name: head(codes) for name, head in self.answers.items()}

    def _code(self, rows: Tensor, x: Tensor) -> Tensor:
        """Codes `[B, code_dim]` from rows `[B, width, t]` and the levels of `x`.

        A network that norms its maps and looks for patterns hardly hears how loud a sound is and how far it swells.
        """
        levels = [band_levels(x, self.bands)] if self.bands else []
        return self.to_code(self.drop(torch.cat([self.pool(rows), *levels], dim=1)))

    def _moments(self, rows: Tensor, n_frames: int) -> Tensor | None:
        """Answers `[B, n_places, size]` from rows `[B, width, t]`."""
        return None if self.moments is None else self.moments(rows)[..., : n_frames // self.hop].transpose(1, 2)


class CNN(SoundNetwork):
    """Residual CNN: the lowest pitches to the highest are folded into channels, then time is pooled."""

    def __init__(self, sizes: CNNSizes, answers: Mapping[str, int]) -> None:
        super().__init__(sizes, answers, sizes.mixed)
        self.hop = 2 ** len(sizes.channels)
        first, last = sizes.channels[0], sizes.channels[-1]
        self.stem = convolution(1, first, kernel=5, stride=2)
        pairs = itertools.pairwise(sizes.channels)
        # The widest maps are where the time goes: the first block lets its convolution skip every other frame.
        self.blocks = nn.Sequential(*(Block(*pair, hasty=number == 0) for number, pair in enumerate(pairs)))
        pitches = N_MELS >> len(sizes.channels)
        self.mix = nn.Sequential(
            nn.Conv1d(last * pitches, sizes.mixed, 1, bias=False), nn.BatchNorm1d(sizes.mixed), nn.ReLU()
        )
        self.around = nn.Sequential(*(Around(sizes.mixed, apart) for apart in sizes.around))

    def code(self, x: Tensor) -> Tensor:
        return self._code(self._rows(x), x)

    def learn(self, x: Tensor, clean: Tensor) -> Lesson:
        rows = self._rows(x)
        return Lesson(self._code(rows, x), self._moments(rows, x.shape[2]), None)

    def _rows(self, x: Tensor) -> Tensor:
        image = x[:, None].contiguous(memory_format=torch.channels_last)  # [B, 1, 128, n_frames]
        maps = self.blocks(self.stem(image))  # [B, channels, pitches, t]
        return self.around(self.mix(maps.flatten(1, 2)))  # [B, mixed, t]


class RNN(SoundNetwork):
    """A GRU forward in time behind three convolutions: a code of how the sound goes on, not only what it is.

    The convolutions see a sixth of a second to either side and leave four rows of pitch (Choi et al. 2017).

    From each step it foretells the sound `AHEAD` steps later, in which labels play no part (contrast Oord et al.
    2018; here the answer is a spectrum and the loss a square).
    """

    AHEAD = 4
    """Steps ahead (372 ms): beyond what the convolutions at a step can see."""

    hop = FRAMES_A_STEP
    behind = 110.0
    """A state knows nothing of later: it is asked for the moment of 5.1 s that ends with it."""

    def __init__(self, sizes: RNNSizes, answers: Mapping[str, int]) -> None:
        super().__init__(sizes, answers, sizes.hidden)
        first, second, third = sizes.front
        self.front = nn.Sequential(
            convolution(1, first, kernel=5, stride=2),
            convolution(first, second, stride=2),
            LargestOf(2, 1),
            convolution(second, third),
            LargestOf(4, 1),
        )
        pitches = N_MELS // 32
        self.mix = nn.Sequential(
            nn.Conv1d(third * pitches, sizes.mixed, 1, bias=False), nn.BatchNorm1d(sizes.mixed), nn.ReLU()
        )
        self.gru = nn.GRU(sizes.mixed, sizes.hidden, sizes.layers, batch_first=True)
        self.next = nn.Linear(sizes.hidden, PREDICTED_BANDS)

    def code(self, x: Tensor) -> Tensor:
        return self._code(self._follow(x).transpose(1, 2), x)

    def learn(self, x: Tensor, clean: Tensor) -> Lesson:
        states = self._follow(x)
        rows = states.transpose(1, 2)
        return Lesson(self._code(rows, x), self._moments(rows, x.shape[2]), self._surprise(clean, states))

    def _follow(self, x: Tensor) -> Tensor:
        """The state at every step `[B, t, hidden]`; a state knows nothing of later steps."""
        image = x[:, None].contiguous(memory_format=torch.channels_last)  # [B, 1, 128, n_frames]
        rows = self.mix(self.front(image).flatten(1, 2))  # [B, mixed, t]
        return self.gru(rows.transpose(1, 2))[0]

    def _surprise(self, clean: Tensor, states: Tensor) -> Tensor | None:
        """Mean square between what was foretold and what came, over what always foretelling "as now" would get."""
        steps = coarse(clean)  # [B, t, bands]
        if steps.shape[1] <= self.AHEAD:
            return None
        now, later = steps[:, : -self.AHEAD], steps[:, self.AHEAD :]
        foretold = now + self.next(states[:, : now.shape[1]].float())
        return F.mse_loss(foretold, later) / F.mse_loss(now, later).clamp(min=1e-3)


def band_levels(x: Tensor, bands: int) -> Tensor:
    """Mean level and deviation over time of each of `bands`, `[B, 2 · bands]`, of `x [B, 128, n_frames]`."""
    levels = F.avg_pool1d(x.float().transpose(1, 2), N_MELS // bands)  # [B, n_frames, bands]
    return torch.cat([levels.mean(dim=1), levels.var(dim=1, correction=0).clamp(min=1e-4).sqrt()], dim=1)


def coarse(x: Tensor) -> Tensor:
    """`[B, 128, n_frames]` as means over four filters and `FRAMES_A_STEP` frames, `[B, t, PREDICTED_BANDS]`."""
    return F.avg_pool2d(x[:, None], (N_MELS // PREDICTED_BANDS, FRAMES_A_STEP))[:, 0].transpose(1, 2)
