"""A bundle: the folder from which covers are generated. Three files, JSON and safetensors; no code is read.

`model.json` says everything about the model and is its card, `generator.safetensors` holds the averaged
weights, `encoders.safetensors` the fitted encoders that made its conditions.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from data.errors import InputError
from data.files import read_bytes, read_json, sha256_bytes, sha256_file, write_bytes, write_json
from gans.align import AlignedGenerator
from gans.conditions import layout_dim
from gans.config import RESOLUTIONS, most_of
from gans.generator import GeneratorNetwork
from gans.networks import NETWORKS, build_generator

FORMAT_VERSION = 1
SHIPPED = Path(__file__).parent / "pretrained" / "shipped"
MODEL, GENERATOR, ENCODERS = "model.json", "generator.safetensors", "encoders.safetensors"
MAX_WEIGHT_BYTES = 2 * 2**30
ENCODER_TYPES = (torch.float16, torch.float32, torch.float64, torch.int32, torch.int64, torch.bool)


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle. `model` is model.json; `hash` names the three files' content, 64 hexadecimal digits."""

    folder: Path
    generator: GeneratorNetwork
    model: dict[str, Any]
    encoder_tensors: dict[str, np.ndarray]
    hash: str

    @property
    def layout(self) -> list[tuple[str, int]]:
        """The condition's blocks and their sizes, in order."""
        return [(name, size) for name, size in self.model["layout"]]


def write_bundle(
    folder: str | os.PathLike[str],
    generator: GeneratorNetwork,
    model: Mapping[str, Any],
    encoder_tensors: Mapping[str, np.ndarray] | None = None,
    half: bool = False,
) -> Path:
    """Writes a bundle; each file appears whole, `model.json` last, so a folder with it is complete.

    model: `network`, `generator` (constructor options), `layout` and whatever else the card says;
    `format_version` is added. half: store weights as float16 (they are computed with in float32).
    """
    path = Path(folder)
    weights = {name: _stored(name, tensor, half) for name, tensor in generator.state_dict().items()}
    (path / MODEL).unlink(missing_ok=True)  # a folder that is being written again is not a bundle until it is done
    write_bytes(path / GENERATOR, safetensors.torch.save(weights))
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in (encoder_tensors or {}).items()}
    write_bytes(path / ENCODERS, safetensors.torch.save(tensors))
    write_json(path / MODEL, {"format_version": FORMAT_VERSION, **model})
    return path


def load_bundle(folder: str | os.PathLike[str]) -> Bundle:
    """Reads a bundle onto the CPU in float32, ready to generate.

    Raises `InputError` naming the file: missing, not a safetensors file (a pickle in disguise, say),
    weights that are not those of the network, a newer format.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InputError(path, "no such bundle: a folder with model.json and its weights")
    model = read_json(path / MODEL)
    generator = _empty_generator(path / MODEL, model)
    weights = _read_tensors(path / GENERATOR)
    expected = generator.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights or name not in expected:
            raise InputError(path / GENERATOR, f"{'lacks' if name in expected else 'has an unknown'} tensor {name}")
        if weights[name].shape != expected[name].shape:
            shapes = f"{tuple(weights[name].shape)}, not {tuple(expected[name].shape)}"
            raise InputError(path / GENERATOR, f"tensor {name} is {shapes} as model.json says")
        if weights[name].is_floating_point() != expected[name].is_floating_point() or weights[name].is_complex():
            raise InputError(path / GENERATOR, f"tensor {name} is of type {weights[name].dtype}")
        weights[name] = weights[name].to(expected[name].dtype)
        if not weights[name].isfinite().all():
            raise InputError(path / GENERATOR, f"tensor {name} holds numbers that are not finite")
    generator.load_state_dict(weights, assign=True)
    encoder_tensors = {}
    for name, tensor in _read_tensors(path / ENCODERS).items():
        if tensor.dtype not in ENCODER_TYPES:
            raise InputError(path / ENCODERS, f"tensor {name} is of type {tensor.dtype}")
        encoder_tensors[name] = tensor.numpy()
    digest = sha256_bytes("".join(sha256_file(path / name) for name in (MODEL, GENERATOR, ENCODERS)).encode())
    return Bundle(path, generator.eval().requires_grad_(False), model, encoder_tensors, digest)


def _empty_generator(path: Path, model: Any) -> GeneratorNetwork:
    """The network that `model` describes, without memory for its weights: a false size cannot exhaust any."""
    if not isinstance(model, dict) or not isinstance(model.get("format_version"), int):
        raise InputError(path, "not a model card: no format_version")
    if model["format_version"] > FORMAT_VERSION:
        newer = f"format {model['format_version']} is newer than the {FORMAT_VERSION} that this version reads"
        raise InputError(path, f"{newer}; update Gatefold")
    options, layout = model.get("generator"), model.get("layout")
    if str(model.get("network")) not in NETWORKS or not isinstance(options, dict):
        raise InputError(path, f"no known network; known: {', '.join(NETWORKS)}")
    if options.get("resolution") not in RESOLUTIONS:
        raise InputError(path, f"resolution is one of {', '.join(map(str, RESOLUTIONS))}")
    numbers = {name: value for name, value in options.items() if isinstance(value, int | float)}
    if any(isinstance(value, float) or not 0 <= value <= most_of(name) for name, value in numbers.items()):
        raise InputError(path, "a size of the generator is out of range")
    if not isinstance(layout, list) or not all(map(_is_block, layout)):
        raise InputError(path, "its layout is not a list of blocks, each a name and a size")
    dim = layout_dim(layout)
    try:
        with torch.device("meta"):
            generator = build_generator(model["network"], options)
            if "alignment" in model:
                generator = AlignedGenerator.described(generator, model["alignment"])
    except Exception as error:
        raise InputError(path, "does not describe a generator") from error
    if dim != generator.c_dim:
        raise InputError(path, f"its layout has {dim} numbers and its generator hears {generator.c_dim}")
    return generator


def _read_tensors(path: Path) -> dict[str, Tensor]:
    content = read_bytes(path, MAX_WEIGHT_BYTES)
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise InputError(path, "not a safetensors file, or damaged") from error


def _is_block(block: Any) -> bool:
    """Whether a layout's entry is `[name, size]`."""
    if not isinstance(block, list) or len(block) != 2:
        return False
    return isinstance(block[0], str) and type(block[1]) is int and block[1] >= 1


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    """`tensor` as it goes to disk; `ValueError` where its numbers are not finite there."""
    tensor = tensor.detach().cpu().contiguous()
    if half and tensor.is_floating_point():
        tensor = tensor.half()
    if not tensor.isfinite().all():
        raise ValueError(f"tensor {name} holds numbers that are not finite{' at half precision' if half else ''}")
    return tensor
