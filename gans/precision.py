"""How the arithmetic is done: number format, memory layout, allocator. Measured, not assumed."""

from __future__ import annotations

import contextlib
import ctypes
import time
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)

PRECISIONS = ("auto", "fp32", "bf16")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_large_blocks() -> None:
    """Lets glibc keep freed blocks over 32 MB instead of returning them to the kernel each time.

    Otherwise every large temporary is paid for in page faults: an elementwise operation on 33 MB took 17 times
    as long. On a C library without `mallopt` nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        library.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def resolve_precision(precision: str, device: torch.device) -> str:
    """`auto` → "bf16" where the processor computes in it and a short measurement finds it faster, else "fp32"."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "fp32"
    return "bf16" if _step_seconds("bf16", device) < _step_seconds("fp32", device) else "fp32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """The context in which networks run at `precision`; weights and optimiser state stay float32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def place(module: Network, device: torch.device) -> Network:
    """Moves `module` to `device` in the layout that its convolutions are fastest in, channels last."""
    return module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _step_seconds(precision: str, device: torch.device) -> float:
    """Median seconds of a forward and backward 3×3 convolution, the operation that training consists of."""
    convolution = place(nn.Conv2d(64, 64, 3, padding=1), device)
    images = torch.randn(16, 64, 32, 32, device=device).to(memory_format=torch.channels_last)
    seconds = []
    for _ in range(12):
        begin = time.perf_counter()
        with autocast(precision, device):
            loss = convolution(images).float().square().mean()
        loss.backward()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds[4:])[4]
