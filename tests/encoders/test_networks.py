"""The networks' laws: what may depend on what, and closed forms of their parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data.errors import InputError
from encoders.layers import AttentivePool, LargestOf
from encoders.moments import MIDDLE_FRAMES
from encoders.networks import CNN, RNN, CNNSizes, RNNSizes, SoundNetwork, band_levels, coarse

ANSWERS = {"genres": 3, "emotions": 9, "moments": 5}


def networks() -> dict[str, SoundNetwork]:
    torch.manual_seed(0)
    cnn = CNN(CNNSizes(code_dim=6, channels=(4, 8, 8), mixed=16), ANSWERS)
    return {"cnn": cnn.eval(), "rnn": RNN(RNNSizes(code_dim=6, front=(4, 8, 16), hidden=12), ANSWERS).eval()}


def sound(n_frames: int, n: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 128, n_frames)).astype(np.float32))


@pytest.mark.parametrize("name", ["cnn", "rnn"])
@pytest.mark.parametrize("n_frames", [64, 65, 130, 431])
def test_any_length_gives_a_code(name: str, n_frames: int) -> None:
    network = networks()[name]
    codes = network.code(sound(n_frames, 2))
    assert codes.shape == (2, 6)
    assert codes.isfinite().all()
    assert {answer: tuple(value.shape) for answer, value in network.answer(codes).items()} == {
        "genres": (2, 3),
        "emotions": (2, 9),
    }


@pytest.mark.parametrize("name", ["cnn", "rnn"])
@pytest.mark.parametrize("n_frames", [64, 65, 130, 431])
def test_there_is_an_answer_for_every_place(name: str, n_frames: int) -> None:
    network = networks()[name].train()
    moments = network.learn(sound(n_frames, 2), sound(n_frames, 2)).moments
    assert moments is not None
    assert moments.shape == (2, len(network.places(n_frames)), 5)


@pytest.mark.parametrize("name", ["cnn", "rnn"])
def test_a_place_is_where_its_answer_looks(name: str) -> None:
    """The middle of the frames that an answer depends on is its place; for the recurrent network, all before it."""
    network = networks()[name]
    x = sound(600).requires_grad_()
    moments = network.learn(x, x).moments
    assert moments is not None
    place = moments.shape[1] // 2
    moments[0, place].square().sum().backward()
    assert x.grad is not None
    seen = np.flatnonzero(x.grad.abs().sum(dim=(0, 1)).numpy())
    middle = network.places(600)[place] + network.behind
    assert abs((seen[0] + seen[-1]) / 2 - middle) < network.hop if name == "cnn" else seen[-1] < middle + 10


def test_the_recurrent_network_is_asked_for_the_moment_that_ends() -> None:
    assert RNN.behind == pytest.approx(MIDDLE_FRAMES, abs=1)


@pytest.mark.parametrize("name", ["cnn", "rnn"])
def test_every_answer_is_linear_in_the_code(name: str) -> None:
    network = networks()[name]
    a, b = torch.randn(2, 1, 6)
    middle = network.answer((a + b) / 2)["genres"]
    torch.testing.assert_close(middle, (network.answer(a)["genres"] + network.answer(b)["genres"]) / 2)


@pytest.mark.parametrize("name", ["cnn", "rnn"])
def test_every_weight_is_taught(name: str) -> None:
    """A loss on answers and on what comes next reaches every parameter."""
    network = networks()[name].train()
    x = sound(200, 4)
    codes, moments, surprise = network.learn(x, x)
    assert moments is not None
    loss = moments.square().sum() + sum(value.square().sum() for value in network.answer(codes).values())
    (loss if surprise is None else loss + surprise).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_the_recurrent_network_does_not_look_ahead() -> None:
    """What it foretells from is untouched by sound that comes later than its convolutions see (8 frames)."""
    network = networks()["rnn"]
    assert isinstance(network, RNN)
    x = sound(200)
    y = x.clone()
    y[:, :, 120:] = 5
    states, other = network._follow(x), network._follow(y)
    seen = (120 - 8) // 4
    torch.testing.assert_close(states[:, :seen], other[:, :seen])
    assert not torch.allclose(states[:, 31:], other[:, 31:])


def test_foretelling_begins_beyond_what_is_seen() -> None:
    """A step's convolutions reach 8 frames beyond its first; what is foretold begins later than that."""
    assert 4 * RNN.AHEAD > 8


