"""The two families of tables between the counts and uniform: that of counting's α, and that of λ.

Both begin at P = N/n, the counts of a row over their sum, whose NLL is least, and end at P = 1/V,
whose NLL is log V. In between, tables of the same NLL are compared: of counting with the α, and of
the least loss with the λ, at which the NLL is a given share of the way from one end to the other.
It rises with α, as each row moves on a line away from its minimum; and with λ, as the NLL of what
minimises NLL + λ·R can't fall when λ rises.
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
"""Up to which V the way is divided into how many steps, lest large ones take too long."""
NO_WAY = 1e-4
"""Nats between the ends below which rounding would be most of what is seen."""

_PRECISION = 1e-6
"""Of the logarithm of share / (1 − share)."""
_LEAST_SHARE = 1e-15
_FAR = math.log(1e200)
_NARROW = 1e-12
_MOST_SECANTS = 30

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Families:
    """Both families, at n places from the counts to uniform. Shares are right to 1e-6."""

    bigrams: Bigrams
    shares: Floats
    """Of the way, from 0 to 1. [n]"""
    smoothing: Floats
    """α at each place, from 0 to ∞. [n]"""
    l2: Floats
    """λ at each place, from 0 to ∞. [n]"""
    largest: Floats
    """The largest |ΔP| between the two tables. [n]"""
    farthest: npt.NDArray[np.intp]
    """The cell where that is, first and second token. [n, 2]"""

    @property
    def steps(self) -> int:
        """How many there are from one end to the other."""
        return len(self.shares) - 1

    def row(self, token: int) -> tuple[Matrix, Matrix]:
        """P(next | token) at each place, by counting and by λ. float64 [n, V] each."""
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
    """Where a λ is on its way, and which counting tables could be called its like."""

    share: float
    equal: float
    """The α whose table fits the text as well."""
    nearest: Nearest
    """The table of counting that is nearest by divergence; they fit differently."""
    nearest_share: float
    """Where on the way that one is."""


def families(
    bigrams: Bigrams, progress: Callable[[int, int], object] = lambda done, whole: None
) -> Families | None:
    """The two families of a text; None if its counts are all but uniform themselves.

    progress: called with how many places of how many are done; what it raises ends the work. Each
    place takes three or four calls of gradient_optimum, whose ArithmeticError it may raise.
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
    """Where the table of the least loss for a λ > 0 is; None where there is no way."""
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
    """From the NLL of the counts to that of uniform."""

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
        """How much of the way it is to an NLL, from 0 to 1."""
        return min(max((nll - self.least) / self.span, 0.0), 1.0)

    def counting_nll(self, smoothing: float) -> float:
        """−Σ N log((N + α) / (n + Vα)) / B, in O(V)."""
        if math.isinf(smoothing):
            return math.log(self._size)
        row_sums = self._bigrams.row_sums[self._bigrams.row_sums > 0]
        rows = row_sums @ np.log(row_sums + self._size * smoothing)
        cells = (self._cells * self._counts) @ np.log(self._counts + smoothing)
        return float(rows - cells) / self._bigrams.total

    def smoothing_at(self, share: float) -> float:
        """The α at a share of the way."""
        if share in (0.0, 1.0):
            return math.inf if share else 0.0
        found = _root(lambda x: self._odds(self.counting_nll(math.exp(x))) - _log_odds(share), 0.0)
        return math.exp(found)

    def table_at(self, share: float, guess: float) -> tuple[float, Matrix]:
        """log λ at a share of the way between the ends, and the table there. guess: of log λ."""
        table: Matrix = np.empty(0)

        def excess(log_l2: float) -> float:
            nonlocal table
            table, nll = _least_loss(self._bigrams, math.exp(log_l2))
            return self._odds(nll) - _log_odds(share)

        return _root(excess, guess), table

    def _odds(self, nll: float) -> float:
        return _log_odds(self.share(nll))


def _least_loss(bigrams: Bigrams, l2: float) -> tuple[Matrix, float]:
    """P [V, V] of the least NLL + λ·mean(W²), and its NLL."""
    best = gradient_optimum(bigrams, l2)
    assert best.weights is not None  # λ is not 0
    return softmax(best.weights), best.nll


def _log_odds(share: float) -> float:
    """log(share / (1 − share)): nearly a straight line over log α and over log λ."""
    share = min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
    return math.log(share / (1 - share))


def _root(excess: Callable[[float], float], x: float) -> float:
    """Where a rising function is 0, by secants as far as they lead there; its last call is there.

    x: where to begin. Halving, which takes over in the end, copes with rounding errors too.
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
