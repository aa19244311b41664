"""Arrays of any library, read by NumPy or computed with where they are: a GPU's are not copied.

It knows nothing of bigrams, and a tensor only by its methods, as torch is never imported here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

COMPUTING = frozenset({"cuda"})
"""The kinds of devices whose tensors stay there: all of them know float64, unlike Apple's."""

BLOCK = 1 << 16
"""How many numbers are squared at once: few enough to stay in the processor's cache."""


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """An array of any library as NumPy's, copied only if it is in another device's memory."""
    if type(array) is np.ndarray:
        return array
    for method in ("detach", "cpu"):  # of torch's tensors, which NumPy reads only then
        move = getattr(array, method, None)
        array = array if move is None else move()
    result: npt.NDArray[Any] = np.asarray(array)
    return result


def on_accelerator(array: Any) -> bool:
    """Whether it is a tensor in another device's memory that can be computed with there."""
    return hasattr(array, "new_tensor") and array.device.type in COMPUTING


def detach_or_numpy(array: Any) -> Any:
    """What to compute with, without a copy: a far tensor as it is, all else as NumPy's."""
    return array.detach() if on_accelerator(array) else as_numpy(array)


def mean_square(array: Any) -> float:
    """mean(W²) in float64, whatever its number format; ∞ where a square overflows."""
    if on_accelerator(array):
        double = array.new_empty(0).double().dtype
        norm = float(array.detach().norm(dtype=double))
        return norm * norm / int(array.numel())
    numbers, total = as_numpy(array).reshape(-1), 0.0
    with np.errstate(over="ignore"):  # infinity says it
        for start in range(0, numbers.size, BLOCK):
            block = numbers[start : start + BLOCK]
            total += float(np.square(block, dtype=np.float64).sum())
    return total / numbers.size


def row_sums(array: Any) -> npt.NDArray[np.float64]:
    """The sums of the rows of a matrix, in float64 unless it is far. [V]"""
    if on_accelerator(array):
        return as_numpy(array.sum(axis=1)).astype(np.float64)
    sums: npt.NDArray[np.float64] = as_numpy(array).sum(axis=1, dtype=np.float64)
    return sums


def trouble(error: BaseException, settings: Mapping[str, object]) -> str:
    """What went wrong with a GPU and what to do, in one line; empty for an error of another kind.

    settings: of the backend, by name; advised is what can be changed. The error is known by its
    text, as it may come from anywhere: work on a GPU is waited for when a number of it is wanted.
    """
    first_line = str(error).strip().partition("\n")[0]
    if not isinstance(error, RuntimeError):  # as all those of torch are
        return ""
    if type(error).__name__ == "OutOfMemoryError" or "out of memory" in first_line:
        what, remedies, then = "the GPU is out of memory", {"device": "cpu", "dtype": "float32"}, ""
    elif "CUDA error" in first_line or "HIP error" in first_line:
        what, remedies, then = f"the GPU failed ({first_line})", {"device": "cpu"}, " and reset"
    else:
        return ""
    changes = [f"the {key} {to}" for key, to in remedies.items() if settings.get(key, to) != to]
    return f"{what}; choose {' or '.join(changes)}{then}" if changes else what
