"""Compiled networks: what is compiled, what is not, and that a run with them is the run without."""

import functools

import pytest
import torch

from gans.compiling import compile_networks
from gans.recipes import RECIPES
from gans.state import TrainState
from gans.training import Surroundings, train
from tests.gans.test_parallel import differences
from tests.gans.test_training import weights

COMPILED = {
    "logistic-r1": {"synthesize", "features"},
    "stylegan2": {"features"},  # path lengths are differentiated twice
    "logan": set(),  # as latents that are optimised are, through both
}


@pytest.mark.parametrize("recipe", COMPILED)
def test_what_is_differentiated_twice_stays_as_it_is(recipe, tiny_config, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda part: compiled.append(part.__name__) or part)
    config = tiny_config(recipe)
    state = TrainState.build(config, 4, torch.device("cpu"))
    compile_networks(state.generator, state.discriminator, config)
    assert set(compiled) == COMPILED[recipe]


def test_penalties_look_with_the_networks_own_eyes(tiny_config):
    """`forward` is what penalties differentiate twice, which compiled code does not allow."""
    discriminator = TrainState.build(tiny_config(), 4, torch.device("cpu")).discriminator
    images, c = torch.randn(4, 3, 32, 32), torch.randn(4, 4)
    verdict = discriminator(images, c)
    discriminator.features = None
    assert torch.equal(discriminator(images, c), verdict)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [row for row in RECIPES if row != "quantum"])
def test_a_compiled_run_is_the_run_up_to_the_order_of_sums(recipe, tiny_config, tiny_data, tmp_path, monkeypatch):
    """Traced and differentiated as compiled code is, and then run as it stands: no compiler for C++ is needed."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    growth = {"growth_images": 12} if recipe == "progan" else {}
    config = tiny_config(recipe, total_images=20 * RECIPES[recipe].get("d_steps", 1), g_lr=2e-6, d_lr=2e-6, **growth)
    begun = TrainState.build(config, 4, torch.device("cpu"))
    for name in ("plain", "compiled"):
        train(config, tiny_data, tmp_path / name, Surroundings(compile=name == "compiled"))
    plain, compiled = weights(tmp_path / "plain"), weights(tmp_path / "compiled")
    assert plain["shown"] == compiled["shown"] == config.total_images
    moved = differences(
        plain, {player: getattr(begun, player).state_dict() for player in ("generator", "discriminator")}
    )
    assert differences(plain, compiled).mean() < 0.01 * moved.mean()
