"""Softmax and the nll of a text, for all backends alike."""

import math
from typing import Any

import numpy as np

from bigram_tui.model.arrays import on_accelerator
from bigram_tui.model.bigrams import Bigrams, Matrix

SUMMED_AT_ONCE = 8192
"""The products in one sum. BLAS adds up at most 10,000 in one thread, and the result must not
depend on the number of threads."""


def softmax(weights: Matrix) -> Matrix:
    """Return exp(W) / Σ_j exp(W) along the last axis, of the same shape.

    The maximum is subtracted first, so that exp can't overflow; the result stays the same.
    """
    odds = np.exp(weights - weights.max(axis=-1, keepdims=True))
    result: Matrix = odds / odds.sum(axis=-1, keepdims=True)
    return result


def negative_log_likelihood(probabilities: Matrix, bigrams: Bigrams) -> float:
    """Return the nll −Σ N·log P / B: the mean −log P of the text's bigrams, in nats.

    It is the cross-entropy of the text's bigrams and P. probabilities: P [V, V] of any float type.
    Computed in float64; ∞ if a bigram that occurs has probability 0.
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
    """Computes the nll of one text under any P, on the device that holds P."""

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._device: Any = None  # the device of the next two
        self._seen: Any = None
        self._share: Any = None

    def loss(self, table: Any) -> Any:
        """Return the nll under P [V, V], as `detach_or_numpy` returned it.

        On an accelerator it is a tensor, so that nobody waits for the number before it is read.
        """
        if not on_accelerator(table):
            return negative_log_likelihood(table, self._bigrams)
        if table.device != self._device:
            self._move_to(table)
        return 0.0 - self._share @ table.take(self._seen).double().log()

    def _move_to(self, table: Any) -> None:
        none = table.new_empty(0)  # its new_tensor keeps device and dtype
        self._seen = none.long().new_tensor(self._bigrams.seen)
        self._share = none.double().new_tensor(self._bigrams.seen_share)
        self._device = table.device


def perplexity(nll: float) -> float:
    """Return exp(nll): so many equally likely next tokens have this nll. ∞ if it overflows."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
