"""The circuit's latent against closed forms and finite differences; its row beside the others."""

import importlib.util
import sys

import numpy as np
import pytest
import torch

from data.errors import InputError
from gans import quantum
from gans.bundle import load_bundle, write_bundle
from gans.quantum import MOST_QUBITS, CircuitPrior, Generator
from gans.sampling import generate_cover, generate_covers

simulated = pytest.mark.skipif(importlib.util.find_spec("pennylane") is None, reason="the extra quantum is missing")
SMALL = {"resolution": 32, "c_dim": 3, "z_dim": 3, "base_channels": 256, "max_channels": 16, "embedding_dim": 8}


def prior(qubits, layers, angle=None):
    torch.manual_seed(0)
    made = CircuitPrior(qubits, layers).double()
    if angle is not None:
        torch.nn.init.constant_(made.angles, angle)
    return made


def test_a_missing_library_is_named_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pennylane", None)
    quantum._circuit.cache_clear()
    with pytest.raises(InputError, match=r'^quantum: needs PennyLane: pip install "gatefold\[quantum\]"$'):
        Generator(**SMALL)
    quantum._circuit.cache_clear()


def test_a_circuit_too_large_to_simulate_is_refused():
    with pytest.raises(InputError, match=f"at most {MOST_QUBITS}"), torch.device("meta"):
        Generator(**{**SMALL, "z_dim": MOST_QUBITS + 1})


@simulated
def test_one_qubit_is_a_circle():
    z = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    for layers in (1, 3):  # without turns of its own, the circuit turns by z once in each layer
        latent = prior(1, layers, angle=0.0)(z)
        torch.testing.assert_close(latent, torch.cat([(layers * z).cos(), (layers * z).sin()], dim=1))


@simulated
def test_two_qubits_equal_the_state_vector_done_by_hand():
    """RY(a) ⊗ RY(b), then CNOT 0→1 and CNOT 1→0, on amplitudes in the order 00, 01, 10, 11."""
    a, b = 0.7, -1.9
    first, second = ([np.cos(t / 2), np.sin(t / 2)] for t in (a, b))
    s00, s01, s10, s11 = np.kron(first, second)
    s10, s11 = s11, s10
    s01, s11 = s11, s01
    by_hand = [
        s00**2 + s01**2 - s10**2 - s11**2,
        s00**2 - s01**2 + s10**2 - s11**2,
        2 * (s00 * s10 + s01 * s11),
        2 * (s00 * s01 + s10 * s11),
    ]
    latent = prior(2, 1, angle=0.0)(torch.tensor([[a, b]], dtype=torch.float64))
    assert latent[0].tolist() == pytest.approx(by_hand)


@simulated
def test_gradients_equal_finite_differences():
    circuit = prior(2, 2)
    z = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)

    def latent(z, angles):
        return torch.func.functional_call(circuit, {"angles": angles}, z)

    assert torch.autograd.gradcheck(latent, (z, circuit.angles))


@simulated
def test_a_latent_knows_nothing_of_the_batch():
    circuit, z = prior(4, 2), torch.randn(5, 4, dtype=torch.float64)
    torch.testing.assert_close(circuit(z), torch.cat([circuit(row[None]) for row in z]), rtol=0, atol=1e-12)
    assert circuit(z).abs().max() <= 1


@simulated
def test_a_bundle_draws_what_the_generator_drew(tmp_path):
    torch.manual_seed(0)
    generator = Generator(**SMALL).eval()
    model = {"network": "quantum", "generator": SMALL, "layout": [["attributes", 2]]}
    again = load_bundle(write_bundle(tmp_path, generator, model)).generator
    c = np.array([[1.0, 0.3, -0.2], [1.0, -1.0, 2.0]], dtype=np.float32)
    drawn = generate_covers(generator, c, [5, 6])
    assert np.array_equal(generate_covers(again, c, [5, 6]), drawn)
    assert np.array_equal(generate_cover(again, c[1], 6), drawn[1])
    assert not np.array_equal(generate_cover(again, c[1], 7), drawn[1])
