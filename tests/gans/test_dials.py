"""What changes in the course of a run is set as the clock and the gauges say, and TensorBoard shows it."""

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gans.ada import adapted
from gans.conditions import layout_dim
from gans.iteration import PATH_MEMORY
from gans.layers import ConditionEmbedding
from gans.schedule import beta2, condition_say, growth_level, learning_rate_scale
from gans.state import STATE_FILE, TrainState
from gans.training import train


def curves(config, data, run):
    """Every number that a run showed after each step: `{name: [value, …]}`."""
    train(config, data, run)
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    return {name: [event.value for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


@pytest.mark.parametrize(
    ("recipe", "own"),
    [
        ("dcgan", set()),
        ("wgan-gp", {"d/gradient_penalty"}),
        ("ac-gan", {"d/recognition_of_real", "d/recognition_of_fake", "g/recognition"}),
        ("progan", {"d/gradient_penalty", "d/drift", "growth/level"}),
        ("stylegan2", {"d/r1", "ada/p", "path/length", "g/path_length"}),
        ("logistic-r1", {"d/r1"}),
        ("logan", {"d/r1", "g/latent_cost"}),
        ("r3gan", {"d/r1", "d/r2"}),
        ("small", {"d/r1", "d/restoration"}),
    ],
)
def test_a_row_shows_what_it_has_to_say_and_nothing_else(recipe, own, tiny_config, tiny_data, tmp_path):
    config = tiny_config(recipe, log_every=4, total_images=16 * (5 if recipe == "wgan-gp" else 1))
    every = {
        "d/adversarial", "g/adversarial", "gradient_norm/d", "gradient_norm/g", "logits/D(real)", "logits/D(fake)",
        "logits/sign", "lr/g", "lr/d", "ema/decay", "speed/images_per_second", "last/images_shown",
    }  # fmt: skip
    assert set(curves(config, tiny_data, tmp_path)) == every | own


def test_growth_and_the_turn_to_conditions_are_shown_as_they_go(tiny_config, tiny_data, tmp_path):
    config = tiny_config("progan", log_every=4, growth_images=12, turn_after=20, turn_images=16, total_images=60)
    shown = curves(config, tiny_data, tmp_path)
    clock = range(4, 61, 4)
    assert shown["growth/level"] == pytest.approx([growth_level(config, at) for at in clock])
    assert shown["turn/say"] == pytest.approx([condition_say(config, at) for at in clock])
    assert (shown["growth/level"][0], shown["turn/say"][0], shown["turn/say"][-1]) == (2, 0, 1)


def test_the_probability_of_ada_follows_the_signs_of_the_verdicts(tiny_config, tiny_data, tmp_path):
    config = tiny_config("stylegan2", log_every=4, ada_images=32, ada_target=0.0, total_images=96)
    shown = curves(config, tiny_data, tmp_path)
    p, expected = 0.0, []
    for sign in shown["logits/sign"]:
        p = adapted(p, sign, config.ada_target, share=4 / 32)
        expected.append(p)
    assert shown["ada/p"] == pytest.approx(expected)
    assert len(set(expected)) > 2
    assert float(torch.load(tmp_path / STATE_FILE, weights_only=True)["gauges"]["p"]) == pytest.approx(p)


def test_the_mean_of_path_lengths_runs_after_what_is_measured(tiny_config, tiny_data, tmp_path):
    config = tiny_config("stylegan2", log_every=4, path_length_every=1, total_images=40)
    mean = 0.0
    for length in curves(config, tiny_data, tmp_path)["path/length"]:
        mean += PATH_MEMORY * (length - mean)
    kept = torch.load(tmp_path / STATE_FILE, weights_only=True)["gauges"]["path_mean"]
    assert float(kept) == pytest.approx(mean, rel=1e-4)
    assert mean > 0


@pytest.mark.parametrize("shown", [0, 30, 44, 200])
def test_both_players_and_the_average_are_set_by_the_clock(shown, tiny_config, tiny_data):
    dials = {"warm_images": 40, "schedule_images": 100, "lr_end": 0.5, "beta2": 0.9, "beta2_end": 0.99}
    turning = {"growth_images": 12, "turn_after": 20, "turn_images": 40}
    config = tiny_config("progan", g_lr=1e-3, d_lr=2e-3, **dials, **turning)
    state = TrainState.build(config, layout_dim(tiny_data.layout), torch.device("cpu"))
    state.shown = shown
    state.keep_to(config)
    for optimiser, rate in ((state.g_optimiser, 1e-3), (state.d_optimiser, 2e-3)):
        (group,) = optimiser.param_groups
        assert group["lr"] == pytest.approx(rate * learning_rate_scale(config, shown))
        assert group["betas"] == (config.beta1, pytest.approx(beta2(config, shown)))
    for player in (state.generator, state.discriminator, state.averaged):
        assert float(player.level) == pytest.approx(growth_level(config, shown))
        says = {module.say for module in player.modules() if isinstance(module, ConditionEmbedding)}
        assert says == {condition_say(config, shown)}


def test_the_discriminator_leads_alone_for_as_long_as_asked(tiny_config, tiny_data, tmp_path):
    """Until then no weight of the generator moves and nothing of it is shown; a step later, all of it learns."""
    config = tiny_config("small", log_every=4, lead_images=8, total_images=8)
    before = TrainState.build(config, layout_dim(tiny_data.layout), torch.device("cpu"))
    shown = curves(config, tiny_data, tmp_path / "leading")
    assert not {"g/adversarial", "gradient_norm/g"} & shown.keys()
    assert len(shown["gradient_norm/d"]) == 2
    led = torch.load(tmp_path / "leading" / STATE_FILE, weights_only=True)
    moved = {
        role: [not torch.equal(led[role][name], value) for name, value in getattr(before, role).named_parameters()]
        for role in ("generator", "discriminator")
    }
    assert not any(moved["generator"])
    assert all(moved["discriminator"])
    further = curves(tiny_config("small", log_every=4, lead_images=8, total_images=16), tiny_data, tmp_path / "both")
    assert len(further["gradient_norm/g"]) == 2
    assert len(further["gradient_norm/d"]) == 4
