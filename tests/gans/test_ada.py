"""Adaptive augmentation: each change against its formula, how often it happens, and where the controller settles."""

import colorsys
import math

import pytest
import torch

import gans.ada
from gans.ada import _random_colours as random_colours
from gans.ada import _random_geometry as random_geometry
from gans.ada import _random_turns as random_turns
from gans.ada import ada, adapted, recolour, turn

CPU = torch.device("cpu")


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(8, 3, 16, 16) * 2 - 1


def test_at_probability_0_nothing_is_changed_and_nothing_is_drawn(images):
    before = torch.get_rng_state()
    assert ada(images, 0.0) is images
    assert torch.equal(torch.get_rng_state(), before)


def test_images_that_no_change_falls_on_stay_themselves(images):
    torch.manual_seed(0)
    torch.testing.assert_close(ada(images, 1e-9), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_images_are_changed_each_in_its_own_way_and_gradients_pass(images, p):
    one = images[:1].repeat(16, 1, 1, 1).requires_grad_()
    changed = ada(one, p)
    assert changed.shape == one.shape
    assert len({tuple(image.flatten()[:50].tolist()) for image in changed.detach()}) > 12
    changed.square().sum().backward()
    assert (one.grad.flatten(1).abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_turns_and_mirror_images_are_exact(images, quarters, mirrored):
    turned = turn(images, torch.full((8,), quarters), torch.full((8,), mirrored))
    expected = torch.rot90(images.flip(3) if mirrored else images, quarters, (2, 3))
    assert torch.equal(turned, expected)


def only(monkeypatch, place, value):
    """Lets only the `place`-th change of a family happen, with this value."""
    count = iter(range(100))

    def sometimes(p, values, otherwise):
        chosen = value if next(count) == place else otherwise
        return torch.full_like(values, chosen)

    monkeypatch.setattr(gans.ada, "_sometimes", sometimes)


@pytest.mark.parametrize(
    ("place", "value", "matrix", "move"),
    [
        (0, 3.0, [[1, 0], [0, 1]], -3),
        (1, 2.0, [[0.5, 0], [0, 0.5]], 0),
        (2, math.pi / 6, [[0.75**0.5, 0.5], [-0.5, 0.75**0.5]], 0),
        (3, 2.0, [[0.5, 0], [0, 2]], 0),
        (4, math.pi / 6, [[0.75**0.5, 0.5], [-0.5, 0.75**0.5]], 0),
        (5, 1.5, [[1, 0], [0, 1]], -1.5),
    ],
)
def test_geometry_finds_places_by_the_inverse_of_each_change(monkeypatch, place, value, matrix, move):
    only(monkeypatch, place, value)
    expected = torch.tensor([[*row, move] for row in matrix], dtype=torch.float32)
    torch.testing.assert_close(random_geometry(2, 0.5, 16, CPU), expected.expand(2, -1, -1))


def test_changes_follow_one_another_in_the_papers_order(monkeypatch):
    """x' = move ∘ turn ∘ stretch ∘ turn ∘ scale ∘ step (x), multiplied out as homogeneous matrices and inverted."""
    values = iter([2.0, 1.3, 0.4, 1.7, -0.9, 0.6])
    drawn = []
    monkeypatch.setattr(
        gans.ada, "_sometimes", lambda p, v, o: torch.full_like(v, drawn.append(next(values)) or drawn[-1])
    )
    found = random_geometry(1, 0.5, 16, CPU)[0]
    step, scale, first, stretch, second, move = drawn

    def shift(by):
        return torch.tensor([[1, 0, by], [0, 1, by], [0, 0, 1.0]])

    def rotation(angle):
        cos, sin = math.cos(angle), math.sin(angle)
        return torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])

    way = shift(move) @ rotation(second) @ torch.diag(torch.tensor([stretch, 1 / stretch, 1.0])) @ rotation(first)
    way = way @ torch.diag(torch.tensor([scale, scale, 1.0])) @ shift(step)
    torch.testing.assert_close(found, torch.linalg.inv(way)[:2], atol=1e-5, rtol=0)


def colours_of(monkeypatch, place, value, images):
    only(monkeypatch, place, value)
    return recolour(images, random_colours(len(images), 0.5, CPU))


