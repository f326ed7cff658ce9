"""Alignment: every track has a point of its own, near tracks lie near, and the latents are what the generator knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from data.errors import InputError
from data.transport import transport_cost, transport_plan
from gans.align import AlignedGenerator, Alignment, fit_alignment, pull_to_targets
from gans.bundle import load_bundle, write_bundle
from gans.dcgan import Generator
from gans.fine_tune import Start, sized_as
from gans.gaussianise import normal_distances, random_rotation
from gans.sampling import generate_cover, latent_of_seed

D, Z_DIM = 10, 48
OPTIONS = {"resolution": 32, "c_dim": 0, "z_dim": Z_DIM, "base_channels": 256, "max_channels": 16}


def draw_codes(n, seed):
    """Skewed, heavy-tailed and a little correlated."""
    rng = np.random.default_rng(seed)
    latent = np.concatenate([np.exp(0.7 * rng.normal(size=(n, 5))), rng.standard_t(4, size=(n, 5))], axis=1)
    mixing = np.eye(D) + 0.2 * np.random.default_rng(99).normal(size=(D, D))
    return (latent @ mixing).astype(np.float32)


@pytest.fixture(scope="module")
def codes():
    return draw_codes(800, 0)


@pytest.fixture(scope="module")
def alignment(codes):
    return fit_alignment(codes, Z_DIM)


def test_every_axis_of_z_is_normal_over_unseen_tracks_and_seeds(alignment, codes):
    unseen = draw_codes(1500, 1)
    z = np.concatenate([alignment.encode(unseen[n : n + 1], n) for n in range(len(unseen))])
    assert z.shape == (1500, Z_DIM)
    assert z.dtype == np.float32
    assert normal_distances(z).max() < 0.08
    assert normal_distances(z).mean() < 0.04
    assert normal_distances((unseen - codes.mean(axis=0)) / codes.std(axis=0)).mean() > 0.06
    assert np.abs(z.mean(axis=0)).max() < 0.15
    assert np.abs(z.var(axis=0) - 1).max() < 0.35
    assert z.var(axis=0).mean() == pytest.approx(1, abs=0.1)
    assert np.abs(stats.kurtosis(z)).max() < 1.5


def test_near_tracks_lie_near(alignment):
    unseen = draw_codes(300, 1)
    standard = (unseen - unseen.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(unseen.T))).T
    z = alignment.encode(unseen, 7)
    distances = [np.square(x[:, None] - x[None]).sum(axis=2) for x in (standard, z)]
    upper = np.triu_indices(300, 1)
    assert stats.spearmanr(*(d[upper] for d in distances)).statistic > 0.75
    order = [np.argsort(np.where(np.eye(300, dtype=bool), np.inf, d), axis=1)[:, :20] for d in distances]
    kept = np.mean([len(np.intersect1d(a, b)) for a, b in zip(*order, strict=True)]) / 20
    assert kept > 0.4  # by chance 20 of 299, 0.07
    moved = alignment.encode(unseen + 1e-3 * unseen.std(axis=0), 7)
    assert np.linalg.norm(moved - z, axis=1).max() < 0.1 * np.sqrt(np.median(distances[1]))


def test_one_track_has_one_point_and_a_seed_moves_it_a_little(alignment, codes):
    track = codes[:1]
    assert np.array_equal(alignment.encode(track, 3), alignment.encode(track, 3))
    assert np.array_equal(alignment.encode(codes[[0, 0]], 3)[0], alignment.encode(codes[[0, 0]], 3)[1])
    seeds = np.concatenate([alignment.encode(track, seed) for seed in range(200)])
    tracks = alignment.encode(codes[:200], 0)
    assert seeds.var(axis=0).mean() == pytest.approx(0.1, rel=0.15)
    assert tracks.var(axis=0).mean() == pytest.approx(0.9, rel=0.15)


def test_with_all_of_the_share_the_seed_says_nothing(codes):
    alone = fit_alignment(codes, Z_DIM, own=1.0)
    assert np.array_equal(alone.encode(codes[:5], 1), alone.encode(codes[:5], 2))


def test_rows_of_the_spread_have_length_one_and_directions_apart(alignment):
    spread = alignment.spread.double().numpy()
    assert np.linalg.norm(spread, axis=1) == pytest.approx(np.ones(Z_DIM), abs=1e-6)
    k = spread.shape[1]
    whole = spread[: Z_DIM // k * k]
    assert whole.T @ whole == pytest.approx(Z_DIM // k * np.eye(k), abs=1e-5)


def test_the_same_codes_give_the_same_alignment(alignment, codes):
    again = fit_alignment(codes, Z_DIM).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in alignment.state_dict().items())


def test_few_tracks_and_small_latents_are_served(codes):
    few = fit_alignment(codes[:20], Z_DIM)
    assert few.spread.shape == (Z_DIM, 2)
    assert np.isfinite(few.encode(codes, 0)).all()
    small = fit_alignment(codes, 3)
    assert small.encode(codes, 0).shape == (800, 3)
    with pytest.raises(InputError, match="too few"):
        fit_alignment(codes[:10], Z_DIM)


def test_covers_show_where_tracks_belong():
    """Covers are a known function of latents, tracks' codes a known one of theirs: pulling finds the way between."""
    rng = np.random.default_rng(0)
    z_dim, n = 4, 500
    truth = rng.normal(size=(n, z_dim)) @ random_rotation(z_dim, rng)
    codes = np.exp(0.5 * truth) @ rng.normal(size=(z_dim, 6))
    look = rng.normal(size=(z_dim, 8))

    def describe(z):
        return np.tanh(z @ look)

    wanted = describe(truth) + 0.1 * rng.normal(size=(n, 8))
    alignment = fit_alignment(codes[:350], z_dim, own=1.0)

    def unlikeness():
        return np.square(describe(alignment.encode(codes[350:], 0)) - wanted[350:]).sum(axis=1).mean()

    before = unlikeness()
    latents = rng.normal(size=(800, z_dim))
    plan = transport_plan(transport_cost(wanted[:350], describe(latents)))
    pull_to_targets(alignment, codes[:350], plan @ latents / plan.sum(axis=1, keepdims=True))
    assert unlikeness() < 0.15 * before
    assert normal_distances(alignment.encode(codes, 0)).max() < 0.1
    assert np.linalg.norm(alignment.spread.numpy(), axis=1) == pytest.approx(np.ones(z_dim), abs=1e-5)


