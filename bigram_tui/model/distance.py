"""The largest difference of two matrices, computed where they are."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.model.arrays import as_numpy, on_accelerator

CELLS_HERE = 1 << 16
"""The most cells that are compared at once: few enough to stay in the processor's cache.

A single row may have more, also on an accelerator.
"""
CELLS_THERE = 1 << 24
"""The most cells that are compared at once on an accelerator, where they take some 128 MB."""


def largest_difference(a: Any, b: Any) -> float:
    """Return max |a − b| of two matrices [n, m] of any library, computed in float64.

    What is infinite in both is the same. NaN if anything else is not a number. Of two tensors on
    one accelerator only the result is copied; of others, all that is on an accelerator. That
    ∞ − ∞ is invalid is for the caller to ignore, once for several matrices.
    """
    if on_accelerator(a) and on_accelerator(b) and a.device == b.device:
        return _largest_there(a.detach(), b.detach())
    return _largest_here(as_numpy(a), as_numpy(b))


def _largest_here(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    if a.size <= CELLS_HERE:
        return _largest_of_few(a, b)
    rows, most = max(1, CELLS_HERE // a.shape[1]), 0.0
    for start in range(0, len(a), rows):
        part = _largest_of_few(a[start : start + rows], b[start : start + rows])
        if math.isnan(part):
            return part
        most = max(most, part)
    return most


def _largest_of_few(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    apart = np.subtract(a, b, dtype=np.float64)
    most = float(np.abs(apart, out=apart).max())
    # ∞ − ∞ is NaN.
    return float(np.where(a == b, 0.0, apart).max()) if math.isnan(most) else most


def _largest_there(a: Any, b: Any) -> float:
    rows, most = max(1, CELLS_THERE // a.shape[1]), a.new_zeros(()).double()
    for start in range(0, a.shape[0], rows):
        one, other = (matrix[start : start + rows].double() for matrix in (a, b))
        apart = (one - other).abs().masked_fill(one == other, 0.0)
        most = most.maximum(apart.max())  # NaN if either is
    return float(most)  # which waits for them all


def move_beside(array: Any, there: Any) -> Any:
    """Copy an array that NumPy can read to the accelerator of a tensor, as float64."""
    return there.new_empty(0).double().new_tensor(as_numpy(array))
