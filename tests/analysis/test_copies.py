"""The copy check: planted copies found, honest covers flagged at the stated rate and no more, the least over views."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from analysis.copies import EMBEDDING, EYES, HASH, CopyCheck, views
from data.synthetic import draw_tracks, render_cover
from scripts.embedding_figures import PLANTS, plant


def collages(n: int, seed: int) -> np.ndarray:
    """Covers uint8 `[n, 3, 64, 64]` unlike one another: bright shapes, each its own way, on a field of four colours."""
    covers = np.empty((n, 3, 64, 64), dtype=np.uint8)
    for index in range(n):
        rng = np.random.default_rng((seed, index))
        field = Image.fromarray(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8))
        picture = field.resize((128, 128), Image.Resampling.BILINEAR)
        pen = ImageDraw.Draw(picture)
        for _ in range(rng.integers(5, 14)):
            colour = tuple(int(level) for level in rng.integers(0, 256, 3))
            (x, y), (width, height) = rng.uniform(-20, 120, 2), rng.uniform(8, 70, 2)
            corners = [tuple(rng.uniform(0, 128, 2)) for _ in range(3)]
            shape = rng.integers(4)
            if shape == 0:
                pen.ellipse((x, y, x + width, y + height), fill=colour)
            elif shape == 1:
                pen.rectangle((x, y, x + width, y + height), fill=colour)
            elif shape == 2:
                pen.line(corners, fill=colour, width=int(rng.integers(2, 9)))
            else:
                pen.polygon(corners, fill=colour)
        covers[index] = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    return covers


@pytest.fixture(scope="module")
def known():
    return collages(80, 0)


@pytest.fixture(scope="module", params=EYES, ids=lambda eye: eye.name)
def check(request, known):
    return CopyCheck.fit(request.param, known, collages(120, 1))


@pytest.mark.parametrize("kind", PLANTS)
def test_planted_copies_are_found(check, known, kind):
    rng = np.random.default_rng(2)
    chosen = np.arange(0, 80, 4)
    found = check.look(np.stack([plant(known[row], kind, rng) for row in chosen]))
    right = (found.nearest == chosen) & found.flagged
    if check.eye is EMBEDDING and kind != "crop of 60 %":
        assert right.mean() > 0.8
    elif kind in ("mirror", "JPEG of quality 30", "colour shift"):
        assert right.mean() > 0.9


def test_honest_covers_are_flagged_at_the_stated_rate_at_most(check):
    assert check.chance <= 0.01
    # The threshold is the second least of 120: a share of Beta(2, 119) lies below it, 5 % at most in 99 of 100 draws.
    assert check.look(collages(120, 3)).share <= 0.07


def test_the_real_thing_within_a_margin_is_found_by_a_crop(known):
    check = CopyCheck.fit(HASH, known, collages(120, 1))
    framed = np.full((20, 3, 80, 80), 30, dtype=np.uint8)
    framed[:, :, 8:72, 8:72] = known[:20]
    found = check.look(framed)
    assert ((found.nearest == np.arange(20)) & found.flagged).mean() > 0.8
    assert np.mean(["crop centre" in view for view in found.view[found.flagged]]) > 0.8
    assert CopyCheck.fit(HASH, known, collages(120, 1), crops=False).look(framed).share < found.share


def test_views_are_what_they_are_called(known):
    seen = dict(views(known[:2]))
    assert np.array_equal(seen["as it is"], known[:2])
    assert np.array_equal(seen["mirrored"][..., ::-1], known[:2])
    assert np.array_equal(seen["upside down"][..., ::-1, :], known[:2])
    assert np.array_equal(seen["crop top left"], known[:2, :, :51, :51])
    assert np.array_equal(seen["crop bottom right, mirrored"], known[:2, :, 13:, ::-1][..., 13:])
    assert len(seen) == 13


def test_nearest_is_the_least_of_all_views_and_known_covers(known):
    covers = collages(6, 4)
    found = CopyCheck.fit(EMBEDDING, known, covers, crops=False).look(covers)
    rows = EMBEDDING.describe(known)
    for index in range(6):
        slow = {
            name: np.linalg.norm(EMBEDDING.describe(seen[index : index + 1]) - rows, axis=1)
            for name, seen in views(covers, crops=False)
        }
        nearest = min(slow, key=lambda name: slow[name].min())
        tenth = np.sort(slow["as it is"])[9]
        assert found.distance[index] == pytest.approx(slow[nearest].min() / tenth, abs=1e-4)
        assert found.nearest[index] == slow[nearest].argmin()


def test_covers_of_one_artist_are_not_held_against_one_another(known):
    artists = np.array([f"artist {row // 2}" for row in range(80)])
    twins = known.copy()
    twins[1::2] = twins[::2]  # each artist has used one cover twice
    barred = CopyCheck.fit(HASH, twins, twins, barred=(artists, artists))
    assert barred.honest.min() > 0
    assert CopyCheck.fit(HASH, twins, twins).threshold == 0


def test_a_rate_is_of_the_honest_covers(known):
    few, many = (CopyCheck.fit(HASH, known, collages(120, 5), rate=rate) for rate in (0.01, 0.3))
    assert few.threshold < many.threshold
    assert few.chance <= 0.01
    assert many.chance <= 0.3


def test_covers_of_one_colour_have_no_hash_and_copy_nothing(known):
    flat = np.full((3, 3, 64, 64), 90, dtype=np.uint8)
    check = CopyCheck.fit(HASH, np.concatenate([known, flat]), collages(50, 1))
    assert (check.look(flat).distance == 1).all()
    assert not check.look(flat).flagged.any()


def test_covers_of_the_world_by_the_rule_are_no_copies():
    known, honest, new = (
        np.stack([render_cover(track, 64) for track in draw_tracks(40, seed=seed)]) for seed in (1, 2, 3)
    )
    assert CopyCheck.fit(EMBEDDING, known, honest).look(new).share < 0.1


def test_nothing_to_compare_is_refused(known):
    with pytest.raises(ValueError, match="known"):
        CopyCheck.fit(HASH, known[:0], known)
