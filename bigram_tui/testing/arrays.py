"""The arrays of an iteration, and when two of them count as equal."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.backend import Iteration, as_numpy

MATRICES = ("probabilities", "weights", "gradient")


def arrays_of(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield all arrays of an iteration, matrices and state, with their names."""
    yield from matrices_of(model)
    yield from states_of(model)


def matrices_of(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield those of P, W and the gradient that an iteration has, with their names."""
    for name in MATRICES:
        matrix = getattr(model, name)
        if matrix is not None:
            assert hasattr(matrix, "shape"), f"{name} is a {type(matrix).__name__}, not an array"
            yield name, as_numpy(matrix)


def states_of(model: Iteration) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the arrays of the state, if an iteration has one, with what to call them."""
    parts = model.state if isinstance(model.state, tuple) else (model.state,)
    for number, part in enumerate(parts):
        if part is not None:
            array = as_numpy(part)
            assert array.dtype.kind in "biuf", (
                f"state is or holds a {type(part).__name__}; it must be an array or a tuple of them"
            )
            yield f"numbers of state array {number}", array


def precision_of(array: npt.NDArray[Any]) -> float:
    """Return √ε of the dtype, half of its digits; integers count as float64."""
    is_float = np.issubdtype(array.dtype, np.floating)
    return float(np.sqrt(np.finfo(array.dtype if is_float else np.float64).eps))


def are_close(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Return whether two arrays differ by no more than √ε, relatively or absolutely."""
    tolerance = precision_of(one)
    return one.shape == other.shape and np.allclose(
        one, other, rtol=tolerance, atol=tolerance, equal_nan=True
    )


def first_index(rows: npt.NDArray[np.bool_]) -> int:
    """Return the index of the first True."""
    return int(np.nonzero(rows)[0][0])
