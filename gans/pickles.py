"""Reading a pickle without running it: an own machine for the protocol, whose objects are all inert.

A pickle is a program for a stack machine, and Python's own reader calls whatever that program names. This one calls
nothing: it knows plain values, lists, tuples, dictionaries and sets, and where the program would call something it
puts down a `Call`, a note of what should have been called with what. Only the few names that a network of PyTorch
consists of may stand in such a note; any other is refused by name. Source code inside is text and stays text.
"""

from __future__ import annotations

import io
import math
import os
import pickletools
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from data.errors import InputError, printable
from data.files import read_bytes

MAX_BYTES = 2 * 2**30
MAX_STEPS = 5_000_000
"""Steps of the stack machine: a pickle of three networks at 1024 px takes about a hundred thousand."""

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
PARAMETER = "torch._utils._rebuild_parameter"
TENSOR = "torch._utils._rebuild_tensor_v2"
STORAGE = "torch.storage._load_from_bytes"

_DICTS = {"collections.OrderedDict", "builtins.dict", "dnnlib.util.EasyDict", "dnnlib.EasyDict"}
_SETS = {"builtins.set", "builtins.frozenset"}
_BYTES = {"_codecs.encode", "builtins.bytes"}
_NUMPY = {f"numpy.{name}" for name in ("dtype", "ndarray", "core.multiarray.scalar", "core.multiarray._reconstruct")}
KNOWN = _DICTS | _SETS | _BYTES | _NUMPY | {PERSISTENT, PARAMETER, TENSOR, STORAGE}
"""Every name that a pickle may mention."""

_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_SMALL_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_SCALARS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, eq=False)
class Name:
    """A global name that the pickle mentions; nothing is looked up."""

    text: str


