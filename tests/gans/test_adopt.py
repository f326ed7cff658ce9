"""Adopted generators draw what they drew, and what would draw something else is refused."""

from __future__ import annotations

import pytest
import torch

from data.errors import InputError
from gans.adopt import adopt_generator
from tests.gans.pickled import module, small_generator, stylegan2, write_pickle

Z = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
C = torch.zeros(3, 0)


@pytest.fixture(scope="module")
def generator():
    return small_generator(bound=256)


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_same_latents_give_the_same_images(generator, tmp_path, protocol):
    value = {"G": None, "D": module("Discriminator"), "G_ema": stylegan2(generator, clamp=256)}
    adopted, options = adopt_generator(write_pickle(tmp_path / "n.pkl", value, protocol))
    assert torch.equal(adopted(Z, C), generator(Z, C))
    assert (options["bound"], options["noise"], options["mapping_layers"]) == (256, True, 2)
    assert not adopted.training


def test_the_mappings_speed_of_learning_is_turned_into_ours(generator, tmp_path):
    adopted, _ = adopt_generator(write_pickle(tmp_path / "n.pkl", {"G_ema": stylegan2(generator, lr=0.02)}))
    assert torch.allclose(adopted(Z, C), small_generator()(Z, C), atol=1e-5)


def test_noise_and_bounds_come_along(generator, tmp_path):
    loud = {"G_ema": stylegan2(generator, clamp=1)}
    held = module_of(loud["G_ema"], "synthesis", "b8", "conv1").state["_buffers"]
    held["noise_const"] = held["noise_const"] + 1
    adopted, options = adopt_generator(write_pickle(tmp_path / "n.pkl", loud))
    assert options["bound"] == 1
    assert torch.equal(adopted.blocks[1].convolution.constant, generator.blocks[1].convolution.constant + 1)
    assert not torch.allclose(adopted(Z, C), generator(Z, C), atol=1e-2)


def test_without_averaged_weights_those_of_training_are_taken(generator, tmp_path):
    adopted, _ = adopt_generator(write_pickle(tmp_path / "n.pkl", {"G": stylegan2(generator, clamp=256)}))
    assert torch.equal(adopted(Z, C), generator(Z, C))


def module_of(value, *path):
    for name in path:
        value = value.state["_modules"][name]
    return value


def without(kind, name):
    return lambda network: network.state[kind].pop(name)


CHANGES = {
    "labels mean nothing": ((), {"c_dim": 10}),
    "covers have 3": ((), {"img_channels": 1}),
    "draws 1024 px": ((), {"img_resolution": 1024}),
    "draws 48 px": ((), {"img_resolution": 48}),
    "G has no usable img_resolution": ((), {"img_resolution": "32"}),
    "G has no usable z_dim": ((), {"z_dim": 10**9}),
    "architecture resnet; ours is skip": (("synthesis", "b8"), {"architecture": "resnet"}),
    "architecture orig; ours is skip": (("synthesis", "b32"), {"architecture": "orig"}),
    "architecture none; ours is skip": (("synthesis", "b4"), {"architecture": ["skip"]}),
    "activation relu; ours is lrelu": (("synthesis", "b8", "conv0"), {"activation": "relu"}),
    "activation linear; ours is lrelu": (("mapping", "fc0"), {"activation": "linear"}),
    "learning-rate multiplier": (("synthesis", "b8", "conv0", "affine"), {"bias_gain": 2}),
    r"multiplier \(bias_gain\)": (("mapping", "fc1"), {"bias_gain": 0}),
    "within something that is no whole number": (("synthesis", "b32", "conv1"), {"conv_clamp": 0.5}),
    "mapping is not a network": ((), {"_modules": {}}),
    "fc0 is not a network": (("mapping",), {"_modules": {"fc0": 3, "fc1": 3}}),
    "no layers": (("mapping",), {"_modules": {}}),
    "larger than a pickle may be": ((), {"z_dim": 65_536, "w_dim": 65_536}),
    r"lacks what ours calls mapping\.layers\.0\.bias": (
        ("mapping", "fc0"),
        {"_parameters": {"weight": torch.zeros(12, 8)}},
    ),
    "b16 is not a network": (("synthesis",), {"img_resolution": 16}),
    "weight is not a tensor": (("mapping", "fc0"), {"_parameters": {"weight": [1.0], "bias": torch.zeros(12)}}),
    "not finite": (("mapping", "fc0"), {"_parameters": {"weight": torch.zeros(12, 8) / 0, "bias": torch.zeros(12)}}),
    r"fc0\.weight is \(12, 9\), not \(12, 8\)": (
        ("mapping", "fc0"),
        {"_parameters": {"weight": torch.zeros(12, 9), "bias": torch.zeros(12)}},
    ),
}


@pytest.mark.parametrize("says", CHANGES)
def test_what_ours_cannot_draw_is_refused_in_one_line(generator, tmp_path, says):
    network = stylegan2(generator)
    path, changes = CHANGES[says]
    if says.startswith("b16"):
        module_of(network, "synthesis").state["_modules"].pop("b16")
    else:
        module_of(network, *path).state.update(changes)
    with pytest.raises(InputError, match=says) as caught:
        adopt_generator(write_pickle(tmp_path / "n.pkl", {"G_ema": network}))
    assert "\n" not in str(caught.value)


def test_other_filters_channels_and_parts_are_refused(generator, tmp_path):
    def refused(change, says):
        network = stylegan2(generator)
        change(network)
        with pytest.raises(InputError, match=says):
            adopt_generator(write_pickle(tmp_path / "n.pkl", {"G_ema": network}))

    def other_filter(network):
        module_of(network, "synthesis", "b16").state["_buffers"]["resample_filter"] = torch.ones(4, 4) / 16

    def another_filter(network):
        module_of(network, "synthesis", "b8", "conv0").state["_buffers"]["resample_filter"] = torch.ones(4, 4) / 16

    def other_clamp(network):
        module_of(network, "synthesis", "b8", "conv0").state["conv_clamp"] = 64

    def other_channels(network):
        module_of(network, "synthesis", "b8", "conv1").state["_parameters"]["bias"] = torch.zeros(31)

    def another_part(network):
        module_of(network, "synthesis", "b8", "conv1").state["_buffers"]["odd\nname"] = torch.zeros(1)

    refused(other_filter, "b16 filters in another way")
    refused(another_filter, "b8.conv0 filters in another way")
    refused(other_clamp, "conv0 has the conv_clamp 64; ours holds all activations alike")
    refused(other_channels, "numbers of channels")
    refused(another_part, r"odd\\nname, which ours has no place for")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "holds no generator"),
        ([1], "holds no generator"),
        ({"G_ema": {"state": 1}}, "G is not a network"),
        ({"G_ema": None}, "G is not a network"),
        ({"G_ema": module("Generator")}, "mapping is not a network"),
    ],
)
def test_what_holds_no_generator_is_refused(tmp_path, value, says):
    with pytest.raises(InputError, match=says):
        adopt_generator(write_pickle(tmp_path / "n.pkl", value))


def test_a_stylegan3_is_told_by_name(tmp_path):
    inner = {"synthesis": module("SynthesisNetwork", modules={"input": module("SynthesisInput")})}
    network = module("Generator", modules={**inner, "mapping": module("MappingNetwork")})
    with pytest.raises(InputError, match="is a StyleGAN3"):
        adopt_generator(write_pickle(tmp_path / "n.pkl", {"G_ema": network}))
