"""One step of each player. A step adds gradients and returns named losses; the loop owns all else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gans.augment import augment
from gans.conditions import mismatch
from gans.config import TrainConfig
from gans.generator import GeneratorNetwork
from gans.losses import LOSSES, gradient_penalty, r1_penalty
from gans.precision import autocast
from gans.sampling import random_z

Losses = dict[str, Tensor]


def discriminator_step(
    generator: GeneratorNetwork,
    discriminator: nn.Module,
    images: Tensor,
    c: Tensor,
    config: TrainConfig,
    penalise: bool,
) -> Losses:
    """Gradients of the discriminator for real `images` `[N, 3, H, W]` under conditions `c` `[N, c_dim]`.

    Generated images are judged under the same conditions, which come from the data. Returns the terms of the
    loss, whose sum was minimised (keys `d/…`), and the mean verdicts `logits/D(real)`, `logits/D(fake)`.
    """
    d_loss, _ = LOSSES[config.loss]
    labels = {"smoothing": config.label_smoothing, "flip": config.label_flip} if config.loss == "bce" else {}
    share = config.mismatch if c.shape[1] else 0.0
    with autocast(config.precision, images.device):
        with torch.no_grad():
            fake = augment(generator(random_z(len(c), generator, c.device), c), config.augment)
        real = augment(images, config.augment)
        on_real, on_fake = discriminator(real, c), discriminator(fake, c)
        losses = {"d/adversarial": (1 - share) * d_loss(on_real, on_fake, **labels)}
        on_wrong = mismatched_logits(discriminator, real, c) if share else on_real[:0]
        if len(on_wrong):
            losses["d/mismatch"] = share * d_loss(on_real, on_wrong, **labels)
    sum(losses.values()).backward()  # type: ignore[union-attr]
    if penalise and (config.gradient_penalty or config.r1):
        # Second derivatives in full precision, and apart, so that the first graph is gone before they are made.
        penalties = {}
        if config.gradient_penalty:
            weight = config.gradient_penalty * config.penalty_every
            penalties["d/gradient_penalty"] = weight * gradient_penalty(discriminator, real, fake, c)
        if config.r1:
            penalties["d/r1"] = config.r1 / 2 * config.penalty_every * r1_penalty(discriminator, real, c)
        sum(penalties.values()).backward()  # type: ignore[union-attr]
        losses |= penalties
    verdicts = {"logits/D(real)": on_real.mean(), "logits/D(fake)": on_fake.mean()}
    return {name: value.detach() for name, value in {**losses, **verdicts}.items()}


def generator_step(generator: GeneratorNetwork, discriminator: nn.Module, c: Tensor, config: TrainConfig) -> Losses:
    """Gradients of the generator for conditions `c` `[N, c_dim]`; the discriminator's are left alone."""
    _, g_loss = LOSSES[config.loss]
    discriminator.requires_grad_(False)
    with autocast(config.precision, c.device):
        fake = generator(random_z(len(c), generator, c.device), c)
        loss = g_loss(discriminator(augment(fake, config.augment), c))
    loss.backward()
    discriminator.requires_grad_(True)
    return {"g/adversarial": loss.detach()}


def mismatched_logits(discriminator: nn.Module, images: Tensor, c: Tensor) -> Tensor:
    """Logits of real images under other images' conditions: of those whose own condition is another one.

    Where conditions repeat (equal tags, all blocks dropped) a shifted one may be the image's own, which would teach
    that a right pair is wrong. Logits of a batch in which all are equal: empty.
    """
    wrong = mismatch(c)
    return discriminator(images, wrong)[(wrong != c).any(dim=1)]


def penalty_due(config: TrainConfig, shown: int) -> bool:
    """Whether the discriminator step at `shown` images carries the penalties."""
    wanted = bool(config.gradient_penalty or config.r1)
    return wanted and (shown // config.batch_size) % config.penalty_every == 0
