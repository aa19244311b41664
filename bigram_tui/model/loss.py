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

    def loss(self, table: Any) -> Any:
        """Return the nll under P [V, V], as `detach_or_numpy` returned it.

        On an accelerator it is a tensor, so that nobody waits for the number before it is read.
        """
        if on_accelerator(table):
            return self._loss_there(table)
        cells, log_likelihood = table.ravel(), 0.0
        for part in self._parts or self._cut():
            log_likelihood += part.log_likelihood(cells)
        return 0.0 - log_likelihood

    def strict_loss(self, table: Any) -> float:
        """Return the nll as `loss` does; NaN if any number of P is not finite.

        That is so for cells that never occur too. From an accelerator two numbers are copied.
        """
        if on_accelerator(table):
            nll, checksum = float(self._loss_there(table)), float(table.sum())
            return nll if math.isfinite(checksum) else math.nan
        cells, log_likelihood, checksum = table.ravel(), 0.0, 0.0
        for part in self._parts or self._cut():  # each goes to the processor's cache once
            checksum += part.checksum(cells)
            log_likelihood += part.log_likelihood(cells)
        return 0.0 - log_likelihood if math.isfinite(checksum) else math.nan

    def _cut(self) -> "list[_Part]":
        """Cut the table into parts, for tables that NumPy reads."""
        seen, share = self._bigrams.seen, self._bigrams.seen_share
        starts = range(0, max(1, seen.size), SUMMED_AT_ONCE)
        ends = [int(seen[start]) for start in starts[1:]] + [self._bigrams.counts.size]
        for k, first, end in zip(starts, [0, *ends], ends, strict=False):
            occurring = slice(k, k + SUMMED_AT_ONCE)
            few = end - first <= SUMMED_AT_ONCE
            self._parts.append(
                _Part(
                    slice(first, end),
                    seen[occurring],
                    share[occurring],
                    np.ones(end - first) if few else None,
                )
            )
        return self._parts

    def _loss_there(self, table: Any) -> Any:
        if table.device != self._device:
            self._move_to(table)
        return 0.0 - self._share @ table.take(self._seen).double().log()

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
    """A 1 for each of a few cells: multiplying by them is the quickest sum."""

    def checksum(self, cells: npt.NDArray[Any]) -> float:
        """Return the sum of this part, from all cells of P: not finite if any of them is not."""
        numbers = cells[self.cells]
        return float(numbers.sum() if self.ones is None else self.ones.dot(numbers))

    def log_likelihood(self, cells: npt.NDArray[Any]) -> float:
        """Return Σ N·log P / B over this part, from all cells of P."""
        return float(self.share.dot(np.log(cells[self.seen], dtype=np.float64)))


def perplexity(nll: float) -> float:
    """Return exp(nll): so many equally likely next tokens have this nll. ∞ if it overflows."""
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf
