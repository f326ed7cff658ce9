"""A latent that a small quantum circuit makes of noise: the DCGAN generator behind another prior.

Noise turns qubits, trained gates entangle them, and the expectations of Z and X on each qubit are the latent. The
circuit is simulated exactly, by PennyLane through its Torch interface, so gradients are those of backpropagation and
one z gives one latent. PennyLane is no part of the package: `pip install "gatefold[quantum]"`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import InputError
from gans import dcgan

MOST_QUBITS = 12
"""A simulation holds 2^qubits amplitudes for each image."""


class CircuitPrior(nn.Module):
    """Noise `z [N, qubits]` → latent `[N, 2·qubits]`: ⟨Z⟩ of each qubit, then ⟨X⟩ of each, all in −1…1.

    Every layer turns qubit i by z_i about Y (so z enters anew in each, after Pérez-Salinas et al. 2020), then by three
    trained angles, and entangles neighbours by a ring of controlled NOTs. One qubit without turns of its own
    gives (cos z, sin z) after one layer.
    """

    def __init__(self, qubits: int, layers: int) -> None:
        super().__init__()
        if qubits > MOST_QUBITS:
            raise InputError("z_dim", f"{qubits} qubits; at most {MOST_QUBITS} can be simulated here")
        self.angles = nn.Parameter(torch.empty(layers, qubits, 3))
        if not self.angles.is_meta:  # there, weights are only described, and the circuit may never run
            _circuit(qubits)
            nn.init.uniform_(self.angles, -math.pi, math.pi)

    def forward(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            outcomes = _circuit(self.angles.shape[1])(z.double(), self.angles.double())
            return torch.stack(outcomes, dim=1).to(z.dtype)


class Generator(dcgan.Generator):
    """The DCGAN generator on a circuit's latent: `z_dim` is the number of qubits, its latent has twice as many."""

    def __init__(
        self,
        *,
        resolution: int,
        c_dim: int,
        z_dim: int = 8,
        layers: int = 3,
        embedding_dim: int = 64,
        base_channels: int = 2048,
        max_channels: int = 192,
        noise: bool = True,
    ) -> None:
        super().__init__(
            resolution=resolution,
            c_dim=c_dim,
            z_dim=2 * z_dim,
            embedding_dim=embedding_dim,
            base_channels=base_channels,
            max_channels=max_channels,
            noise=noise,
        )
        self.z_dim = z_dim
        self.prior = CircuitPrior(z_dim, layers)

    def map(self, z: Tensor, c: Tensor) -> Tensor:
        return super().map(self.prior(z), c)


@functools.cache
def _circuit(qubits: int) -> Callable[[Tensor, Tensor], Any]:
    """(z `[N, qubits]`, angles `[layers, qubits, 3]`) → one `[N]` for each expectation.

    The library's module for Torch is left out: it keeps its weights a second time, and would go on with those after a
    bundle has put its own in their place.
    """
    try:
        import pennylane as qml
    except ImportError as error:
        raise InputError("quantum", 'needs PennyLane: pip install "gatefold[quantum]"') from error

    @qml.qnode(qml.device("default.qubit", wires=qubits), interface="torch", diff_method="backprop")
    def circuit(z: Tensor, angles: Tensor) -> list[Any]:
        for layer in angles:
            for qubit in range(qubits):
                qml.RY(z[:, qubit], wires=qubit)
                qml.Rot(*layer[qubit], wires=qubit)
            for qubit in range(qubits if qubits > 1 else 0):
                qml.CNOT([qubit, (qubit + 1) % qubits])
        return [qml.expval(axis(qubit)) for axis in (qml.Z, qml.X) for qubit in range(qubits)]

    return circuit
