"""How far runs are from each other, and from the best that they can reach."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bigram_tui.backend import Backend
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
    assert a.probabilities is not None
    assert b.probabilities is not None
    tables = _farthest(a.probabilities, b.probabilities)
    weights = None
    if a.weights is not None and b.weights is not None:
        weights = _farthest(a.weights, b.weights)
    losses = abs(a.nll - b.nll)
    allowed = ROUNDING * max(a.precision, b.precision)
    return Difference(a.name, b.name, tables, weights, losses, max(tables, losses) <= allowed)


def _farthest(a: Matrix, b: Matrix) -> float:
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())


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
