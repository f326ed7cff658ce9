"""Families of looks: each is deaf to company and to size, and tells what it is named after."""

import numpy as np
import pytest

from analysis.listeners import Eye
from analysis.looks import FAMILIES, compute_looks


def plain(*rgb: int, side: int = 32) -> np.ndarray:
    return np.broadcast_to(np.array(rgb, dtype=np.uint8)[:, None, None], (3, side, side)).copy()


def test_a_cover_looks_the_same_in_any_company() -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(70, 3, 16, 16), dtype=np.uint8)  # more than one chunk
    together, alone = compute_looks(images), compute_looks(images[67:68])
    assert list(together) == list(FAMILIES)
    for name, values in together.items():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert np.allclose(values[67], alone[name][0], atol=1e-5)


def test_a_cover_of_large_pixels_looks_as_it_does_small() -> None:
    image = np.random.default_rng(0).integers(0, 256, size=(1, 3, 128, 128), dtype=np.uint8)
    small, large = compute_looks(image), compute_looks(image.repeat(2, axis=2).repeat(2, axis=3))
    for name in FAMILIES:
        assert np.allclose(small[name], large[name], atol=1e-4)


def test_histograms_are_roots_of_shares() -> None:
    looks = compute_looks(np.random.default_rng(0).integers(0, 256, size=(3, 3, 40, 40), dtype=np.uint8))
    assert np.allclose((looks["colours"] ** 2).sum(axis=1), 1, atol=1e-5)
    assert np.allclose((looks["colours by place"] ** 2).sum(axis=1), 4, atol=1e-5)
    assert np.allclose((looks["texture"] ** 2).sum(axis=1), 4, atol=1e-5)  # one at each of four scales


def test_families_tell_what_they_are_named_after() -> None:
    grey, skin, lettered = plain(128, 128, 128, side=128), plain(222, 171, 127, side=128), plain(20, 20, 20, side=128)
    lettered[:, 10:14:2, 8:120] = 240  # thin bright strokes in the first of eight bands
    half = plain(0, 0, 0, side=128)
    half[:, :, 64:] = 255
    looks = compute_looks(np.stack([grey, skin, lettered, half]))
    assert looks["skin"][1].min() >= 1 > 0 == looks["skin"][0].max()
    strokes = looks["strokes"][2, :8]
    assert strokes[0] > 0.1
    assert strokes[1:].max() == 0
    mirrored, flipped = looks["composition"][3, :2]
    assert mirrored == pytest.approx(5, abs=0.01)  # white is 100 L from black: left and right differ everywhere
    assert flipped == pytest.approx(0, abs=1e-6)


def test_the_eye_sees_new_covers_as_it_saw_the_known_ones() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(30, 4)), np.ones((30, 2))], axis=1)  # the second family never varies
    eye = Eye.fit(x, (4, 2))
    seen = eye.see(x)
    assert np.allclose(seen.mean(axis=0), 0, atol=1e-9)
    assert np.allclose(seen, np.concatenate([eye.see(x[:7]), eye.see(x[7:])]))
    products = seen.T @ seen
    assert np.allclose(products, np.diag(np.diag(products)), atol=1e-8)  # principal components are orthogonal


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 3, 32, 32), np.uint8),
        np.zeros((1, 3, 8, 8), np.uint8),
        np.zeros((1, 3, 32, 32)),
        np.zeros((1, 3, 32, 40), np.uint8),
    ],
)
def test_what_are_no_covers_is_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="needs"):
        compute_looks(images)
