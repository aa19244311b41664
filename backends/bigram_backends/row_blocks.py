"""The training of the numpy backend for large V: the same numbers, bit for bit, but sooner.

A large matrix waits for main memory, not for arithmetic. No row depends on another, so a few rows
at a time go through the whole formula while they are in the processor's cache, and results are
written into memory that was used before (`memory.py`).
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from bigram_backends.memory import empty_matrices
from bigram_tui.backend import Bigrams, Iteration, Matrix

PAYS_FROM = 128**2
"""The V² from which on this is faster than formulas on whole matrices: V = 128."""

CELLS_AT_ONCE = 1 << 16
"""The most cells of a block: few enough to stay in the cache from the first operation to the last.

A single row may have more.
"""


class Descent(Protocol):
    """The hyperparameters of gradient descent with an L2 penalty."""

    learning_rate: float
    l2: float


def descend_by_rows(descent: Descent, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
    """Yield what `NumpyBackend.train` yields, with its formulas applied to blocks of rows.

    descent: its hyperparameters are read anew at each step. weights: float64 [V, V].
    """
    joint = bigrams.counts / bigrams.total
    row_sums = joint.sum(axis=1, keepdims=True)
    empty_matrix, blocks = empty_matrices(len(weights)), _blocks(len(weights))
    while True:
        probabilities, gradient = empty_matrix(), empty_matrix()
        decay = 2 * descent.l2 / weights.size
        for rows in blocks:
            w, p = weights[rows], probabilities[rows]
            np.exp(w - w.max(axis=1, keepdims=True), out=p)
            p /= p.sum(axis=1, keepdims=True)
            gradient[rows] = row_sums[rows] * p - joint[rows] + decay * w
        yield Iteration(probabilities, weights, gradient)
        step = np.multiply(descent.learning_rate, gradient, out=empty_matrix())
        weights = np.subtract(weights, step, out=step)


def _blocks(size: int) -> list[slice]:
    """The rows of a matrix [V, V], cut into blocks."""
    rows = max(1, CELLS_AT_ONCE // size)
    return [slice(start, start + rows) for start in range(0, size, rows)]
