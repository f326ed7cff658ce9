"""Between covers: paths through latents, styles and conditions, styles of two covers in one, families of latents.

On every path the condition stays in force: each picture is drawn under a condition that lies between those of its
ends, with the same truncation and strength as a cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gans.conditions import Layout, layout_dim
from gans.generator import GeneratorNetwork
from gans.sampling import draw, latent_of_seed, style_of

WAYS = ("z", "w")
_PARALLEL = 1e-6  # radians


@dataclass(frozen=True)
class Stop:
    """A cover that a path leads through: its latent `[z_dim]` and its condition float32 `[c_dim]` (None: none)."""

    z: Tensor
    c: np.ndarray | None


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The latent `[z_dim]` at `t` (0: a, 1: b) of the way from `a` to `b` along the great circle (Shoemake 1985).

    Its length goes evenly from that of `a` to that of `b`: a straight line would pass nearer to the origin, where
    normal latents of many numbers never lie. Latents of one direction, or of opposite ones, between which there is no
    one circle, have the straight line.
    """
    length_a, length_b = (end.double().norm() for end in (a, b))
    u, v = a.double() / length_a, b.double() / length_b
    angle = 2 * math.atan2(float((u - v).norm()), float((u + v).norm()))  # exact where arccos is not: near 0 and π
    if not _PARALLEL < angle < math.pi - _PARALLEL:
        return torch.lerp(a, b, t)
    length = torch.lerp(length_a, length_b, t)
    share_a, share_b = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
    return (a.double() * (length / length_a * share_a) + b.double() * (length / length_b * share_b)).to(a.dtype)


def blend_conditions(a: np.ndarray, b: np.ndarray, t: float, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Two conditions float32 `[c_dim]` at `t` of the way from `a` to `b`: what `a` becomes, and what `b` has been.

    The values of a block that both have move from those of `a` to those of `b`, alike in the two. A block that one
    alone has stays as it is with that one and absent with the other, since no network has seen half a presence bit:
    what lies between the two is for the styles to say. Where `a` and `b` have the same blocks, the two are equal.
    """
    if not len(a) == len(b) == layout_dim(layout):
        raise ValueError(f"conditions have {len(a)} and {len(b)} values, their layout {layout_dim(layout)}")
    from_a, from_b = np.array(a, dtype=np.float32), np.array(b, dtype=np.float32)
    start = 0
    for _, size in layout:
        block = slice(start, start + 1 + size)
        if from_a[start] and from_b[start]:
            ends = torch.from_numpy(from_a[block]), torch.from_numpy(from_b[block])
            from_a[block] = from_b[block] = torch.lerp(*ends, t).numpy()
        start += 1 + size
    return from_a, from_b


def style_between(
    generator: GeneratorNetwork,
    a: Stop,
    b: Stop,
    t: float,
    layout: Layout,
    way: str = "z",
    truncation: float = 1.0,
    strength: float = 1.0,
) -> Tensor:
    """`w` `[1, n_styles, w_dim]` at `t` of the way from `a` to `b`; at 0 and 1 that of their covers, to the bit.

    way "z": the latent goes along the great circle and the condition straight, each block on its own
    (`blend_conditions`). Stops of one latent have that latent everywhere between them: only the condition moves.
    way "w": straight from style to style.
    """
    if way not in WAYS:
        raise ValueError(f"a way is one of {', '.join(WAYS)}, not {way!r}")

    def style(z: Tensor, c: np.ndarray | None) -> Tensor:
        return style_of(generator, z, c, truncation, strength)

    if t in (0, 1):
        end = b if t else a
        return style(end.z, end.c)
    if way == "w":
        return torch.lerp(style(a.z, a.c), style(b.z, b.c), t)
    z = slerp(a.z, b.z, t)
    if a.c is None or b.c is None:
        return style(z, None)
    from_a, from_b = blend_conditions(a.c, b.c, t, layout)
    w = style(z, from_a)
    return w if np.array_equal(from_a, from_b) else torch.lerp(w, style(z, from_b), t)


def walk(
    generator: GeneratorNetwork,
    stops: Sequence[Stop],
    places: np.ndarray,
    layout: Layout,
    way: str = "z",
    truncation: float = 1.0,
    strength: float = 1.0,
) -> Iterator[np.ndarray]:
    """Pictures uint8 `[3, resolution, resolution]` along `places` `[n]`; 1.5 is half-way between stops 1 and 2."""
    for place in places:
        leg = min(math.floor(place), len(stops) - 2)
        t = float(place) - leg
        a, b = stops[leg], stops[leg + 1]
        w = style_between(generator, a, b, t, layout, way, truncation, strength)
        yield draw(generator, w)


def even_places(n_frames: int, n_stops: int, loop: bool = False) -> np.ndarray:
    """Places float64 `[n_frames]` of pictures that go evenly from stop to stop, each stop a picture of its own.

    loop: the path goes on from its last stop to one more, the first again, and ends one step before it, so that the
    first picture follows on the last. `ValueError` for fewer pictures than stops.
    """
    if n_frames < n_stops or n_stops < 2:
        raise ValueError(f"{n_frames} pictures cannot lead through {n_stops} stops")
    legs = n_stops if loop else n_stops - 1
    marks = np.round(np.linspace(0, n_frames if loop else n_frames - 1, legs + 1))
    return np.interp(np.arange(n_frames), marks, np.arange(legs + 1))


def mix_styles(coarse: Tensor, fine: Tensor, level: int) -> Tensor:
    """`w` `[N, n_styles, w_dim]` whose places below `level` are those of `coarse`, the others those of `fine`.

    Style mixing (Karras et al. 2019, section 3.1): coarse places set the composition, fine ones colour and texture.
    """
    if not 0 <= level <= coarse.shape[1]:
        raise ValueError(f"a level is from 0 to {coarse.shape[1]}, not {level}")
    return torch.cat([coarse[:, :level], fine[:, level:]], dim=1)


def family_latent(seed: int, family: int, spread: float, z_dim: int) -> Tensor:
    """A member of a family, `[z_dim]`: √(1 − s²) · z(family) + s · z′(seed), s = `spread` from 0 to 1.

    z(family) is the latent of that seed; z′(seed) is the next that the seed's own generator draws, so that no member,
    that of the family's seed included, is anything but normal with variance 1. Two members have the correlation 1 − s².
    """
    if not 0 <= spread <= 1:
        raise ValueError(f"a spread is from 0 to 1, not {spread}")
    generator = torch.Generator().manual_seed(seed)
    torch.randn(z_dim, generator=generator)  # the seed's own latent
    return math.sqrt(1 - spread**2) * latent_of_seed(family, z_dim) + spread * torch.randn(z_dim, generator=generator)


def orbit(a: Tensor, b: Tensor, angle: float) -> Tensor:
    """The latent `[z_dim]` cos(angle) · a + sin(angle) · b: of normal a and b normal too, and a again after 2π."""
    return math.cos(angle) * a + math.sin(angle) * b
