"""A finished generator that goes on with another code in one block of its condition, without training.

Where the old code is (nearly) an affine map of the new one, that map goes into the first layer that hears it:
W(Ax + b) = (WA)x + Wb, and the block's presence bit, which is 1 wherever there is a code, carries Wb.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from gans.conditions import Layout, blocks_of
from gans.equalised import EqualLinear
from gans.generator import GeneratorNetwork
from gans.layers import ConditionEmbedding
from gans.networks import build_generator


def rehear(
    generator: GeneratorNetwork,
    model: Mapping[str, Any],
    block: str,
    matrix: np.ndarray,
    offset: np.ndarray,
) -> tuple[GeneratorNetwork, dict[str, Any]]:
    """The generator of a bundle's `model` that hears `x [d]` in `block` as it now hears `matrix [d_old, d] x + offset`.

    Returns it with what changes in the model: `generator` (its options) and `layout`. A condition without the block
    gives the same covers as before. Raises `ValueError` where the layout has no such block of `d_old` values.
    """
    layout: Layout = [(name, size) for name, size in model["layout"]]
    places = {name: (bit, values) for name, bit, values in blocks_of(layout)}
    if matrix.shape[0] != dict(layout).get(block) or offset.shape != matrix.shape[:1]:
        raise ValueError(f"no map to the block {block} of {layout}: {matrix.shape}, {offset.shape}")
    bit, values = places[block]
    size = matrix.shape[1]
    options = {**model["generator"], "c_dim": generator.c_dim - matrix.shape[0] + size}
    told = build_generator(model["network"], options)
    weights = dict(generator.state_dict())
    by, shift = (torch.from_numpy(np.asarray(each, dtype=np.float32)) for each in (matrix, offset))
    readers = zip(_readers(generator), _readers(told), strict=True)
    for (name, old), (_, new) in readers:
        used = old.weight.detach() * getattr(old, "scale", 1.0)  # [dim, c_dim]
        before, code, after = used[:, :bit], used[:, values], used[:, values.stop :]
        present = used[:, bit] + code @ shift
        used = torch.cat([before, present[:, None], code @ by, after], dim=1)
        weights[f"{name}.weight"] = used / getattr(new, "scale", 1.0)
    told.load_state_dict(weights)
    wider = [[name, size if name == block else n] for name, n in layout]
    return told.eval().requires_grad_(False), {"generator": options, "layout": wider}


def _readers(generator: GeneratorNetwork) -> Iterator[tuple[str, nn.Linear | EqualLinear]]:
    """The layers that read the condition, by name: the first of each embedding."""
    for name, module in generator.named_modules():
        if isinstance(module, ConditionEmbedding):
            layers = ((f"{name}.{own}", layer) for own, layer in module.named_modules())
            yield next((own, layer) for own, layer in layers if isinstance(layer, nn.Linear | EqualLinear))
