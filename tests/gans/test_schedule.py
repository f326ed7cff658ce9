"""What changes over a run is a function of the clock, with the ends that were asked for."""

import pytest

from gans.recipes import resolve
from gans.schedule import beta2, condition_say, growth_level, learning_rate_scale, penalty_scale


def test_rates_and_penalties_go_from_their_starts_to_their_ends_and_stay_there():
    config = resolve(
        "logistic-r1", {"schedule_images": 1000, "lr_end": 0.25, "penalty_end": 0.1, "beta2": 0.9, "beta2_end": 0.99}
    )
    assert learning_rate_scale(config, 0) == penalty_scale(config, 0) == 1
    assert learning_rate_scale(config, 500) == pytest.approx((1 + 0.25) / 2)
    assert learning_rate_scale(config, 1000) == learning_rate_scale(config, 9999) == pytest.approx(0.25)
    assert penalty_scale(config, 9999) == pytest.approx(0.1)
    assert beta2(config, 0) == pytest.approx(0.9)
    assert 1 - beta2(config, 500) == pytest.approx((0.1 * 0.01) ** 0.5)  # the middle in logarithms
    assert beta2(config, 5000) == pytest.approx(0.99)


def test_without_a_schedule_nothing_changes():
    config = resolve("logistic-r1", {"lr_end": 0.1, "penalty_end": 0.1})
    assert learning_rate_scale(config, 10**9) == penalty_scale(config, 10**9) == 1
    assert beta2(config, 10**9) == config.beta2


def test_learning_rates_rise_with_the_first_images():
    config = resolve("logistic-r1", {"warm_images": 320, "batch_size": 32})
    assert [learning_rate_scale(config, shown) for shown in (0, 128, 288, 640)] == pytest.approx([0.1, 0.5, 1, 1])


def test_growth_rests_at_each_size_and_fades_in_the_next():
    config = resolve("progan", {"resolution": 32, "growth_images": 100})
    clock = (0, 99, 100, 150, 200, 299, 300, 350, 400, 500, 550, 600, 10**6)
    levels = [2, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 4, 4.5, 5, 5]
    assert [growth_level(config, shown) for shown in clock] == pytest.approx(levels)
    assert growth_level(resolve("logistic-r1", {"resolution": 64}), 0) == 6


def test_conditions_are_silent_then_rise_then_say_all():
    config = resolve("logistic-r1", {"turn_after": 100, "turn_images": 50})
    assert [condition_say(config, shown) for shown in (0, 100, 125, 150, 999)] == [0, 0, 0.5, 1, 1]
    assert condition_say(resolve("logistic-r1"), 0) == 1
    sudden = resolve("logistic-r1", {"turn_after": 100})
    assert [condition_say(sudden, shown) for shown in (0, 99, 100)] == [0, 0, 1]
