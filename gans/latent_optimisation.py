"""Latents that are moved, before an image is drawn, to where the discriminator believes it more (LOGAN).

After Wu et al. 2019, with f(z) = D(G(z, c), c) and g = ∂f/∂z of each image, a step is

    gradient:  Δz = α · g                    (eq. 4)
    natural:   Δz = α / (β + ‖g‖²) · g       (eq. 12)

The natural one is α · F⁻¹ g for the empirical Fisher matrix of this one latent, damped: F = g gᵀ + β·I. It is never
longer than α / (2√β), however steep the discriminator. The paper optimises in training only: sampling draws z as it
is. It clips z + Δz to [−1, 1], where its uniform prior ends; the normal prior of this package has no border to clip to.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def optimise_latents(
    score: Callable[[Tensor], Tensor],
    z: Tensor,
    *,
    steps: int = 1,
    rate: float = 0.9,
    damping: float | None = 5.0,
    share: float = 1.0,
    through: bool = True,
) -> Tensor:
    """Latents `[N, z_dim]` after `steps` steps from `z` `[N, z_dim]`, each from where the last one ended.

    score: latents → logits `[N]`. Each image's gradient is that of its own logit, so its step knows nothing of the
    batch; only where the networks themselves compare images (batch norm in training, minibatch deviation) does it.
    rate, damping: α and β; with `damping` None the step is the plain gradient's.
    share: of each latent's numbers, the first ones, that may move (the paper's BigGAN: one half); the others keep the
    prior's randomness.
    through: whether gradients flow through Δz into whatever `score` is made of, by second derivatives, as the paper
    has it. Without, the result is a constant.

    Derivatives are taken in float32, whatever surrounds this: they cross both networks, and in bfloat16 Δz was off by
    16 to 36 % of its length (mean over images, fresh `dcgan` networks of 32 and 64 px); it takes up to twice as long.
    """
    latents = z if through and z.requires_grad else z.detach().requires_grad_()
    moves = torch.arange(z.shape[1], device=z.device) < round(share * z.shape[1])
    for _ in range(steps):
        with torch.enable_grad(), torch.autocast(z.device.type, enabled=False):
            (gradient,) = torch.autograd.grad(score(latents).sum(), latents, create_graph=through)
            gradient = gradient * moves
            if damping is not None:
                gradient = gradient / (damping + gradient.square().sum(dim=1, keepdim=True))
            latents = latents + rate * gradient
        if not through:
            latents = latents.detach().requires_grad_()
    return latents if through else latents.detach()


def moving_cost(z: Tensor, optimised: Tensor) -> Tensor:
    """Mean over images of ‖Δz‖², the squared way from `z` to `optimised`, both `[N, z_dim]`.

    The paper's regulariser (eq. 17) without its weight; it does not grow with the batch.
    """
    return (optimised - z).square().sum(dim=1).mean()
