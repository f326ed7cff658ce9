"""What a learned embedding should not mind: random other views of covers (crops, mirrors, slight colour, blur, noise,
JPEG), and the loss that has two views of a cover find one another.

Colour is shifted little, since it is much of what makes a cover.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from data.colour import LUMA
from data.covers import to_float

LEAST_AREA = 0.2
TEMPERATURE = 0.1
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@torch.autocast("cpu", enabled=False)  # pictures keep their eight bits wherever this is called
def random_views(covers: np.ndarray, side: int, rng: np.random.Generator) -> Tensor:
    """One view float32 `[N, 3, side, side]` in −1…1 of each of the covers uint8 `[N, 3, H, H]`; all chance is `rng`'s.

    Each keeps 20 to 100 % of the area, every second is mirrored; brightness and contrast change by up to 30 %,
    saturation by 40 %, each channel by 6 %; half are blurred or noisy, two in five are JPEGs of quality 15 to 80.
    """
    x = _crop(torch.from_numpy(to_float(covers)), side, rng)
    x = _blur(_colour(x, rng), rng)
    x = x + _each(rng, x, 0, 0.08, share=0.3) * torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))
    return _compress(x.clamp(-1, 1), rng)


def contrastive_loss(a: Tensor, b: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """The mean over all 2N views of −log of the share that a view's partner has in the similarity to all others.

    `a`, `b` `[N, d]`, of length one: two views of the same N covers (Chen et al. 2020, eq. 1).
    """
    views = torch.cat([a, b]).float()
    with torch.autocast(views.device.type, enabled=False):  # eight bits are too few for what decides between covers
        similar = (views @ views.T / temperature).masked_fill(torch.eye(len(views), dtype=torch.bool), -torch.inf)
    partner = torch.arange(len(views)).roll(len(a))
    return F.cross_entropy(similar, partner)


def _each(rng: np.random.Generator, x: Tensor, low: float, high: float, share: float = 1.0) -> Tensor:
    """A number for each image `[N, 1, 1, 1]`, uniform from `low` to `high`, zero outside of a `share` of them."""
    drawn = rng.uniform(low, high, len(x)) * (rng.uniform(size=len(x)) < share)
    return torch.from_numpy(drawn.astype(np.float32))[:, None, None, None]


def _crop(x: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    n = len(x)
    scale = np.sqrt(rng.uniform(LEAST_AREA, 1, n))
    aspect = np.exp(rng.uniform(-0.15, 0.15, n))
    width, height = np.minimum(scale * aspect, 1), np.minimum(scale / aspect, 1)
    theta = np.zeros((n, 2, 3), dtype=np.float32)
    theta[:, 0, 0] = width * rng.choice([-1, 1], n)
    theta[:, 1, 1] = height
    theta[:, 0, 2] = rng.uniform(-1, 1, n) * (1 - width)
    theta[:, 1, 2] = rng.uniform(-1, 1, n) * (1 - height)
    grid = F.affine_grid(torch.from_numpy(theta), [n, 3, side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _colour(x: Tensor, rng: np.random.Generator) -> Tensor:
    grey = (x * torch.tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
    x = grey + (x - grey) * (1 + _each(rng, x, -0.4, 0.4, share=0.8))
    middle = grey.mean(dim=(2, 3), keepdim=True)
    x = middle + (x - middle) * (1 + _each(rng, x, -0.3, 0.3, share=0.8))
    gain = (1 + _each(rng, x, -0.3, 0.3, share=0.8)) * torch.from_numpy(
        rng.uniform(0.94, 1.06, (len(x), 3, 1, 1)).astype(np.float32)
    )
    return ((x + 1) * gain - 1).clamp(-1, 1)  # brightness is a factor on light, which begins at −1


def _blur(x: Tensor, rng: np.random.Generator) -> Tensor:
    kernel = torch.tensor(_BINOMIAL)
    kernel = (kernel[:, None] * kernel).expand(3, 1, 5, 5)
    blurred = F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    return torch.lerp(x, blurred, _each(rng, x, 0.2, 1, share=0.3))


def _compress(x: Tensor, rng: np.random.Generator) -> Tensor:
    chosen = np.flatnonzero(rng.uniform(size=len(x)) < 0.4)
    for index, quality in zip(chosen.tolist(), rng.integers(15, 81, len(chosen)).tolist(), strict=True):
        pixels = ((x[index].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()  # [side, side, 3]
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as picture:
            x[index] = torch.from_numpy(to_float(np.asarray(picture).transpose(2, 0, 1)))
    return x
