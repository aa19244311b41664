"""The differences of two runs, and the best total that a run can reach."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from typing import Any

from bigram_tui.analysis.optimum import Optimum, counting_optimum, gradient_optimum
from bigram_tui.comparison.distances import distances
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.training.timeline import number


@dataclass(frozen=True)
class Difference:
    """The differences of two runs at the iterations where they stand."""

    a: str
    b: str
    max_abs_probability: float
    max_abs_weight: float | None
    """None unless both have weights."""
    max_abs_nll: float
    agree: bool
    """Whether they differ by no more than the rounding of the coarser number format."""

    @property
    def text(self) -> str:
        """Say the differences in words."""
        weights = "" if self.max_abs_weight is None else f", max |ΔW| {self.max_abs_weight:.1e}"
        verdict = "agree" if self.agree else "differ"
        return (
            f"{verdict}: max |ΔP| {self.max_abs_probability:.1e}{weights}, "
            f"|Δnll| {self.max_abs_nll:.1e}"
        )


def compare(a: Snapshot, b: Snapshot) -> Difference:
    """Compare two runs that have a model, in float64."""
    assert a.model is not None
    assert b.model is not None
    tables, weights = distances(a.model, b.model)
    losses = abs(a.nll - b.nll)
    agree = max(tables, losses) <= tolerance(a, b)
    known = None if math.isnan(weights) else weights
    return Difference(a.name, b.name, tables, known, losses, agree)


def tolerance(a: Snapshot, b: Snapshot) -> float:
    """Estimate how far rounding drives two runs apart, by the coarser of their number formats.

    ε^¾, as errors add up over many iterations: 2e-12 in float64, 6e-6 in float32.
    """
    return float(max(a.precision, b.precision) ** 0.75)


Objective = tuple[str, float]
"""The kind of a model and its λ, which decide the best total: "counting", or "gradient"."""


def objective_of(run: Snapshot, settings: Mapping[str, Any] | None = None) -> Objective | None:
    """Get the objective of a run; None if its backend has a penalty of its own.

    settings: hyperparameters other than those that it has now.
    """
    if run.backend is None or run.model is None or run.own_penalty:
        return None
    if run.model.weights is None:
        return "counting", 0.0
    values = run.settings if settings is None else settings
    return "gradient", number(values, "l2") or 0.0


@lru_cache(maxsize=32)
def optimum(bigrams: Bigrams, objective: Objective) -> Optimum:
    """Compute the best total that can be reached."""
    kind, l2 = objective
    return counting_optimum(bigrams) if kind == "counting" else gradient_optimum(bigrams, l2)


def optimum_of(run: Snapshot, bigrams: Bigrams) -> Optimum | None:
    """Compute the best total of a run; None if its backend has a penalty of its own."""
    objective = objective_of(run)
    return None if objective is None else optimum(bigrams, objective)


class Optima:
    """A cache of optima, each of which is solved once, in a thread."""

    def __init__(self, bigrams: Bigrams, on_solved: Callable[[], object] = lambda: None) -> None:
        """on_solved: called in the thread when another one is known."""
        self._bigrams = bigrams
        self._on_solved = on_solved
        self._found: dict[Objective, Optimum | None] = {}

    def of(self, objective: Objective | None) -> Optimum | None:
        """Get an optimum; None while it is not known, or never will be."""
        if objective is None:
            return None
        if objective not in self._found:
            self._found[objective] = None
            Thread(target=self._solve, args=[objective], daemon=True).start()
        return self._found[objective]

    @property
    def solved(self) -> int:
        """The number of optima that are known."""
        return sum(found is not None for found in list(self._found.values()))

    def _solve(self, objective: Objective) -> None:
        with suppress(ArithmeticError, ValueError):
            self._found[objective] = optimum(self._bigrams, objective)
            self._on_solved()
