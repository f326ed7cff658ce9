"""The learned embedding of covers: a small convolutional network, trained without labels (`analysis/views.py`), whose
128 numbers stay about the same when a cover is cropped, mirrored, recoloured a little or compressed again.

Its weights lie in `pretrained/`, beside a card that says what they were trained on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.descriptors import check_images
from data.covers import resize_cover, to_float
from data.errors import InputError
from data.files import atomic_path, read_json, write_json

SIDE = 64
"""Pixels a side of the covers that the network sees."""
DIM = 128
WIDTHS = (32, 64, 128, 256)
PRETRAINED = Path(__file__).parent / "pretrained"
CARD, WEIGHTS = "embedding.json", "embedding.safetensors"
FORMAT_VERSION = 1
_BATCH = 64


class Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (He et al. 2016), which is averaged down where the block is."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        self.stride = stride
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(y + self.shortcut(F.avg_pool2d(x, self.stride) if self.stride > 1 else x))


class CoverNetwork(nn.Module):
    """Covers float `[N, 3, H, W]` in −1…1, H = W a multiple of 16 → embeddings float32 `[N, 128]` of length one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTHS[0], 3, 2, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(WIDTHS[0])
        before = (WIDTHS[0], *WIDTHS)
        strides = (1, *(2 for _ in WIDTHS[1:]))
        self.blocks = nn.Sequential(*(Block(*sizes) for sizes in zip(before, WIDTHS, strides, strict=False)))
        self.head = nn.Linear(WIDTHS[-1], DIM)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.stem_norm(self.stem(images))))
        return F.normalize(self.head(x.mean(dim=(2, 3))).float())


def write_embedding(folder: str | os.PathLike[str], network: CoverNetwork, card: Mapping[str, Any]) -> None:
    """Writes the weights at half precision into `folder`, then the card."""
    from safetensors.torch import save_file

    tensors = {name: tensor.half().contiguous() for name, tensor in _tensors(network).items()}
    with atomic_path(Path(folder) / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    write_json(Path(folder) / CARD, {"format_version": FORMAT_VERSION, **card})


def read_embedding(folder: str | os.PathLike[str] = PRETRAINED) -> CoverNetwork:
    """The network in `folder`; `InputError` where there is none, or it is damaged or of other sizes."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    card, weights = Path(folder) / CARD, Path(folder) / WEIGHTS
    told = read_json(card)
    if not isinstance(told, dict) or told.get("format_version") != FORMAT_VERSION:
        raise InputError(card, f"not the card of an embedding of format {FORMAT_VERSION}")
    network = CoverNetwork()
    wanted = _tensors(network)
    try:
        if weights.stat().st_size > 16 * sum(tensor.numel() for tensor in wanted.values()):
            raise InputError(weights, "is too large for an embedding")
        found = load_file(weights)
    except FileNotFoundError as error:
        raise InputError(weights, "no such file") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(weights, "not a safetensors file, or damaged") from error
    if {name: tensor.shape for name, tensor in found.items()} != {name: x.shape for name, x in wanted.items()}:
        raise InputError(weights, "its tensors are not those of this version's network")
    if not all(tensor.is_floating_point() and tensor.isfinite().all() for tensor in found.values()):
        raise InputError(weights, "its weights are not all finite numbers")
    network.load_state_dict({name: tensor.float() for name, tensor in found.items()}, strict=False)
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]


def _tensors(network: CoverNetwork) -> dict[str, Tensor]:
    """Weights and running moments: all but the counts of batches, which nothing reads."""
    return {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}


def compute_embeddings(images: np.ndarray, network: CoverNetwork | None = None) -> np.ndarray:
    """Embeddings float32 `[N, 128]`, each of length one, of uint8 images `[N, 3, H, W]`, H = W ≥ 16.

    Images of other sides than 64 px are brought there through the Lanczos filter first. The shipped network where no
    other is given. Raises `ValueError` for another shape or type.
    """
    check_images(images)
    network = _shipped() if network is None else network.eval()
    parts = [np.zeros((0, DIM), dtype=np.float32)]
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            covers = torch.from_numpy(to_float(to_side(images[start : start + _BATCH], SIDE)))
            parts.append(network(covers.contiguous(memory_format=torch.channels_last)).numpy())
    return np.concatenate(parts)


def to_side(images: np.ndarray, side: int) -> np.ndarray:
    """Square uint8 images `[N, 3, H, W]` as `[N, 3, side, side]`, through the filter that all covers go through."""
    if images.shape[2] == side:
        return images
    pictures = (Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))) for image in images)  # [H, W, 3]
    return np.stack([resize_cover(picture, side) for picture in pictures])


@lru_cache(maxsize=1)
def _shipped() -> CoverNetwork:
    return read_embedding()
