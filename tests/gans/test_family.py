"""Every row of the table through the same loop: killed at any moment it goes on bit for bit; the condition is heard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from gans import board
from gans.batches import Batches
from gans.bundle import load_bundle
from gans.conditions import layout_dim
from gans.config import TrainConfig
from gans.fine_tune import Start
from gans.recipes import RECIPES
from gans.sampling import generate_covers
from gans.snapshots import find_bundle
from gans.state import STATE_FILE, TrainState
from gans.training import Surroundings, train
from tests.gans.test_training import After, equal, weights

ROWS = list(RECIPES)
KILLS, STEPS = 20, 26
FEW = {"growth_images": 12, "schedule_images": 60, "ada_images": 40, "warm_images": 20}


@pytest.fixture
def row_config(tiny_config):
    """`row_config(recipe, steps)`: a row at toy size with everything that changes over time changing quickly."""

    def build(recipe: str, steps: int, **changes) -> TrainConfig:
        row = RECIPES[recipe]
        quick = {key: value for key, value in FEW.items() if key in row}
        once = tiny_config(recipe, **quick, penalty_every=min(row.get("penalty_every", 1), 2), mismatch=0.2, **changes)
        return dataclasses.replace(once, total_images=steps * once.batch_size * once.d_steps)

    return build


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ROWS)
def test_a_row_killed_at_twenty_moments_equals_one_that_never_stopped(
    recipe, row_config, tiny_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(board, "_wait_for_a_new_second", lambda run: None)  # only the events' order needs it
    config = row_config(recipe, STEPS)
    train(config, tiny_data, tmp_path / "whole")
    moments = np.random.default_rng(len(recipe)).choice(np.arange(1, STEPS), KILLS, replace=False)
    for steps in np.diff([0, *np.sort(moments)]):
        train(config, tiny_data, tmp_path / "broken", Surroundings(stop=After(int(steps))))
    train(config, tiny_data, tmp_path / "broken")
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


@pytest.mark.parametrize("recipe", ROWS)
def test_a_row_trains_and_its_bundle_draws_by_seed_and_condition(recipe, row_config, tiny_data, tmp_path):
    seen: dict[str, float] = {}
    around = Surroundings(progress=lambda shown, figures: seen.update(figures))
    bundle = load_bundle(train(row_config(recipe, 4, log_every=1), tiny_data, tmp_path, around))
    assert all(np.isfinite(value) for value in seen.values())
    assert seen["gradient_norm/g"] > 0
    conditions = tiny_data.conditions[[0, 1, 0]]
    covers = generate_covers(bundle.generator, conditions, [5, 5, 5])
    assert covers.shape == (3, 3, 32, 32)
    assert np.array_equal(covers[0], covers[2])


@pytest.mark.parametrize("recipe", ROWS)
def test_a_row_trains_without_conditions_too(recipe, row_config, tiny_data, tmp_path):
    silent = dataclasses.replace(tiny_data, conditions=np.zeros((24, 0), np.float32), layout=[])
    seen: dict[str, float] = {}
    around = Surroundings(progress=lambda shown, figures: seen.update(figures))
    generator = load_bundle(train(row_config(recipe, 2, log_every=1), silent, tmp_path, around)).generator
    assert generator.c_dim == 0
    assert all(np.isfinite(value) for value in seen.values())
    assert seen["gradient_norm/g"] > 0
    assert not {name for name in seen if "mismatch" in name or "recognition" in name}


@pytest.mark.parametrize("recipe", ROWS)
def test_latents_are_optimised_over_any_row(recipe, row_config, tiny_data, tmp_path):
    seen: dict[str, float] = {}
    around = Surroundings(progress=lambda shown, figures: seen.update(figures))
    train(row_config(recipe, 2, latent_steps=2, log_every=1), tiny_data, tmp_path, around)
    assert all(np.isfinite(value) for value in seen.values())
    assert seen["g/latent_cost"] > 0


@pytest.mark.parametrize("recipe", ROWS)
def test_the_condition_has_a_gradient_into_both_players(recipe, row_config, tiny_data):
    config = row_config(recipe, 1)
    state = TrainState.build(config, layout_dim(tiny_data.layout), torch.device("cpu"))
    batches = Batches(tiny_data.covers, tiny_data.conditions, tiny_data.layout, tiny_data.rows, config)
    part = next(batches.at(0, torch.device("cpu")))
    with torch.no_grad():  # fresh weights may be silent on purpose
        for network in (state.generator, state.discriminator):
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    c = part.c.clone().requires_grad_()
    images = state.generator(torch.randn(len(c), state.generator.z_dim), c)
    (heard,) = torch.autograd.grad(images.square().sum(), c)
    assert (heard[:, 1:].abs().sum(dim=1) > 0).all()
    features = state.discriminator.features(state.discriminator.look(part.images))
    if state.discriminator.verdict.condition == "auxiliary":
        said = state.discriminator.recognise(features)
        assert said is not None
        assert said.shape == c.shape
        return
    logits = state.discriminator.judge(features, c)
    (heard,) = torch.autograd.grad(logits.sum(), c)
    assert (heard[:, 1:].abs().sum(dim=1) > 0).all()
    assert not torch.allclose(logits, state.discriminator.judge(features, c.roll(1, 0)))


@pytest.mark.parametrize("condition", ["projection", "concatenation", "auxiliary"])
def test_a_condition_enters_in_each_of_three_ways(condition, row_config, tiny_data, tmp_path):
    config = row_config("wgan-gp", 2, log_every=1)
    options = {**config.discriminator, "condition": condition}
    config = dataclasses.replace(config, discriminator=options, recognition=float(condition == "auxiliary"))
    seen: dict[str, float] = {}
    train(config, tiny_data, tmp_path, Surroundings(progress=lambda shown, figures: seen.update(figures)))
    assert ("d/recognition_of_real" in seen) == ("g/recognition" in seen) == (condition == "auxiliary")


def test_a_run_begins_with_another_runs_weights_and_keeps_what_is_frozen(row_config, tiny_data, tmp_path):
    first = train(row_config("logistic-r1", 3), tiny_data, tmp_path / "first")
    config = row_config("logistic-r1", 3, freeze_g=2, freeze_d=1, seed=9)
    last = train(config, tiny_data, tmp_path / "second", Surroundings(start=Start.read(tmp_path / "first")))
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    averaged = load_bundle(first).generator.state_dict()
    same = {name for name, value in after["generator"].items() if torch.equal(value, averaged[name])}
    assert {name for name in averaged if name.startswith("start.")} <= same
    assert {name for name in averaged if name.startswith("blocks.0.") and name.endswith("weight")} <= same
    assert "to_rgb.weight" not in same
    before, after = before["discriminator"], after["discriminator"]
    assert {name.partition(".")[0] for name in before if torch.equal(before[name], after[name])} == {"from_rgb"}
    assert load_bundle(last).model["started_from"] == load_bundle(first).hash


def test_an_unconditional_stage_lends_its_weights_to_a_conditional_run(row_config, tiny_data, tmp_path):
    silent = dataclasses.replace(tiny_data, conditions=np.zeros((24, 0), np.float32), layout=[])
    train(row_config("logistic-r1", 2), silent, tmp_path / "silent")
    start = Start.read(tmp_path / "silent")
    config = row_config("logistic-r1", 1)
    state = TrainState.build(config, layout_dim(tiny_data.layout), torch.device("cpu"))
    told = start.put_into(state, config)
    assert "generator: " in told
    taken = state.generator.state_dict()["blocks.0.convolutions.0.weight"]
    assert torch.equal(taken, start.generator["blocks.0.convolutions.0.weight"])


def test_conditions_that_do_not_speak_yet_change_nothing_and_a_snapshot_remembers_it(row_config, tiny_data, tmp_path):
    config = row_config("logistic-r1", 3, turn_after=10_000, turn_images=10)
    silent = load_bundle(train(config, tiny_data, tmp_path / "a")).generator
    covers = generate_covers(silent, tiny_data.conditions[:2], [1, 1])
    assert np.array_equal(covers[0], covers[1])
    config = row_config("logistic-r1", 6, turn_after=4, turn_images=8)
    told = load_bundle(train(config, tiny_data, tmp_path / "b")).generator
    covers = generate_covers(told, tiny_data.conditions[:2], [1, 1])
    assert not np.array_equal(covers[0], covers[1])


def test_the_best_snapshot_is_the_one_meant_by_a_run(row_config, tiny_data, tmp_path):
    scores = iter([3.0, 1.0, 2.0])
    around = Surroundings(evaluate=lambda images, c: {"frechet": next(scores)})
    train(row_config("logistic-r1", 3, snapshot_every=5), tiny_data, tmp_path, around)
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == ["000000008", "000000012"]
    assert find_bundle(tmp_path).name == "000000012"


def test_weights_that_are_clipped_stay_within_their_bound(row_config, tiny_data, tmp_path):
    train(row_config("wgan", 2), tiny_data, tmp_path)
    state = torch.load(tmp_path / STATE_FILE, weights_only=True)["discriminator"]
    learned = [value for name, value in state.items() if "running" not in name and value.is_floating_point()]
    assert max(float(value.abs().max()) for value in learned) <= 0.01 + 1e-7


def test_weights_that_are_frozen_are_not_clipped(row_config, tiny_data, tmp_path):
    config = row_config("wgan", 1, freeze_d=1)
    begun = TrainState.build(config, layout_dim(tiny_data.layout), torch.device("cpu")).discriminator.state_dict()
    train(config, tiny_data, tmp_path)
    state = torch.load(tmp_path / STATE_FILE, weights_only=True)["discriminator"]
    assert {name for name in begun if torch.equal(begun[name], state[name])} >= {"from_rgb.0.weight"}


def test_a_batch_in_parts_goes_through_the_loop(row_config, tiny_data, tmp_path):
    config = row_config("logistic-r1", 2, accumulate=2, batch_size=8)
    assert load_bundle(train(config, tiny_data, tmp_path)).model["images_shown"] == 16
