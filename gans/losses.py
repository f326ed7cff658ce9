"""Adversarial losses as pairs of free functions, and the penalties.

Each pair takes logits (positive: real) and returns scalars to be minimised. `d_*` takes the logits of real
and generated images, `g_*` those of generated images (a relativistic one those of real images too). Every function
here is checked against a sum done by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gans import draws

Critic = Callable[[Tensor, Tensor], Tensor]


def d_bce(real: Tensor, fake: Tensor, *, smoothing: float = 0.0, flip: float = 0.0) -> Tensor:
    """Binary cross-entropy (Goodfellow et al. 2014) with one-sided and noisy labels (Salimans et al. 2016, 3.4).

    Real images are labelled uniformly between 1 − 2·`smoothing` and 1 (mean 1 − `smoothing`); generated
    ones 0, never more: smoothing them would reward the generator's present mistakes. With probability `flip`
    a real image is labelled 0.
    """
    labels = torch.ones_like(real)
    if smoothing:
        labels = labels - 2 * smoothing * draws.uniform(len(real), device=real.device)
    if flip:
        labels = labels * (draws.uniform(len(real), device=real.device) >= flip)
    real_loss = F.binary_cross_entropy_with_logits(real, labels)
    return real_loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


def g_bce(fake: Tensor) -> Tensor:
    """−log D(G(z)): the generator's side of `d_bce`, non-saturating."""
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def d_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of softplus(−real) + softplus(fake)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def g_logistic(fake: Tensor) -> Tensor:
    """Non-saturating logistic loss: mean of softplus(−fake)."""
    return F.softplus(-fake).mean()


def d_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of max(0, 1 − real) + max(0, 1 + fake) (Lim & Ye 2017)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def g_hinge(fake: Tensor) -> Tensor:
    """−mean(fake)."""
    return -fake.mean()


def d_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """mean(fake) − mean(real): minus the critic's estimate of the distance (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def g_wasserstein(fake: Tensor) -> Tensor:
    """−mean(fake)."""
    return -fake.mean()


def d_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of softplus(fake − real): a real image must look more real than the generated one beside it
    (Jolicoeur-Martineau 2019, RpGAN; Huang et al. 2024, eq. 2)."""
    return F.softplus(fake - real).mean()


def g_relativistic(fake: Tensor, real: Tensor) -> Tensor:
    """Mean of softplus(real − fake): the generator's side of `d_relativistic`."""
    return F.softplus(real - fake).mean()


class AdversarialLoss(NamedTuple):
    """`d(real, fake)` and `g(fake)`; `g(fake, real)` where `relative`. `noisy_labels`: `d` takes smoothing and flip."""

    d: Callable[..., Tensor]
    g: Callable[..., Tensor]
    relative: bool = False
    noisy_labels: bool = False


LOSSES: dict[str, AdversarialLoss] = {
    "bce": AdversarialLoss(d_bce, g_bce, noisy_labels=True),
    "logistic": AdversarialLoss(d_logistic, g_logistic),
    "hinge": AdversarialLoss(d_hinge, g_hinge),
    "wasserstein": AdversarialLoss(d_wasserstein, g_wasserstein),
    "relativistic": AdversarialLoss(d_relativistic, g_relativistic, relative=True),
}


def drift(real: Tensor) -> Tensor:
    """Mean of real²: keeps a critic's verdicts near zero, which no Wasserstein term does (Karras et al. 2018, A.1)."""
    return real.square().mean()


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, c: Tensor) -> Tensor:
    """Mean over images of (‖∇ₓ D(x, c)‖ − 1)² at points between real and generated (Gulrajani et al. 2017, eq. 3).

    One point an image, x = real + u·(fake − real) with u uniform in [0, 1). A mean, so it does not grow with the
    batch. The gradient is that of the sum of logits: each image's own, unless the critic compares images.
    """
    real, fake = _precise(real), _precise(fake)
    share = draws.uniform(len(real), 1, 1, 1, device=real.device).to(real.dtype)
    points = torch.lerp(real, fake, share).requires_grad_()
    return (_image_gradients(critic, points, c).norm(dim=1) - 1).square().mean()


def r1_penalty(critic: Critic, images: Tensor, c: Tensor) -> Tensor:
    """Mean over images of ‖∇ₓ D(x, c)‖² at `images` (Mescheder et al. 2018, eq. 9, without its γ/2).

    On real images this is R1, on generated ones R2. A mean over images, as above.
    """
    points = _precise(images).requires_grad_()
    return _image_gradients(critic, points, c).square().sum(dim=1).mean()


def _precise(images: Tensor) -> Tensor:
    """A copy to differentiate by, in float32 or better: squares of bfloat16 gradients would be mostly rounding."""
    return images.detach().to(torch.promote_types(images.dtype, torch.float32), copy=True)


def _image_gradients(critic: Critic, points: Tensor, c: Tensor) -> Tensor:
    """∇ₓ of the sum of logits, `[N, 3·H·W]`, itself differentiable."""
    (gradients,) = torch.autograd.grad(critic(points, c).sum(), points, create_graph=True)
    return gradients.flatten(1)
