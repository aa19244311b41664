"""Two families of tables between the counts and uniform: one for α, one for λ.

Both begin at P = N/n, the counts of a row over their sum, with the least NLL, and end at P = 1/V,
with the NLL log V. In between, tables of the same NLL are compared: at each share of the way from
one NLL to the other, the table of counting with some α, and that of the least loss with some λ.
The NLL rises with α, as each row moves on a line away from its minimum; and with λ, as the NLL of
a minimum of NLL + λ·R can't fall when λ rises.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from bigram_tui.analysis.optimum import counting_optimum, gradient_optimum, optimal_row
from bigram_tui.analysis.smoothing import Nearest, counting_table, nearest_smoothing
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.model.loss import softmax

STEPS = ((100, 100), (1000, 20), (math.inf, 10))
"""The largest V for which the way has so many steps: more would take too long."""
NO_WAY = 1e-4
"""The least distance of the ends, in nats: below it most differences would be rounding."""

_PRECISION = 1e-6
"""Of log(share / (1 − share))."""
_LEAST_SHARE = 1e-15
_FAR = math.log(1e200)
_NARROW = 1e-12
_MOST_SECANTS = 30

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Families:
    """Both families at n places from the counts to uniform. Shares are right to 1e-6."""

    bigrams: Bigrams
    shares: Floats
    """The share of the way at each place, from 0 to 1. [n]"""
    smoothing: Floats
    """α at each place, from 0 to ∞. [n]"""
    l2: Floats
    """λ at each place, from 0 to ∞. [n]"""
    largest: Floats
    """The largest |ΔP| between the two tables. [n]"""
    farthest: npt.NDArray[np.intp]
    """The cell with that |ΔP|, first and second token. [n, 2]"""

    @property
    def steps(self) -> int:
        """How many steps lead from one end to the other."""
        return len(self.shares) - 1

    def row(self, token: int) -> tuple[Matrix, Matrix]:
        """Return P(next | token) at each place, by counting and by λ. float64 [n, V] each."""
        counts = self.bigrams.counts[token].astype(np.float64)
        size, total = len(counts), counts.sum()
        uniform = np.full(size, 1 / size)
        ends = counts / total if total else uniform
        inner = range(1, len(self.shares) - 1)
        counting = [(counts + a) / (total + size * a) for a in self.smoothing[1:-1]]
        gradient = [optimal_row(self.bigrams, token, float(self.l2[k])) for k in inner]
        return np.array([ends, *counting, uniform]), np.array([ends, *gradient, uniform])


@dataclass(frozen=True)
class LambdaMatch:
    """The place of a λ on the way, and the two tables of counting that compare with it."""

    share: float
    equal: float
    """The α whose table has the same NLL."""
    nearest: Nearest
    """The table of counting that is nearest by divergence; its NLL is another."""
    nearest_share: float
    """The share of the way at which the nearest table is."""


def families(
    bigrams: Bigrams, progress: Callable[[int, int], object] = lambda done, whole: None
) -> Families | None:
    """Compute the two families of a text; None if its counts are all but uniform.

    progress: called with how many places are done, and of how many; what it raises ends the work.
    Each place takes three or four calls of gradient_optimum, whose ArithmeticError it may raise.
    """
    way = _LambdaPath(bigrams)
    if way.span < NO_WAY:
        return None
    steps = next(steps for most, steps in STEPS if len(bigrams.counts) <= most)
    shares = np.linspace(0, 1, steps + 1)
    smoothing, l2 = np.zeros(steps + 1), np.zeros(steps + 1)
    smoothing[-1] = l2[-1] = math.inf
    largest, farthest = np.zeros(steps + 1), np.zeros((steps + 1, 2), dtype=np.intp)
    log_l2 = 0.0
    for place in range(1, steps):
        progress(place - 1, steps - 1)
        log_l2, table = way.table_at(shares[place], log_l2)
        l2[place], smoothing[place] = math.exp(log_l2), way.smoothing_at(shares[place])
        apart = abs(table - counting_table(bigrams, smoothing[place]))
        farthest[place] = np.unravel_index(apart.argmax(), apart.shape)
        largest[place] = apart.max()
    return Families(bigrams, shares, smoothing, l2, largest, farthest)


def match(bigrams: Bigrams, l2: float) -> LambdaMatch | None:
    """Find the place of a λ > 0 on the way; None if the counts are all but uniform."""
    way = _LambdaPath(bigrams)
    if way.span < NO_WAY:
        return None
    table, nll = _least_loss(bigrams, l2)
    nearest = nearest_smoothing(table, bigrams)
    assert nearest is not None  # the table is of finite numbers
    share = way.share(nll)
    return LambdaMatch(
        share, way.smoothing_at(share), nearest, way.share(way.counting_nll(nearest.smoothing))
    )


class _LambdaPath:
    """The way from the NLL of the counts to that of uniform."""

    def __init__(self, bigrams: Bigrams) -> None:
        self._bigrams = bigrams
        self._size = len(bigrams.counts)
        self.least = counting_optimum(bigrams).nll
        self.span = math.log(self._size) - self.least
        # Cells of the same count make one term; those of count 0 make none.
        self._counts, self._cells = np.unique(
            bigrams.counts[bigrams.counts > 0], return_counts=True
        )

    def share(self, nll: float) -> float:
        """Return the share of the way at which an NLL is, from 0 to 1."""
        return min(max((nll - self.least) / self.span, 0.0), 1.0)

    def counting_nll(self, smoothing: float) -> float:
        """Return the NLL of counting: −Σ N log((N + α) / (n + Vα)) / B, in O(V)."""
        if math.isinf(smoothing):
            return math.log(self._size)
        row_sums = self._bigrams.row_sums[self._bigrams.row_sums > 0]
        rows = row_sums @ np.log(row_sums + self._size * smoothing)
        cells = (self._cells * self._counts) @ np.log(self._counts + smoothing)
        return float(rows - cells) / self._bigrams.total

    def smoothing_at(self, share: float) -> float:
        """Return the α at a share of the way."""
        if share in (0.0, 1.0):
            return math.inf if share else 0.0
        log_alpha = _root(
            lambda x: self._odds(self.counting_nll(math.exp(x))) - _log_odds(share), 0.0
        )
        return math.exp(log_alpha)

    def table_at(self, share: float, guess: float) -> tuple[float, Matrix]:
        """Return log λ at a share of the way between the ends, and its table. guess: of log λ."""
        table: Matrix = np.empty(0)

        def excess(log_l2: float) -> float:
            nonlocal table
            table, nll = _least_loss(self._bigrams, math.exp(log_l2))
            return self._odds(nll) - _log_odds(share)

        return _root(excess, guess), table

    def _odds(self, nll: float) -> float:
        return _log_odds(self.share(nll))


def _least_loss(bigrams: Bigrams, l2: float) -> tuple[Matrix, float]:
    """Return P [V, V] of the least NLL + λ·mean(W²), and its NLL."""
    best = gradient_optimum(bigrams, l2)
    assert best.weights is not None  # λ is not 0
    return softmax(best.weights), best.nll


def _log_odds(share: float) -> float:
    """Return log(share / (1 − share)): nearly a straight line over log α and over log λ."""
    share = min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
    return math.log(share / (1 - share))


def _root(excess: Callable[[float], float], x: float) -> float:
    """Find where a rising function is 0, by secants; its last call is there.

    x: where to begin. Where secants fail, halving takes over; it copes with rounding errors.
    """
    low, high, slope = -_FAR, _FAR, 1.0
    y = excess(x)
    for step in count():
        if abs(y) <= _PRECISION or high - low <= _NARROW:
            break
        low, high = (x, high) if y < 0 else (low, x)
        before, y_before, x = x, y, x - y / slope
        if step >= _MOST_SECANTS or not low < x < high:
            x = (low + high) / 2
        y = excess(x)
        slope = (y - y_before) / (x - before)
        slope = slope if slope > 0 else 1.0
    return x
