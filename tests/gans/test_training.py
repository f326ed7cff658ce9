"""The loop: exact after any interruption, honest about what it was given, and back on its feet after NaN."""

import dataclasses
import json
import logging

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data.errors import InputError
from data.files import read_json, write_json
from gans import iteration, training
from gans.bundle import load_bundle
from gans.recipes import RECIPES
from gans.run import only_one
from gans.snapshots import note_best
from gans.state import STATE_FILE
from gans.training import DivergedError, Surroundings, train


def weights(run):
    return torch.load(run / STATE_FILE, weights_only=True)


def equal(a, b):
    """Whether two nested states are equal bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


class After:
    """`stop` that says yes on the n-th question."""

    def __init__(self, n):
        self.left = n

    def __call__(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_an_interrupted_run_equals_one_that_never_stopped(recipe, precision, tiny_config, tiny_data, tmp_path):
    config = tiny_config(recipe, precision=precision)
    train(config, tiny_data, tmp_path / "whole")
    for steps in (1, 2, 1, None):
        stop = After(steps) if steps else (lambda: False)
        train(config, tiny_data, tmp_path / "broken", Surroundings(stop=stop))
    assert weights(tmp_path / "broken")["shown"] == 80
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


def test_one_seed_is_one_run_and_another_is_another(tiny_config, tiny_data, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tiny_config(seed=seed, total_images=12), tiny_data, tmp_path / name)
    a, b, c = (weights(tmp_path / name)["generator"] for name in "abc")
    assert equal(a, b)
    assert not equal(a, c)


def test_unconditional_training_is_the_same_loop(tiny_config, tiny_data, tmp_path):
    data = dataclasses.replace(tiny_data, conditions=np.zeros((24, 0), np.float32), layout=[])
    bundle = load_bundle(train(tiny_config(mismatch=0.5, total_images=12), data, tmp_path))
    assert bundle.generator.c_dim == 0


@pytest.mark.parametrize(
    "changes",
    [{"mismatch": 0.5}, {"mirror": True}, {"loss": "hinge"}, {"augment": ("colour", "translation", "cutout")}],
)
def test_options_train_with_finite_losses(changes, tiny_config, tiny_data, tmp_path):
    seen = {}
    around = Surroundings(progress=lambda shown, figures: seen.update(figures))
    train(tiny_config("wgan-gp" if "loss" in changes else "logistic-r1", **changes), tiny_data, tmp_path, around)
    assert {"d/adversarial", "g/adversarial", "gradient_norm/d", "gradient_norm/g"} <= seen.keys()
    assert all(np.isfinite(value) for value in seen.values())
    assert ("d/mismatch" in seen) == ("mismatch" in changes)


def test_generated_covers_are_judged_under_conditions_of_the_data(tiny_config, tiny_data, tmp_path, monkeypatch):
    seen = []
    original = iteration.generator_step

    def spy(generator, discriminator, images, c, *rest):
        seen.append(c.clone())
        return original(generator, discriminator, images, c, *rest)

    monkeypatch.setattr(iteration, "generator_step", spy)
    train(tiny_config(condition_dropout=0.0, total_images=40), tiny_data, tmp_path)
    known = {row.tobytes() for row in tiny_data.conditions[tiny_data.rows]}
    assert {row.tobytes() for c in seen for row in c.numpy()} <= known


def test_the_snapshot_holds_the_average_and_says_what_made_it(tiny_config, tiny_data, tmp_path):
    def evaluate(images, c):
        return {"score": len(images), "same": float(np.array_equal(c, tiny_data.conditions[16:]))}

    around = Surroundings(evaluate=evaluate, model={"card": {"name": "toy"}})
    snapshot = train(tiny_config(), tiny_data, tmp_path, around)
    bundle = load_bundle(snapshot)
    kept = weights(tmp_path)["average"].items()
    average = {key.removeprefix("module."): v for key, v in kept if key.startswith("module.")}
    assert equal(dict(bundle.generator.state_dict()), average)
    assert bundle.model["metrics"] == {"score": 8.0, "same": 1.0}
    assert bundle.model["images_shown"] == 80
    assert bundle.model["card"] == {"name": "toy"}
    written = read_json(tmp_path / "config.json")
    assert written["config"]["recipe"] == "logistic-r1"
    assert written["data"] == {"fingerprint": "tiny"}
    assert written["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("config_changes", "data_changes", "says"),
    [
        ({"batch_size": 8}, {}, "began with batch_size=4, not 8"),
        ({"g_lr": 1e-3}, {}, "began with g_lr"),
        ({}, {"card": {"fingerprint": "other"}}, "other data"),
    ],
)
def test_a_run_goes_on_only_as_it_began(config_changes, data_changes, says, tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    with pytest.raises(InputError, match=says):
        train(tiny_config(**config_changes), dataclasses.replace(tiny_data, **data_changes), tmp_path)


def test_a_finished_run_may_be_made_longer(tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=40), tiny_data, tmp_path / "twice")
    train(tiny_config(total_images=80), tiny_data, tmp_path / "twice")
    train(tiny_config(total_images=80), tiny_data, tmp_path / "once")
    assert equal(weights(tmp_path / "twice"), weights(tmp_path / "once"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rows": np.arange(1)}, "at least 2"),
        ({"layout": [("attributes", 2)]}, "do not fit their layout"),
        ({"covers": np.zeros((24, 3, 64, 64), np.uint8)}, "64 px"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused(changes, says, tiny_config, tiny_data, tmp_path):
    with pytest.raises(InputError, match=says):
        train(tiny_config(), dataclasses.replace(tiny_data, **changes), tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_damaged_state_is_refused_by_name(tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    (tmp_path / STATE_FILE).write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match=r"latest\.pt: not a training state"):
        train(tiny_config(), tiny_data, tmp_path)


def poison(monkeypatch, times):
    """Makes the discriminator's loss NaN the first `times` times that the clock stands at 48."""
    original, left = iteration.discriminator_step, [times]

    def step(generator, discriminator, *rest):
        losses = original(generator, discriminator, *rest)
        clock = clock_of()
        if clock == 48 and left[0]:
            left[0] -= 1
            for parameter in discriminator.parameters():
                parameter.grad.fill_(float("nan"))
            losses["d/adversarial"] = torch.tensor(float("nan"))
        return losses

    loops = []
    begin = training._Loop.__init__
    monkeypatch.setattr(training._Loop, "__init__", lambda self, *a: (begin(self, *a), loops.append(self))[0])
    monkeypatch.setattr(iteration, "discriminator_step", step)

    def clock_of():
        return loops[-1].state.shown

    return left


