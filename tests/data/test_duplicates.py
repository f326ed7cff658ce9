"""Near-duplicates: what the hash sees as the same, and the groups against every pair compared."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from data.duplicates import FLAT, near_duplicate_groups, perceptual_hash


def scene(seed: int) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((200, 200), Image.Resampling.BICUBIC)


def distance(one: Image.Image, other: Image.Image) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def as_jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=30)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.resize((77, 77)),
        as_jpeg,
        lambda i: ImageEnhance.Brightness(i).enhance(1.1),
        lambda i: i.crop((2, 2, 198, 198)),
    ],
    ids=["smaller", "recompressed", "brighter", "cropped"],
)
def test_the_same_picture_in_another_form_is_near(change: object) -> None:
    for seed in range(10):
        assert distance(scene(seed), change(scene(seed))) <= 6  # type: ignore[operator]


def test_other_pictures_are_far() -> None:
    distances = [distance(scene(a), scene(b)) for a in range(12) for b in range(a)]
    assert min(distances) > 10
    assert 28 < np.mean(distances) < 36


def test_flat_images_are_no_duplicates_of_one_another() -> None:
    flats = [perceptual_hash(Image.new("RGB", (64, 64), colour)) for colour in ("black", "white", "red", "#010101")]
    assert flats == [FLAT] * 4
    groups = near_duplicate_groups(np.array([*flats, perceptual_hash(scene(0))], dtype=np.uint64))
    assert len(set(groups.tolist())) == 5


def groups_by_comparing_all(hashes: list[int], max_distance: int) -> list[int]:
    """Single linkage by hand: every pair is compared, groups are numbered by first appearance."""
    group = list(range(len(hashes)))
    for a in range(len(hashes)):
        for b in range(a):
            if hashes[a] != FLAT != hashes[b] and (hashes[a] ^ hashes[b]).bit_count() <= max_distance:
                group = [group[b] if label == group[a] else label for label in group]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in group]


@pytest.mark.parametrize("max_distance", [0, 1, 3, 4, 6, 9])
def test_banding_finds_what_comparing_all_finds(max_distance: int) -> None:
    rng = np.random.default_rng(max_distance)
    hashes = [int(value) for value in rng.integers(1, 2**63, 20)]
    for _ in range(150):
        flipped = int(hashes[rng.integers(len(hashes))])
        for bit in rng.choice(64, rng.integers(0, 9), replace=False):
            flipped ^= 1 << int(bit)
        hashes.append(flipped)
    hashes += [FLAT, FLAT]
    found = near_duplicate_groups(np.array(hashes, dtype=np.uint64), max_distance)
    assert found.tolist() == groups_by_comparing_all(hashes, max_distance)


def test_a_hundred_thousand_are_grouped() -> None:
    hashes = np.random.default_rng(0).integers(1, 2**63, 100_000, dtype=np.uint64)
    hashes[50_000:60_000] = hashes[0]  # and one cover ten thousand times
    groups = near_duplicate_groups(hashes)
    assert set(groups[50_000:60_000]) == {groups[0]}
    assert len(set(groups.tolist())) > 89_000


def test_nothing_and_a_distance_off_the_scale() -> None:
    assert near_duplicate_groups(np.zeros(0, dtype=np.uint64)).shape == (0,)
    with pytest.raises(ValueError, match="max_distance"):
        near_duplicate_groups(np.ones(3, dtype=np.uint64), 12)
