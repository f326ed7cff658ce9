"""The last word of every discriminator: how the condition enters it.

- `projection`: logit = v·h + ⟨e(c), h⟩ / √F (Miyato & Koyama 2018), a dot product that cannot be ignored;
- `concatenation`: logit = v·σ(A [h, e(c)]) (Mirza & Osindero 2014; joined to the features as in Reed et al. 2016);
- `auxiliary`: logit = v·h hears no condition, and a second head says which one it sees (AC-GAN, Odena et al. 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gans.layers import ConditionEmbedding

CONDITIONING = ("projection", "concatenation", "auxiliary")


class Verdict(nn.Module):
    """Features `h [N, F]` and conditions `c [N, c_dim]` → logits float32 `[N]`."""

    def __init__(self, features: int, c_dim: int, embedding_dim: int = 64, condition: str = "projection") -> None:
        super().__init__()
        if condition not in CONDITIONING:
            raise ValueError(f"condition is one of {', '.join(CONDITIONING)}, not {condition!r}")
        self.condition = condition if c_dim else "none"
        joined = self.condition == "concatenation"
        self.embedding = ConditionEmbedding(c_dim if self.condition in CONDITIONING[:2] else 0, embedding_dim)
        self.joint = nn.Linear(features + self.embedding.dim, features) if joined else None
        self.head = nn.Linear(features, 1)
        projected = self.condition == "projection"
        self.projection = nn.Linear(self.embedding.dim, features, bias=False) if projected else None
        self.auxiliary = nn.Linear(features, c_dim) if self.condition == "auxiliary" else None

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        logits_of = h
        if self.joint is not None:
            logits_of = F.leaky_relu(self.joint(torch.cat([h, self.embedding(c).to(h.dtype)], dim=1)), 0.2)
        logits = self.head(logits_of).squeeze(1)
        if self.projection is not None:
            direction = self.projection(self.embedding(c)).float()  # [N, F]
            logits = logits + (direction * h).sum(dim=1) / h.shape[1] ** 0.5
        return logits.float()

    def recognise(self, h: Tensor) -> Tensor | None:
        """The condition `[N, c_dim]` that `h` speaks of: values as they are, tags as logits; None without that head."""
        return None if self.auxiliary is None else self.auxiliary(h).float()
