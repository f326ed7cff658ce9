"""The learned embedding: what it must not mind, what it must see, how it is stored, and the loss by a slow formula."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.embedding import (
    CARD,
    DIM,
    PRETRAINED,
    WEIGHTS,
    CoverNetwork,
    compute_embeddings,
    read_embedding,
    to_side,
    write_embedding,
)
from analysis.views import contrastive_loss, random_views
from data.errors import InputError
from scripts.embedding_figures import PLANTS, plant
from tests.analysis.test_copies import collages


@pytest.fixture(scope="module")
def covers():
    return collages(24, 3)


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch(covers):
    together = compute_embeddings(covers)
    assert together.shape == (24, DIM)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(compute_embeddings(covers[5:6]), together[5:6], atol=1e-5)
    assert compute_embeddings(covers[:0]).shape == (0, DIM)


@pytest.mark.parametrize("kind", PLANTS)
def test_a_changed_cover_is_nearest_to_itself(covers, kind):
    rng = np.random.default_rng(0)
    changed = compute_embeddings(np.stack([plant(cover, kind, rng) for cover in covers]))
    similar = changed @ compute_embeddings(covers).T
    assert (similar.argmax(axis=1) == np.arange(24)).mean() > (0.3 if kind == "crop of 60 %" else 0.8)


def test_sizes_are_brought_to_one(covers):
    large = to_side(covers[:4], 96)
    assert large.shape == (4, 3, 96, 96)
    assert (compute_embeddings(large) * compute_embeddings(covers[:4])).sum(axis=1).min() > 0.9


@pytest.mark.parametrize("images", [np.zeros((2, 3, 64, 64)), np.zeros((2, 64, 64), np.uint8)])
def test_other_arrays_are_refused(images):
    with pytest.raises(ValueError, match="uint8 images"):
        compute_embeddings(images)


def test_the_shipped_one_is_small_and_says_what_it_is():
    assert (PRETRAINED / WEIGHTS).stat().st_size < 3_000_000
    card = json.loads((PRETRAINED / CARD).read_text())
    assert {"what", "how", "weaknesses", "trained_on", "licences", "figures"} <= set(card)
    assert {one["dataset"] for one in card["trained_on"]} == {"netlabels", "paintings"} == set(card["licences"])


def test_what_is_written_is_read(tmp_path, covers):
    torch.manual_seed(1)
    network = CoverNetwork()
    write_embedding(tmp_path, network, {"name": "own"})
    assert np.allclose(
        compute_embeddings(covers, read_embedding(tmp_path)), compute_embeddings(covers, network), atol=1e-2
    )


def test_files_that_are_no_embedding_are_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_embedding(tmp_path)
    write_embedding(tmp_path, CoverNetwork(), {})
    whole = (tmp_path / WEIGHTS).read_bytes()
    from safetensors.torch import load_file, save_file

    tensors = load_file(tmp_path / WEIGHTS)
    for name, changed, says in (
        ("other sizes", tensors | {"head.bias": torch.zeros(7)}, "not those of"),
        ("no numbers", tensors | {"head.bias": torch.full((DIM,), torch.nan)}, "finite"),
        ("whole numbers", tensors | {"head.bias": torch.zeros(DIM, dtype=torch.int64)}, "finite"),
    ):
        save_file(changed, tmp_path / WEIGHTS)
        with pytest.raises(InputError, match=says) as caught:
            read_embedding(tmp_path)
        assert len(str(caught.value).splitlines()) == 1, name
    (tmp_path / WEIGHTS).write_bytes(whole[:-3])
    with pytest.raises(InputError, match="damaged"):
        read_embedding(tmp_path)
    (tmp_path / CARD).write_text('{"format_version": 9}')
    with pytest.raises(InputError, match="format 1"):
        read_embedding(tmp_path)


@settings(max_examples=30, deadline=None)
@given(junk=st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("junk")
    write_embedding(folder, CoverNetwork(), {})
    (folder / WEIGHTS).write_bytes(junk)
    with pytest.raises(InputError):
        read_embedding(folder)


def test_views_are_pictures_and_the_same_for_one_seed(covers):
    first, again, other = (random_views(covers, 48, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (24, 3, 48, 48)
    assert first.min() >= -1
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # A view keeps the cover's colours about: it is nearer to its own cover's mean colour than to others', mostly.
    own = torch.from_numpy(covers.mean(axis=(2, 3)) / 127.5 - 1).float()
    assert torch.cdist(first.mean(dim=(2, 3)), own).argsort(dim=1).argsort(dim=1).diagonal().float().mean() < 6


def test_the_loss_is_its_formula_and_least_where_partners_are_equal_and_others_are_not():
    torch.manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 8), dim=1) for _ in range(2))
    views, total = torch.cat([a, b]).double(), 0.0
    for i in range(10):
        similar = [torch.exp(views[i] @ views[k] / 0.1) for k in range(10) if k != i]
        total -= torch.log(torch.exp(views[i] @ views[(i + 5) % 10] / 0.1) / sum(similar)).item()
    assert contrastive_loss(a, b, 0.1).item() == pytest.approx(total / 10, rel=1e-4)
    apart = torch.eye(8)[:5]
    assert contrastive_loss(apart, apart, 0.1).item() < 1e-3 < contrastive_loss(apart, apart.roll(1, 0), 0.1).item()
