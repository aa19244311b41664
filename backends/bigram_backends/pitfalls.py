"""Backends that each make one classic mistake, to compare with those that make none."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bigram_tui.backend import Backend, Bigrams, Iteration, Matrix, hyperparameter


@dataclass
class CountNoKeepdim(Backend):
    """Counts divided by sums without keepdim: column j is divided by the sum of row j."""

    smoothing: float = hyperparameter(
        1.0, low=0.0, high=1e9, symbol="α", help="added to every count; 0 leaves them as they are"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Yield P = (N + α) / (N + α).sum(axis=1): the sums [V] broadcast as [1, V], not [V, 1].

        The nll is the right one all the same, because every line is a cycle through the boundary.
        For the same reason row sums and column sums are equal at α = 0, and P[i, j] is then the
        probability that i came before j.
        """
        counts = bigrams.counts + float(self.smoothing)
        sums = counts.sum(axis=1)
        uniform = np.full_like(counts, 1 / len(counts))
        yield Iteration(np.divide(counts, sums, out=uniform, where=sums > 0), last=True)


@dataclass
class _Descent(Backend):
    """The hyperparameters and the right gradient, shared by the mistakes in gradient descent."""

    learning_rate: float = hyperparameter(
        50.0, low=0.0, high=1e5, symbol="η", help="step size of gradient descent"
    )
    l2: float = hyperparameter(
        0.01, low=0.0, high=1e3, symbol="λ", help="weight of mean(W²) in the loss"
    )

    def _gradient(self, bigrams: Bigrams, weights: Matrix, probabilities: Matrix) -> Matrix:
        """∂total/∂W = (rowsum(N)·P − N)/B + 2λW/V², with total = nll + λ·mean(W²). [V, V]"""
        joint = bigrams.counts / bigrams.total
        slope: Matrix = joint.sum(axis=1, keepdims=True) * probabilities - joint
        return slope + self._decay(weights)

    def _decay(self, weights: Matrix) -> Matrix:
        """∂(λ·mean(W²))/∂W. [V, V]"""
        return (2 * self.l2 / weights.size) * weights


@dataclass
class NoKeepdim(_Descent):
    """A softmax without keepdim: column j is divided by the sum of row j, unseen by the loss."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Take steps W ← W − η·∂total/∂W. Only P is wrong; the total and its gradient are right.

        log P[i, j] = W[i, j] − log S[j], so each bigram that ends in j subtracts log S[j]. In
        lines as many bigrams end in j as begin with it, so the sum over all is the right one.
        """
        joint = bigrams.counts / bigrams.total
        column_sums = joint.sum(axis=0)
        while True:
            odds = np.exp(weights)
            sums = odds.sum(axis=1)
            probabilities = odds / sums
            likelihoods = probabilities.ravel()[bigrams.seen]
            loss = -(bigrams.seen_share @ np.log(likelihoods)) + self.regularization(weights)
            gradient = (column_sums / sums)[:, np.newaxis] * odds - joint + self._decay(weights)
            yield Iteration(probabilities, weights, gradient, loss)
            weights = weights - self.learning_rate * gradient


@dataclass
class PlusSign(_Descent):
    """An update with a plus sign: each step goes up the slope, and the loss rises."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Take steps W ← W + η·∂total/∂W."""
        while True:
            probabilities = _softmax(weights)
            gradient = self._gradient(bigrams, weights, probabilities)
            yield Iteration(probabilities, weights, gradient)
            weights = weights + self.learning_rate * gradient


@dataclass
class NoReset(_Descent):
    """Gradients that are never reset: each step goes along the sum of all gradients so far."""

    def train(
        self, bigrams: Bigrams, weights: Matrix, state: Matrix | None = None
    ) -> Iterator[Iteration]:
        """Take steps W ← W − η·W.grad, where each `loss.backward()` adds to W.grad.

        state: W.grad [V, V] as the step before left it.
        """
        left = np.zeros_like(weights) if state is None else state
        while True:
            probabilities = _softmax(weights)
            gradient = left + self._gradient(bigrams, weights, probabilities)
            yield Iteration(probabilities, weights, gradient, state=left)
            weights = weights - self.learning_rate * gradient
            left = gradient


@dataclass
class NoMax(_Descent):
    """A softmax that does not subtract the row's maximum: exp overflows where W is large."""

    dtype: str = hyperparameter(
        "float32", choices=("float32", "float64"), help="exp overflows above 88.7, or above 709.8"
    )
    shift: float = hyperparameter(
        84.0, low=-1e3, high=1e3, help="added to all of W in the softmax; on paper P stays the same"
    )

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Use P = exp(W + shift) / Σ_j exp(W + shift), where a sum of ∞ makes its row 0 or NaN.

        From the lecture's start, on the bundled names, it takes some steps until a sum is ∞.
        """
        joint = (bigrams.counts / bigrams.total).astype(self.dtype)
        marginal = joint.sum(axis=1, keepdims=True)
        weights = weights.astype(self.dtype)
        while True:
            odds = np.exp(weights + self.shift)
            probabilities = odds / odds.sum(axis=1, keepdims=True)
            gradient = marginal * probabilities - joint + self._decay(weights)
            yield Iteration(probabilities, weights, gradient)
            weights = weights - self.learning_rate * gradient


@dataclass
class NoMean(_Descent):
    """The gradient of the sum over all bigrams, not of their mean: B times too large."""

    def train(self, bigrams: Bigrams, weights: Matrix) -> Iterator[Iteration]:
        """Take steps W ← W − η·(rowsum(N)·P − N + 2λW/V²): the 1/B of the mean is forgotten."""
        row_sums = bigrams.counts.sum(axis=1, keepdims=True)
        while True:
            probabilities = _softmax(weights)
            gradient = row_sums * probabilities - bigrams.counts + self._decay(weights)
            yield Iteration(probabilities, weights, gradient)
            weights = weights - self.learning_rate * gradient


def _softmax(weights: Matrix) -> Matrix:
    """exp(W) / Σ_j exp(W), without a mistake. [V, V]"""
    odds = np.exp(weights - weights.max(axis=1, keepdims=True))
    probabilities: Matrix = odds / odds.sum(axis=1, keepdims=True)
    return probabilities
