"""The training of the numpy backend for large V: the same numbers, bit for bit, but sooner.

A large matrix waits for main memory, not for arithmetic. No row depends on another, so a few rows
at a time go through the whole step while they are in the processor's cache: each matrix is read or
written once. Results go into memory that was used before (`memory.py`), several threads share the
rows (`sharing.py`), and where numba is installed, its loops need fewer operations
(`compiled_rows.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from bigram_backends.memory import empty_matrices
from bigram_backends.sharing import share, usable_threads
from bigram_tui.backend import Bigrams, Iteration, Matrix

PAYS_FROM = 128**2
"""The V² from which on this is faster than formulas on whole matrices: V = 128."""

CELLS_AT_ONCE = 1 << 16
"""The most cells of a block: few enough to stay in the cache from the first operation to the last.

A single row may have more.
"""

BLOCKS_FOR_TWO = 64
"""The blocks from which on several threads pay, also while the cores have other work: V = 2,048.

A step then takes 50 ms, so that numba, whose import takes a second, pays too.
"""


class Descent(Protocol):
    """The hyperparameters of gradient descent with an L2 penalty."""

    learning_rate: float
    l2: float


def descend_by_rows(descent: Descent, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
    """Yield what `NumpyBackend.train` yields, with its formulas applied to blocks of rows.

    descent: its hyperparameters are read anew at each step. weights: float64 [V, V].
    """
    rows, gradient = _Rows(bigrams), None
    while True:
        weights, probabilities, gradient = rows.step(descent, weights, gradient)
        yield Iteration(probabilities, weights, gradient)


@dataclass(frozen=True, eq=False)
class _Step:
    """A step from W and its gradient to the next W, its P and its gradient: all [V, V]."""

    n: Matrix
    """N/B."""
    row_sums: Matrix
    """Of N/B, [V, 1]."""
    learning_rate: float
    decay: float
    """2λ/V²."""
    old_weights: Matrix
    old_gradient: Matrix | None
    """None before the first step, where W stays as it is."""
    weights: Matrix
    probabilities: Matrix
    gradient: Matrix


class _Rows:
    """The rows of a table, in blocks that are computed one after the other by some threads."""

    def __init__(self, bigrams: Bigrams) -> None:
        size = len(bigrams.counts)
        self._n = bigrams.counts / bigrams.total
        self._row_sums = self._n.sum(axis=1, keepdims=True)
        self._height = max(1, CELLS_AT_ONCE // size)
        self._blocks = [slice(row, row + self._height) for row in range(0, size, self._height)]
        is_large = len(self._blocks) >= BLOCKS_FOR_TWO
        self._threads = usable_threads() if is_large else 1
        self._kernels = compiled_kernels() if is_large else None
        self._empty_matrix = empty_matrices(size)

    def step(
        self, descent: Descent, old_weights: Matrix, old_gradient: Matrix | None
    ) -> tuple[Matrix, Matrix, Matrix]:
        """Compute the next W from W and its gradient, and its P and gradient: all [V, V].

        old_gradient: None before the first step, where W stays as it is.
        """
        step = _Step(
            self._n,
            self._row_sums,
            descent.learning_rate,
            2 * descent.l2 / old_weights.size,
            old_weights,
            old_gradient,
            old_weights if old_gradient is None else self._empty_matrix(),
            self._empty_matrix(),
            self._empty_matrix(),
        )
        blocks = iter(self._blocks)  # of which each thread takes the next
        kernels = None if old_gradient is None else self._kernels

        def compute_blocks() -> None:
            # Results are put together here, in the cache, and written to memory once.
            scratch = np.empty((2, self._height, len(old_weights)))
            for rows in blocks:
                if kernels is None:
                    _compute(step, rows, scratch)
                else:
                    kernels.compute(step, rows, scratch[0])

        share(compute_blocks, self._threads)
        return step.weights, step.probabilities, step.gradient


def _compute(step: _Step, rows: slice, scratch: Matrix) -> None:
    """Take a step in some rows. scratch: [2, at least as many rows, V], for numbers on the way."""
    w, p = scratch[:, : len(step.weights[rows])]
    if step.old_gradient is None:
        w[:] = step.weights[rows]
    else:
        np.multiply(step.learning_rate, step.old_gradient[rows], out=w)
        np.subtract(step.old_weights[rows], w, out=w)
        step.weights[rows] = w
    np.subtract(w, w.max(axis=1, keepdims=True), out=p)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    step.probabilities[rows] = p
    slope = np.multiply(step.row_sums[rows], p, out=p)
    slope -= step.n[rows]
    np.add(slope, np.multiply(step.decay, w, out=w), out=step.gradient[rows])


@cache
def compiled_kernels() -> Any:
    """Import `compiled_rows.py`; None without numba, or with one that does not fit here."""
    try:
        from bigram_backends import compiled_rows
    except Exception:  # an import may raise anything, and NumPy does without
        return None
    return compiled_rows