def test_foretelling_as_now_has_loss_one() -> None:
    network = networks()["rnn"]
    assert isinstance(network, RNN)
    with torch.no_grad():
        network.next.weight.zero_()
        network.next.bias.zero_()
    x = sound(300)
    future = network.learn(x, x).surprise
    assert future is not None
    assert future.item() == pytest.approx(1)
    assert network.learn(sound(16), sound(16)).surprise is None  # too short to have a future


def test_the_pool_with_equal_weights_is_mean_and_deviation() -> None:
    pool = AttentivePool(3)
    with torch.no_grad():
        pool.weigh.weight.zero_()
    rows = torch.randn(2, 3, 50)
    mean, spread = rows.mean(dim=-1), rows.std(dim=-1, correction=0)
    torch.testing.assert_close(pool(rows), torch.cat([mean, spread], dim=1))


def test_coarse_by_hand() -> None:
    x = torch.zeros(1, 128, 9)
    x[0, 4:8, 4:8] = 16  # the second band, the second step
    steps = coarse(x)
    assert steps.shape == (1, 2, 32)
    expected = torch.zeros(1, 2, 32)
    expected[0, 1, 1] = 16
    torch.testing.assert_close(steps, expected)


def test_levels_are_means_and_deviations_of_equal_bands() -> None:
    """Eight bands: the third is 1 and 5 by turns; the others stand still, which is told as the least deviation."""
    x = torch.zeros(1, 128, 10)
    x[:, 32:48, ::2], x[:, 32:48, 1::2] = 1, 5
    expected = torch.full((1, 16), 0.01)
    expected[:, :8] = 0
    expected[0, 2], expected[0, 8 + 2] = 3, 2
    torch.testing.assert_close(band_levels(x, 8), expected)


@pytest.mark.parametrize("name", ["cnn", "rnn"])
def test_a_code_hears_levels_beside_what_is_pooled(name: str) -> None:
    """With nothing taken from the pooled rows, the code is what its last layer makes of the levels; without bands there
    are none."""
    network = networks()[name]
    with torch.no_grad():
        network.to_code.weight[:, :-64] = 0
    x = sound(130)
    expected = band_levels(x, 32) @ network.to_code.weight[:, -64:].T + network.to_code.bias
    torch.testing.assert_close(network.code(x), expected)
    sizes = {"cnn": CNNSizes(bands=0), "rnn": RNNSizes(bands=0)}[name]
    plain = (CNN if name == "cnn" else RNN)(sizes, {})  # type: ignore[arg-type]
    assert plain.to_code.in_features == 2 * plain.pool.weigh.in_channels


@pytest.mark.parametrize(
    "sizes",
    [{"bands": 48}, {"bands": -4}, {"channels": (8,)}, {"channels": (1,) * 8}, {"code_dim": 0}, {"dropout": 1.0}],
)
def test_impossible_sizes_are_refused(sizes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        CNNSizes(**sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(2, 1), (4, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("shape", [(1, 3, 8, 12), (2, 3, 9, 11), (1, 1, 4, 2)])
def test_pooling_is_the_same_in_training_and_after_it(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    pool = LargestOf(*size)
    assert torch.equal(pool.train()(x), pool.eval()(x))


@pytest.mark.parametrize("size", [(2, 1), (4, 1), (2, 2)])
@pytest.mark.parametrize("shape", [(1, 3, 8, 12), (2, 3, 9, 11)])
def test_the_largest_alone_has_the_gradient(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weights = torch.randn(F.max_pool2d(x, size).shape, generator=torch.Generator().manual_seed(1))
    own, theirs = (
        torch.autograd.grad((pooled * weights).sum(), x)[0] for pooled in (LargestOf(*size)(x), F.max_pool2d(x, size))
    )
    assert torch.equal(own, theirs)
