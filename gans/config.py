"""One validated object that says everything about a training run: table row → flags → `TrainConfig` → JSON."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from data.checks import key_and_value, number_within, one_of, scalar
from data.errors import InputError
from gans.augment import POLICIES
from gans.discriminator import DiscriminatorNetwork
from gans.generator import GeneratorNetwork
from gans.layers import NORMS
from gans.losses import LOSSES
from gans.networks import NETWORKS
from gans.precision import PRECISIONS
from gans.verdict import CONDITIONING

RESOLUTIONS = (32, 64, 128, 256, 512)
NETWORK_ROLES = ("generator", "discriminator")
MOST_LAYERS = 64
OPTIMISERS = ("adam", "rmsprop")
LATENT_KINDS = ("natural", "gradient")
SCORES = ("frechet", "kernel")
"""Figures of an evaluation that are less where covers are better."""
_AT_LEAST_ONE = (
    "total_images", "penalty_every", "path_length_every", "d_steps", "accumulate", "log_every", "panel_every",
    "snapshot_every", "state_every", "ema_images", "ada_images",
)  # fmt: skip
_SHARES = ("label_flip", "mismatch", "condition_dropout", "style_mixing", "latent_share", "ada_target")
_NOT_NEGATIVE = (
    "gradient_penalty", "r1", "r2", "drift", "clip", "recognition", "restoration", "path_length", "latent_steps",
    "latent_rate", "latent_damping", "latent_cost", "turn_after", "turn_images", "growth_images", "g_lr", "d_lr",
    "warm_images", "schedule_images", "lr_end", "penalty_end", "freeze_g", "freeze_d", "ema_ramp",
)  # fmt: skip
CHOICES: dict[str, tuple[str, ...]] = {"norm": NORMS, "condition": CONDITIONING}
"""What a network's option may say, where it is a word."""


