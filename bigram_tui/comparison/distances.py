"""How far two models are from each other, without copying from a GPU what is compared there."""

import math
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from bigram_tui.backend import Iteration
from bigram_tui.model.arrays import on_accelerator
from bigram_tui.model.distance import largest_difference, move_beside

Place = tuple[str, str]
"""The part of a model, and the device that it was copied to."""

_MOVED: WeakKeyDictionary[Iteration, dict[Place, Any]] = WeakKeyDictionary()
"""Matrices that were copied to a GPU, for as long as their models are in use."""


def distances(a: Iteration, b: Iteration) -> tuple[float, float]:
    """Compute the largest |ΔP| and |ΔW| of two models, in float64; NaN unless both have weights.

    Two models on one GPU are compared there. If only one is on a GPU, the other's matrices are
    copied to it, once for all models that it is compared with there. As the drift is that of every
    step, each model has to be compared: two runs on different devices copy their matrices at each
    step, unless one of them has finished.
    """
    with np.errstate(invalid="ignore"):
        tables = largest_difference(*_on_one_device(a, b, "probabilities"))
        if a.weights is None or b.weights is None:
            return tables, math.nan
        return tables, largest_difference(*_on_one_device(a, b, "weights"))


def _on_one_device(a: Iteration, b: Iteration, part: str) -> tuple[Any, Any]:
    """The same matrix of two models; where one of them is on a GPU, both, if there is room."""
    one, other = getattr(a, part), getattr(b, part)
    is_there = on_accelerator(one)
    if is_there is on_accelerator(other):
        return one, other
    try:
        return (one, _beside(one, b, part)) if is_there else (_beside(other, a, part), other)
    except RuntimeError:  # out of memory: they are compared here
        return one, other


def _beside(there: Any, model: Iteration, part: str) -> Any:
    """A matrix of a model on the device of a tensor."""
    moved, place = _MOVED.setdefault(model, {}), (part, str(there.device))
    if place not in moved:
        moved[place] = move_beside(getattr(model, part), there)
    return moved[place]
