"""Encoders with heads, and a bundle that hears with them, for tests that need no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import Encoder
from encoders.heads import Heads
from encoders.schema import ConditionSchema, make_schema

GENRES = ("dub", "hard rock")
OTHER_TAGS = ("female vocalists", "guitar", "sad")


def untrained_cnn(code_dim: int = 6) -> Encoder:
    """A spectrogram network with random weights, and heads."""
    from encoders.cnn import CNNEncoder
    from encoders.networks import CNNSizes

    return _untrained(CNNEncoder, CNNSizes(code_dim=code_dim, channels=(4, 8, 8), mixed=16))


def untrained_rnn(code_dim: int = 4) -> Encoder:
    """A recurrent network with random weights, and heads."""
    from encoders.networks import RNNSizes
    from encoders.rnn import RNNEncoder

    return _untrained(RNNEncoder, RNNSizes(code_dim=code_dim, front=(4, 4, 8), mixed=8, hidden=8, layers=1))


def _untrained(kind: Any, sizes: Any) -> Encoder:
    import torch

    torch.manual_seed(0)
    network = kind.build_network(sizes, {})
    encoder = kind(sizes, network, np.linspace(-20, -60, 128, dtype=np.float32), 18.0, {"made": "for a test"})
    # An untrained network's codes hardly differ.
    encoder.code_scale = np.full(encoder.code_dim, 0.05, dtype=np.float32)
    return answering(encoder)


def random_pca(code_dim: int = 3) -> Encoder:
    """Axes through noise, and heads."""
    from encoders.features import DESCRIPTOR_NAMES
    from encoders.pca import PCAEncoder

    return answering(PCAEncoder(code_dim).fit(np.random.default_rng(0).normal(size=(20, len(DESCRIPTOR_NAMES)))))


def answering(encoder: Encoder) -> Encoder:
    """`encoder` with random heads: two genres, nine emotions, three tags of a tagger."""
    rng = np.random.default_rng(0)
    weights = {"genre_weight": 2, "tag_weight": 3, "emotion_weight": 9}
    arrays = {name: rng.normal(0, 0.1, (encoder.code_dim, size)).astype(np.float32) for name, size in weights.items()}
    biases = {"genre_bias": np.zeros(2), "tag_bias": np.zeros(3), "emotion_bias": np.full(9, 0.5)}
    arrays |= {name: bias.astype(np.float32) for name, bias in biases.items()}
    encoder.heads = Heads(genres=GENRES, tags=OTHER_TAGS, temperature=1.0, **arrays)
    return encoder


def hearing_schema(code_dim: int) -> ConditionSchema:
    """A code, attributes, emotions and the tags that heads answer."""
    rng = np.random.default_rng(0)
    low, high = np.array([0, 0, 0, 0, 0, 0, -30, 0, 60, 0]), np.array([100, 1, 1, 1, 1, 1, 0, 1, 180, 1])
    return make_schema(
        code_dim=code_dim,
        attributes=rng.uniform(low, high, (50, 10)),
        emotions=rng.uniform(0.2, 0.8, (50, 9)),
        tags=[[genre] for genre in (*GENRES, *OTHER_TAGS)] * 10,
    )


def write_hearing_bundle(folder: Path, model: dict[str, Any], tensors: dict[str, np.ndarray]) -> Path:
    """A bundle with a random generator for the `model` and `tensors` of `bundle_extras`."""
    import torch

    from gans.bundle import write_bundle
    from gans.dcgan import Generator

    layout = ConditionSchema.from_json(model["condition"]).layout
    c_dim = sum(1 + size for _, size in layout)
    options = {"resolution": 32, "c_dim": c_dim, "z_dim": 16, "base_channels": 256, "max_channels": 32}
    torch.manual_seed(0)
    generator = Generator(**options)
    with torch.no_grad():  # fresh weights draw almost nothing
        for parameter in generator.parameters():
            parameter.mul_(2.0)
    card = {"recipe": "dcgan", "network": "dcgan", "resolution": 32, "generator": options, "layout": layout}
    return write_bundle(folder, generator, {**card, **model}, tensors)
