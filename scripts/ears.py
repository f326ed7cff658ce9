"""The ears of a model: the encoders that travel in its bundle, how they are stored, and which of them is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError, printable
from encoders import ENCODERS, encoder_state, load_encoder
from encoders.base import Encoder
from encoders.names import NameEncoder
from encoders.schema import ConditionSchema
from encoders.stored import CARD_FILE, read_encoder
from gans.bundle import MODEL, Bundle

BEST = ("cnn", "rnn", "autoencoder", "pca")
"""Encoders from the one that tells most of music it never heard to the one that tells least."""

NAMES = "names"


def bundle_extras(
    schema: ConditionSchema,
    encoder: Encoder | None,
    names: NameEncoder | None = None,
    others: Sequence[Encoder] = (),
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a bundle must hold to hear as training did: the part of model.json and the encoders' tensors.

    `encoder` is the one that conditions are made with; `others`, of other names, travel with it. The tensors of encoder
    `name` are named `name/…`, those of the names' encoder `names/…`. `read_ears`, `own_encoder` and
    `read_name_encoder` read them back.
    """
    travelling = [*([] if encoder is None else [encoder]), *others]
    states = {each.name: encoder_state(each) for each in travelling}
    model = {
        "condition": schema.to_json(),
        "encoder": None if encoder is None else encoder.name,
        "encoders": {name: config for name, (config, _) in states.items()},
    }
    tensors = {f"{name}/{key}": array for name, (_, state) in states.items() for key, array in state.items()}
    if names is not None:
        model[NAMES] = names.config()
        tensors |= {f"{NAMES}/{key}": array for key, array in names.tensors().items()}
    return model, tensors


def read_schema(bundle: Bundle) -> ConditionSchema | None:
    """The schema of a bundle's conditions, None where it hears nothing; `InputError` where the card is wrong."""
    card = bundle.folder / MODEL
    if not bundle.layout:
        return None
    try:
        schema = ConditionSchema.from_json(bundle.model.get("condition", {}))
    except InputError as error:
        raise InputError(card, f"its condition cannot be read ({error})") from error
    if schema.layout != bundle.layout:
        raise InputError(card, "its condition has other blocks than its layout")
    return schema


def read_ears(bundle: Bundle) -> dict[str, Encoder]:
    """The encoders of a bundle by name, the best first; `InputError` where model.json and tensors contradict."""
    card = bundle.folder / MODEL
    configs = bundle.model.get("encoders") or {}
    if not isinstance(configs, dict):
        raise InputError(card, "its encoders are not an object of names")
    for name in configs:
        if name not in ENCODERS:
            raise InputError(card, f"names an encoder that this version does not have: {printable(name)}")
    encoders = {}
    for name in sorted(configs, key=BEST.index):
        try:
            encoders[name] = load_encoder(name, configs[name], _tensors_of(bundle, name))
        except InputError as error:
            raise InputError(bundle.folder, f"its encoder {name} cannot be read ({error})") from error
    return encoders


def own_encoder(bundle: Bundle, encoders: Mapping[str, Encoder]) -> Encoder | None:
    """The one of the bundle's `encoders` that its conditions are made with, None where they are made without."""
    name = bundle.model.get("encoder")
    if name is None:
        return None
    if str(name) not in encoders:  # a card names no folder: only what is in the bundle makes its covers
        raise InputError(bundle.folder / MODEL, f"its conditions need an encoder that it lacks: {printable(str(name))}")
    return encoders[str(name)]


def read_name_encoder(bundle: Bundle) -> NameEncoder | None:
    """The bundle's encoder of names, None where it has none."""
    config = bundle.model.get(NAMES)
    if config is None:
        return None
    try:
        return NameEncoder.from_state(config, _tensors_of(bundle, NAMES))
    except InputError as error:
        raise InputError(bundle.folder, f"its encoder of names cannot be read ({error})") from error


def is_encoder_folder(wish: str) -> bool:
    """Whether what was asked for is a folder that `gatefold train-encoder` wrote."""
    return (Path(wish) / CARD_FILE).is_file()


def pick(encoders: Mapping[str, Encoder], wish: str, subject: Path) -> Encoder:
    """The encoder that was asked for: one of `encoders` by name, else that in a folder; `InputError` for neither.

    A name means the same wherever the command runs: a folder of the same name is `./name`.
    """
    if wish in encoders:
        return encoders[wish]
    if is_encoder_folder(wish):
        return read_encoder(wish)
    if wish and Path(wish).exists():
        raise InputError(wish, f"holds no encoder (no {CARD_FILE})")
    has = ", ".join(encoders) or "none"
    raise InputError(subject, f"has no encoder {printable(wish)!r}; it has: {has}")


def _tensors_of(bundle: Bundle, name: str) -> dict[str, np.ndarray]:
    prefix = f"{name}/"
    return {key.removeprefix(prefix): array for key, array in bundle.encoder_tensors.items() if key.startswith(prefix)}
