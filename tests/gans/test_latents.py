"""Between covers: paths hit their ends and keep what a path must keep; mixtures and families are what they say."""

import math

import numpy as np
import pytest
import torch

from gans.dcgan import Generator
from gans.latents import (
    Stop,
    blend_conditions,
    even_places,
    family_latent,
    mix_styles,
    orbit,
    slerp,
    style_between,
    walk,
)
from gans.sampling import draw, generate_cover, latent_of_seed, style_of

LAYOUT = [("attributes", 2), ("tags", 3), ("year", 1)]
A = np.array([1, 0.5, -1, 1, 0, 1, 0, 0, 0], np.float32)  # attributes and tags
B = np.array([1, -0.25, 3, 0, 0, 0, 0, 1, 2], np.float32)  # attributes and year
Z_DIM = 8


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return Generator(resolution=32, c_dim=len(A), z_dim=Z_DIM, base_channels=512, max_channels=32).eval()


def stop(seed, c):
    return Stop(latent_of_seed(seed, Z_DIM), c)


@pytest.mark.parametrize("seed", range(5))
def test_slerp_has_its_ends_and_keeps_the_length_between(seed):
    a, b = latent_of_seed(seed, 64), 1.5 * latent_of_seed(seed + 100, 64)
    assert torch.equal(slerp(a, b, 0.0), a)
    assert torch.equal(slerp(a, b, 1.0), b)
    for t in np.linspace(0, 1, 11):
        assert slerp(a, b, t).norm().item() == pytest.approx((1 - t) * a.norm().item() + t * b.norm().item(), rel=1e-5)
    assert torch.lerp(a, b, 0.5).norm() < 0.85 * slerp(a, b, 0.5).norm()  # what a straight line would do


def test_slerp_turns_evenly():
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    for t in np.linspace(0, 1, 7):
        x, y = slerp(a, b, t).tolist()
        assert math.atan2(y, x) == pytest.approx(t * math.pi / 2, abs=1e-6)


def test_slerp_from_a_latent_to_itself_stays_there():
    a = latent_of_seed(3, 64)
    assert all(torch.equal(slerp(a, a, t), a) for t in np.linspace(0, 1, 7))
    assert slerp(a, -a, 0.25).allclose(0.5 * a)


def test_shared_blocks_move_straight_and_others_are_never_half_there():
    for t in (0.0, 0.25, 1.0):
        from_a, from_b = blend_conditions(A, B, t, LAYOUT)
        shared = (1 - t) * A[:3] + t * B[:3]
        np.testing.assert_allclose(from_a[:3], shared, atol=1e-6)
        np.testing.assert_array_equal(from_b[:3], from_a[:3])
        np.testing.assert_array_equal(from_a[3:], A[3:])
        np.testing.assert_array_equal(from_b[3:], B[3:])
    np.testing.assert_array_equal(blend_conditions(A, B, 0.0, LAYOUT)[0], A)
    np.testing.assert_array_equal(blend_conditions(A, B, 1.0, LAYOUT)[1], B)


def test_conditions_of_the_same_blocks_are_blended_into_one():
    other = A + np.array([0, 1, 1, 0, 1, 1, 1, 0, 0], np.float32)
    from_a, from_b = blend_conditions(A, other, 0.3, LAYOUT)
    np.testing.assert_array_equal(from_a, from_b)
    np.testing.assert_allclose(from_a, 0.7 * A + 0.3 * other, atol=1e-6)
    with pytest.raises(ValueError, match="layout"):
        blend_conditions(A, B[:-1], 0.3, LAYOUT)


@pytest.mark.parametrize("way", ["z", "w"])
@pytest.mark.parametrize(("truncation", "strength"), [(1.0, 1.0), (0.6, 1.7)])
def test_a_walk_shows_the_covers_of_its_stops_to_the_bit(generator, way, truncation, strength):
    stops = [stop(1, A), stop(2, B), stop(3, A)]
    frames = list(walk(generator, stops, even_places(9, 3), LAYOUT, way, truncation, strength))
    assert len(frames) == 9
    for frame, seed, c in zip((frames[0], frames[4], frames[8]), (1, 2, 3), (A, B, A), strict=True):
        np.testing.assert_array_equal(frame, generate_cover(generator, c, seed, truncation, strength))


def test_in_w_a_walk_is_straight(generator):
    ends = [style_of(generator, latent_of_seed(seed, Z_DIM), c, 0.8, 1.5) for seed, c in ((1, A), (2, B))]
    for t in (0.2, 0.5):
        w = style_between(generator, stop(1, A), stop(2, B), t, LAYOUT, "w", 0.8, 1.5)
        assert torch.allclose(w, (1 - t) * ends[0] + t * ends[1], atol=1e-6)


def test_between_tracks_of_one_seed_only_the_condition_moves(generator):
    other = A + np.array([0, 1, 1, 0, 1, 1, 1, 0, 0], np.float32)
    z = latent_of_seed(4, Z_DIM)
    between = style_between(generator, stop(4, A), stop(4, other), 0.25, LAYOUT)
    assert torch.equal(between, style_of(generator, z, blend_conditions(A, other, 0.25, LAYOUT)[0]))
    assert torch.equal(between[..., :Z_DIM], z.expand_as(between[..., :Z_DIM]))  # this network's w begins with z


