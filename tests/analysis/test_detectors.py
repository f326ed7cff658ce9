"""Detectors: descriptors and embedding by name, TorchScript networks by path, all else refused in one line."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from analysis.descriptors import compute_descriptors
from analysis.detectors import DESCRIPTORS, EMBEDDING, open_detector
from analysis.embedding import compute_embeddings
from data.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")


class Means(nn.Module):
    """Mean colours."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=[2, 3])


class Asked(nn.Module):
    """As the public Inception file is called: classes, or features where those are asked for."""

    def forward(self, img: Tensor, return_features: bool = False) -> Tensor:
        x = img.float().mean(dim=[2, 3], keepdim=True)
        if return_features:
            return x
        return torch.softmax(x.flatten(1), dim=1)


class Sized(nn.Module):
    """Says how large the covers are that it is shown; wants 24 px."""

    def __init__(self) -> None:
        super().__init__()
        self.side = 24

    def forward(self, images: Tensor) -> Tensor:
        return torch.full([images.shape[0], 2], float(images.shape[2]))


class Wrong(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float()


class Unfinished(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=[2, 3]) / 0.0


class Floats(nn.Module):
    """Takes floating-point pictures only."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images).mean(dim=[2, 3])


def scripted(module: nn.Module, path):
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(module).save(str(path))
    return path


@pytest.fixture
def covers():
    return np.random.default_rng(0).integers(0, 256, (70, 3, 32, 32), dtype=np.uint8)


def test_names_are_the_functions_they_name(covers):
    assert open_detector("descriptors") is DESCRIPTORS
    assert np.array_equal(DESCRIPTORS(covers), compute_descriptors(covers))
    assert np.array_equal(open_detector("embedding")(covers), compute_embeddings(covers))
    assert DESCRIPTORS.how(64) == "descriptors of 64 px covers, lanczos"
    assert (EMBEDDING.name, EMBEDDING.filter, EMBEDDING.side) == ("embedding", "lanczos", 64)


def test_a_script_sees_the_bytes_of_the_covers(covers, tmp_path):
    found = open_detector(scripted(Means(), tmp_path / "means.pt"))
    assert np.allclose(found(covers), covers.mean(axis=(2, 3)))
    assert found.name.startswith("means ")
    assert found.how(64) == f"{found.name} of 64 px covers, lanczos, then resized by itself"


def test_features_are_asked_for_where_that_can_be(covers, tmp_path):
    found = open_detector(scripted(Asked(), tmp_path / "inception.pt"))
    assert np.allclose(found(covers), covers.mean(axis=(2, 3)))


def test_a_script_that_wants_a_side_gets_it(covers, tmp_path):
    found = open_detector(scripted(Sized(), tmp_path / "sized.pt"))
    assert (found(covers) == 24).all()
    assert (found.filter, found.side) == ("lanczos", 24)
    assert found.how(64) == f"{found.name} of 64 px covers, lanczos, then lanczos to 24 px"


def test_two_files_of_one_name_are_told_apart(tmp_path):
    (tmp_path / "other").mkdir()
    first = open_detector(scripted(Means(), tmp_path / "net.pt"))
    second = open_detector(scripted(Asked(), tmp_path / "other" / "net.pt"))
    assert first.name.split()[0] == second.name.split()[0] == "net"
    assert first.name != second.name


def test_scripts_that_return_something_else_are_refused_in_one_line(tmp_path):
    for module, says in (
        (Wrong(), "finite features"),
        (Unfinished(), "finite features"),
        (Floats(), "cannot see covers"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            open_detector(scripted(module, tmp_path / "wrong.pt"))
        assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_script_is_refused_in_one_line(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    for wish, says in (
        (tmp_path / "state.pt", "not a TorchScript file"),
        (tmp_path / "text.pt", "not a TorchScript file"),
        (tmp_path / "empty.pt", "empty"),
        (tmp_path, "is a directory"),
        ("inception", "neither features that are known"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            open_detector(wish)
        assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.detectors.MAX_BYTES", 100)
    with pytest.raises(InputError, match="larger"):
        open_detector(scripted(Means(), tmp_path / "means.pt"))


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(1, 4000), at=st.integers(0, 4000), junk=st.binary(min_size=1, max_size=40))
def test_damaged_scripts_are_read_or_refused(tmp_path_factory, cut, at, junk):
    folder = tmp_path_factory.mktemp("damaged")
    content = scripted(Means(), folder / "means.pt").read_bytes()
    damaged = (content[:at] + junk + content[at + len(junk) :])[: max(len(content) - cut, 1)]
    (folder / "damaged.pt").write_bytes(damaged)
    with pytest.raises(InputError):
        open_detector(folder / "damaged.pt")
