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
