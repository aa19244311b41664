"""The libraries that lessons compute with, and the names by which their code knows them."""

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
    """What its users import, such as `np`."""

    @property
    def is_torch(self) -> bool:
        """Whether its code is that of the lecture; if not, it is NumPy's."""
        return self.name == "torch"


NUMPY = Library("numpy", np.__version__, {"np": np})


@cache
def torch_library() -> Library:
    """PyTorch; the first call takes 2 to 3 s. ImportError if it is not there."""
    import torch
    from torch.nn import functional

    return Library("torch", torch.__version__, {"torch": torch, "F": functional})


def best_library(torch: Callable[[], Library] = torch_library) -> Library:
    """PyTorch, or NumPy where that can't be imported."""
    try:
        return torch()
    except Exception:  # a broken one raises anything: OSError where a shared library is missing
        return NUMPY