def test_numbers_that_are_not_finite_send_the_run_back_to_its_last_good_state(
    tiny_config, tiny_data, tmp_path, monkeypatch, caplog
):
    left = poison(monkeypatch, times=2)
    with caplog.at_level(logging.WARNING):
        train(tiny_config(), tiny_data, tmp_path)
    assert left == [0]
    assert [record.message for record in caplog.records] == [
        "losses were not finite at 52 images: back to the state at 40, return 1 of 3",
        "losses were not finite at 52 images: back to the state at 40, return 2 of 3",
    ]
    assert all(torch.isfinite(v).all() for v in weights(tmp_path)["generator"].values() if v.is_floating_point())


def test_a_run_that_keeps_failing_ends_and_keeps_its_good_state(tiny_config, tiny_data, tmp_path, monkeypatch):
    poison(monkeypatch, times=99)
    with pytest.raises(DivergedError, match="lower g_lr"):
        train(tiny_config(), tiny_data, tmp_path)
    assert weights(tmp_path)["shown"] == 40


def test_tensorboard_holds_what_one_wants_to_see_and_hear(tiny_config, tiny_data, tiny_panel, tmp_path):
    around = Surroundings(panel=tiny_panel, evaluate=lambda images, c: {"distance": 1.0})
    for stop in (After(9), lambda: False):  # interrupted in between: no point may stand twice
        train(tiny_config(), tiny_data, tmp_path, dataclasses.replace(around, stop=stop))
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0, "scalars": 0, "audio": 0}).Reload()
    tags = events.Tags()
    assert {
        "d/adversarial", "d/r1", "g/adversarial", "gradient_norm/d", "gradient_norm/g",
        "logits/D(real)", "logits/D(fake)", "lr/g", "lr/d", "speed/images_per_second",
        "metrics/distance", "last/distance",
    } <= set(tags["scalars"])  # fmt: skip
    assert {"panel", "progress", "tracks/1 Calm - one/real", "tracks/1 Calm - one/generated"} <= set(tags["images"])
    assert tags["audio"] == ["tracks/1 Calm - one/track"]
    assert [event.step for event in events.Scalars("d/adversarial")] == [20, 40, 60, 80]
    assert [event.step for event in events.Images("panel")] == [0, 40, 80]
    assert events.Images("progress")[0].encoded_image_string[:4] == b"GIF8"
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == [
        "panel-000000000.png", "panel-000000040.png", "panel-000000080.png", "progress.gif",
    ]  # fmt: skip


