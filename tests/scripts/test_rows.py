"""Every row of the table through the same commands: it trains, goes on, leaves a snapshot, and that one generates."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from data.covers import read_png
from data.synthetic import write_world
from gans.bundle import load_bundle
from gans.config import NETWORK_ROLES
from gans.networks import NETWORKS
from gans.recipes import RECIPES

SMALL = {"z_dim": 8, "base_channels": 64, "embedding_dim": 8}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "world"
    return write_world(folder, 24, seed=5, resolution=32, audio=False).folder


def small(recipe: str) -> list[str]:
    """Options that bring a row's networks to toy size, as words of the command."""
    pair = NETWORKS[RECIPES[recipe].get("network", "dcgan")]
    words = []
    for role, player in zip(NETWORK_ROLES, pair, strict=True):
        known = SMALL.keys() & inspect.signature(player).parameters
        words += [word for name in sorted(known) for word in ("--set", f"{role}.{name}={SMALL[name]}")]
    return words


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_row_trains_goes_on_and_generates(recipe, gatefold, store, songs, tmp_path):
    if recipe == "quantum":
        pytest.importorskip("pennylane")
    out, steps = tmp_path / "run", RECIPES[recipe].get("d_steps", 1)
    for images in (8 * steps, 16 * steps):
        words = ("--resolution", "32", "--batch", "4", "--images", str(images), "--precision", "fp32")
        done = gatefold("train", store, "--out", out, "--recipe", recipe, *words, *small(recipe))
        assert (done.code, done.lines) == (0, [str(out)]), done.err
    snapshots = [load_bundle(folder).model for folder in sorted((out / "snapshots").iterdir())]
    assert [model["images_shown"] for model in snapshots] == [8 * steps, 16 * steps]
    assert {model["recipe"] for model in snapshots} == {recipe}
    words = ("--model", out, "--finish", "raw", "--seed", "3", "--out", tmp_path / "covers", songs[0])
    heard = gatefold("generate", *words, "--attributes", "energy=0.9")
    assert heard.code == 0, heard.err
    image, text = read_png(heard.lines[0])
    assert image.shape == (3, 32, 32)
    assert np.ptp(image) > 0
    assert json.loads(text["condition"])["attributes"] == {"energy": 0.9}
    assert gatefold("reproduce", "--model", out, heard.lines[0], songs[0]).code == 0