@dataclass(frozen=True)
class TrainConfig:
    """A resolved recipe. Every interval and length is counted in images shown to the discriminator."""

    recipe: str
    resolution: int = 64
    seed: int = 0
    total_images: int = 400_000
    batch_size: int = 32
    network: str = "dcgan"
    generator: dict[str, Any] = field(default_factory=dict)  # options of the network's constructor
    discriminator: dict[str, Any] = field(default_factory=dict)
    loss: str = "logistic"
    label_smoothing: float = 0.0
    label_flip: float = 0.0
    gradient_penalty: float = 0.0  # weight of (‖∇‖ − 1)²
    r1: float = 0.0  # γ of (γ/2)·‖∇‖² on real images
    r2: float = 0.0  # the same on generated ones
    penalty_every: int = 1  # discriminator steps; the weight is multiplied by it
    drift: float = 0.0  # weight of the real verdicts' squares
    clip: float = 0.0  # bound of the discriminator's weights after each step; 0: none
    d_steps: int = 1  # discriminator steps for each generator step
    mismatch: float = 0.0  # share of the negatives that are real covers under another track's condition
    recognition: float = 0.0  # weight of an auxiliary head's loss, for both players
    restoration: float = 0.0  # weight of a discriminator's self-supervised loss
    latent_steps: int = 0  # steps by which latents are optimised before they are used (LOGAN)
    latent_kind: str = "natural"
    latent_rate: float = 0.9
    latent_damping: float = 5.0
    latent_cost: float = 0.1  # weight of the squared length of these steps, for the generator
    latent_share: float = 1.0  # share of each latent's numbers that may move
    style_mixing: float = 0.0  # share of the generated images with a second latent from some place on
    path_length: float = 0.0  # weight of path-length regularisation
    path_length_every: int = 4  # generator steps; the weight is multiplied by it
    condition_dropout: float = 0.1
    turn_after: int = 0  # images before conditions begin to say something
    turn_images: int = 0  # images over which they come to say all; 0: at once
    growth_images: int = 0  # images of each phase of growth; 0: full size from the start
    augment: tuple[str, ...] = ()
    ada_target: float = 0.6  # of the mean sign of real verdicts, where `augment` has ada
    ada_images: int = 500_000  # over which ada's probability may go from 0 to 1
    mirror: bool = False
    accumulate: int = 1  # parts that a batch is computed in
    optimiser: str = "adam"
    g_lr: float = 2e-4
    d_lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    warm_images: int = 0  # images over which learning rates rise from 0
    lead_images: int = 0  # images over which the discriminator learns alone, where the generator has learned before
    schedule_images: int = 0  # images over which rates, penalties and β₂ go to their ends; 0: never
    lr_end: float = 1.0  # factor
    penalty_end: float = 1.0  # factor
    beta2_end: float = 0.0  # 0: constant
    freeze_g: int = 0  # first stages of the generator that are not trained
    freeze_d: int = 0  # first stages of the discriminator that are not trained
    ema_images: float = 10_000.0  # half-life
    ema_ramp: float = 0.05
    best_by: str = "frechet"  # the evaluation's figure by which a snapshot is the best so far: the least
    precision: str = "auto"
    log_every: int = 1_000
    panel_every: int = 10_000
    snapshot_every: int = 100_000
    state_every: int = 10_000

    def __post_init__(self) -> None:
        one_of("resolution", self.resolution, RESOLUTIONS)
        one_of("network", self.network, NETWORKS)
        one_of("loss", self.loss, LOSSES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("optimiser", self.optimiser, OPTIMISERS)
        one_of("latent_kind", self.latent_kind, LATENT_KINDS)
        one_of("best_by", self.best_by, SCORES)
        for policy in self.augment:
            one_of("augment", policy, POLICIES)
        number_within("batch_size", self.batch_size, 2, 65_536)
        for name in _AT_LEAST_ONE:
            number_within(name, getattr(self, name), 1, math.inf)
        for name in _SHARES:
            number_within(name, getattr(self, name), 0, 1)
        for name in _NOT_NEGATIVE:
            number_within(name, getattr(self, name), 0, 1e12)
        for name, most in (("label_smoothing", 0.5), ("beta1", 0.9999), ("beta2", 0.9999), ("beta2_end", 0.9999)):
            number_within(name, getattr(self, name), 0, most)
        if self.batch_size % self.accumulate:
            raise InputError("accumulate", f"a batch of {self.batch_size} does not fall into {self.accumulate} parts")
        number_within("seed", self.seed, 0, 2**31 - 1)
        for role, network in zip(NETWORK_ROLES, NETWORKS[self.network], strict=True):
            options, given = _options_of(network), getattr(self, role)
            for key in given:
                one_of(role, key, options)
            typed = {key: _network_option(f"{role}.{key}", value, options[key]) for key, value in given.items()}
            # All of them, so that what is written stays true when a default changes.
            object.__setattr__(self, role, {**options, **typed})
        _refuse_what_nothing_hears(self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal object back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises `InputError` naming an unknown key or a value of the wrong type or range."""
        known = {f.name: f for f in dataclasses.fields(cls)}
        for key in values:
            one_of("option", key, known)
        return cls(**{key: _typed(key, value, str(known[key].type)) for key, value in values.items()})


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """`["g_lr=1e-4", "generator.z_dim=64"]` → `{"g_lr": "1e-4", "generator": {"z_dim": "64"}}`."""
    overrides: dict[str, Any] = {}
    for text in texts:
        key, value = key_and_value(text)
        role, dot, name = key.partition(".")
        if key == "recipe":
            raise InputError(text, "a recipe is chosen with --recipe")
        if (dot and role not in NETWORK_ROLES) or key in NETWORK_ROLES:
            raise InputError(text, "options of a network are written generator.KEY=VALUE or discriminator.KEY=VALUE")
        if dot:
            overrides.setdefault(role, {})[name] = value
        else:
            overrides[key] = value
    return overrides


def _refuse_what_nothing_hears(config: TrainConfig) -> None:
    """`InputError` naming an option that this network, or this loss, would silently leave out."""
    generator, discriminator = NETWORKS[config.network]
    recognises = config.discriminator["condition"] == "auxiliary"
    labels = LOSSES[config.loss].noisy_labels
    for name, heard, why in (
        ("recognition", recognises, "only discriminator.condition=auxiliary recognises"),
        (
            "restoration",
            discriminator.restore is not DiscriminatorNetwork.restore,
            f"{config.network} restores nothing",
        ),
        ("growth_images", generator.grow is not GeneratorNetwork.grow, f"{config.network} does not grow"),
        ("style_mixing", getattr(generator, "n_styles", None) != 1, f"{config.network} has one style only"),
        ("label_smoothing", labels, f"the loss {config.loss} has no labels"),
        ("label_flip", labels, f"the loss {config.loss} has no labels"),
    ):
        if getattr(config, name) and not heard:
            raise InputError(name, f"{getattr(config, name):g} would have no effect: {why}; set it to 0")
    if recognises and not config.recognition:
        raise InputError("discriminator.condition", "auxiliary is heard through recognition alone; set that above 0")


def _typed(key: str, value: Any, kind: str) -> Any:
    """`value`, perhaps a string from the command line, as the field's type."""
    try:
        if kind.startswith("tuple"):
            return tuple(filter(None, value.split("+"))) if isinstance(value, str) else tuple(value)
        if kind.startswith("dict"):
            return dict(value)
    except (ValueError, TypeError) as error:
        raise InputError(key, f"{value!r} is not {kind}") from error
    return scalar(key, value, kind)


def _network_option(key: str, value: Any, default: Any) -> Any:
    """`value` of the default's type; sizes are at least 1, names are among the known ones."""
    typed = _typed(key, value, type(default).__name__)
    if isinstance(typed, str):
        one_of(key, typed, CHOICES[key.partition(".")[2]])
    elif not isinstance(typed, bool):
        number_within(key, typed, 1, most_of(key.partition(".")[2]))
    return typed


def most_of(option: str) -> int:
    """The largest number that a network's option of this name may be: layers take time even before they are used."""
    return MOST_LAYERS if option in ("blocks", "layers", "mapping_layers") else 65_536


def _options_of(network: type) -> dict[str, Any]:
    """The options of a network's constructor with their defaults; its sizes come from the data."""
    parameters = inspect.signature(network).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("resolution", "c_dim")}
