"""Taggers as teachers: what is opened, what is refused, and where windows lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from encoders.taggers import STEP, WINDOW, hear_windows, load_taggers, window_starts
from tests.encoders.weights import random_weights


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teachers")
    for seed, name in enumerate(("fcn-a", "fcn-b")):
        torch.save(random_weights(seed), folder / f"{name}.pth")
    return folder


def test_every_tagger_of_a_folder_is_opened(teachers: Path) -> None:
    opened = load_taggers(teachers)
    assert [tagger.name for tagger in opened] == ["fcn-a", "fcn-b"]
    assert opened[0].fingerprint != opened[1].fingerprint


@given(n=st.integers(1, 4_000_000))
def test_windows_cover_a_clip_about_every_ten_seconds(n: int) -> None:
    starts = window_starts(n)
    assert starts[0] == 0
    assert n - WINDOW - starts[-1] <= STEP / 2
    if len(starts) > 1:
        assert starts[-1] == n - WINDOW
        assert (np.diff(starts) > STEP / 2).all()
        assert (np.diff(starts) <= 1.5 * STEP + 1).all()


def test_what_is_heard(teachers: Path) -> None:
    """Codes and logits of each tagger side by side; a short sound is repeated; logits are linear in the codes."""
    opened = load_taggers(teachers)
    y = np.random.default_rng(0).uniform(-1, 1, 100_000).astype(np.float32)
    starts, codes, logits = hear_windows(opened, y)
    assert starts.tolist() == [0]
    assert codes.shape == (1, 128)
    assert logits.shape == (1, 100)
    np.testing.assert_array_equal(hear_windows(opened, np.tile(y, 5)[:WINDOW])[1], codes)
    weights = opened[1].weights
    expected = codes[:, 64:] @ weights["dense.weight"].numpy().T + weights["dense.bias"].numpy()
    np.testing.assert_allclose(logits[:, 50:], expected, rtol=1e-4, atol=1e-5)


def test_weights_too_small_to_tell_anything_are_nothing(tmp_path: Path) -> None:
    """Subnormal numbers make a processor many times slower and change no answer."""
    weights = random_weights()
    tiny = torch.finfo(torch.float32).tiny
    weights["layer2.conv.weight"][3] = -tiny / 8
    weights["layer2.conv.weight"][4] = tiny
    torch.save(weights, tmp_path / "fcn-a.pth")
    opened = load_taggers(tmp_path)[0].weights["layer2.conv.weight"]
    assert (opened[3] == 0).all()
    assert (opened[4] == tiny).all()
    assert torch.equal(opened[5:], weights["layer2.conv.weight"][5:])


def _changed(**change: Any) -> dict[str, Any]:
    weights: dict[str, Any] = random_weights()
    for name, value in change.items():
        if value is None:
            del weights[name.replace("__", ".")]
        else:
            weights[name.replace("__", ".")] = value
    return weights


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "no table of names"),
        (_changed(dense__bias=None), "dense.bias is not"),
        (_changed(dense__bias=torch.zeros(51)), r"dense.bias is not float32 \(50,\)"),
        (_changed(dense__bias=torch.zeros(50, dtype=torch.float64)), "dense.bias is not"),
        (_changed(dense__bias="text"), "dense.bias is not"),
        (_changed(dense__bias=torch.full((50,), torch.nan)), "dense.bias is not finite"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: Any, reason: str) -> None:
    torch.save(content, tmp_path / "fcn-odd.pth")
    with pytest.raises(InputError, match=reason):
        load_taggers(tmp_path)


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def test_nothing_in_a_file_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(Evil(), tmp_path / "fcn-evil.pth")
    with pytest.raises(InputError, match="not the weights of a tagger"):
        load_taggers(tmp_path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04" + bytes(100)])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fcn-broken.pth").write_bytes(content)
    with pytest.raises(InputError, match="not the weights of a tagger"):
        load_taggers(tmp_path)


def test_a_folder_without_teachers_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="holds no teachers"):
            load_taggers(folder)
