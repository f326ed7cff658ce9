"""Bundles: what is written comes back; whatever is wrong with one is said in one line, and no code is run."""

import contextlib
import json
import pickle
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError
from gans.bundle import load_bundle, write_bundle
from gans.dcgan import Generator
from gans.sampling import generate_cover

OPTIONS = {"resolution": 32, "c_dim": 11, "z_dim": 4, "base_channels": 256, "max_channels": 8}
MODEL = {"network": "dcgan", "generator": OPTIONS, "layout": [["attributes", 10]], "recipe": "dcgan"}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bundles") / "original"
    return write_bundle(folder, Generator(**OPTIONS).eval(), MODEL, {"pca/mean": np.arange(3.0)})


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "bundle")


def edit(folder, **changes):
    model = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**model, **changes}))


def test_a_bundle_generates_what_its_generator_did(tmp_path):
    generator = Generator(**OPTIONS).eval()
    bundle = load_bundle(write_bundle(tmp_path / "b", generator, MODEL, {"pca/mean": np.arange(3.0)}))
    c = np.ones(11, np.float32)
    assert np.array_equal(generate_cover(bundle.generator, c, 1), generate_cover(generator, c, 1))
    assert bundle.encoder_tensors["pca/mean"].tolist() == [0, 1, 2]
    assert bundle.layout == [("attributes", 10)]


def test_half_precision_halves_the_file_and_hardly_changes_the_cover(tmp_path):
    generator = Generator(**OPTIONS).eval()
    whole = write_bundle(tmp_path / "whole", generator, MODEL)
    half = write_bundle(tmp_path / "half", generator, MODEL, half=True)
    name, c = "generator.safetensors", np.ones(11, np.float32)
    assert (half / name).stat().st_size < 0.7 * (whole / name).stat().st_size
    covers = [generate_cover(load_bundle(f).generator, c, 1).astype(int) for f in (whole, half)]
    assert np.abs(covers[0] - covers[1]).max() <= 2


def test_the_hash_names_the_content_of_all_three_files(original, folder):
    before = load_bundle(original).hash
    assert load_bundle(folder).hash == before
    edit(folder, recipe="other")
    assert load_bundle(folder).hash != before


@pytest.mark.parametrize("name", ["model.json", "generator.safetensors", "encoders.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: no such file"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format_version": 2}, "newer than the 1"),
        ({"format_version": None}, "not a model card"),
        ({"network": "os.system"}, "no known network"),
        ({"network": ["dcgan"]}, "no known network"),
        ({"generator": {**OPTIONS, "z_dim": 5}}, "not .* as model.json says"),
        ({"generator": {**OPTIONS, "z_dim": 10**12}}, "out of range"),
        ({"generator": {**OPTIONS, "z_dim": "4"}}, "does not describe"),
        ({"generator": {**OPTIONS, "c_dim": 0.0}, "layout": []}, "out of range"),
        ({"network": "r3gan", "generator": {**OPTIONS, "blocks": 65}}, "out of range"),
        ({"network": "stylegan2", "generator": {**OPTIONS, "mapping_layers": 65}}, "out of range"),
        ({"generator": {**OPTIONS, "resolution": 2**20}}, "resolution is one of"),
        ({"generator": {**OPTIONS, "extra": 1}}, "does not describe"),
        ({"layout": [["attributes", 9]]}, "has 10 numbers"),
        ({"layout": None}, "not a list of blocks"),
        ({"layout": [["attributes", 10.0]]}, "not a list of blocks"),
        ({"layout": [["attributes", 11], ["tags", -2]]}, "not a list of blocks"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_in_one_line(folder, changes, says):
    edit(folder, **changes)
    with pytest.raises(InputError, match=says) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_a_pickle_in_disguise_is_not_opened(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    (folder / "generator.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="not a safetensors file"):
        load_bundle(folder)
    assert not (tmp_path / "executed").exists()


def test_missing_unknown_and_non_finite_tensors_are_named(folder):
    path = folder / "generator.safetensors"
    weights = safetensors.torch.load_file(path)
    for broken, says in [
        ({k: v for k, v in weights.items() if k != "start.bias"}, "lacks tensor start.bias"),
        ({**weights, "start.more": torch.zeros(1)}, "unknown tensor start.more"),
        ({**weights, "start.bias": torch.full_like(weights["start.bias"], float("nan"))}, "not finite"),
        ({**weights, "start.bias": torch.full(weights["start.bias"].shape, 1e300, dtype=torch.float64)}, "not finite"),
        ({**weights, "start.bias": weights["start.bias"].to(torch.complex64)}, "of type torch.complex64"),
        ({**weights, "start.bias": weights["start.bias"].long()}, "of type torch.int64"),
    ]:
        path.write_bytes(safetensors.torch.save(broken))
        with pytest.raises(InputError, match=says):
            load_bundle(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_do_more_than_an_input_error(original, tmp_path, data):
    folder = tmp_path / "fuzzed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    path = folder / data.draw(st.sampled_from(["model.json", "generator.safetensors", "encoders.safetensors"]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content) - 1, 4000)))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]) if data.draw(st.booleans()) else content)
    with contextlib.suppress(InputError):
        assert load_bundle(folder).generator.c_dim == 11


def test_an_encoders_tensor_of_an_odd_type_is_refused(folder):
    odd = safetensors.torch.save({"pca/mean": torch.zeros(3, dtype=torch.bfloat16)})
    (folder / "encoders.safetensors").write_bytes(odd)
    with pytest.raises(InputError, match=r"of type torch\.bfloat16"):
        load_bundle(folder)


def test_weights_too_large_for_half_precision_are_not_written(tmp_path):
    generator = Generator(**OPTIONS)
    with torch.no_grad():
        generator.start.bias[0] = 1e6
    with pytest.raises(ValueError, match="half precision"):
        write_bundle(tmp_path / "b", generator, MODEL, half=True)
    assert not (tmp_path / "b" / "model.json").exists()


def test_a_bundle_half_written_over_another_is_none(folder, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gans.bundle.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(folder, Generator(**OPTIONS), MODEL)
    with pytest.raises(InputError, match=r"model\.json: no such file"):
        load_bundle(folder)
