"""One step of each player. A step adds gradients and returns named losses; the loop owns all else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gans.augment import augment
from gans.conditions import Layout, recognition_loss
from gans.config import TrainConfig
from gans.discriminator import DiscriminatorNetwork
from gans.fakes import draw_fakes
from gans.generator import GeneratorNetwork
from gans.losses import LOSSES, drift, gradient_penalty, r1_penalty
from gans.path_length import path_lengths
from gans.precision import autocast
from gans.sampling import random_z

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Moment:
    """What a step must know of the run beside its config.

    penalise, lengthen: whether the discriminator's penalties and path-length regularisation are due. penalty_scale: of
    the schedule. p: ada's probability. path_mean: running mean of path lengths, a scalar.
    """

    layout: Layout = ()
    penalise: bool = False
    penalty_scale: float = 1.0
    lengthen: bool = False
    p: float = 0.0
    path_mean: Tensor | None = None


def discriminator_step(
    generator: GeneratorNetwork,
    discriminator: DiscriminatorNetwork,
    images: Tensor,
    c: Tensor,
    wrong: Tensor | None,
    config: TrainConfig,
    moment: Moment,
) -> Losses:
    """Gradients of the discriminator for real `images` `[N, 3, H, W]` under conditions `c` `[N, c_dim]`.

    Generated images are judged under the same conditions, which come from the data; real ones also under conditions
    `wrong` `[N, c_dim]` of other images, where given. Returns the terms of the loss, whose sum was minimised (keys
    `d/…`), and the mean verdicts `logits/…`, of real images with their mean sign.
    """
    loss = LOSSES[config.loss]
    labels = {"smoothing": config.label_smoothing, "flip": config.label_flip} if loss.noisy_labels else {}
    share = config.mismatch if wrong is not None else 0.0
    with autocast(config.precision, images.device):
        drawn = draw_fakes(generator, discriminator, c, config, moment.p, through=False).images
        fake = augment(drawn, config.augment, moment.p).detach()
        real = augment(discriminator.look(images), config.augment, moment.p)
        real_seen, fake_seen = discriminator.features(real), discriminator.features(fake)
        on_real, on_fake = discriminator.judge(real_seen, c), discriminator.judge(fake_seen, c)
        losses = {"d/adversarial": (1 - share) * loss.d(on_real, on_fake, **labels)}
        if share and wrong is not None:
            losses["d/mismatch"] = share * loss.d(on_real, discriminator.judge(real_seen, wrong), **labels)
        if config.drift:
            losses["d/drift"] = config.drift * drift(on_real)
        if config.recognition:
            for name, seen in (("real", real_seen), ("fake", fake_seen)):
                estimate = discriminator.recognise(seen)
                if estimate is not None:
                    losses[f"d/recognition_of_{name}"] = config.recognition * recognition_loss(
                        estimate, c, moment.layout
                    )
        if config.restoration:
            restored = discriminator.restore(real_seen, real)
            if restored is not None:
                losses["d/restoration"] = config.restoration * restored
    _backward(losses, config)
    if moment.penalise:
        losses |= _penalties(discriminator, real, fake, c, config, moment.penalty_scale)
    losses |= {"logits/D(real)": on_real.mean(), "logits/D(fake)": on_fake.mean()}
    losses["logits/sign"] = on_real.sign().mean()
    return {name: value.detach() for name, value in losses.items()}


def _penalties(
    discriminator: nn.Module, real: Tensor, fake: Tensor, c: Tensor, config: TrainConfig, scale: float
) -> Losses:
    """Second derivatives in full precision, and apart, so that the first graph is gone before they are made."""
    often = scale * config.penalty_every
    losses = {}
    if config.gradient_penalty:
        weight = config.gradient_penalty * often
        losses["d/gradient_penalty"] = weight * gradient_penalty(discriminator, real, fake, c)
    for name, gamma, points in (("d/r1", config.r1, real), ("d/r2", config.r2, fake)):
        if gamma:
            losses[name] = gamma / 2 * often * r1_penalty(discriminator, points, c)
    _backward(losses, config)
    return losses


def generator_step(
    generator: GeneratorNetwork,
    discriminator: DiscriminatorNetwork,
    images: Tensor,
    c: Tensor,
    config: TrainConfig,
    moment: Moment,
) -> Losses:
    """Gradients of the generator for conditions `c` `[N, c_dim]`; the discriminator's are left alone.

    Real `images` of these conditions are looked at by relativistic losses only. Returns terms of the loss (keys `g/…`)
    and, when they were measured, the mean of path lengths (`path/length`).
    """
    loss = LOSSES[config.loss]
    figures: Losses = {}
    with asleep(discriminator), autocast(config.precision, c.device):
        fakes = draw_fakes(generator, discriminator, c, config, moment.p, through=True)
        seen = discriminator.features(augment(fakes.images, config.augment, moment.p))
        on_fake = discriminator.judge(seen, c)
        if loss.relative:
            with torch.no_grad():
                real = augment(discriminator.look(images), config.augment, moment.p)
                on_real = discriminator.judge(discriminator.features(real), c)
            losses = {"g/adversarial": loss.g(on_fake, on_real)}
        else:
            losses = {"g/adversarial": loss.g(on_fake)}
        if fakes.moved is not None and config.latent_cost:
            losses["g/latent_cost"] = config.latent_cost * fakes.moved
        estimate = discriminator.recognise(seen) if config.recognition else None
        if estimate is not None:
            losses["g/recognition"] = config.recognition * recognition_loss(estimate, c, moment.layout)
    _backward(losses, config)
    if moment.lengthen and moment.path_mean is not None:
        penalty, figures["path/length"] = _path_penalty(generator, c, moment.path_mean)
        losses["g/path_length"] = config.path_length * config.path_length_every * penalty
        _backward({"g/path_length": losses["g/path_length"]}, config)
    return {name: value.detach() for name, value in {**losses, **figures}.items()}


def _path_penalty(generator: GeneratorNetwork, c: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The penalty (Karras et al. 2020, eq. 4) and the mean length, in full precision, on half of the batch: every
    second image, whichever process has it."""
    half = c[::2]
    w = generator.map(random_z(len(half), generator, c.device), half)
    lengths = path_lengths(generator, w)
    return (lengths - mean).square().mean(), lengths.mean()


def _backward(losses: Losses, config: TrainConfig) -> None:
    """Adds the gradients of the sum of `losses`, as one part of as many as a batch is computed in."""
    if losses:
        (sum(losses.values()) / config.accumulate).backward()  # type: ignore[union-attr]


@contextlib.contextmanager
def asleep(module: nn.Module) -> Iterator[None]:
    """Without gradients for the module's parameters; those that had none before have none after."""
    awake = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in awake:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in awake:
            parameter.requires_grad_(True)


def penalty_due(config: TrainConfig, shown: int) -> bool:
    """Whether the discriminator step at `shown` images carries the penalties."""
    wanted = bool(config.gradient_penalty or config.r1 or config.r2)
    return wanted and (shown // config.batch_size) % config.penalty_every == 0


def path_length_due(config: TrainConfig, shown: int) -> bool:
    """Whether the generator step that ends at `shown` images carries path-length regularisation."""
    step = shown // (config.batch_size * config.d_steps)
    return bool(config.path_length) and step % config.path_length_every == 0