def test_a_second_process_may_not_train_in_the_same_folder(tiny_config, tiny_data, tmp_path):
    with only_one(tmp_path), pytest.raises(InputError, match="another process"):
        train(tiny_config(), tiny_data, tmp_path)


def test_a_state_without_its_config_is_not_trusted(tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: is missing"):
        train(tiny_config(), tiny_data, tmp_path)


def test_what_a_run_began_with_stays_written_and_another_machine_is_told(tiny_config, tiny_data, tmp_path, caplog):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    begun = read_json(tmp_path / "config.json")
    write_json(tmp_path / "config.json", {**begun, "threads": 7, "git_commit": "the first"})
    with caplog.at_level(logging.WARNING):
        train(tiny_config(total_images=16), tiny_data, tmp_path)
    assert "began with threads 7; with 1 it goes on" in caplog.text
    assert read_json(tmp_path / "config.json")["git_commit"] == "the first"


def test_after_a_return_to_the_last_state_no_point_stands_twice(tiny_config, tiny_data, tmp_path, monkeypatch):
    poison(monkeypatch, times=1)
    train(tiny_config(log_every=4), tiny_data, tmp_path)
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("d/adversarial")] == list(range(4, 81, 4))


def test_a_run_whose_state_is_gone_does_not_silently_begin_again(tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    (tmp_path / STATE_FILE).unlink()
    with pytest.raises(InputError, match="its state is gone"):
        train(tiny_config(), tiny_data, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "changes"), [("progan", {"growth_images": 28}), ("logistic-r1", {"turn_after": 30, "turn_images": 100})]
)
def test_a_finished_run_gone_on_with_keeps_its_bundle(recipe, changes, tiny_config, tiny_data, tmp_path):
    config = tiny_config(recipe, total_images=40, **changes)
    first, again = (load_bundle(train(config, tiny_data, tmp_path)) for _ in range(2))
    assert first.hash == again.hash


def test_parts_of_a_batch_need_not_all_have_wrong_pairs(tiny_config, tiny_data, tmp_path):
    """Where all conditions of a part were dropped, they are equal, and none is wrong for any image."""
    parts = {"accumulate": 4, "batch_size": 8, "mismatch": 0.5, "condition_dropout": 0.5}
    assert load_bundle(train(tiny_config(total_images=80, **parts), tiny_data, tmp_path)).model["images_shown"] == 80


def test_a_figure_that_is_no_number_ends_no_run(tiny_config, tiny_data, tmp_path):
    around = Surroundings(evaluate=lambda images, c: {"frechet": float("nan"), "kernel": 1.0})
    bundle = load_bundle(train(tiny_config(total_images=8), tiny_data, tmp_path, around))
    assert bundle.model["metrics"] == {"kernel": 1}
    assert not (tmp_path / "best.json").exists()


@pytest.mark.parametrize(
    ("noted", "best"),
    [
        ({"snapshot": "a", "frechet": 1.0}, "a"),
        ({"snapshot": "a", "frechet": 1}, "a"),
        ({"snapshot": "a", "frechet": 3.0}, "b"),
        ({"snapshot": "a", "frechet": float("nan")}, "b"),
        ({"snapshot": "a", "frechet": "1"}, "b"),
        ({"snapshot": "a", "kernel": 1.0}, "b"),
        ([], "b"),
        ("{", "b"),
    ],
)
def test_the_best_is_noted_over_whatever_was_noted_before(noted, best, tmp_path):
    (tmp_path / "best.json").write_text(noted if isinstance(noted, str) else json.dumps(noted))
    note_best(tmp_path, tmp_path / "snapshots" / "b", "frechet", 2.0)
    assert read_json(tmp_path / "best.json")["snapshot"] == best


def test_a_batch_that_processes_cannot_share_evenly_is_refused(tiny_config, tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "place_and_number", lambda: (0, 3))
    with pytest.raises(InputError, match="4 covers at once cannot be split evenly over 3 processes"):
        train(tiny_config(), tiny_data, tmp_path)


@pytest.mark.parametrize("changes", [{"freeze_g": 9}, {"freeze_d": 9}])
def test_of_more_frozen_stages_than_there_are_nothing_is_left_and_fewer_may_be_tried(
    changes, tiny_config, tiny_data, tmp_path
):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="9 stages of a network that has"):
        train(tiny_config(**changes), tiny_data, out)
    assert not out.exists()
    fewer = dict.fromkeys(changes, 1)
    assert load_bundle(train(tiny_config(total_images=4, **fewer), tiny_data, out)).model["images_shown"] == 4
