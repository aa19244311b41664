"""A backend in one file. Try it: bigram-tui --backend docs/example_backend.py --backend numpy"""

from dataclasses import dataclass

import numpy as np

from bigram_tui.backend import Backend, Iteration, hyperparameter


@dataclass
class SignDescent(Backend):
    """Each weight takes the same step whatever its slope, so rare tokens learn like common ones."""

    step: float = hyperparameter(0.1, low=0.0, high=10.0, symbol="η", help="size of each step")
    l2: float = hyperparameter(0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²)")

    def train(self, bigrams, weights):
        joint = bigrams.counts / bigrams.total
        while True:
            odds = np.exp(weights - weights.max(axis=1, keepdims=True))
            table = odds / odds.sum(axis=1, keepdims=True)
            gradient = joint.sum(axis=1, keepdims=True) * table - joint
            gradient += 2 * self.l2 * weights / weights.size
            yield Iteration(table, weights, gradient)
            weights = weights - self.step * np.sign(gradient)
