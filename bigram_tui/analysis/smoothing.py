"""Which α of counting a table is nearest to: what a penalty λ amounts to, and what it doesn't.

Both λ and α draw the table from the counts to uniform, but only those two ends are the same. Where
the loss is least its gradient (nP − N)/B + 2λW/V² is 0, for a row of n bigrams, so

    P = (N − cW) / n    with c = 2λB/V²,    but    P = (N + α) / (n + Vα)    by counting.

α adds as much to every cell; λ adds the more the less likely the cell, and takes from the likely.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bigram_tui.model.bigrams import Bigrams, Matrix

_LEAST = 1e-200
"""A smaller α is taken for 0."""
_MOST = 1e9
"""An α of more than this times the largest count is taken for ∞."""
_PRECISION = 1e-12
"""Of log α; what a table says about its α is often less precise than that."""


@dataclass(frozen=True)
class Nearest:
    """The counting table that is nearest to a table, and where they differ most."""

    smoothing: float
    """Its α; ∞ where that is the uniform table."""
    divergence: float
    """D(α), in nats per bigram."""
    farthest: tuple[int, int]
    """The cell, first and second token, whose two probabilities differ most."""
    probability: float
    """Of `farthest` in the table."""
    counting_probability: float
    """Of `farthest` in the counting table."""


def counting_table(bigrams: Bigrams, smoothing: float) -> Matrix:
    """P = (N + α) / Σ_j (N + α), α ≥ 0 being `smoothing`. float64 [V, V].

    A row without any count is uniform; at α = ∞ every row is.
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
    """The α ≥ 0 whose counting table C diverges least from a table T, right to 1e-6.

    table: [V, V], rows sum to 1, to which they are scaled; None if one can't be. The divergence is
    the conditional relative entropy (Cover and Thomas, Elements of Information Theory, section
    2.5), of which each row has the share π_i = n_i/B that it has of the bigrams:

        D(α) = Σ_ij π_i T_ij log(T_ij / C_ij),

    what is lost by predicting with C what T writes after the text's tokens. It is ∞ at α = 0 if T
    allows what never occurs, and nowhere else. The other direction would be ∞ at every α > 0 as
    soon as one T_ij is 0: counting without smoothing would be near to no smoothing, however small.

    If no α makes a difference it is 0. O(V² log V).
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
    """Every α at which D has a local minimum, 0 and ∞ among them. weighted: π_i T_ij, [V, V].

    With n̄ = n/V the mean count of a row, and with any k, as Σπ_i = Σπ_i T_ij,

        D′(α)           = Σ_i π_i / (n̄_i + α) − Σ_ij π_i T_ij / (N_ij + α)
        (k + α) · D′(α) = Σ_ij π_i T_ij (N_ij − k)/(N_ij + α) − Σ_i π_i (n̄_i − k)/(n̄_i + α).

    With k the mean of n̄ its terms vanish with D′, at both ends, so that no close numbers cancel.
    In each row D falls before it rises; of all rows together it may do so more than once.
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

    # A term changes over more than a decade. Where α is far below all means, only that of N = 0.
    decades = np.arange(-4 - math.log10(size), math.log10(_MOST * counts[-1]), 0.5)
    grid = [math.log(_LEAST), *(decades * math.log(10)).tolist()]
    fall = [falls(place) for place in grid]
    found = [
        math.exp(_last(falls, grid[i], grid[i + 1]))
        for i in range(len(grid) - 1)
        if fall[i] and not fall[i + 1]
    ]
    return found + [0.0] * (not fall[0]) + [math.inf] * fall[-1]


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where between `low`, at which it holds, and `high`, at which it doesn't, it ends to hold."""
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
