"""How far runs are from each other, and from the best that they can reach."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bigram_tui.backend import Backend, Iteration, as_numpy
from bigram_tui.bigrams import Bigrams, Matrix
from bigram_tui.optimum import Optimum, counting_optimum, gradient_optimum
from bigram_tui.snapshot import Snapshot

ROUNDING = 1e4
"""Units in the last place by which trainings that differ only in rounding may part."""


@dataclass(frozen=True)
class Difference:
    """Two runs at the iterations where they stand."""

    a: str
    b: str
    max_abs_probability: float
    max_abs_weight: float | None
    """None unless both have weights."""
    max_abs_nll: float
    agree: bool
    """Whether no more than the rounding of the coarser number format lies between them."""

    @property
    def text(self) -> str:
        """The same in words."""
        weights = "" if self.max_abs_weight is None else f", max |ΔW| {self.max_abs_weight:.1e}"
        verdict = "agree" if self.agree else "differ"
        return (
            f"{verdict}: max |ΔP| {self.max_abs_probability:.1e}{weights}, "
            f"|Δnll| {self.max_abs_nll:.1e}"
        )


def compare(a: Snapshot, b: Snapshot) -> Difference:
    """The differences of two runs that have a model, in float64."""
    assert a.model is not None
    assert b.model is not None
    tables, weights = distances(a.model, b.model)
    losses = abs(a.nll - b.nll)
    agree = max(tables, losses) <= tolerance(a, b)
    known = None if math.isnan(weights) else weights
    return Difference(a.name, b.name, tables, known, losses, agree)


def tolerance(a: Snapshot, b: Snapshot) -> float:
    """How far two runs may part by the rounding of the coarser of their number formats."""
    return ROUNDING * max(a.precision, b.precision)


def distances(a: Iteration, b: Iteration) -> tuple[float, float]:
    """The largest |ΔP| and |ΔW| of two models, in float64; NaN unless both have weights."""
    tables = _farthest(as_numpy(a.probabilities), as_numpy(b.probabilities))
    if a.weights is None or b.weights is None:
        return tables, math.nan
    return tables, _farthest(as_numpy(a.weights), as_numpy(b.weights))


def _farthest(a: Matrix, b: Matrix) -> float:
    return float(np.abs(np.subtract(a, b, dtype=np.float64)).max())


def optimum_of(run: Snapshot, bigrams: Bigrams) -> Optimum | None:
    """The best total that a run can reach; None if its penalty is of a kind of its own."""
    if run.backend is None or run.model is None:
        return None
    if type(run.backend).regularization is not Backend.regularization:
        return None
    if run.model.weights is None:
        return counting_optimum(bigrams)
    return _gradient_optimum(bigrams, float(run.settings.get("l2", 0.0)))


_gradient_optimum = lru_cache(maxsize=32)(gradient_optimum)
