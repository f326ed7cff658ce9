"""The denoising autoencoder: a small code from which a track's descriptors (or its patches of sound) come back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.errors import InputError
from encoders.base import Encoder
from encoders.features import DESCRIPTOR_NAMES, DESCRIPTORS_HASH, N_MELS, one_thread
from encoders.heads import check_tensors
from encoders.loop import Learner, Pace, has_state, train_network
from encoders.options import Options, within
from encoders.pca import CLIP, stand_out
from encoders.sound import MEL_HASH

PATCH_BANDS, PATCH_STEPS = 32, 16
"""A patch of sound: 32 bands of four mel filters, 16 steps of four frames (1.5 s)."""


@dataclass(frozen=True)
class AutoencoderSizes(Options):
    """Sizes of the autoencoder; with `patches` it hears patches of the log-mel in place of descriptors, which stand out
    as they do in PCA (`two_modes`)."""

    code_dim: int = 32
    hidden: int = 32
    patches: bool = False
    two_modes: bool = True

    def __post_init__(self) -> None:
        within(self, 1, self.inputs, "code_dim")
        within(self, 1, 4096, "hidden")

    @property
    def inputs(self) -> int:
        """Numbers that go in."""
        return PATCH_BANDS * PATCH_STEPS if self.patches else len(DESCRIPTOR_NAMES)


@dataclass(frozen=True)
class AutoencoderOptions(AutoencoderSizes, Pace):
    """How the autoencoder is trained: what is done to its inputs, which it has to give back undone."""

    steps: int = 900
    batch_size: int = 64
    learning_rate: float = 3e-4
    weight_decay: float = 0.1
    precision: str = "fp32"
    noise: float = 0.1  # deviation of what is added
    drop: float = 0.0  # share of the numbers that are put to their mean
    blend: float = 1.0  # most that comes from another track
    dropout: float = 0.5
    excerpts: bool = True  # learn from several excerpts of each clip; without effect on patches

    def __post_init__(self) -> None:
        AutoencoderSizes.__post_init__(self)
        Pace.__post_init__(self)
        within(self, 0, 10, "noise")
        within(self, 0, 0.9, "drop", "dropout")
        within(self, 0, 1, "blend")

    @property
    def sizes(self) -> AutoencoderSizes:
        return AutoencoderSizes(self.code_dim, self.hidden, self.patches, self.two_modes)


class Autoencoder(nn.Module):
    """A straight path in and out, each with a bent one beside it that begins at nothing.

    The straight paths begin as principal axes, so that training starts where PCA ends.
    """

    def __init__(self, sizes: AutoencoderSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.straight_in, self.straight_out = (
            nn.Linear(sizes.inputs, sizes.code_dim),
            nn.Linear(sizes.code_dim, sizes.inputs),
        )
        self.bent_in = _bent(sizes.inputs, sizes.hidden, sizes.code_dim, dropout)
        self.bent_out = _bent(sizes.code_dim, sizes.hidden, sizes.inputs, dropout)

    def encode(self, x: Tensor) -> Tensor:
        """Codes `[B, code_dim]` of standardised `x [B, inputs]`."""
        return self.straight_in(x) + self.bent_in(x)

    def decode(self, codes: Tensor) -> Tensor:
        """What the codes `[B, code_dim]` say of `[B, inputs]`."""
        return self.straight_out(codes) + self.bent_out(codes)

    @torch.no_grad()
    def start_from(self, axes: Tensor) -> None:
        """Lays the straight paths along orthonormal `axes [inputs, code_dim]`."""
        self.straight_in.weight.copy_(axes.T)
        self.straight_out.weight.copy_(axes)
        for straight in (self.straight_in, self.straight_out):
            straight.bias.zero_()


def _bent(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(hidden, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout), last)


class AutoencoderEncoder(Encoder):
    """The code of a denoising autoencoder (Vincent et al. 2008): inputs come back from it with noise taken away.

    A track heard in patches has the mean of their codes. Codes have mean 0 and deviation 1 over the training
    tracks.
    """

    name: ClassVar[str] = "autoencoder"
    hears: Literal["descriptors", "log_mel"] = "descriptors"

    def __init__(self, options: AutoencoderOptions | None = None) -> None:
        self.options = options or AutoencoderOptions()
        self.sizes = self.options.sizes
        self.code_dim = self.sizes.code_dim
        self.hears = "log_mel" if self.sizes.patches else "descriptors"
        self.card: dict[str, Any] = {}
        self._network: Autoencoder | None = None
        self._mean = self._scale = np.zeros(0, dtype=np.float32)
        self.code_mean, self.code_scale = np.zeros(self.code_dim, np.float32), np.ones(self.code_dim, np.float32)

    def fit(self, heard: np.ndarray | Sequence[np.ndarray]) -> Self:
        """Learns from descriptors `[N, d]` (or N log-mels), N at least 3; the same give the same codes."""
        return self.train(heard, seed=0)

    def train(
        self,
        heard: np.ndarray | Sequence[np.ndarray],
        seed: int,
        more: np.ndarray | None = None,
        folder: Path | None = None,
        **loop: Any,
    ) -> Self:
        """As `fit`, with a seed, and from `more` raw rows `[n, inputs]`, such as other excerpts of the same tracks.

        Goes on from the state in `folder`; hands `loop` on to `train_network`.
        """
        if len(heard) < 3:
            raise InputError(self.name, f"{len(heard)} tracks are too few to learn from; at least 3 are needed")
        rows = self._rows(heard)
        more = np.zeros((0, rows.shape[1]), dtype=np.float32) if more is None else more
        if not np.isfinite(rows).all() or not np.isfinite(more).all():
            raise InputError(self.name, "what is heard is not finite")
        self._mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        deviation = rows.std(axis=0, dtype=np.float64)
        # A number that never changes must not become loud through a division by nearly nothing.
        varies = deviation > 1e-6 * np.maximum(np.abs(self._mean), 1)
        self._scale = np.where(varies, deviation, 0).astype(np.float32)
        x = torch.from_numpy(self._standardise(np.concatenate([rows, more])))
        torch.manual_seed(seed)
        network = Autoencoder(self.sizes, self.options.dropout)
        network.start_from(_axes(x, self.code_dim))
        learner = Learner.begin(network, self.options)
        if folder is not None and has_state(folder):
            learner.load(folder)
        device = torch.device("cpu")  # it is small: a device would mostly wait
        train_network(
            learner, lambda net, step: self._losses(net, x, seed, step), self.options,
            seed=seed, device=device, folder=folder, **loop,
        )  # fmt: skip
        self._network = learner.averaged
        self.code_mean, self.code_scale = np.zeros(self.code_dim, np.float32), np.ones(self.code_dim, np.float32)
        codes = self.encode_heard(heard)
        deviation = codes.std(axis=0)
        self.code_mean = codes.mean(axis=0)
        self.code_scale = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
        return self

    def _losses(self, network: Autoencoder, x: Tensor, seed: int, step: int) -> dict[str, tuple[float, Tensor]]:
        """The mean square between what goes in and what comes back of it after it was spoilt."""
        rng = np.random.default_rng((seed, 1, step))
        size, options = self.options.batch_size, self.options
        first, second = (x[torch.from_numpy(rng.integers(len(x), size=size))] for _ in range(2))
        clean = torch.lerp(first, second, options.blend * torch.rand(size, 1))
        kept = torch.rand_like(clean) >= options.drop
        spoilt = (clean + options.noise * torch.randn_like(clean)) * kept / (1 - options.drop)
        return {"reconstruction": (1.0, F.mse_loss(network.decode(network.encode(spoilt)), clean))}

    def reconstruction(self, heard: np.ndarray | Sequence[np.ndarray]) -> float:
        """Share of the standardised inputs' mean square that does not come back from the codes (0: all does)."""
        network, rows = self._fitted(), self._rows(heard)
        with one_thread(), torch.inference_mode():
            back = network.decode(network.encode(torch.from_numpy(self._standardise(rows)))).numpy()
        x = self._standardise(rows)
        return float(np.square(back - x).mean() / np.square(x).mean())

    def reconstruction_of_pca(
        self, taught: np.ndarray | Sequence[np.ndarray], heard: np.ndarray | Sequence[np.ndarray]
    ) -> float:
        """As `reconstruction`, of principal components of `taught`, as many as the code has numbers."""
        axes = _axes(torch.from_numpy(self._standardise(self._rows(taught))), self.code_dim).numpy()
        x = self._standardise(self._rows(heard))
        return float(np.square(x @ axes @ axes.T - x).mean() / np.square(x).mean())

    def encode_heard(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Codes float32 `[N, code_dim]` of descriptors `[N, d]` or N log-mels, each by itself."""
        network = self._fitted()
        with one_thread(), torch.inference_mode():
            codes = [
                network.encode(torch.from_numpy(self._standardise(self._rows([one])))).mean(dim=0).numpy()
                for one in heard
            ]
        return (np.array(codes, dtype=np.float32).reshape(-1, self.code_dim) - self.code_mean) / self.code_scale

    def _fitted(self) -> Autoencoder:
        if self._network is None:
            raise ValueError("this encoder was not fitted")
        return self._network

    def _rows(self, heard: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """What goes in, raw, float32 `[n, inputs]`: a row a track, or one for each of its patches."""
        if self.sizes.patches:
            return np.concatenate([_patches(np.asarray(log_mel, dtype=np.float32)) for log_mel in heard])
        rows = np.asarray(heard, dtype=np.float32).reshape(len(heard), -1)
        if rows.shape[1] != self.sizes.inputs:
            raise ValueError(f"this encoder hears {self.sizes.inputs} descriptors, not {rows.shape[1]}")
        return rows

    def _standardise(self, rows: np.ndarray) -> np.ndarray:
        """As PCA has them: within ± `CLIP`, and descriptors as loud as there."""
        standard = np.clip((rows - self._mean) / np.where(self._scale > 0, self._scale, np.inf), -CLIP, CLIP)
        loud = standard if self.sizes.patches else stand_out(standard, self.sizes.two_modes)
        return loud.astype(np.float32)

    def config(self) -> dict[str, Any]:
        """Sizes, what it hears in which version, and how it was trained."""
        return {"sizes": self.sizes.to_json(), "hears": self._hash, "card": self.card}

    @property
    def _hash(self) -> str:
        return MEL_HASH if self.sizes.patches else DESCRIPTORS_HASH

    def tensors(self) -> dict[str, np.ndarray]:
        """`mean` and `scale [inputs]` (0 where an input never changes), `code_mean` and `code_scale`, `network/…`."""
        own = {"mean": self._mean, "scale": self._scale, "code_mean": self.code_mean, "code_scale": self.code_scale}
        state = self._fitted().state_dict()
        return own | {f"network/{name}": value.numpy().copy() for name, value in state.items()}

    @classmethod
    def from_state(cls, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The encoder of this state; `InputError` where parts are missing, misshapen or for other features."""
        if not isinstance(config, Mapping) or set(config) != {"sizes", "hears", "card"}:
            raise InputError(cls.name, "its configuration does not have the keys card, hears, sizes")
        names = {field.name for field in dataclasses.fields(AutoencoderSizes)}
        known = {"two_modes": False, **config["sizes"]} if isinstance(config["sizes"], Mapping) else {}
        if set(known) != names:
            raise InputError(cls.name, f"its sizes are not {', '.join(sorted(names))}")
        if not isinstance(config["card"], Mapping):
            raise InputError(cls.name, "its card is not an object")
        encoder = cls(AutoencoderOptions.from_json(known))
        sizes = encoder.sizes
        if config["hears"] != encoder._hash:
            raise InputError(cls.name, "was fitted to the features of another version")
        network = Autoencoder(sizes)
        shapes = {f"network/{name}": tuple(value.shape) for name, value in network.state_dict().items()}
        shapes |= {name: (sizes.inputs,) for name in ("mean", "scale")}
        shapes |= {name: (sizes.code_dim,) for name in ("code_mean", "code_scale")}
        if set(tensors) != set(shapes):
            raise InputError(cls.name, f"its tensors are not those of its sizes: {min(set(tensors) ^ set(shapes))}")
        check_tensors(cls.name, tensors, shapes)
        if not (tensors["code_scale"] > 0).all() or not (tensors["scale"] >= 0).all():
            raise InputError(cls.name, "a scale is below 0")
        weights = {name: torch.from_numpy(tensors[f"network/{name}"].copy()) for name in network.state_dict()}
        network.load_state_dict(weights)
        encoder._network, encoder.card = network.eval().requires_grad_(False), dict(config["card"])
        encoder._mean, encoder._scale = tensors["mean"], tensors["scale"]
        encoder.code_mean, encoder.code_scale = tensors["code_mean"], tensors["code_scale"]
        return encoder


def _axes(x: Tensor, n: int) -> Tensor:
    """The first `n` principal axes of standardised rows `[N, inputs]`, `[inputs, n]`; zeros beyond those there are."""
    found = torch.linalg.svd(x - x.mean(dim=0), full_matrices=False)[2][:n].T  # [inputs, ≤ n]
    return F.pad(found, (0, n - found.shape[1]))


def _patches(log_mel: np.ndarray) -> np.ndarray:
    """Patches `[n, 512]` of a log-mel `[128, n_frames]`, one after another; a short one is repeated to fill one."""
    frames = PATCH_STEPS * 4
    if log_mel.shape[1] < frames:
        log_mel = np.tile(log_mel, -(-frames // log_mel.shape[1]))
    n = log_mel.shape[1] // frames
    steps = log_mel[:, : n * frames].reshape(PATCH_BANDS, N_MELS // PATCH_BANDS, n, PATCH_STEPS, 4).mean(axis=(1, 4))
    return steps.transpose(1, 0, 2).reshape(n, PATCH_BANDS * PATCH_STEPS)
