"""P by gradient descent, with the gradient derived by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_backends.row_blocks import PAYS_FROM, descend_by_rows
from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


@dataclass
class NumpyBackend(Backend):
    """One linear layer and a softmax, with the gradient written out by hand.

    N [V, V] are the counts, B is their sum, and W [V, V] are the weights. A one-hot row times W
    is a row of W, so row i of W holds the logits of what follows token i:

        P = exp(W) / Σ_j exp(W)             the softmax of each row
        nll = −Σ N·log P / B                the mean of −log P over all B bigrams
        total = nll + λ·mean(W²)            as in the makemore lecture

    For one bigram (x, y), −log P[x, y] = log Σ_j exp(W[x, j]) − W[x, y]. Its gradient is
    P[x] − onehot(y) in row x of W and 0 elsewhere: Bishop, Pattern Recognition and Machine
    Learning (2006), equation 4.109. The mean over all bigrams plus the penalty's gradient is

        ∂total/∂W = (rowsum(N)·P − N)/B + 2λW/V²

    The counts are all that a step needs of a text. It takes O(V²), however long the text is.
    """

    learning_rate: float = hyperparameter(
        50.0, low=0.0, high=1e5, symbol="η", help="step size of gradient descent"
    )
    l2: float = hyperparameter(
        0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²) in the loss"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Take steps W ← W − η·∂total/∂W, each on all bigrams of the text."""
        if weights.size >= PAYS_FROM:  # the same formulas and results, arranged for large V
            yield from descend_by_rows(self, bigrams, weights)
            return
        n = bigrams.counts / bigrams.total  # N/B
        # In every column, since a matrix times a matrix of the same shape is computed sooner.
        row_sums = np.repeat(n.sum(axis=1, keepdims=True), len(n), axis=1)
        while True:
            # The row's maximum is taken off so that exp can't overflow; P stays the same.
            p = np.exp(weights - weights.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            # A step needs no nll, only its gradient; the program computes −Σ n·log P from this P.
            gradient = row_sums * p
            gradient -= n
            gradient += (2 * self.l2 / weights.size) * weights  # the penalty's
            yield Iteration(p, weights, gradient)
            weights = weights - self.learning_rate * gradient
