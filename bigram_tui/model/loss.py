"""Softmax and the nll of a text, for all backends alike."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(Likelihood(bigrams).loss(probabilities))


class Likelihood:
    """Computes the nll of one text under any P, on the device that holds P.

    NumPy's floating-point errors are for the caller to ignore, once for many tables.
    """

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._parts: list[_Part] = []
        self._device: Any = None  # the device of the next two
        self._seen: Any = None
        self._share: Any = None

    def loss(self, table: Any, *, strict: bool = False) -> Any:
        """Return the nll under P [V, V], as `detach_or_numpy` returned it.

        strict: NaN if any number of P is not finite, in a cell that never occurs too. On an
        accelerator it is a tensor, so that nobody waits for the number before it is read.
        """
        if on_accelerator(table):
            return self._loss_there(table, strict)
        cells, log_likelihood, checksum = table.ravel(), 0.0, 0.0
        for part in self._parts or self._cut():  # each goes to the processor's cache once
            if strict:
                numbers = cells[part.cells]
                checksum += numbers.sum() if part.ones is None else part.ones.dot(numbers)
            logs = np.log(cells[part.seen], dtype=np.float64)
            log_likelihood += float(part.share.dot(logs))
        return 0.0 - log_likelihood if math.isfinite(checksum) else math.nan

    def _cut(self) -> "list[_Part]":
        """Cut the table into parts, for tables that NumPy reads."""
        seen, share = self._bigrams.seen, self._bigrams.seen_share
        starts = range(0, max(1, seen.size), SUMMED_AT_ONCE)
        ends = [int(seen[start]) for start in starts[1:]] + [self._bigrams.counts.size]
        for start, first, end in zip(starts, [0, *ends], ends, strict=False):
            occurring = slice(start, start + SUMMED_AT_ONCE)
            ones = np.ones(end - first) if end - first <= SUMMED_AT_ONCE else None
            self._parts.append(_Part(slice(first, end), seen[occurring], share[occurring], ones))
        return self._parts

    def _loss_there(self, table: Any, strict: bool) -> Any:
        if table.device != self._device:
            self._move_to(table)
        nll = 0.0 - self._share @ table.take(self._seen).double().log()
        return nll + 0.0 * table.sum() if strict else nll  # 0·NaN and 0·∞ are NaN

    def _move_to(self, table: Any) -> None:
        none = table.new_empty(0)  # its new_tensor keeps device and dtype
        self._seen = none.long().new_tensor(self._bigrams.seen)
        self._share = none.double().new_tensor(self._bigrams.seen_share)
        self._device = table.device


class _Part(NamedTuple):
    """Some consecutive cells of a table, and those bigrams among them that occur."""

    cells: slice
    seen: npt.NDArray[np.intp]
    """Flat indices in the whole table."""
    share: npt.NDArray[np.float64]
    ones: npt.NDArray[np.float64] | None
    """A 1 for each cell if they are few: the product with them is the quickest sum."""


def perplexity(nll: float) -> float:
    """Return exp(nll): so many equally likely next tokens have this nll. ∞ if it overflows."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
