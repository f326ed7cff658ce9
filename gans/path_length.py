"""Path-length regularisation (Karras et al. 2020, section 3.2): a step in style moves the picture as far everywhere."""

from __future__ import annotations

import torch
from torch import Tensor

from gans import draws
from gans.generator import GeneratorNetwork


def path_lengths(generator: GeneratorNetwork, w: Tensor) -> Tensor:
    """‖Jᵀy‖ for each of styles `w` `[N, n_styles, w_dim]`, `[N]`, itself differentiable.

    J is the derivative of an image by its styles, and y a standard normal image divided by √(H·W), so that lengths do
    not depend on the resolution; the square is a mean over styles. Regularised is mean (‖Jᵀy‖ − a)², where a is the
    running mean of the lengths (eq. 4). A `w` that comes out of the mapping takes part: its gradients reach there.
    """
    if not w.requires_grad:
        w = w.detach().requires_grad_()
    images = generator.synthesize(w)
    y = draws.normal(*images.shape, device=images.device).to(images.dtype) / (images.shape[2] * images.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((images * y).sum(), w, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()
