"""P by gradient descent, with the gradient derived by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_backends.memory import empty_matrices
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter

CELLS_AT_ONCE = 1 << 16
"""So many stay in a processor's cache from the first operation on them to the last."""


@dataclass
class NumpyBackend(Backend):
    """One linear layer and a softmax, with the gradient written out by hand."""

    learning_rate: float = hyperparameter(
        50.0, low=0.0, high=1e5, symbol="η", help="step size of gradient descent"
    )
    l2: float = hyperparameter(
        0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²) in the loss"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """W ← W − η·∂L/∂W of L = NLL + λ·mean(W²).

        A full batch needs the counts alone: with Z = XW and ∂NLL/∂Z = (P − Y)/B, the sum XᵀZ' over
        all B pairs is ∂NLL/∂W = (rowsum(N)·P − N)/B, an O(V²) step however long the text is.
        """
        joint = bigrams.counts / bigrams.total
        marginal = joint.sum(axis=1, keepdims=True)
        matrix, parts = empty_matrices(len(joint)), _parts(len(joint))
        while True:
            probabilities, gradient = matrix(), matrix()
            decay = 2 * self.l2 / weights.size
            for rows in parts:
                w, p, g = weights[rows], probabilities[rows], gradient[rows]
                # The row's maximum is taken off so that exp can't overflow; P stays the same.
                np.exp(w - w.max(axis=1, keepdims=True), out=p)
                p /= p.sum(axis=1, keepdims=True)
                g[:] = marginal[rows] * p - joint[rows] + decay * w
            yield Iteration(probabilities, weights, gradient)
            step = np.multiply(self.learning_rate, gradient, out=matrix())
            weights = np.subtract(weights, step, out=step)


def _parts(size: int) -> list[slice]:
    """The rows of a matrix, some at a time: none depends on another."""
    step = max(1, CELLS_AT_ONCE // size)
    return [slice(start, start + step) for start in range(0, size, step)]
