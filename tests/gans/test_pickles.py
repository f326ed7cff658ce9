"""Pickles are read without being run: what they hold comes back, what they would do is refused."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from gans import pickles
from gans.pickles import PERSISTENT, Call, read_pickle, tensor_of
from tests.gans.pickled import SOURCE, EasyDict, module, write_pickle

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | st.binary()
)
KEYS = st.text() | st.integers() | st.none()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.lists(inner).map(tuple) | st.sets(KEYS),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    layer = module("Layer", {"weight": torch.arange(6.0).reshape(2, 3), "bias": None}, {"seen": torch.arange(4)})
    value = {"G_ema": module("Generator", modules={"fc": layer}, z_dim=3), "training_set_kwargs": EasyDict(path="x")}
    return write_pickle(tmp_path_factory.mktemp("pickles") / "network.pkl", value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=TREES, protocol=st.integers(0, 5))
def test_plain_values_come_back_as_they_were(tmp_path, value, protocol):
    path = tmp_path / "plain.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_pickle(path) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_network_comes_back_as_notes_plain_containers_and_tensors(tmp_path, protocol):
    weight = torch.arange(12.0).reshape(3, 4)
    net = module("Net", {"weight": weight.T}, {"half": weight.half()[1:]})
    held = {"net": net, "easy": EasyDict(a=OrderedDict(b=1))}
    read = read_pickle(write_pickle(tmp_path / "net.pkl", held, protocol))
    assert read["easy"] == {"a": {"b": 1}}
    assert isinstance(read["net"], Call)
    assert read["net"].name == PERSISTENT
    (meta,) = read["net"].arguments
    assert (meta["class_name"], meta["module_src"]) == ("Net", SOURCE)
    tensor = tensor_of(meta["state"]["_parameters"]["weight"], "net.pkl", "weight")
    assert torch.equal(tensor, weight.T)
    assert tensor.is_contiguous()
    assert torch.equal(tensor_of(meta["state"]["_buffers"]["half"], "net.pkl", "half"), weight.half()[1:])


class Hostile:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


HOSTILE = {
    "posix.system": (os.system, "touch executed"),
    "builtins.eval": (eval, "open('executed', 'w')"),
    "builtins.exec": (exec, "open('executed', 'w')"),
    "builtins.getattr": (getattr, "text", "upper"),
    "io.open": (open, "executed", "w"),
    "os.listdir": (b"cos\nlistdir\n(S'.'\ntR.",),
    "torch.load": (b"\x80\x02ctorch\nload\nX\x01\x00\x00\x00x\x85R.",),
    "dnnlib.tflib.network.Network": (b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81.",),
    r"a.b\nc": (b"\x80\x04\x8c\x01a\x8c\x03b\nc\x93.",),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_be_called_is_named_and_not_called(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    first, *rest = HOSTILE[name]
    content = first if isinstance(first, bytes) else pickle.dumps({"G_ema": Hostile(first, *rest)})
    Path("hostile.pkl").write_bytes(content)
    with pytest.raises(InputError, match="refused: it would have Python call or load") as caught:
        read_pickle("hostile.pkl")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert os.listdir() == ["hostile.pkl"]


def test_nothing_is_called_even_of_what_is_known(network, monkeypatch):
    """A profiler sees every function of Python and C that reading calls: none is one that the pickle names."""
    called = set()

    def watch(frame, event, argument):
        if event == "call":
            called.add(frame.f_code.co_name)
        elif event == "c_call":
            called.add(argument.__name__)

    sys.setprofile(watch)
    try:
        read_pickle(network)
    finally:
        sys.setprofile(None)
    assert "genops" in called
    named = {name.rsplit(".", 1)[1] for name in pickles.KNOWN} - {"dict", "set", "frozenset", "encode"}
    assert not called & (named | {"exec", "eval", "__import__", "__setstate__", "__reduce__", "import_module"})


@pytest.mark.parametrize(
    "content",
    {
        "nothing": b"",
        "text": b"this is not a pickle\n",
        "zip": b"PK\x03\x04" + bytes(40),
        "no stop": b"\x80\x04K\x01",
        "nothing on the stack": b"\x80\x04.",
        "a mark alone": b"(.",
        "pop of a mark": b"0.",
        "an unknown memo": b"h\x07.",
        "an endless text": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
        "a persistent id": b"K\x01Q.",
        "an instance": b"(ios\nsystem\n.",
        "an extension": b"\x82\x01.",
        "a state for a list": b"]}b.",
        "a call of a text": b"X\x01\x00\x00\x00x)R.",
        "a tuple as a key": b"})Ns.",
        "an odd number of items": b"}(Nu.",
        "a long number": b"L" + b"9" * 10_000 + b"L\n.",
    }.values(),
    ids=lambda content: content[:12],
)
def test_what_is_no_pickle_of_a_network_is_one_line(tmp_path, content):
    path = tmp_path / "bad.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.pkl: (not a pickle, or damaged|holds the instruction)"):
        read_pickle(path)


def test_a_file_that_is_missing_or_too_large_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        read_pickle(tmp_path / "none.pkl")
    with pytest.raises(InputError, match="is a directory"):
        read_pickle(tmp_path)
    monkeypatch.setattr(pickles, "MAX_BYTES", 3)
    (tmp_path / "large.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match="larger than 3 bytes"):
        read_pickle(tmp_path / "large.pkl")


def test_bombs_cost_no_more_than_their_bytes(tmp_path, monkeypatch):
    path = tmp_path / "bomb.pkl"
    doubled = b"\x80\x02]q\x00" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(60))
    path.write_bytes(doubled + b".")  # each list holds the one before twice: 2^60 when written out
    assert len(read_pickle(path)) == 2
    for nested in (b"(" * 10**5 + b"t" * 10**5, b"N" + b"\x85" * 10**5, b"N" + b"\x85" * 10**5 + b"\x8f(h\x00\x90"):
        path.write_bytes(b"\x80\x04" + nested + b".")
        with contextlib.suppress(InputError):  # no crash, whatever the depth
            read_pickle(path)
    path.write_bytes(b"\x80\x04N\x85\x94" + b"}" + b"N" + b"\x85" * 10**5 + b"Ns.")
    with pytest.raises(InputError):  # hashing it would go as deep as it is
        read_pickle(path)
    monkeypatch.setattr(pickles, "MAX_STEPS", 1000)
    path.write_bytes(b"\x80\x04" + b"N0" * 1000 + b"N.")
    with pytest.raises(InputError, match="more than 1,000 steps"):
        read_pickle(path)


def described(storage, size=(2,), stride=(1,), offset=0):
    held = Call(pickles.STORAGE, (storage,)) if isinstance(storage, bytes) else storage
    return Call(pickles.TENSOR, (held, offset, size, stride, False, {}))


def test_tensors_that_claim_more_than_they_hold_are_refused(tmp_path):
    good = stored(tmp_path / "good.pkl", torch.arange(4.0))
    assert tensor_of(described(good, (3,), (1,), 1), "n", "x").tolist() == [1, 2, 3]
    for bad in (
        None,
        Call(pickles.TENSOR, ()),
        described(None),
        described(b""),
        described(good[:-1]),
        described(pickle.dumps(Hostile(os.system, "touch executed"), 2)),
        described(good, (5,)),
        described(good, (4,), (1,), 1),
        described(good, (4,), (10**15,)),
        described(good, (10**6, 10**6), (0, 0)),
        described(good, (10**8,), (0,)),
        described(good, (-1,)),
        described(good, (1.5,)),
        described(good, (2, 2), (1,)),
        described(good, (2,), (1,), -1),
        described(good, (2,), (1,), 10**30),
    ):
        with pytest.raises(InputError, match="n: x is not a tensor") as caught:
            tensor_of(bad, "n", "x")
        assert "\n" not in str(caught.value)


def stored(path, tensor):
    """The bytes that a tensor's storage is pickled as."""
    path.write_bytes(pickle.dumps(tensor))
    return read_pickle(path).arguments[0].arguments[0]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_do_more_than_an_input_error(network, tmp_path, data):
    content = bytearray(network.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "fuzzed.pkl"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]) if data.draw(st.booleans()) else content)
    with contextlib.suppress(InputError):
        read_pickle(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_noise_never_does_more_than_an_input_error(tmp_path, content):
    path = tmp_path / "noise.pkl"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_pickle(path)


def test_numpys_numbers_are_left_as_notes(tmp_path):
    (tmp_path / "n.pkl").write_bytes(pickle.dumps([np.float64(2.0), np.arange(3)]))
    assert [call.name.rsplit(".", 1)[1] for call in read_pickle(tmp_path / "n.pkl")] == ["scalar", "_reconstruct"]
