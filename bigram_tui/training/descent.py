"""Tells plain steps of gradient descent from all others, by the weights before and after them.

Only for W ← W − η·∂(nll + λ·mean(W²))/∂W must η stay below 2/λmax (`analysis/curvature.py`). For
steps with momentum, along the gradient's sign, or along a wrong gradient that limit means nothing.
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
"""The error that a step may have, in units of the last place of W."""

DISCERNIBLE = 100
"""The length of the shortest step that is judged, as a multiple of the rounding error."""

CHECKED_ROWS = 16
"""The rows of W that are checked, those of the most frequent tokens.

No row's step depends on another row, and rows on a GPU have to be copied.
"""

ALWAYS_CHECKED = 3
"""The steps that are checked after each change of hyperparameters; then the 4th, 8th, 16th, …."""


class DescentRecord:
    """Records whether the steps of a run are plain gradient descent.

    Only some steps are checked, because a check takes about as long as a step. One step that is
    not plain decides for all steps with the same hyperparameters.
    """

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._plain: dict[int, bool] = {}  # by the first step of the span
        self._critical_rates: dict[float, float] = {}  # by λ

    def known(self, iteration: int, settings: Settings) -> bool | None:
        """Return whether the steps from one on are plain; None while that is unknown."""
        return self._plain.get(settings.start(iteration))

    def keep(self, start: int, plain: bool | None) -> None:
        """Set what is known of the steps from `start` on, and drop what is known of later spans."""
        self._plain = {k: known for k, known in self._plain.items() if k < start}
        if plain is not None:
            self._plain[start] = plain

    def watch(
        self, iteration: int, before: Iteration, after: Iteration, settings: Settings
    ) -> None:
        """Check a step and record the result, if its turn has come.

        iteration: the step's number less one, that of the model before it.
        """
        start = settings.start(iteration)
        count = iteration + 1 - start
        if count > ALWAYS_CHECKED and count & (count - 1):  # no power of 2
            return
        plain = is_descent_step(before, after, self._bigrams, settings.at(iteration))
        if plain is not None:
            self._plain[start] = plain and self._plain.get(start, True)

    def overshoot(self, iteration: int, reached: Iteration, settings: Settings) -> float | None:
        """Return η as a multiple of 2/λmax at the minimum, for a step to a loss of NaN or ∞.

        iteration: of the model before the step. reached: the model after it. None if the step is
        not plain, or if softmax(W) of the weights that were reached has a finite loss: then the
        backend's P is wrong, not its step.
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
    """Return whether W moved by −η times the gradient of the total; None if it can't be told.

    That gradient, (rowsum(N)·P − N)/B + 2λW/V², is computed here from P before the step, so that a
    mistake in the backend's gradient shows. A backend with a state takes no plain steps.
    settings: the hyperparameters of the step. It can't be told if W moved no farther than rounding
    moves it.
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
    """Some rows of an array of any library, as NumPy's; only those rows of a GPU's are copied."""
    return as_numpy(matrix[rows]) if on_accelerator(matrix) else as_numpy(matrix)[rows]


def critical_rate(bigrams: Bigrams, l2: float) -> float:
    """Return 2/λmax of the total at its minimum: a larger learning rate diverges from there.

    Source: Nesterov, as in `analysis/curvature.py`. Raises ArithmeticError if the minimum can't be
    found, ValueError if λ is negative or not finite.
    """
    weights = gradient_optimum(bigrams, l2).weights
    if weights is None:  # at λ = 0 the infimum is at P = N / rowsum(N)
        counts = np.where(bigrams.row_sums[:, None] == 0, 1, bigrams.counts)
        table: Matrix = counts / counts.sum(axis=1, keepdims=True)
    else:
        table = softmax(weights)
    return curvature(table, bigrams, l2).critical_learning_rate


def _epsilon(dtype: np.dtype[Any]) -> float:
    """The machine epsilon of a number format; whole numbers count as float64."""
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
