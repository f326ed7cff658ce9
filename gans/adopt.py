"""A generator that was trained elsewhere, in StyleGAN2-ADA for PyTorch, as one of ours: same weights, same images.

Its pickle is read as notes (`gans.pickles`): sizes and weights are taken from what the modules hold, none of the
source code beside them is looked at. Whatever would make the images differ is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from data.errors import InputError, printable
from gans.config import MOST_LAYERS, RESOLUTIONS
from gans.equalised import EqualLinear
from gans.layers import channels_at
from gans.modulated import UNBOUNDED
from gans.pickles import MAX_BYTES, PERSISTENT, Call, read_pickle, tensor_of
from gans.resample import TAPS
from gans.stylegan2 import Generator

NETWORK = "stylegan2"
_LAYERS = {"conv0": "up", "conv1": "convolution", "torgb": "to_rgb"}
_TENSORS = {"noise_const": "constant", "noise_strength": "strength"}


@dataclass(frozen=True)
class Module:
    """A module as a pickle tells of it: the name of its class and what it held."""

    subject: str | os.PathLike[str]
    path: str
    kind: str
    state: dict[str, Any]

    @classmethod
    def read(cls, value: Any, subject: str | os.PathLike[str], path: str) -> Module:
        """The module that `value` is a note of; `InputError` where it is none."""
        meta = value.arguments[0] if isinstance(value, Call) and value.name == PERSISTENT and value.arguments else None
        if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
            raise InputError(subject, f"{path} is not a network of StyleGAN2-ADA")
        return cls(subject, path, str(meta.get("class_name")), meta["state"])

    def has(self, name: str) -> bool:
        """Whether a module `name` stands in this one."""
        return name in self._held("_modules")

    def inner(self, name: str) -> Module:
        """The module `name` in this one."""
        return Module.read(self._held("_modules").get(name), self.subject, f"{self.path}.{name}")

    def names(self) -> list[str]:
        """The names of its parameters and buffers that hold anything."""
        held = {**self._held("_parameters"), **self._held("_buffers")}
        return [str(name) for name, value in held.items() if value is not None]

    def tensor(self, name: str) -> Tensor:
        """The parameter or buffer `name` as float32, of finite numbers."""
        held = {**self._held("_buffers"), **self._held("_parameters")}
        tensor = tensor_of(held.get(name), self.subject, f"{self.path}.{name}").float()
        if not tensor.isfinite().all():
            raise InputError(self.subject, f"{self.path}.{name} holds numbers that are not finite")
        return tensor

    def size(self, name: str) -> int:
        """The attribute `name`, a whole number from 1 to 65536."""
        value = self.state.get(name)
        if type(value) is not int or not 1 <= value <= 2**16:
            raise InputError(self.subject, f"{self.path} has no usable {name}")
        return value

    def demand(self, name: str, wanted: Any, otherwise: str) -> None:
        """`InputError` where the attribute `name` is not `wanted`."""
        value = self.state.get(name)
        if type(value) is not type(wanted) or value != wanted:
            shown = printable(str(value), longest=40) if isinstance(value, str | int | float) else "none"
            raise InputError(self.subject, f"{self.path} has the {name} {shown}; {otherwise}")

    def _held(self, kind: str) -> dict[Any, Any]:
        held = self.state.get(kind)
        return held if isinstance(held, dict) else {}


def adopt_generator(path: str | os.PathLike[str]) -> tuple[Generator, dict[str, Any]]:
    """The averaged generator in the pickle at `path`, and the options that it is built with.

    Its constant noise comes along. Activations are held where the original held them; the original may have computed
    with half precision, this one does not. Raises `InputError` in one line for what cannot become one of ours.
    """
    held = read_pickle(path)
    if not isinstance(held, dict) or not {"G_ema", "G"} & held.keys():
        raise InputError(path, "holds no generator (G_ema) of StyleGAN2-ADA")
    network = Module.read(held.get("G_ema", held.get("G")), path, "G")
    mapping, synthesis = network.inner("mapping"), network.inner("synthesis")
    if synthesis.has("input"):
        raise InputError(path, "is a StyleGAN3; only StyleGAN2 can be adopted")
    options = _options(network, mapping, synthesis)
    with torch.device("meta"):
        generator = Generator(**options)
    expected = generator.state_dict()
    if sum(tensor.numel() for tensor in expected.values()) > MAX_BYTES / 4:
        raise InputError(path, "says that it is larger than a pickle may be")
    weights: dict[str, Tensor] = {}
    for name, module, part, times in [*_mapping_parts(mapping, generator), *_synthesis_parts(synthesis, generator)]:
        if name not in expected:
            raise InputError(path, f"{module.path} holds {printable(part)}, which ours has no place for")
        tensor = module.tensor(part) * times
        tensor = tensor[(None,) * (expected[name].ndim - tensor.ndim)]  # constants lack the axis of images there
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)}, not {tuple(expected[name].shape)}"
            raise InputError(path, f"{module.path}.{part} is {shapes} as its other parts say")
        weights[name] = tensor
    missing = expected.keys() - weights.keys()
    if missing:
        raise InputError(path, f"lacks what ours calls {min(missing)}")
    generator.load_state_dict(weights, assign=True)
    return generator.eval().requires_grad_(False), options


Part = tuple[str, Module, str, float]
"""Our name of a tensor, the module that holds it there, its name there, and what it is multiplied by."""


def _mapping_parts(mapping: Module, generator: Generator) -> Iterator[Part]:
    for place, own in enumerate(generator.mapping.layers):
        assert isinstance(own, EqualLinear)
        layer = mapping.inner(f"fc{place}")
        layer.demand("activation", "lrelu", "ours is lrelu")
        times = _learning(layer) / own.lr  # weights are kept 1 / lr as large and used times lr, there and here
        for part in layer.names():
            yield f"mapping.layers.{place}.{part}", layer, part, times


def _synthesis_parts(synthesis: Module, generator: Generator) -> Iterator[Part]:
    clamp = _blocks(synthesis, generator.resolution)[-1].inner("conv1").state.get("conv_clamp")
    for place, block in enumerate(_blocks(synthesis, generator.resolution)):
        block.demand("architecture", "skip", "ours is skip")
        _check_filter(block)
        if not place:
            yield "blocks.0.start", block, "const", 1.0
        for theirs, ours in _LAYERS.items():
            if not place and theirs == "conv0":
                continue
            layer = block.inner(theirs)
            layer.demand("conv_clamp", clamp, "ours holds all activations alike")
            if theirs != "torgb":
                layer.demand("activation", "lrelu", "ours is lrelu")
                _check_filter(layer)
            affine = layer.inner("affine")
            if _learning(affine) != 1:
                _refuse_learning(affine)
            for module, name in ((layer, f"blocks.{place}.{ours}"), (affine, f"blocks.{place}.{ours}.affine")):
                for part in module.names():
                    if part != "resample_filter":  # looked at above
                        yield f"{name}.{_TENSORS.get(part, part)}", module, part, 1.0


def _options(network: Module, mapping: Module, synthesis: Module) -> dict[str, Any]:
    subject, resolution = network.subject, network.size("img_resolution")
    if resolution not in RESOLUTIONS:
        raise InputError(subject, f"draws {resolution} px; ours draw {', '.join(map(str, RESOLUTIONS))}")
    network.demand("c_dim", 0, "only a generator without conditions can be adopted: its labels mean nothing here")
    network.demand("img_channels", 3, "covers have 3")
    blocks = _blocks(synthesis, resolution)
    widths = [block.inner("conv1").tensor("bias").numel() for block in blocks]
    base, most = widths[-1] * resolution, max(widths)
    if widths != [channels_at(4 * 2**place, base, most) for place in range(len(widths))]:
        raise InputError(subject, f"its numbers of channels, {widths}, are none that ours can have")
    clamp = blocks[-1].inner("conv1").state.get("conv_clamp")
    if clamp is not None and not (isinstance(clamp, int | float) and 1 <= clamp < UNBOUNDED and clamp == int(clamp)):
        raise InputError(subject, "holds its activations within something that is no whole number")
    layers = 0
    while mapping.has(f"fc{layers}") and layers <= MOST_LAYERS:
        layers += 1
    if not 1 <= layers <= MOST_LAYERS:
        raise InputError(subject, f"its mapping has no layers, or more than {MOST_LAYERS}")
    return {
        "resolution": resolution,
        "c_dim": 0,
        "z_dim": network.size("z_dim"),
        "w_dim": network.size("w_dim"),
        "mapping_layers": layers,
        "base_channels": base,
        "max_channels": most,
        "noise": "noise_const" in blocks[0].inner("conv1").names(),
        "bound": UNBOUNDED if clamp is None else int(clamp),
    }


def _blocks(synthesis: Module, resolution: int) -> list[Module]:
    return [synthesis.inner(f"b{2**k}") for k in range(2, resolution.bit_length())]


def _check_filter(module: Module) -> None:
    taps = torch.tensor(TAPS) / sum(TAPS)
    if not torch.equal(module.tensor("resample_filter"), torch.outer(taps, taps)):
        raise InputError(module.subject, f"{module.path} filters in another way than ours")


def _learning(layer: Module) -> float:
    """The multiplier of a layer's learning rate, which its weights are used times."""
    value = layer.state.get("bias_gain")
    if not isinstance(value, int | float) or not 1e-6 <= value <= 1e6:
        _refuse_learning(layer)
    return float(value)


def _refuse_learning(layer: Module) -> NoReturn:
    raise InputError(layer.subject, f"{layer.path} has a learning-rate multiplier (bias_gain) that ours cannot have")
