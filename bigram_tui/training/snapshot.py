"""A run at one moment, for other threads and for screens."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from bigram_tui.backend import Backend, Hyperparameter, Iteration, as_numpy
from bigram_tui.errors import NOT_INSTALLED
from bigram_tui.model.arrays import row_sums
from bigram_tui.model.bigrams import Matrix
from bigram_tui.model.loss import perplexity
from bigram_tui.training.timeline import (
    LOSS_COLUMNS,
    NLL,
    REGULARIZATION,
    SECONDS,
    VALIDATION,
    Losses,
    Span,
    number,
)


class Status(Enum):
    """The state of a run."""

    LOADING = "loading"
    """The backend is not imported, or its first model not computed yet."""
    READY = "ready"
    """The next step can be taken."""
    FINISHED = "finished"
    """There is no next step."""
    DIVERGED = "diverged"
    """The loss is not finite, so that no step is taken from here."""
    FAILED = "failed"
    """The backend raised an error, or yielded something else than a model."""


@dataclass(frozen=True, eq=False)
class Branch:
    """The losses of steps that were left, by a reset or a changed hyperparameter."""

    start: int
    """The step at which the branch was left."""
    losses: Losses
    """The losses from `start` on."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment, for other threads to read; it never changes."""

    name: str
    status: Status = Status.LOADING
    message: str = ""
    """One line that explains the status, or nothing."""
    iteration: int = -1
    """The present step; −1 before there is a model."""
    model: Iteration | None = None
    """The model after the present step."""
    losses: Losses = field(default_factory=lambda: np.empty((0, LOSS_COLUMNS)))
    """The losses of all steps that were reached; they may go on beyond the present one."""
    left: Branch | None = None
    """The branch that was left last."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The hyperparameters at the present step, by name."""
    spans: tuple[Span, ...] = ()
    """All sets of hyperparameters, each with the step from which on it holds."""
    backend: Backend | None = None
    """For its class; `settings` holds the values of its hyperparameters."""
    parameters: Mapping[str, Hyperparameter] = field(default_factory=dict)
    """The hyperparameters that the user can set, by name."""
    own_penalty: bool = False
    """Whether its backend has a penalty of its own, other than λ·mean(W²)."""
    start_weights: Matrix | None = None
    """The W [V, V] that the run starts from, whether or not its backend uses it."""
    end: int | None = None
    """The last step, if it is known."""
    descends: bool | None = None
    """Whether the steps are plain gradient descent; None while that is unknown."""
    overshoot: float | None = None
    """η as a multiple of 2/λmax at the minimum, if plain gradient descent has diverged."""
    training: bool = False
    """Whether the run is taking steps."""
    rate: float | None = None
    """Steps per second while it trains."""

    @property
    def changes(self) -> tuple[int, ...]:
        """The steps at which a hyperparameter was changed."""
        return tuple(start for start, _ in self.spans[1:])

    def number(self, name: str) -> float | None:
        """Return a hyperparameter if there is one of that name and it is a number, else None."""
        return number(self.settings, name)

    @property
    def lacks_library(self) -> bool:
        """Whether it failed for lack of a library that the user can install."""
        return self.status is Status.FAILED and NOT_INSTALLED in self.message

    @property
    def latest(self) -> int:
        """The last step that was reached; −1 before the first."""
        return len(self.losses) - 1

    @property
    def has_loss(self) -> bool:
        """Whether the present step has losses: not before the first model, nor after a failure."""
        return 0 <= self.iteration <= self.latest

    @cached_property
    def probabilities(self) -> Matrix | None:
        """P [V, V]."""
        return self._read("probabilities")

    @cached_property
    def weights(self) -> Matrix | None:
        """W [V, V], or None for a model without weights."""
        return self._read("weights")

    @cached_property
    def gradient(self) -> Matrix | None:
        """∂total/∂W [V, V], or None for a model without a gradient."""
        return self._read("gradient")

    def _read(self, part: str) -> Matrix | None:
        """A matrix of the model, copied from its device; NaN if the device was lost."""
        array = getattr(self.model, part, None)
        if array is None:
            return None
        try:
            return as_numpy(array)
        except Exception:
            return np.full(tuple(array.shape), np.nan)

    def _loss(self, column: int) -> float:
        return float(self.losses[self.iteration, column]) if self.has_loss else np.nan

    @property
    def precision(self) -> float:
        """The distance of 1 from the next number in the backend's format (machine epsilon)."""
        try:
            dtype = np.dtype(self.dtype or np.float64)
        except TypeError:  # a format that NumPy does not know
            dtype = np.dtype(np.float64)
        return float(np.finfo(dtype if np.issubdtype(dtype, np.floating) else np.float64).eps)

    @property
    def nll(self) -> float:
        """The mean negative log-likelihood of the training text, in nats per bigram."""
        return self._loss(NLL)

    @property
    def regularization(self) -> float:
        """The penalty on the weights, λ·mean(W²)."""
        return self._loss(REGULARIZATION)

    @property
    def total(self) -> float:
        """nll + penalty: what gradient descent minimises."""
        return self.nll + self.regularization

    @property
    def perplexity(self) -> float:
        """exp(nll)."""
        return perplexity(self.nll)

    @property
    def validation(self) -> float:
        """The nll of the validation lines; NaN without any."""
        return self._loss(VALIDATION)

    @property
    def seconds(self) -> float:
        """The seconds that the backend took for all steps so far, its set-up included."""
        return float(self.losses[:, SECONDS].sum())

    @property
    def seconds_per_iteration(self) -> float:
        """The median over the last thousand steps; the set-up's time before the first step."""
        seconds = self.losses[1:, SECONDS] if self.latest > 0 else self.losses[:, SECONDS]
        seconds = seconds[-1000:]
        return float(np.median(seconds)) if seconds.size else math.nan

    @property
    def device(self) -> str:
        """The device that holds P, such as "cpu" or "cuda:0"; empty without a model."""
        return "" if self.model is None else str(getattr(self.model.probabilities, "device", "cpu"))

    @property
    def dtype(self) -> str:
        """The number format of P, such as "float64"; empty without a model."""
        if self.model is None:
            return ""
        return str(self.model.probabilities.dtype).removeprefix("torch.")

    @cached_property
    def row_sums(self) -> tuple[float, float] | None:
        """The smallest and the largest row sum of P, unless all are 1 within its precision.

        Both are NaN if the device was lost.
        """
        if self.model is None or not self.has_loss:
            return None
        try:
            sums = row_sums(self.model.probabilities)
        except Exception:  # its device was lost
            return math.nan, math.nan
        tolerance = 8 * len(sums) * self.precision
        return None if (abs(sums - 1) <= tolerance).all() else (sums.min(), sums.max())

    @cached_property
    def own_loss(self) -> float | None:
        """The total that the backend reports, if it reports one; NaN if it is no number."""
        if self.model is None or self.model.loss is None:
            return None
        try:
            return float(as_numpy(self.model.loss).item())
        except Exception:  # its device was lost
            return math.nan  # agrees with nothing

    @property
    def cause(self) -> str:
        """Why the run has diverged, as far as that is known; empty if it has not."""
        if self.status is not Status.DIVERGED:
            return ""
        if self.overshoot is not None and self.overshoot > 1:
            multiple = f"{self.overshoot:,.{0 if self.overshoot >= 100 else 2}f}"
            return f"the step is too large: η is {multiple} times the stable limit at the minimum"
        totals = self.losses[: self.iteration, [NLL, REGULARIZATION]].sum(axis=1)
        if not totals.size:
            return ""
        least, last = int(totals.argmin()), totals.size - 1
        if totals[least] < totals[last]:
            return (
                f"the total rose from {totals[least]:.4g} at step {least:,} to "
                f"{totals[last]:.4g} at {last:,}"
            )
        return f"the total was {totals[last]:.4g} at step {last:,}"

    @property
    def doubt(self) -> str:
        """Why the numbers of a run can't be trusted; empty if they can."""
        if self.row_sums is not None and self.status is not Status.DIVERGED:
            least, most = self.row_sums
            if math.isnan(least):  # P was finite when it was evaluated
                return f"{self.name}'s matrices can't be read from {self.device} any more"
            return f"the rows of {self.name}'s P sum to {least:.3g} up to {most:.3g}, not to 1"
        if self.disagrees:
            return (
                f"{self.name} reports a loss of {self.own_loss:.6g}; its P gives {self.total:.6g}"
            )
        return ""

    @property
    def disagrees(self) -> bool:
        """Whether the backend reports another total than the one computed from its P."""
        if self.own_loss is None or not np.isfinite(self.total):
            return False
        tolerance = math.sqrt(self.precision) * max(1.0, abs(self.total))
        return not abs(self.own_loss - self.total) <= tolerance
