"""Where a run may begin but at random weights: a bundle's generator, and its run's discriminator if there is one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import InputError
from gans.align import AlignedGenerator
from gans.bundle import load_bundle
from gans.config import TrainConfig
from gans.snapshots import SNAPSHOTS, find_bundle
from gans.state import STATE_FILE, TrainState

NO_LEAD = (
    "at first the new discriminator tells these weights nothing, and what they know may fade: with lead_images=16000 "
    "it learns alone before"
)


@dataclass(frozen=True)
class Start:
    """Weights by name to begin with, and the bundle they come from (its hash)."""

    bundle: str
    network: str
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Start:
        """From a bundle or a run; a bundle in a run's snapshots brings that run's discriminator, another one none."""
        path = find_bundle(folder)
        bundle = load_bundle(path)
        generator = bundle.generator
        if isinstance(generator, AlignedGenerator):  # its weights are those of the one behind the alignment
            generator = generator.network
        return cls(bundle.hash, bundle.model["network"], generator.state_dict(), _discriminator_beside(path))

    def put_into(self, state: TrainState, config: TrainConfig) -> str:
        """Gives a fresh state all weights that fit it by name and shape; returns in words how much that was, and what
        is to be known where no discriminator comes with them.

        Raises `InputError` where the networks are of different kinds.
        """
        _check_kind(self.network, config.network)
        told = [
            f"{name}: {_put(module, weights)}"
            for name, module, weights in (
                ("generator", state.generator, self.generator),
                ("discriminator", state.discriminator, self.discriminator),
            )
        ]
        state.averaged.load_state_dict(state.generator.state_dict())
        return "; ".join(told if self.discriminator or config.lead_images else [*told, NO_LEAD])


def sized_as(bundle: Path, network: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`overrides` of a recipe with `network`, filled up with the sizes of the bundle's networks, so that its weights
    fit; what `overrides` say themselves stays.

    Raises `InputError` where the networks are of different kinds.
    """
    model = load_bundle(bundle).model
    _check_kind(model["network"], network)
    config = model.get("config")
    looking = config.get("discriminator") if isinstance(config, dict) else None
    drawing = {key: value for key, value in model["generator"].items() if key not in ("resolution", "c_dim")}
    filled = dict(overrides)
    for role, options in (("generator", drawing), ("discriminator", looking)):
        known = options.items() if isinstance(options, dict) else ()
        sizes = {key: value for key, value in known if type(value) is int}
        filled[role] = {**sizes, **overrides.get(role, {})}
    return filled


def _check_kind(theirs: str, ours: str) -> None:
    if theirs != ours:
        raise InputError("--from", f"its network is {theirs}, this recipe's {ours}")


def _put(module: nn.Module, weights: Mapping[str, Tensor]) -> str:
    """Takes over what fits; says how much that was."""
    own = module.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    module.load_state_dict({**own, **fitting})
    return f"{len(fitting)} of {len(own)} tensors taken over"


def _discriminator_beside(bundle: Path) -> Mapping[str, Tensor]:
    """The discriminator's weights of the run that `bundle` is a snapshot of; nothing where there is no such run."""
    path = bundle.parent.parent / STATE_FILE
    if bundle.parent.name != SNAPSHOTS or not path.exists():
        return {}
    try:
        with warnings.catch_warnings(action="ignore"):  # the error below says it in one line
            content = torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): value for name, value in content["discriminator"].items()}
    except Exception as error:
        raise InputError(path, "not a training state (damaged)") from error
