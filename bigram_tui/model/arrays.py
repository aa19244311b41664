"""Arrays of any library: read by NumPy, or computed with on their device, without a copy.

torch is never imported here: a tensor is known by its methods.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

COMPUTING = frozenset({"cuda"})
"""The types of devices whose tensors are computed with there. They have float64, unlike Apple's."""

BLOCK = 1 << 16
"""The numbers that are squared at once: few enough to stay in the processor's cache."""


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """Return an array of any library as NumPy's, copied only from another device's memory."""
    if type(array) is np.ndarray:
        return array
    for method in ("detach", "cpu"):  # a torch tensor needs both before NumPy can read it
        move = getattr(array, method, None)
        array = array if move is None else move()
    result: npt.NDArray[Any] = np.asarray(array)
    return result


def on_accelerator(array: Any) -> bool:
    """Return whether it is a tensor on a device that is computed with there."""
    if type(array) is np.ndarray:  # as most are: it need not be asked for a method
        return False
    return hasattr(array, "new_tensor") and array.device.type in COMPUTING


def detach_or_numpy(array: Any) -> Any:
    """Return a tensor on an accelerator as it is, detached, and all else as NumPy's array.

    Nothing is copied from an accelerator.
    """
    if type(array) is np.ndarray:
        return array
    return array.detach() if on_accelerator(array) else as_numpy(array)


def mean_square(array: Any) -> float:
    """Return mean(W²), computed in float64 from any number format; ∞ if a square overflows.

    NumPy then warns of the overflow, unless the caller has it ignored.
    """
    if on_accelerator(array):
        double = array.new_empty(0).double().dtype
        norm = float(array.detach().norm(dtype=double))
        return norm * norm / int(array.numel())
    numbers, total = as_numpy(array).ravel(), 0.0
    if numbers.size <= BLOCK:
        return _sum_of_squares(numbers) / numbers.size
    for start in range(0, numbers.size, BLOCK):
        total += _sum_of_squares(numbers[start : start + BLOCK])
    return total / numbers.size


def _sum_of_squares(numbers: npt.NDArray[Any]) -> float:
    return float(np.add.reduce(np.square(numbers, dtype=np.float64)))


def row_sums(array: Any) -> npt.NDArray[np.float64]:
    """Return the row sums of a matrix, float64 [V]; an accelerator sums in the matrix's format."""
    if on_accelerator(array):
        return as_numpy(array.sum(axis=1)).astype(np.float64)
    sums: npt.NDArray[np.float64] = as_numpy(array).sum(axis=1, dtype=np.float64)
    return sums
