"""Where torch keeps its tensors: on which device, in which format, in pages of which size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GPU_SIZE = 512
"""The V from which on `auto` takes a GPU: below, launching kernels takes longer than their work.

Not measured on any GPU. The launches of an iteration may take 0.3 ms; one core takes 0.1 ms for its
work at V = 27 and 2 ms at V = 512.
"""


def use_large_pages() -> None:
    """Let torch allocate large tensors in large pages, unless the user has said otherwise.

    On Linux an iteration at V = 4,096 then takes a quarter of the time. torch reads the variable
    when it first allocates memory.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def choose_device(name: str, size: int) -> torch.device:
    """Return the device of a name, or for `auto` the one that suits V = size.

    Raises RuntimeError if the device is not there.
    """
    import torch

    if name == "auto":
        worth_it = size >= GPU_SIZE and torch.cuda.is_available()
        return torch.device("cuda" if worth_it else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device here; choose the device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError("torch sees no Apple GPU here; choose the device cpu")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the number format of a name; float32 on an Apple GPU, which has no float64."""
    import torch

    dtype: torch.dtype = getattr(torch, "float32" if device.type == "mps" else name)
    return dtype
