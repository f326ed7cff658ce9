"""On worlds whose rule is known listeners find it, where there is none they find none, and shares are what is due."""

import numpy as np
import pytest
from scipy.stats import kstest

from analysis.descriptors import compute_descriptors
from analysis.listeners import fit_listener
from analysis.listening import (
    Pairs,
    score_agreement,
    score_attributes,
    score_retrieval,
    score_share,
    teach,
)
from analysis.probes import artist_folds
from analysis.shuffles import deal, hats_of, permute
from data.synthetic import MAX_STRIPES, draw_tracks, render_cover

NAMES = ("tempo", "energy", "valence")


def linear_pairs(noise: float = 0.5, n_artists: int = 40, each: int = 4, seed: int = 0) -> Pairs:
    """Covers of eight numbers, three of which are the conditions with `noise` added; the rest is noise alone."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n_artists * each, 3))
    x = np.concatenate([y + noise * rng.normal(size=y.shape), rng.normal(size=(len(y), 5))], axis=1)
    return Pairs.of(x, y, NAMES, np.repeat([f"artist {k}" for k in range(n_artists)], each))


def redrawn(pairs: Pairs, noise: float, seed: int) -> np.ndarray:
    """Other covers for the same tracks: by the same rule where `noise` is finite, by none where it is not."""
    rng = np.random.default_rng(1000 + seed)
    rule = np.zeros_like(pairs.y) if np.isinf(noise) else pairs.y
    told = rule + (1.0 if np.isinf(noise) else noise) * rng.normal(size=pairs.y.shape)
    return np.concatenate([told, rng.normal(size=(len(pairs.y), 5))], axis=1)


@pytest.mark.slow
def test_on_the_synthetic_world_the_listener_finds_the_rule() -> None:
    tracks = draw_tracks(320, seed=3)
    x = compute_descriptors(np.stack([render_cover(track, 32) for track in tracks]))
    y = np.array([(track.tempo_bpm, track.energy, track.valence) for track in tracks])
    pairs = Pairs.of(x, y, NAMES, [track.artist for track in tracks])
    scores = score_attributes(teach(pairs, ("ridge",)).hear(), NAMES)
    # Stripes tell of the tempo only in which sixth of its range it lies; the other two are told whole.
    allowed = {"tempo": np.sqrt(1 - 1 / MAX_STRIPES**2), "energy": 1.0, "valence": 1.0}
    for name, most in allowed.items():
        assert scores[name].value > 0.9 * most
        assert scores[name].low > scores[name].chance


@pytest.mark.parametrize("kind", ["ridge", "canonical", pytest.param("contrastive", marks=pytest.mark.slow)])
def test_each_kind_of_listener_finds_a_linear_rule(kind: str) -> None:
    pairs = linear_pairs(noise=0.5, n_artists=24)
    heard = teach(pairs, (kind,)).hear()
    allowed = 1 / np.sqrt(1 + 0.5**2)
    least = {"ridge": 0.9, "canonical": 0.6, "contrastive": 0.6}[kind]  # half the canonical pairs are kept: 2 of 3
    assert score_attributes(heard, NAMES)["all"].value > least * allowed
    retrieved = score_retrieval(heard)
    for way in ("cover → track", "track → cover"):
        assert retrieved[f"{way} R@10"].low > retrieved[f"{way} R@10"].chance
        assert retrieved[f"{way} median rank"].high < retrieved[f"{way} median rank"].chance
    assert score_agreement(heard).low > 0


def test_the_best_kind_is_chosen_by_validation() -> None:
    assert set(teach(linear_pairs(noise=0.3, n_artists=20), ("canonical", "ridge")).kinds) == {"ridge"}


@pytest.mark.slow
def test_shuffled_pairs_give_every_p_alike() -> None:
    pairs = linear_pairs(noise=0.5, n_artists=16, each=3)
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        shuffled = Pairs.of(pairs.x, pairs.y[deal(pairs.artists, 1, rng)[0]], NAMES, pairs.artists)
        found.append(permute(shuffled, n_shuffles=49, seed=int(rng.integers(2**31))).p)
    assert kstest(found, "uniform").pvalue > 0.01
    assert permute(pairs, n_shuffles=99).p == pytest.approx(1 / 100)


@pytest.mark.slow
def test_p_is_honest_where_artists_differ_in_size_and_have_one_style_each() -> None:
    rng = np.random.default_rng(2)
    artists = np.repeat(np.arange(20).astype(str), rng.integers(1, 9, size=20))
    ids = artists.astype(int)
    found = []
    for _ in range(200):
        x = rng.normal(size=(20, 6))[ids] + 0.3 * rng.normal(size=(len(ids), 6))
        y = rng.normal(size=(20, 2))[ids]
        found.append(permute(Pairs.of(x, y, ("a", "b"), artists), n_shuffles=49, seed=int(rng.integers(2**31))).p)
    assert kstest(found, "uniform").pvalue > 0.01


def test_hats_are_what_teaching_anew_gives() -> None:
    pairs = linear_pairs(n_artists=10)
    folds = artist_folds(pairs.artists, np.zeros(len(pairs.x), dtype=int), 5)
    rest, out = folds != 0, folds == 0
    centred = pairs.x[rest] - pairs.x[rest].mean(axis=0)
    gram = centred.T @ centred
    strength = np.trace(gram) / len(gram)
    weight = np.linalg.solve(
        gram + strength * np.eye(len(gram)), centred.T @ (pairs.y[rest] - pairs.y[rest].mean(axis=0))
    )
    expected = (pairs.x[out] - pairs.x[rest].mean(axis=0)) @ weight
    assert np.allclose((hats_of(pairs.x, folds)[1] @ pairs.y)[out], expected)


def test_real_covers_reach_all_of_the_ceiling_and_one_who_does_not_listen_nothing() -> None:
    pairs = linear_pairs(noise=1.0, n_artists=60)
    listeners = teach(pairs, ("ridge",))
    real = listeners.hear()
    same = score_share([real], real)
    assert same is not None
    assert same.value == pytest.approx(1)
    assert same.low == pytest.approx(1)
    others = score_share([listeners.hear(redrawn(pairs, 1.0, seed)) for seed in range(3)], real)
    assert others is not None
    assert others.low < 1 < others.high
    deaf = score_share([listeners.hear(redrawn(pairs, np.inf, seed)) for seed in range(3)], real)
    assert deaf is not None
    assert deaf.low < 0 < deaf.high
    assert abs(deaf.value) < 0.2
    plainer = score_share([listeners.hear(redrawn(pairs, 0.1, 0))], real)
    assert plainer is not None
    assert plainer.low > 1


def test_where_real_covers_tell_nothing_there_is_no_share() -> None:
    pairs = linear_pairs()
    rng = np.random.default_rng(0)
    listeners = teach(Pairs.of(rng.normal(size=pairs.x.shape), pairs.y, NAMES, pairs.artists), ("ridge",))
    assert score_share([listeners.hear()], listeners.hear()) is None


def test_what_is_regressed_out_is_no_longer_heard_and_what_is_beyond_it_is() -> None:
    rng = np.random.default_rng(0)
    genre = np.eye(4)[rng.integers(4, size=240)]
    own = rng.normal(size=(240, 1))
    y = np.concatenate([genre @ rng.normal(size=(4, 1)), own], axis=1)
    y[:, 0] += 0.3 * rng.normal(size=240)
    x = np.concatenate([genre, own + 0.3 * rng.normal(size=(240, 1))], axis=1)
    pairs = Pairs.of(x, y, ("of genre", "own"), np.repeat(np.arange(60).astype(str), 4))
    plain = score_attributes(teach(pairs, ("ridge",)).hear(), pairs.names)
    without = score_attributes(teach(pairs, ("ridge",), confound=genre).hear(), pairs.names)
    assert plain["of genre"].value > 0.7
    assert without["of genre"].value < without["of genre"].chance + 0.1
    assert without["own"].value > 0.9


def test_two_runs_with_one_seed_are_equal() -> None:
    pairs = linear_pairs(n_artists=10)
    first, second = (teach(pairs, ("ridge", "canonical"), seed=5).hear() for _ in range(2))
    assert np.array_equal(first.answers, second.answers)
    assert np.array_equal(first.to_cover, second.to_cover)
    assert permute(pairs, 49, seed=5).p == permute(pairs, 49, seed=5).p
    told = [fit_listener(pairs.x, pairs.y, pairs.artists, ("contrastive",), seed=5).answers(pairs.x) for _ in range(2)]
    assert np.array_equal(told[0], told[1])


def test_no_listener_has_met_the_artists_that_it_is_asked_about() -> None:
    pairs = linear_pairs(n_artists=11)
    listeners = teach(pairs, ("ridge",))
    for fold in listeners.folds:
        mine = np.zeros(len(pairs.x), dtype=bool)
        mine[fold.held_out] = True
        assert not set(pairs.artists[mine]) & set(pairs.artists[~mine])
    assert np.array_equal(np.sort(np.concatenate([fold.held_out for fold in listeners.folds])), np.arange(len(pairs.x)))


def test_who_is_asked_about_is_not_learned_from() -> None:
    pairs = linear_pairs(n_artists=12)
    asked = np.arange(16)  # four artists
    listeners = teach(pairs, ("ridge",), asked=asked)
    real = listeners.hear()
    assert list(real.artists) == list(pairs.artists[asked])
    assert score_attributes(real, NAMES)["all"].low > 0.5
    elsewhere = pairs.x.copy()
    elsewhere[16:] = 7.0  # covers that nobody asks about
    assert np.array_equal(listeners.hear(elsewhere).answers, real.answers)
    shifted = score_share([listeners.hear(pairs.x + 3.0)], real)  # covers of another look that follow just as well
    assert shifted is not None
    assert shifted.value == pytest.approx(1)
    with pytest.raises(ValueError, match="learned from"):
        teach(pairs, ("ridge",), asked=np.arange(15))
    with pytest.raises(ValueError, match="at least two"):
        teach(pairs, ("ridge",), asked=np.arange(48))


def test_retrieval_counts_ties_as_a_random_order_would() -> None:
    pairs = linear_pairs(n_artists=10)
    same = Pairs.of(np.ones_like(pairs.x), pairs.y, NAMES, pairs.artists)  # all covers are equal
    scores = score_retrieval(teach(same, ("ridge",)).hear())
    for name, score in scores.items():
        if name.startswith("track → cover"):
            assert score.value == pytest.approx(score.chance)


def test_what_cannot_be_asked_is_left_out_in_words() -> None:
    pairs = linear_pairs(n_artists=6)
    y = np.concatenate([pairs.y, np.full((24, 1), 0.3), np.full((24, 1), np.nan)], axis=1)
    y[0, 0] = np.nan
    asked = Pairs.of(pairs.x, y, (*NAMES, "flat", "unknown"), pairs.artists)
    assert asked.names == NAMES
    assert len(asked.rows) == 23
    assert asked.left_out == (
        "flat: the same for all tracks",
        "unknown: known of 0 tracks of 24 only",
        "1 of 24 tracks lack an attribute",
    )
    assert np.isfinite(teach(asked, ("ridge",)).hear().answers).all()


def test_what_varies_only_where_something_else_is_unknown_is_left_out_too() -> None:
    pairs = linear_pairs(n_artists=6)
    year, tag = np.full((24, 1), np.nan), np.zeros((24, 1))
    year[:16], tag[16:] = np.arange(16)[:, None], 1
    asked = Pairs.of(pairs.x, np.concatenate([pairs.y, year, tag], axis=1), (*NAMES, "year", "tag"), pairs.artists)
    assert asked.names == (*NAMES, "year")
    assert asked.left_out == ("tag: the same for all tracks that lack none", "8 of 24 tracks lack an attribute")
    assert np.isfinite(permute(asked, 9).matched)


@pytest.mark.parametrize(
    ("rows", "columns", "artists", "reason"),
    [
        (8, 3, ["one"] * 8, "at least two artists"),
        (1, 3, ["one"], "nothing to listen for"),
        (8, 0, ["one", "two"] * 4, "no attribute was given"),
        (0, 3, [], "nothing to listen for"),
    ],
)
def test_too_little_is_refused_in_one_line(rows: int, columns: int, artists: list[str], reason: str) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=reason) as refusal:
        Pairs.of(rng.normal(size=(rows, 4)), rng.normal(size=(rows, columns)), NAMES[:columns], artists)
    assert "\n" not in str(refusal.value)


def test_covers_that_are_not_numbers_or_not_those_tracks_are_refused() -> None:
    pairs = linear_pairs(n_artists=6)
    with pytest.raises(ValueError, match="finite"):
        Pairs.of(np.full((4, 2), np.nan), np.ones((4, 1)), ("a",), list("abcd"))
    with pytest.raises(ValueError, match="differ"):
        Pairs.of(np.ones((4, 2)), np.ones((5, 1)), ("a",), list("abcd"))
    with pytest.raises(ValueError, match="one cover for each track"):
        teach(pairs, ("ridge",)).hear(pairs.x[:-1])
    with pytest.raises(ValueError, match="no such listener"):
        teach(pairs, ("telepathy",))
