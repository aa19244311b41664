"""P by gradient descent, with the gradient derived by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


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
        while True:
            # The row's maximum is taken off so that exp can't overflow; P stays the same.
            odds = np.exp(weights - weights.max(axis=1, keepdims=True))
            probabilities = odds / odds.sum(axis=1, keepdims=True)
            gradient = marginal * probabilities - joint + (2 * self.l2 / weights.size) * weights
            yield Iteration(probabilities, weights, gradient)
            weights = weights - self.learning_rate * gradient
