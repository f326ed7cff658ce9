"""Augmentation, conditions, batches, moving average, precision: the loop's small parts and their laws."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from gans import draws
from gans.augment import CHANGES, augment, cutout, translation
from gans.batches import Batches
from gans.conditions import drop_blocks, layout_dim, recognition_loss
from gans.ema import MovingAverage
from gans.precision import resolve_precision
from gans.recipes import resolve

LAYOUT = [("attributes", 2), ("tags", 3)]


@pytest.mark.parametrize("policy", CHANGES)
def test_augmentation_lets_gradients_through_and_differs_by_image(policy):
    torch.manual_seed(1)
    one = torch.randn(1, 3, 32, 32)
    images = one.repeat(16, 1, 1, 1).requires_grad_()
    changed = augment(images, [policy])
    assert changed.shape == images.shape
    assert len({tuple(image.flatten()[:2000].tolist()) for image in changed.detach()}) > 8
    changed.sum().backward()
    assert images.grad.abs().sum() > 0


def test_no_policy_changes_nothing():
    images = torch.randn(2, 3, 8, 8)
    assert augment(images, ()) is images


def test_translation_moves_whole_pictures_and_invents_nothing():
    torch.manual_seed(0)
    marker = torch.zeros(32, 3, 32, 32)
    marker[:, :, 16, 16] = 1
    moved = translation(marker)
    assert moved.sum() == marker.sum()
    rows, columns = moved[:, 0].flatten(1).argmax(1) // 32, moved[:, 0].flatten(1).argmax(1) % 32
    assert ((rows - 16).abs() <= 4).all()
    assert ((columns - 16).abs() <= 4).all()
    assert min(rows.unique().numel(), columns.unique().numel()) > 3


def test_cutout_blanks_at_most_a_quarter():
    torch.manual_seed(0)
    kept = cutout(torch.ones(64, 1, 32, 32)).mean(dim=(1, 2, 3))
    assert kept.min() >= 0.75 - 1e-6
    assert kept.max() < 1


def test_condition_dropout_takes_whole_blocks_with_their_bit():
    torch.manual_seed(0)
    c = torch.ones(4000, layout_dim(LAYOUT))
    dropped = drop_blocks(c, LAYOUT, 0.25)
    attributes, tags = dropped[:, :3], dropped[:, 3:]
    for block in (attributes, tags):
        assert (block.std(dim=1) == 0).all()
        assert block[:, 0].mean().item() == pytest.approx(0.75, abs=0.03)
    assert torch.corrcoef(torch.stack([attributes[:, 0], tags[:, 0]]))[0, 1].abs() < 0.06


def test_no_dropout_is_the_condition_itself():
    c = torch.ones(2, 7)
    assert drop_blocks(c, LAYOUT, 0.0) is c


@pytest.fixture
def batches():
    covers = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    conditions = np.arange(10, dtype=np.float32)[:, None]
    config = resolve("logistic-r1", {"batch_size": 50, "condition_dropout": 0, "mismatch": 0.5, "accumulate": 2})
    return Batches(covers, conditions, [], np.array([1, 3, 5, 7, 9]), config)


def stream(batches, shown=0):
    """Images and conditions of a whole batch."""
    parts = list(batches.at(shown, torch.device("cpu")))
    return torch.cat([part.images for part in parts]), torch.cat([part.c for part in parts])


def test_covers_keep_their_own_conditions_and_held_out_rows_stay_out(batches):
    images, c = stream(batches)
    assert torch.allclose((images[:, 0, 0, 0] + 1) * 127.5, c[:, 0], atol=1e-3)
    assert set(c.flatten().tolist()) == {1, 3, 5, 7, 9}


def test_each_pass_shows_every_cover_once_in_an_order_of_its_own(batches):
    passes = stream(batches)[1].reshape(10, 5).tolist()
    assert all(sorted(seen) == [1, 3, 5, 7, 9] for seen in passes)
    assert len({tuple(seen) for seen in passes}) > 3


def test_the_stream_depends_on_the_clock_alone(batches):
    whole = batches.picked(0, 12)
    parts = [batches.picked(begin, 3) for begin in (9, 0, 6, 3)]
    assert np.array_equal(whole, np.concatenate([parts[1], parts[3], parts[2], parts[0]]))


def test_wrong_conditions_are_those_of_other_covers(batches):
    for part in batches.at(0, torch.device("cpu")):
        assert (part.wrong != part.c).all()


def dropping(**changes):
    """Batches of 64 whose conditions have two blocks, and lose each of them half of the time."""
    rows = np.arange(10)
    covers = (rows[:, None, None, None] * np.ones((1, 3, 4, 4))).astype(np.uint8)
    covers[..., 0] = 200  # so that a mirror image shows
    conditions = np.repeat(rows[:, None] + 1.0, layout_dim(LAYOUT), axis=1).astype(np.float32)
    asked = {"batch_size": 64, "condition_dropout": 0.5, "mismatch": 0.5, "mirror": True, **changes}
    return Batches(covers, conditions, LAYOUT, rows, resolve("logistic-r1", asked))


def test_training_hears_conditions_with_blocks_dropped():
    torch.manual_seed(0)
    c = torch.cat([part.c for shown in range(0, 640, 64) for part in dropping().at(shown, torch.device("cpu"))])
    for block in (c[:, :3], c[:, 3:]):
        assert (block.std(dim=1) == 0).all()
        assert (block[:, 0] > 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert 0.15 < ((c[:, 0] > 0) & (c[:, 3] > 0)).float().mean() < 0.35  # each block on its own


def test_processes_split_what_one_would_see_and_hear(monkeypatch):
    def seen(place, number):
        monkeypatch.setattr(draws, "place_and_number", lambda: (place, number))
        torch.manual_seed(0)
        return list(dropping(accumulate=2).at(0, torch.device("cpu")))

    for whole, *shares in zip(seen(0, 1), seen(0, 2), seen(1, 2), strict=True):
        assert [len(share.images) for share in shares] == [16, 16]
        for everyone, *own in zip(whole, *shares, strict=True):
            assert torch.equal(torch.cat(own), everyone)


def test_recognition_counts_present_blocks_only_and_classes_as_cross_entropy():
    c = torch.tensor([[1, 0.5, -0.5, 1, 0, 1, 1], [1, 0.5, -0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]])
    estimate = torch.tensor([[9, 0.0, 0.0, 9, 0.0, 0.0, 0.0]]).repeat(3, 1)
    numbers, classes = 0.25, math.log(3)  # mean of 0.5² twice; equal logits over three classes
    expected = ((numbers + classes) / 2 + numbers + 0) / 3
    assert recognition_loss(estimate, c, LAYOUT).item() == pytest.approx(expected, rel=1e-6)


def test_moving_average_halves_the_distance_in_a_half_life():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = MovingAverage(module, half_life=100, ramp=1e9)
    average.follow(module, 1, 1)  # the first step copies
    nn.init.ones_(module.weight)
    for shown in range(10, 110, 10):
        average.follow(module, 10, shown)
    assert average.module.weight.item() == pytest.approx(0.5, abs=1e-6)


def test_moving_average_forgets_its_start_early_on():
    module = nn.Linear(1, 1, bias=False)
    average = MovingAverage(module, half_life=1e9, ramp=0.05)
    average.follow(module, 10, 10)
    average.follow(module, 10, 20)
    assert average.decay == pytest.approx(0.5 ** (10 / 1.0))


def test_moving_average_follows_buffers_and_copies_counters():
    module = nn.BatchNorm1d(2)
    average = MovingAverage(module, half_life=1)
    for step in range(3):
        module(torch.randn(8, 2) + 5)
        average.follow(module, 8, 8 * (step + 1))
    assert average.module.num_batches_tracked == 3
    assert average.module.running_mean.min() > 0.5


def test_precision_that_is_named_is_kept_and_auto_is_one_of_the_two():
    assert resolve_precision("fp32", torch.device("cpu")) == "fp32"
    assert resolve_precision("auto", torch.device("cpu")) in ("fp32", "bf16")
