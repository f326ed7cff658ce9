"""A generator behind a map draws what it drew of the old code, whatever else is in the condition, or nothing at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gans.networks import NETWORKS, build_generator
from gans.rehear import rehear
from tests.gans.worlds import tiny_options

OLD, NEW = 3, 5
LAYOUT = [["attributes", 2], ["audio", OLD], ["tags", 4]]


def model_of(network: str) -> dict[str, Any]:
    options = {"resolution": 32, "c_dim": 12, **tiny_options(network)["generator"]}
    return {"network": network, "generator": options, "layout": LAYOUT}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_new_code_draws_what_its_old_code_drew(network: str) -> None:
    torch.manual_seed(0)
    model = model_of(network)
    generator = build_generator(network, model["generator"]).eval()
    rng = np.random.default_rng(0)
    matrix, offset = rng.normal(size=(OLD, NEW)), rng.normal(size=OLD)
    told, changed = rehear(generator, model, "audio", matrix, offset)
    assert changed == {
        "generator": {**model["generator"], "c_dim": 14},
        "layout": [["attributes", 2], ["audio", NEW], ["tags", 4]],
    }
    assert told.c_dim == 14
    x = rng.normal(size=(4, NEW))
    before, after = (rng.normal(size=(4, n)) for n in (3, 5))
    heard = np.array([1.0, 1.0, 1.0, 0.0])[:, None]  # the last has no such block
    old = np.hstack([before, heard, heard * (x @ matrix.T + offset), after])
    new = np.hstack([before, heard, heard * x, after])
    z = torch.randn(4, generator.z_dim)
    with torch.no_grad():
        expected, styles = (
            each.map(z, torch.tensor(c, dtype=torch.float32)) for each, c in ((generator, old), (told, new))
        )
        assert not torch.allclose(expected[:3], generator.map(z, torch.zeros(4, 12))[:3], atol=1e-3)  # it does hear
        torch.testing.assert_close(styles, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(told.synthesize(expected), generator.synthesize(expected))


@pytest.mark.parametrize(("block", "rows", "n"), [("audio", OLD + 1, OLD + 1), ("names", OLD, OLD), ("audio", OLD, 2)])
def test_a_map_to_no_block_of_the_condition_is_refused(block: str, rows: int, n: int) -> None:
    model = model_of("dcgan")
    generator = build_generator("dcgan", model["generator"])
    with pytest.raises(ValueError, match="no map to the block"):
        rehear(generator, model, block, np.zeros((rows, NEW)), np.zeros(n))
