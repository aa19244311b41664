"""From weights to probabilities, and how well those predict a text: for all backends alike."""

import math
from typing import Any

import numpy as np

from bigram_tui.model.arrays import on_accelerator
from bigram_tui.model.bigrams import Bigrams, Matrix

SUMMED_AT_ONCE = 8192
"""BLAS adds up no more than 10,000 products in one thread; the result is not to depend on those."""


def softmax(weights: Matrix) -> Matrix:
    """exp(W) / Σ_j exp(W) along the last axis; its maximum is taken off, so exp can't overflow."""
    odds = np.exp(weights - weights.max(axis=-1, keepdims=True))
    result: Matrix = odds / odds.sum(axis=-1, keepdims=True)
    return result


def negative_log_likelihood(probabilities: Matrix, bigrams: Bigrams) -> float:
    """The average −log P of the text's bigrams, in nats: −Σ N·log P / B, the cross-entropy.

    probabilities: [V, V]. Computed in float64; ∞ if a bigram that occurs has probability 0.
    """
    cells, seen, share = probabilities.ravel(), bigrams.seen, bigrams.seen_share
    log_likelihood = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, seen.size, SUMMED_AT_ONCE):
            end = start + SUMMED_AT_ONCE
            logs = np.log(cells[seen[start:end]], dtype=np.float64)
            log_likelihood += float(share[start:end] @ logs)
    return 0.0 - log_likelihood


class Likelihood:
    """The NLL of one text under any table, computed in the memory where the table is."""

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._device: Any = None  # where the next two are
        self._seen: Any = None
        self._share: Any = None

    def loss(self, table: Any) -> Any:
        """Return the NLL of a table [V, V] that `detach_or_numpy` gave.

        On an accelerator it is a tensor, so that nobody waits for the number before it is read.
        """
        if not on_accelerator(table):
            return negative_log_likelihood(table, self._bigrams)
        if table.device != self._device:
            self._move_to(table)
        return 0.0 - self._share @ table.take(self._seen).double().log()

    def _move_to(self, table: Any) -> None:
        none = table.new_empty(0)  # whose new_tensor makes one of the same device and dtype
        self._seen = none.long().new_tensor(self._bigrams.seen)
        self._share = none.double().new_tensor(self._bigrams.seen_share)
        self._device = table.device


def perplexity(nll: float) -> float:
    """exp(NLL): the number of equally likely next tokens that would surprise as much."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
