"""Checks what a backend yields, once, so that nobody has to call code of a plugin to read it."""

import math
from typing import Any, TypeGuard

import numpy as np

from bigram_tui.backend import Iteration, as_numpy
from bigram_tui.model.arrays import on_accelerator

REAL = "fiu"
"""The kinds of NumPy's number formats that are real."""

Kind = tuple[str, type, Any]
"""The part of an iteration, the type of its array, and its number format."""


def plain(model: object, shape: tuple[int, ...], readable: set[Kind] | None = None) -> Iteration:
    """Return an Iteration that is read without calling code of the plugin again.

    Arrays become NumPy's and a loss a float, unless they are on an accelerator. shape: of the
    matrices. readable: the kinds of arrays that were read before, to which new ones are added.
    Raises TypeError or ValueError unless it is an Iteration with real matrices of that shape.
    """
    if _is_plain(model, shape):
        return model
    if not isinstance(model, Iteration):
        raise TypeError(f"train() yielded {type(model).__name__}, not an Iteration")
    readable = set() if readable is None else readable
    parts = {name: getattr(model, name) for name in ("probabilities", "weights", "gradient")}
    made: dict[str, Any] = {
        name: _matrix(name, array, shape, readable) for name, array in parts.items()
    }
    loss, last = model.loss, model.last
    made |= {"loss": _number_or_tensor(loss), "last": bool(last), "state": model.state}
    return Iteration(**made)


def _is_plain(model: object, shape: tuple[int, ...]) -> TypeGuard[Iteration]:
    """Whether it is as it is to be already: quickly, for most iterations are."""
    if type(model) is not Iteration or model.last is not False:
        return False
    for array in (model.probabilities, model.weights, model.gradient):
        if array is not None:
            if type(array) is not np.ndarray or array.shape != shape:
                return False
            if array.dtype.kind not in REAL:
                return False
    return model.probabilities is not None and (model.loss is None or type(model.loss) is float)


def _matrix(part: str, array: Any, shape: tuple[int, ...], readable: set[Kind]) -> Any:
    if array is None and part != "probabilities":
        return None
    if not hasattr(array, "shape"):
        raise ValueError(f"{part} must be {shape}, not {type(array).__name__}")
    is_elsewhere = on_accelerator(array)
    if not is_elsewhere:
        array = as_numpy(array)
    if array.shape != shape:
        raise ValueError(f"{part} must be {shape}, not shape {tuple(array.shape)}")
    kind = part, type(array), array.dtype
    if kind not in readable:  # once for each kind, since reading may copy
        if as_numpy(array[:1] if is_elsewhere else array).dtype.kind not in REAL:
            raise TypeError(f"{part} must be real numbers, not {array.dtype}")
        readable.add(kind)
    return array


def _number_or_tensor(loss: Any) -> Any:
    """Return a reported loss as a float, NaN if it is none; a tensor stays where it is."""
    if loss is None or type(loss) is float:
        return loss
    try:
        return loss if on_accelerator(loss) else float(as_numpy(loss).item())
    except BaseException:  # whatever a plugin gave
        return math.nan  # agrees with nothing