def test_a_walk_takes_no_jump_where_a_block_ends(generator):
    frames = [
        draw(generator, style_between(generator, stop(1, A), stop(1, B), t, LAYOUT)) for t in (0, 1e-4, 1 - 1e-4, 1)
    ]
    for near, end in ((frames[0], frames[1]), (frames[3], frames[2])):
        assert np.abs(near.astype(int) - end).max() <= 1


def test_a_walk_without_conditions_needs_none():
    torch.manual_seed(0)
    plain = Generator(resolution=32, c_dim=0, z_dim=Z_DIM, base_channels=512, max_channels=32).eval()
    frames = list(walk(plain, [stop(1, None), stop(2, None)], even_places(3, 2), []))
    np.testing.assert_array_equal(frames[2], generate_cover(plain, None, 2))
    half = slerp(latent_of_seed(1, Z_DIM), latent_of_seed(2, Z_DIM), 0.5)
    np.testing.assert_array_equal(frames[1], draw(plain, style_of(plain, half, None)))


def test_another_way_is_refused(generator):
    with pytest.raises(ValueError, match="a way is one of z, w"):
        style_between(generator, stop(1, A), stop(2, B), 0.5, LAYOUT, "x")


@pytest.mark.parametrize(("n", "stops"), [(2, 2), (25, 2), (100, 7), (7, 7), (31, 3)])
def test_every_stop_is_a_picture_and_the_steps_are_even(n, stops):
    places = even_places(n, stops)
    assert (len(places), places[0], places[-1]) == (n, 0, stops - 1)
    assert set(range(stops)) <= set(places)
    steps = np.diff(places)
    assert steps.min() > 0
    assert steps.max() <= steps.min() * (1 + 2 / ((n - 1) // (stops - 1)))


@pytest.mark.parametrize(("n", "stops"), [(2, 2), (25, 2), (100, 7), (31, 3)])
def test_a_loop_ends_one_step_before_it_begins_again(n, stops):
    places = even_places(n, stops, loop=True)
    assert (len(places), places[0]) == (n, 0)
    assert set(range(stops)) <= set(places)
    steps = np.diff([*places, stops])  # the first stop once more
    assert steps.min() > 0
    assert steps.max() <= steps.min() * (1 + 2 / (n // stops))


@pytest.mark.parametrize(("n", "stops"), [(1, 2), (6, 7), (5, 1)])
def test_too_few_pictures_or_stops_are_refused(n, stops):
    with pytest.raises(ValueError, match="cannot lead"):
        even_places(n, stops)


def test_a_mixture_has_the_places_of_each(generator):
    w = [style_of(generator, latent_of_seed(seed, Z_DIM), c) for seed, c in ((1, A), (2, B))]
    n = generator.n_styles
    assert torch.equal(mix_styles(*w, 0), w[1])
    assert torch.equal(mix_styles(*w, n), w[0])
    mixed = mix_styles(*w, 2)
    assert torch.equal(mixed[:, :2], w[0][:, :2])
    assert torch.equal(mixed[:, 2:], w[1][:, 2:])
    for level in (-1, n + 1):
        with pytest.raises(ValueError, match="a level is"):
            mix_styles(*w, level)


def test_a_family_is_normal_and_alike_as_its_spread_says():
    z = torch.stack([family_latent(seed, 7, 0.4, 40_000) for seed in range(8)])
    assert z.var().item() == pytest.approx(1, abs=0.03)
    correlation = np.corrcoef(z.numpy())
    assert correlation[~np.eye(8, dtype=bool)].mean() == pytest.approx(1 - 0.4**2, abs=0.01)
    assert torch.equal(family_latent(3, 7, 0.0, 16), latent_of_seed(7, 16))
    assert z[7].var().item() == pytest.approx(1, abs=0.03)  # the family's own seed among its members
    assert not torch.equal(family_latent(3, 7, 1.0, 16), latent_of_seed(3, 16))
    with pytest.raises(ValueError, match="a spread"):
        family_latent(3, 7, 1.1, 16)


def test_an_orbit_comes_back_and_stays_normal():
    a, b = latent_of_seed(1, 20_000), latent_of_seed(2, 20_000)
    assert torch.equal(orbit(a, b, 0.0), a)
    assert torch.allclose(orbit(a, b, 2 * math.pi), a, atol=1e-5)
    assert orbit(a, b, 1.0).var().item() == pytest.approx(1, abs=0.03)


def test_a_network_that_is_still_growing_is_shown_at_its_full_size():
    class Half(Generator):
        def synthesize(self, w):
            return super().synthesize(w)[..., ::2, ::2]

    torch.manual_seed(0)
    half = Half(resolution=32, c_dim=len(A), z_dim=Z_DIM, base_channels=512, max_channels=32).eval()
    cover = generate_cover(half, A, 0)
    assert cover.shape == (3, 32, 32)
    for corner in (cover[:, 1::2, ::2], cover[:, ::2, 1::2]):
        np.testing.assert_array_equal(corner, cover[:, ::2, ::2])