@dataclass(eq=False)
class Call:
    """A call that was not made: what the pickle would have called, with which arguments and which state after it."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """The first value pickled in the file, as plain containers and `Call`s.

    Raises `InputError` in one line: no such file, too large, not a pickle, truncated, or one that names anything
    but `KNOWN`.
    """
    file = Path(path)
    content = read_bytes(file, MAX_BYTES)
    machine = _Machine(file)
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(content))):
            if step == MAX_STEPS:
                raise InputError(file, f"takes more than {MAX_STEPS:,} steps to read")
            machine.step(opcode.name, argument)
        return machine.pop()
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise InputError(file, "not a pickle, or damaged") from error


class _Machine:
    """The stack, the marks in it, and the memo. A malformed program ends in a `LookupError` or a `TypeError`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # what lay on the stack before each mark
        self.memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Carries out one instruction."""
        match opcode:
            case _ if opcode in _VALUES:
                self.push(argument)
            case _ if opcode in _CONSTANTS:
                self.push(_CONSTANTS[opcode])
            case _ if opcode in _EMPTY:
                self.push(_EMPTY[opcode]())
            case _ if opcode in _SMALL_TUPLES:
                self.push(tuple([self.pop() for _ in range(_SMALL_TUPLES[opcode])][::-1]))
            case _ if opcode in _PUTS:
                self.memo[argument] = self.stack[-1]
            case _ if opcode in _GETS:
                self.push(self.memo[argument])
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "MARK":
                self.below.append(self.stack)
                self.stack = []
            case "POP_MARK":
                self.since_mark()
            case "POP":
                self.pop()
            case "DUP":
                self.push(self.stack[-1])
            case "TUPLE":
                self.push(tuple(self.since_mark()))
            case "LIST":
                self.push(self.since_mark())
            case "DICT":
                items = self.since_mark()
                self.push({})
                self.set_items(items)
            case "FROZENSET":
                self.push(frozenset(map(_key, self.since_mark())))
            case "APPEND" | "APPENDS":
                items = [self.pop()] if opcode == "APPEND" else self.since_mark()
                _of(self.stack[-1], list).extend(items)
            case "SETITEM" | "SETITEMS":
                self.set_items([self.pop(), self.pop()][::-1] if opcode == "SETITEM" else self.since_mark())
            case "ADDITEMS":
                items = self.since_mark()
                _of(self.stack[-1], set).update(map(_key, items))
            case "GLOBAL":
                self.push(self.named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = _of(self.pop(), str), _of(self.pop(), str)
                self.push(self.named(module, name))
            case "REDUCE" | "NEWOBJ":
                arguments, name = _of(self.pop(), tuple), _of(self.pop(), Name)
                self.push(_called(name.text, arguments))
            case "BUILD":
                state = self.pop()
                _of(self.stack[-1], Call).state = state
            case "PROTO" | "FRAME" | "STOP":
                pass
            case _:
                raise InputError(self.file, f"holds the instruction {opcode}, which no network needs")

    def push(self, value: Any) -> None:
        """Lays `value` on top."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Takes the topmost value above the last mark."""
        return self.stack.pop()

    def since_mark(self) -> list[Any]:
        """Takes everything above the last mark, and the mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def set_items(self, items: list[Any]) -> None:
        """Keys and values in turn, into the dictionary on top."""
        target = _of(self.stack[-1], dict)
        target.update(zip(map(_key, items[::2]), items[1::2], strict=True))

    def named(self, module: str, name: str) -> Name:
        """A global name, or `InputError` where no network consists of it."""
        module = {"__builtin__": "builtins", "numpy._core.multiarray": "numpy.core.multiarray"}.get(module, module)
        text = f"{module}.{name}"
        if text not in KNOWN:
            raise InputError(self.file, f"refused: it would have Python call or load {printable(text, longest=100)}")
        return Name(text)


def _called(name: str, arguments: tuple[Any, ...]) -> Any:
    """Containers of other kinds become plain ones; of everything else a note is taken."""
    if name in _DICTS:
        pairs = arguments[0] if arguments else []
        return {_key(key): value for key, value in (_of(pairs, dict).items() if isinstance(pairs, dict) else pairs)}
    if name in _SETS:
        return set(map(_key, _of(arguments[0], list) if arguments else []))
    if name in _BYTES:  # how protocols before 3 write bytes: as text, each character one byte
        return _of(arguments[0], str).encode("latin1") if arguments else b""
    return Call(name, arguments)


def _key(value: Any) -> Hashable:
    """`value` where it may be a key: one whose hash costs nothing, however a pickle nests its tuples."""
    if not isinstance(value, _SCALARS):
        raise TypeError(f"{type(value).__name__} as a key")
    return value


def _of(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def tensor_of(value: Any, subject: str | os.PathLike[str], name: str) -> Tensor:
    """The tensor of its own memory that the notes in `value` describe; `InputError` naming it where they do not."""

    def refuse(error: Exception | None = None) -> NoReturn:
        raise InputError(subject, f"{name} is not a tensor that can be read") from error

    if isinstance(value, Call) and value.name == PARAMETER and value.arguments:
        value = value.arguments[0]
    if not isinstance(value, Call) or value.name != TENSOR or len(value.arguments) < 4:
        refuse()
    storage, offset, size, stride = value.arguments[:4]
    if not isinstance(storage, Call) or storage.name != STORAGE or len(storage.arguments) != 1:
        refuse()
    if not all(isinstance(part, tuple) and all(_is_size(n) for n in part) for part in (size, stride, (offset,))):
        refuse()
    try:
        held = torch.load(io.BytesIO(storage.arguments[0]), map_location="cpu", weights_only=True)
        flat = torch.empty(0, dtype=held.dtype).set_(held)  # [numbers in the storage]
        if math.prod(size) > flat.numel():
            refuse()  # rows that share memory can claim any size
        return flat.as_strided(size, stride, offset).clone(memory_format=torch.contiguous_format)
    except InputError:
        raise
    except Exception as error:  # whatever torch finds wrong with bytes that may be anything
        refuse(error)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_BYTES
