"""The recipe table and the config: rows resolve, flags override, unknown or senseless values are refused by name."""

import json

import pytest

from data.errors import InputError
from gans.config import TrainConfig, parse_overrides
from gans.recipes import RECIPES, resolve
from gans.steps import path_length_due, penalty_due


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_row_resolves_and_survives_json(recipe):
    config = resolve(recipe)
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_the_rows_say_what_their_papers_say():
    wgan, dcgan = resolve("wgan-gp"), resolve("dcgan")
    assert (wgan.gradient_penalty, wgan.d_steps, wgan.beta1, wgan.beta2) == (10, 5, 0, 0.9)
    assert wgan.discriminator["norm"] == "none"
    assert (dcgan.loss, dcgan.beta1, dcgan.discriminator["norm"]) == ("bce", 0.5, "batch")


def test_overrides_from_the_command_line_are_typed_and_merged():
    overrides = parse_overrides(["g_lr=1e-4", "mirror=true", "augment=colour+cutout", "generator.z_dim=32"])
    config = resolve("dcgan", overrides)
    assert (config.g_lr, config.mirror, config.augment) == (1e-4, True, ("colour", "cutout"))
    assert (config.generator["noise"], config.generator["z_dim"]) == (False, 32)


def test_what_is_not_said_is_resolved_and_written_too():
    config = resolve("wgan-gp")
    assert config.generator == {
        "z_dim": 128, "embedding_dim": 64, "base_channels": 2048, "max_channels": 192, "noise": True,
    }  # fmt: skip
    assert config.discriminator["minibatch_deviation"] is False
    assert config.discriminator["norm"] == "none"


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("batch_sise=8", "did you mean batch_size"),
        ("batch_size=1", "between 2"),
        ("batch_size=2.5", "not a whole number"),
        ("g_lr=fast", "not a number"),
        ("g_lr=nan", "not a number"),
        ("mirror=perhaps", "not true or false"),
        ("resolution=48", "known: 32, 64, 128, 256, 512"),
        ("accumulate=3", "does not fall into 3 parts"),
        ("optimiser=sgd", "known: adam, rmsprop"),
        ("loss=hinged", "did you mean hinge"),
        ("augment=blur", "known: colour"),
        ("generator.zdim=3", "did you mean z_dim"),
        ("generator.c_dim=3", "unknown"),
        ("generator.z_dim=abc", r"generator\.z_dim: 'abc' is not a whole number"),
        ("generator.z_dim=-1", "between 1"),
        ("generator.base_channels=0", "between 1"),
        ("generator.noise=perhaps", "not true or false"),
        ("generator=5", r"generator\.KEY=VALUE"),
        ("critic.z_dim=5", r"generator\.KEY=VALUE"),
        ("discriminator.norm=spectral", "known: none, batch"),
        ("beta1=1", "between 0"),
        ("label_smoothing=0.7", "between 0"),
        ("best_by=frechet_of_training_covers", "known: frechet, kernel"),
        ("recipe=wgan-gp", "chosen with --recipe"),
        ("g_lr", "key=value"),
    ],
)
def test_senseless_options_are_refused_in_one_line(override, says):
    with pytest.raises(InputError, match=says) as caught:
        resolve("dcgan", parse_overrides([override]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "overrides", "says"),
    [
        ("dcgan", ["recognition=1"], "recognition: 1 would have no effect: only discriminator.condition=auxiliary"),
        ("ac-gan", ["discriminator.condition=projection"], "recognition: 1 would have no effect"),
        ("ac-gan", ["recognition=0"], "discriminator.condition: auxiliary is heard through recognition alone"),
        ("dcgan", ["restoration=0.5"], "restoration: 0.5 would have no effect: dcgan restores nothing; set it to 0"),
        ("dcgan", ["growth_images=100"], "dcgan does not grow"),
        ("r3gan", ["style_mixing=0.5"], "r3gan has one style only"),
        ("progan", ["style_mixing=0.5"], "progan has one style only"),
        ("dcgan-2016", ["style_mixing=0.5"], "dcgan-2016 has one style only"),
        ("wgan-gp", ["label_smoothing=0.1"], "the loss wasserstein has no labels"),
        ("dcgan", ["loss=hinge", "label_smoothing=0"], "label_flip: 0.02 would have no effect: the loss hinge"),
    ],
)
def test_an_option_that_nothing_would_hear_is_refused_in_one_line(recipe, overrides, says):
    with pytest.raises(InputError, match=says) as caught:
        resolve(recipe, parse_overrides(overrides))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        ("logistic-r1", ["recognition=1", "discriminator.condition=auxiliary"]),
        ("small", ["restoration=0.5"]),
        ("progan", ["growth_images=100"]),
        ("dcgan", ["style_mixing=0.5"]),
        ("wgan-gp", ["loss=bce", "label_smoothing=0.1", "label_flip=0.1"]),
        ("r3gan", ["path_length=1"]),  # a step in the one style there is may move the picture as far everywhere, too
    ],
)
def test_an_option_that_is_heard_is_taken(recipe, overrides):
    assert resolve(recipe, parse_overrides(overrides)).recipe == recipe


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(InputError, match="known: dcgan, wgan"):
        resolve("dcgam")


def test_penalties_come_every_so_many_discriminator_steps():
    config = resolve("logistic-r1", {"batch_size": 8, "penalty_every": 4})
    due = [penalty_due(config, shown) for shown in range(0, 64, 8)]
    assert due == [True, False, False, False, True, False, False, False]
    assert not penalty_due(resolve("dcgan"), 0)


def test_path_lengths_come_every_so_many_generator_steps():
    config = resolve("stylegan2", {"batch_size": 8, "d_steps": 2, "path_length_every": 3})
    ends = range(16, 16 * 7, 16)  # images shown when a generator's step comes, two of the discriminator after the last
    assert [path_length_due(config, shown) for shown in ends] == [False, False, True, False, False, True]
    assert not path_length_due(resolve("logistic-r1"), 0)
