"""Pickles with the names that StyleGAN2-ADA's have, written without its code: stand-in modules hold the names."""

from __future__ import annotations

import contextlib
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

SOURCE = "raise SystemExit('source code inside a pickle was run')"


class EasyDict(dict):
    """Pickled as `dnnlib.util.EasyDict`."""


def _reconstruct_persistent_obj(meta: Any) -> None:
    raise AssertionError("nothing in a pickle is called")


class Persistent:
    """An object that pickles as its class's name, source code and state."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.class_name, self.state = class_name, state

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.class_name}
        return _reconstruct_persistent_obj, ({**meta, "state": self.state},), None


def module(
    class_name: str, tensors: dict[str, Tensor | None] | None = None, buffers: dict[str, Tensor] | None = None,
    modules: dict[str, Persistent] | None = None, **attributes: Any,
) -> Persistent:  # fmt: skip
    """A `torch.nn.Module` of the name `class_name`, as its persistence pickles it."""
    parameters = {
        name: None if tensor is None else torch.nn.Parameter(tensor, requires_grad=False)
        for name, tensor in (tensors or {}).items()
    }
    state = {
        "training": False,
        "_parameters": OrderedDict(parameters),
        "_buffers": OrderedDict(buffers or {}),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_modules": OrderedDict(modules or {}),
        "weight_gain": np.float64(0.5),
        **attributes,
        "_init_args": (),
        "_init_kwargs": EasyDict(attributes),
    }
    return Persistent(class_name, state)


@contextlib.contextmanager
def foreign_names() -> Iterator[None]:
    """Within, the stand-ins can be pickled under the names of the modules that they stand for."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")
    persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    util.EasyDict = EasyDict  # type: ignore[attr-defined]
    packages = {name: types.ModuleType(name) for name in ("torch_utils", "dnnlib")}
    with (
        mock.patch.dict(sys.modules, {**packages, persistence.__name__: persistence, util.__name__: util}),
        mock.patch.object(_reconstruct_persistent_obj, "__module__", persistence.__name__),
        mock.patch.object(EasyDict, "__module__", util.__name__),
    ):
        yield


def write_pickle(path: Path, value: Any, protocol: int = 4) -> Path:
    """`value` pickled into the file `path`."""
    with foreign_names():
        path.write_bytes(pickle.dumps(value, protocol))
    return path


def stylegan2(generator: Any, lr: float = 0.01, clamp: float | None = None) -> Persistent:
    """One of our generators as StyleGAN2-ADA's pickles hold one, its mapping learning `lr` times as fast."""
    held = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8

    def linear(ours: str, activation: str = "linear", lr: float = 1.0, times: float = 1.0) -> Persistent:
        tensors = {name: held[f"{ours}.{name}"] * times for name in ("weight", "bias")}
        return module("FullyConnectedLayer", tensors, activation=activation, bias_gain=lr)

    def layer(ours: str) -> Persistent:
        tensors = {name: held[f"{ours}.{name}"] for name in ("weight", "bias")}
        affine = {"affine": linear(f"{ours}.affine")}
        if ours.endswith("to_rgb"):
            return module("ToRGBLayer", tensors, modules=affine, conv_clamp=clamp)
        tensors["noise_strength"] = held[f"{ours}.strength"]
        buffers = {"resample_filter": torch.outer(taps, taps), "noise_const": held[f"{ours}.constant"][0, 0]}
        return module("SynthesisLayer", tensors, buffers, affine, activation="lrelu", conv_clamp=clamp)

    blocks = {}
    for place in range(len(generator.blocks)):
        names = {"conv0": "up", "conv1": "convolution", "torgb": "to_rgb"}
        inner = {theirs: layer(f"blocks.{place}.{ours}") for theirs, ours in names.items() if place or ours != "up"}
        const = {} if place else {"const": held["blocks.0.start"][0]}
        buffers = {"resample_filter": torch.outer(taps, taps)}
        blocks[f"b{4 << place}"] = module("SynthesisBlock", const, buffers, inner, architecture="skip")
    depth = range(len(generator.mapping.layers))
    layers = {f"fc{n}": linear(f"mapping.layers.{n}", "lrelu", lr, generator.mapping.layers[n].lr / lr) for n in depth}
    mapping = module("MappingNetwork", buffers={"w_avg": torch.zeros(generator.w_dim)}, modules=layers)
    sizes = {"z_dim": generator.z_dim, "c_dim": 0, "w_dim": generator.w_dim, "img_resolution": generator.resolution}
    networks = {"synthesis": module("SynthesisNetwork", modules=blocks), "mapping": mapping}
    return module("Generator", modules=networks, **sizes, img_channels=3)


def small_generator(**options: Any) -> Any:
    """A StyleGAN2 of 32 px in which every weight says something."""
    from gans.stylegan2 import Generator

    torch.manual_seed(0)
    sizes = {"z_dim": 8, "w_dim": 12, "mapping_layers": 2, "base_channels": 512, "max_channels": 24}
    generator = Generator(resolution=32, c_dim=0, **{**sizes, **options})
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return generator.eval().requires_grad_(False)
