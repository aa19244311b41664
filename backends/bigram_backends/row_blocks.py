"""The training of the numpy backend for large V: the same numbers, bit for bit, but sooner.

A large matrix waits for main memory, not for arithmetic. No row depends on another, so a few rows
at a time go through the whole step while they are in the processor's cache: each matrix is read or
written once. Results go into memory that was used before (`memory.py`), and several threads share
the rows (`sharing.py`).
"""

from collections.abc import Iterator
from typing import Protocol

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
"""The blocks from which on several threads pay, also while the cores have other work: V = 2,048."""


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


class _Rows:
    """The rows of a table, in blocks that are computed one after the other by some threads."""

    def __init__(self, bigrams: Bigrams) -> None:
        size = len(bigrams.counts)
        self._n = bigrams.counts / bigrams.total
        self._row_sums = self._n.sum(axis=1, keepdims=True)
        self._height = max(1, CELLS_AT_ONCE // size)
        self._blocks = [slice(row, row + self._height) for row in range(0, size, self._height)]
        self._threads = usable_threads() if len(self._blocks) >= BLOCKS_FOR_TWO else 1
        self._empty_matrix = empty_matrices(size)

    def step(
        self, descent: Descent, old_weights: Matrix, old_gradient: Matrix | None
    ) -> tuple[Matrix, Matrix, Matrix]:
        """Compute the next W from W and its gradient, and its P and gradient: all [V, V].

        old_gradient: None before the first step, where W stays as it is.
        """
        weights = old_weights if old_gradient is None else self._empty_matrix()
        probabilities, gradient = self._empty_matrix(), self._empty_matrix()
        learning_rate, decay = descent.learning_rate, 2 * descent.l2 / weights.size
        blocks = iter(self._blocks)  # of which each thread takes the next

        def compute_blocks() -> None:
            # Results are put together here, in the cache, and written to memory once.
            scratch = np.empty((2, self._height, len(weights)))
            for rows in blocks:
                w, p = scratch[:, : len(weights[rows])]
                if old_gradient is None:
                    w[:] = weights[rows]
                else:
                    np.multiply(learning_rate, old_gradient[rows], out=w)
                    np.subtract(old_weights[rows], w, out=w)
                    weights[rows] = w
                np.subtract(w, w.max(axis=1, keepdims=True), out=p)
                np.exp(p, out=p)
                p /= p.sum(axis=1, keepdims=True)
                probabilities[rows] = p
                slope = np.multiply(self._row_sums[rows], p, out=p)
                slope -= self._n[rows]
                np.add(slope, np.multiply(decay, w, out=w), out=gradient[rows])

        share(compute_blocks, self._threads)
        return weights, probabilities, gradient
