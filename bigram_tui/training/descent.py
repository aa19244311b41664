"""Tells plain steps of gradient descent from all others, by the weights before and after them.

That η must stay below 2/λmax is a theorem about W ← W − η·∂(NLL + λ·mean(W²))/∂W. It says nothing
of a step with a momentum, by the gradient's sign, or by a gradient that is wrong.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.analysis.curvature import curvature
from bigram_tui.analysis.optimum import gradient_optimum
from bigram_tui.backend import Iteration
from bigram_tui.model.arrays import as_numpy, on_accelerator
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import negative_log_likelihood, softmax
from bigram_tui.training.timeline import Settings, number

ROUNDING = 32
"""Units in the last place of W by which an update may miss."""

DISCERNIBLE = 100
"""As a multiple of the rounding: a shorter step can't be told from another."""


CHECKED_ROWS = 16
"""Of W, the most frequent: no row's step depends on another's, and a GPU's have to be copied."""

ALWAYS_CHECKED = 3
"""Updates after each change of hyperparameters; of the later ones only the 4th, 8th, 16th, …."""


class DescentRecord:
    """What is known of a run's updates: whether they are plain steps of gradient descent.

    Only some are checked, as that takes about as long as an iteration. One that is no plain step
    decides for all under the same hyperparameters.
    """

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._plain: dict[int, bool] = {}  # by the iteration from which hyperparameters held
        self._critical_rates: dict[float, float] = {}  # by λ

    def known(self, iteration: int, settings: Settings) -> bool | None:
        """Whether the updates from an iteration on are plain; None while that is not known."""
        return self._plain.get(settings.start(iteration))

    def keep(self, start: int, plain: bool | None) -> None:
        """Let this be known from an iteration on, and nothing else that was found for later."""
        self._plain = {k: known for k, known in self._plain.items() if k < start}
        if plain is not None:
            self._plain[start] = plain

    def watch(
        self, iteration: int, before: Iteration, after: Iteration, settings: Settings
    ) -> None:
        """Take note of the update from an iteration to the next."""
        start = settings.start(iteration)
        count = iteration + 1 - start
        if count > ALWAYS_CHECKED and count & (count - 1):  # no power of 2
            return
        plain = is_descent_step(before, after, self._bigrams, settings.at(iteration))
        if plain is not None:
            self._plain[start] = plain and self._plain.get(start, True)

    def overshoot(self, iteration: int, reached: Iteration, settings: Settings) -> float | None:
        """The η of an update after which the loss is not finite, as a multiple of 2/λmax.

        λmax is that of the minimum. None if the update is not plain, or the loss would be finite
        for a softmax of the weights that were reached: then it is P that went wrong.
        """
        values = settings.at(iteration)
        rate, l2 = number(values, "learning_rate"), number(values, "l2") or 0.0
        if rate is None or not self.known(iteration, settings):
            return None
        with np.errstate(all="ignore"):
            table = softmax(as_numpy(reached.weights).astype(np.float64))
        if math.isfinite(negative_log_likelihood(table, self._bigrams)):
            return None
        try:
            if l2 not in self._critical_rates:
                self._critical_rates[l2] = critical_rate(self._bigrams, l2)
        except (ArithmeticError, ValueError):
            return None
        return rate / self._critical_rates[l2]


def is_descent_step(
    before: Iteration, after: Iteration, bigrams: Bigrams, settings: Mapping[str, Any]
) -> bool | None:
    """Whether W went from one iteration to the next by −η times the gradient of the total.

    That gradient, (rowsum·P − N)/B + 2λW/V², is computed here from the first P, so that a mistake
    in the backend's own shows.
    settings: the hyperparameters that held. A backend that carries a state takes no plain steps.
    None where it can't be told: nothing moved, or no farther than rounding does.
    """
    rate, l2 = number(settings, "learning_rate"), number(settings, "l2")
    if before.weights is None or after.weights is None or before.state is not None:
        return False
    if rate is None or (l2 is None and "l2" in settings):
        return False
    rows = np.argsort(-bigrams.row_sums)[:CHECKED_ROWS]
    matrices = before.probabilities, before.weights, after.weights
    table, old, new = (_rows_of(matrix, rows) for matrix in matrices)
    epsilon = max(_epsilon(table.dtype), _epsilon(old.dtype))
    weights = old.astype(np.float64)
    with np.errstate(all="ignore"):
        slope = bigrams.row_sums[rows, None] * table.astype(np.float64) - bigrams.counts[rows]
        decay = 2 * (l2 or 0.0) / bigrams.counts.size * weights
        expected = -rate * (slope / bigrams.total + decay)
        missed = float(abs(new - weights - expected).max())
        length = float(abs(expected).max())
        rounding = ROUNDING * epsilon * float(abs(weights).max())
    if not math.isfinite(missed + length) or length <= DISCERNIBLE * rounding:
        return None
    return missed <= math.sqrt(epsilon) * length + rounding


def _rows_of(matrix: Any, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Some rows of an array of any library; only a GPU's is known to take such an index."""
    return as_numpy(matrix[rows]) if on_accelerator(matrix) else as_numpy(matrix)[rows]


def critical_rate(bigrams: Bigrams, l2: float) -> float:
    """2/λmax of the loss at its minimum: with a larger learning rate descent can't stay there.

    ArithmeticError if the minimum can't be found, ValueError if there is none for such a λ.
    """
    weights = gradient_optimum(bigrams, l2).weights
    if weights is None:  # at λ = 0 it is where P are the shares of the counts
        counts = np.where(bigrams.row_sums[:, None] == 0, 1, bigrams.counts)
        table: Matrix = counts / counts.sum(axis=1, keepdims=True)
    else:
        table = softmax(weights)
    return curvature(table, bigrams, l2).critical_learning_rate


def _epsilon(dtype: np.dtype[Any]) -> float:
    """The distance of 1 from the next number of a format; whole numbers count as float64."""
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
