"""Track to condition vector: features, attributes, encoders and the condition schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from data.errors import InputError, printable
from encoders.autoencoder import AutoencoderEncoder
from encoders.base import Encoder
from encoders.cnn import CNNEncoder
from encoders.heads import Heads
from encoders.pca import PCAEncoder
from encoders.rnn import RNNEncoder

ENCODERS: dict[str, type[Encoder]] = {
    kind.name: kind for kind in (PCAEncoder, AutoencoderEncoder, RNNEncoder, CNNEncoder)
}
"""Every encoder there is, by name."""

_HEADS = "heads"


def encoder_state(encoder: Encoder) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The whole state of an encoder, heads and all: `(config, tensors)`."""
    config, tensors = encoder.config(), encoder.tensors()
    if encoder.heads:
        config |= {_HEADS: encoder.heads.config()}
        tensors |= {f"{_HEADS}/{name}": array for name, array in encoder.heads.tensors().items()}
    return config, tensors


def load_encoder(name: str, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Encoder:
    """The encoder `name` of a state that `encoder_state` gave; `InputError` for an unknown name or a broken state."""
    if name not in ENCODERS:
        raise InputError("encoder", f"there is none named {printable(str(name))}; known: {', '.join(ENCODERS)}")
    if not isinstance(config, Mapping):
        raise InputError(name, "its configuration is not an object")
    own = {key: value for key, value in config.items() if key != _HEADS}
    of_heads = {key.removeprefix(f"{_HEADS}/"): each for key, each in tensors.items() if key.startswith(f"{_HEADS}/")}
    encoder = ENCODERS[name].from_state(
        own, {key: each for key, each in tensors.items() if not key.startswith(f"{_HEADS}/")}
    )
    if _HEADS in config:
        encoder.heads = Heads.from_state(config[_HEADS], of_heads, encoder.code_dim)
    elif of_heads:
        raise InputError(name, "its heads have no configuration")
    return encoder
