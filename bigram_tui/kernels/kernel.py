"""How the loops of this package are compiled, and the types that they share."""

import sys
from typing import Any

import numpy as np
from numba import njit, types, uint8

if sys.byteorder != "little":
    raise ImportError("the first of several bytes is taken for the lowest")

BYTES = types.Array(uint8, 1, "C", readonly=True)

LF, CR = 10, 13

U = np.uint64


def kernel(*signatures: Any) -> Any:
    """Return a decorator that compiles a function for these signatures, or loads it compiled.

    While it runs, it holds no lock of Python's, so that threads run it side by side.
    """
    return njit(list(signatures), nogil=True, cache=True)
