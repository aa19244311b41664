"""The libraries that lessons compute with: PyTorch, or NumPy where there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Library:
    """A library of arrays."""

    name: str
    version: str
    names: Mapping[str, Any]
    """The names that its users import, such as `np`."""

    @property
    def is_torch(self) -> bool:
        """Whether it is PyTorch, as in the lecture; otherwise it is NumPy."""
        return self.name == "torch"


NUMPY = Library("numpy", np.__version__, {"np": np})


@cache
def torch_library() -> Library:
    """Import PyTorch; the first call takes 2 to 3 s. Raises ImportError if it is missing."""
    import torch
    from torch.nn import functional

    return Library("torch", torch.__version__, {"torch": torch, "F": functional})


def best_library(torch: Callable[[], Library] = torch_library) -> Library:
    """Import PyTorch, or NumPy if there is none."""
    try:
        return torch()
    except Exception:  # a broken one raises anything: OSError where a shared library is missing
        return NUMPY
