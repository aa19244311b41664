"""Finds the α of counting whose table is nearest to a model's: what a penalty λ amounts to.

Both λ and α move P from the shares of the counts to uniform, but only these two ends are the same.
At the minimum of the total its gradient (nP − N)/B + 2λW/V² is 0, for a row of n bigrams, so

    P = (N − cW) / n    with c = 2λB/V²,    but    P = (N + α) / (n + Vα)    by counting.

α adds the same to every cell. λ adds to unlikely cells and takes from likely ones.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bigram_tui.model.bigrams import Bigrams, Matrix

_LEAST = 1e-200
"""A smaller α counts as 0."""
_MOST = 1e9
"""An α above this multiple of the largest count counts as ∞."""
_PRECISION = 1e-12
"""The precision of log α; a table often determines its α less precisely."""


@dataclass(frozen=True)
class Nearest:
    """The counting table that is nearest to a table, and the cell where they differ most."""

    smoothing: float
    """α of the counting table; ∞ if that is uniform."""
    divergence: float
    """D(α), in nats per bigram."""
    farthest: tuple[int, int]
    """The cell, first and second token, in which the two tables differ most."""
    probability: float
    """P of `farthest` in the table."""
    counting_probability: float
    """P of `farthest` in the counting table."""


def counting_table(bigrams: Bigrams, smoothing: float) -> Matrix:
    """Return P = (N + α) / Σ_j (N + α), where α ≥ 0 is `smoothing`. float64 [V, V].

    A row without counts is uniform; at α = ∞ every row is.
    """
    size = len(bigrams.counts)
    uniform = np.full((size, size), 1 / size)
    if smoothing == math.inf:
        return uniform
    counts = bigrams.counts + float(smoothing)
    row_sums = counts.sum(axis=1, keepdims=True)
    table: Matrix = np.divide(counts, row_sums, out=uniform, where=row_sums > 0)
    return table


def nearest_smoothing(table: Matrix, bigrams: Bigrams) -> Nearest | None:
    """Find the α ≥ 0 whose counting table C diverges least from a table T, precise to 1e-6.

    table: [V, V]; its rows are scaled to sum to 1. Returns None if a row can't be scaled. The
    divergence is the conditional relative entropy (Cover and Thomas, Elements of Information
    Theory, section 2.5), in which row i has its share π_i = n_i/B of the bigrams:

        D(α) = Σ_ij π_i T_ij log(T_ij / C_ij).

    It is the loss, in nats, of predicting with C what T generates after the text's tokens. It is ∞
    only at α = 0, if T allows a bigram that never occurs. The opposite divergence would be ∞ at
    every α > 0 as soon as one T_ij is 0, so that no small α would be near to counting without
    smoothing.

    α is 0 if D is the same for all α. O(V² log V).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        table = table / np.sum(table, axis=1, keepdims=True, dtype=np.float64)
    if not np.isfinite(table).all():
        return None
    weighted = table * bigrams.row_sums[:, None] / max(bigrams.total, 1)

    def divergence(smoothing: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(table) - np.log(counting_table(bigrams, smoothing))
        return max(0.0, float((weighted * np.where(weighted > 0, logs, 0)).sum()))

    smoothing = min(_minima(weighted, bigrams), key=divergence)
    counting = counting_table(bigrams, smoothing)
    row, column = divmod(int(abs(table - counting).argmax()), len(table))
    return Nearest(
        smoothing,
        divergence(smoothing),
        (row, column),
        float(table[row, column]),
        float(counting[row, column]),
    )


def _minima(weighted: Matrix, bigrams: Bigrams) -> list[float]:
    """All α at which D has a local minimum, including 0 and ∞. weighted: π_i T_ij, [V, V].

    With n̄ = n/V the mean count of a row, and with any k, as Σπ_i = Σπ_i T_ij,

        D′(α)           = Σ_i π_i / (n̄_i + α) − Σ_ij π_i T_ij / (N_ij + α)
        (k + α) · D′(α) = Σ_ij π_i T_ij (N_ij − k)/(N_ij + α) − Σ_i π_i (n̄_i − k)/(n̄_i + α).

    With the mean of n̄ as k, its terms vanish with D′ at both ends, so no close numbers cancel.
    In each row D falls, then rises. The sum over the rows may do so several times.
    """
    size = len(weighted)
    if (bigrams.counts * size == bigrams.row_sums[:, None]).all():
        return [0.0]  # D is constant, and the sign of D′ would be that of a rounding error
    # Cells of the same count make one term, and most counts repeat.
    counts, which = np.unique(bigrams.counts, return_inverse=True)
    cells = np.bincount(which.ravel(), weighted.ravel())
    means, rows = bigrams.row_sums / size, weighted.sum(axis=1)
    k = float(rows @ means)

    def falls(log_smoothing: float) -> bool:
        a = math.exp(log_smoothing)
        return bool(cells @ ((counts - k) / (counts + a)) < rows @ ((means - k) / (means + a)))

    # A term changes over more than a decade. If α is far below all means, only that of N = 0 does.
    decades = np.arange(-4 - math.log10(size), math.log10(_MOST * counts[-1]), 0.5)
    grid = [math.log(_LEAST), *(decades * math.log(10)).tolist()]
    fall = [falls(log_smoothing) for log_smoothing in grid]
    minima = [
        math.exp(_last(falls, grid[i], grid[i + 1]))
        for i in range(len(grid) - 1)
        if fall[i] and not fall[i + 1]
    ]
    return minima + [0.0] * (not fall[0]) + [math.inf] * fall[-1]


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The largest value at which a predicate holds. It holds at `low`, and not at `high`."""
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
