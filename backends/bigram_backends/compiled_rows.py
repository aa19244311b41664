"""The arithmetic of a step at large V, compiled by numba (the extra `fast`): the same bits, sooner.

NumPy goes through a block of rows once for each operation. These loops do what lies between exp
and the sums, which stay NumPy's, in one go. Each number is rounded as NumPy rounds it: nothing is
reordered, and no product is fused with a sum.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from bigram_tui.backend import Matrix

if getattr(numba.config, "DISABLE_JIT", 0):
    raise ImportError("numba is told not to compile")

_GIVEN = numba.types.Array(numba.float64, 2, "C", readonly=True)
_RESULT = numba.types.Array(numba.float64, 2, "C")
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def _compiled(function: Any, *arguments: Any, **options: Any) -> Any:
    """Compile a function for some types, or load what was compiled before."""
    signature = numba.void(*arguments) if arguments else None
    try:
        return numba.njit(signature, cache=True, **_OPTIONS, **options)(function)
    except RuntimeError:  # nothing can be written to any folder for caches
        return numba.njit(signature, **_OPTIONS, **options)(function)


def _maximum(row: Any) -> Any:
    most = -np.inf
    for x in row:
        most = max(most, x)
    return most


# Which of several equal numbers is the largest, and what it is in a row with NaN, does not matter:
# that is NaN all over in P. So they may be compared in any order.
_maximum = _compiled(_maximum, fastmath={"nnan", "nsz"})


def _descend(w: Any, gradient: Any, rate: float, new: Any, logits: Any) -> None:
    for i in range(w.shape[0]):
        w_i, gradient_i, new_i, logits_i = w[i], gradient[i], new[i], logits[i]
        for j in range(w_i.size):
            new_i[j] = w_i[j] - rate * gradient_i[j]
        most = _maximum(new_i)
        for j in range(w_i.size):
            logits_i[j] = new_i[j] - most


def _differentiate(
    odds: Any, sums: Any, row_sums: Any, n: Any, decay: float, w: Any, p: Any, gradient: Any
) -> None:
    for i in range(w.shape[0]):
        odds_i, n_i, w_i, p_i, gradient_i = odds[i], n[i], w[i], p[i], gradient[i]
        sum_i, row_sum = sums[i, 0], row_sums[i, 0]
        for j in range(w_i.size):
            p_i[j] = odds_i[j] / sum_i
            gradient_i[j] = (row_sum * p_i[j] - n_i[j]) + decay * w_i[j]


_descend = _compiled(_descend, _GIVEN, _GIVEN, numba.float64, _RESULT, _RESULT)
_differentiate = _compiled(_differentiate, *[_GIVEN] * 4, numba.float64, _GIVEN, _RESULT, _RESULT)


def compute(step: Any, rows: slice, scratch: Matrix) -> None:
    """Take a step in some rows, as `_compute` of `row_blocks.py` does. scratch: [rows, V]."""
    old_weights = np.ascontiguousarray(step.old_weights[rows], np.float64)
    new, odds = step.weights[rows], scratch[: len(old_weights)]
    _descend(old_weights, step.old_gradient[rows], step.learning_rate, new, odds)
    np.exp(odds, out=odds)
    _differentiate(
        odds,
        odds.sum(axis=1, keepdims=True),
        step.row_sums[rows],
        step.n[rows],
        step.decay,
        new,
        step.probabilities[rows],
        step.gradient[rows],
    )