@pytest.fixture(scope="module")
def aligned(alignment):
    torch.manual_seed(0)
    network = Generator(**OPTIONS).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)
    return AlignedGenerator(network, alignment).eval().requires_grad_(False)


def condition(code):
    return np.concatenate([[1], code]).astype(np.float32)


def test_a_track_is_drawn_at_its_point_and_silence_at_the_seeds(aligned, codes):
    z = torch.from_numpy(aligned.alignment.encode(codes[:1], 5))
    c = torch.from_numpy(condition(codes[0]))[None]
    seed = latent_of_seed(5, Z_DIM)[None]
    assert torch.allclose(aligned.map(seed, c), aligned.network.map(z, c[:, :0]), atol=1e-6)
    absent = generate_cover(aligned, None, 5)
    assert np.array_equal(absent, generate_cover(aligned.network, None, 5))
    assert not np.array_equal(absent, generate_cover(aligned, condition(codes[0]), 5))
    assert np.array_equal(absent, generate_cover(aligned, condition(codes[0]), 5, strength=0.0))


def write(folder, aligned, **changes):
    card = {
        "network": "dcgan",
        "generator": OPTIONS,
        "layout": [["audio", D]],
        "alignment": aligned.alignment.config(),
        **changes,
    }
    return write_bundle(folder, aligned, card)


def test_a_bundle_keeps_an_alignment(aligned, codes, tmp_path):
    read = load_bundle(write(tmp_path / "b", aligned))
    assert isinstance(read.generator, AlignedGenerator)
    c = condition(codes[0])
    assert np.array_equal(generate_cover(read.generator, c, 1), generate_cover(aligned, c, 1))


def test_fine_tuning_begins_with_the_weights_behind_an_alignment(aligned, tmp_path):
    bundle = write(tmp_path / "aligned", aligned)
    begun, own = Start.read(bundle).generator, aligned.network.state_dict()
    assert begun.keys() == own.keys()
    assert all(torch.equal(begun[name], own[name]) for name in own)
    given = sized_as(bundle, "dcgan", {"g_lr": "1e-4", "generator": {"max_channels": "8"}})
    assert given["generator"] == {"z_dim": Z_DIM, "base_channels": 256, "max_channels": "8"}
    assert given["g_lr"] == "1e-4"


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"widths": [D, D, 4], "n_knots": 9, "own": 2},
        {"widths": [D, D, 4], "n_knots": 10**9, "own": 0.9},
        {"widths": [D, D, 10**9], "n_knots": 9, "own": 0.9},
        {"widths": [D] * 10**4, "n_knots": 9, "own": 0.9},
        {"widths": "ten", "n_knots": 9, "own": 0.9},
        {"widths": [D, D, 4], "n_knots": 9, "own": "most"},
    ],
)
def test_a_card_with_an_odd_alignment_is_one_line(aligned, tmp_path, config):
    with pytest.raises(InputError, match="does not describe a generator"):
        load_bundle(write(tmp_path / "b", aligned, alignment=config))


def test_only_a_generator_without_conditions_can_be_aligned(alignment):
    with pytest.raises(ValueError, match="without conditions"):
        AlignedGenerator(Generator(**{**OPTIONS, "c_dim": 3}), alignment)
    with pytest.raises(ValueError, match="size of z"):
        AlignedGenerator(Generator(**{**OPTIONS, "z_dim": 5}), alignment)
    with pytest.raises(ValueError, match="own is above 0"):
        Alignment(alignment.points, Z_DIM, 0.0)