def test_colours_are_changed_by_their_formulas(monkeypatch, images):
    grey = images.mean(dim=1, keepdim=True)
    torch.testing.assert_close(colours_of(monkeypatch, 0, 0.3, images), images + 0.3)
    torch.testing.assert_close(colours_of(monkeypatch, 1, 1.7, images), images * 1.7)
    torch.testing.assert_close(colours_of(monkeypatch, 2, -1.0, images), images - 2 * grey)
    torch.testing.assert_close(colours_of(monkeypatch, 4, 0.0, images), grey.expand_as(images))
    torch.testing.assert_close(colours_of(monkeypatch, 4, 2.0, images), grey + 2 * (images - grey))


def test_hue_turns_red_to_green_to_blue_and_keeps_grey(monkeypatch, images):
    third = colours_of(monkeypatch, 3, 2 * math.pi / 3, images)
    torch.testing.assert_close(third, images.roll(1, 1))
    sixth = colours_of(monkeypatch, 3, 0.5, images)
    torch.testing.assert_close(sixth.mean(dim=1), images.mean(dim=1))
    torch.testing.assert_close(sixth.norm(dim=1), images.norm(dim=1))
    assert colorsys.rgb_to_hsv(*third[0, :, 0, 0].add(1).tolist())[2] == pytest.approx(
        colorsys.rgb_to_hsv(*images[0, :, 0, 0].add(1).tolist())[2], abs=1e-5
    )


def test_brightness_comes_before_contrast(monkeypatch, images):
    values = iter([0.3, 2.0, -1.0, 0.0, 1.0])
    monkeypatch.setattr(gans.ada, "_sometimes", lambda p, v, o: torch.full_like(v, next(values)))
    changed = recolour(images, random_colours(8, 0.5, CPU))
    brighter = 2 * (images + 0.3)
    torch.testing.assert_close(changed, brighter - 2 * brighter.mean(dim=1, keepdim=True))


@pytest.mark.parametrize("p", [0.2, 0.8])
def test_each_change_falls_on_a_share_p_of_the_images(p):
    torch.manual_seed(0)
    n = 20_000
    quarters, mirrored = random_turns(n, p, CPU)
    assert (quarters > 0).float().mean().item() == pytest.approx(0.75 * p, abs=0.015)
    assert mirrored.float().mean().item() == pytest.approx(0.5 * p, abs=0.015)
    matrices = random_geometry(n, p, 64, CPU)
    still = (matrices - torch.eye(2, 3)).abs().flatten(1).amax(dim=1) < 1e-6
    # Steps that round to nothing and two turns that count as one change are all that is not (1 − p) to a power.
    assert still.float().mean().item() == pytest.approx((1 - p) ** 5, abs=0.015)
    turned = (matrices[:, 0, 1].abs() > 1e-6).float().mean().item()
    assert turned == pytest.approx(p, abs=0.015)
    plain = (random_colours(n, p, CPU) - torch.eye(3, 4)).abs().flatten(1).amax(dim=1) < 1e-6
    assert plain.float().mean().item() == pytest.approx((1 - p) ** 4 * (1 - p / 2), abs=0.015)


def test_a_grey_image_knows_no_geometry():
    torch.manual_seed(0)
    flat = torch.full((32, 3, 16, 16), 0.4)
    changed = gans.ada.resample(flat, random_geometry(32, 1.0, 16, CPU))
    assert (changed - 0.4).abs().max() < 0.02


def test_half_precision_around_it_does_not_blur_the_places(images):
    torch.manual_seed(0)
    expected = ada(images, 0.9)
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ada(images, 0.9), expected)


def test_the_probability_settles_where_the_mean_sign_is_at_its_target():
    """A toy discriminator, overfitted the less the more is changed: r = 1 − 0.8·p, which is 0.6 at p = 0.5."""
    p, share = 0.0, 32 / 10_000
    for _ in range(1_000):
        p = adapted(p, 1 - 0.8 * p, target=0.6, share=share)
    assert p == pytest.approx(0.5, abs=2 * share)


def test_the_probability_stays_a_probability_and_needs_its_time():
    assert adapted(0.0, -1.0, 0.6, 0.01) == 0
    assert adapted(1.0, 1.0, 0.6, 0.01) == 1
    p, steps = 0.0, 0
    while p < 1:
        p, steps = adapted(p, 1.0, 0.6, 32 / 3_200), steps + 1
    assert steps * 32 == pytest.approx(3_200, rel=0.02)
