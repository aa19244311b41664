"""A run at one moment, as other threads and the screens see it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from bigram_tui.backend import Backend, Iteration, as_numpy
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
    """What a run is able to do next."""

    LOADING = "loading"
    READY = "ready"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class Branch:
    """The losses of a way that was left: of the iterations from `start` on."""

    start: int
    losses: Losses


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment, for other threads to read; it never changes."""

    name: str
    status: Status = Status.LOADING
    message: str = ""
    iteration: int = -1
    """The iteration that is looked at; −1 while there is none."""
    model: Iteration | None = None
    losses: Losses = field(default_factory=lambda: np.empty((0, LOSS_COLUMNS)))
    left: Branch | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    """The values that held before, each from which iteration on."""
    backend: Backend | None = None
    """For its class and the description of its hyperparameters; `settings` holds their values."""
    start_weights: Matrix | None = None
    """W [V, V] that the run was made with, whether or not its backend uses it."""
    end: int | None = None
    """The last iteration that there is, where that is known."""
    descends: bool | None = None
    """Whether each update is a plain step of gradient descent; None while that is not known."""
    overshoot: float | None = None
    """Where plain descent has diverged: η as a multiple of 2/λmax at the minimum."""
    training: bool = False
    rate: float | None = None
    """Iterations per second while it trains."""

    @property
    def changes(self) -> tuple[int, ...]:
        """The iterations at which a hyperparameter was changed."""
        return tuple(start for start, _ in self.spans[1:])

    def number(self, name: str) -> float | None:
        """A hyperparameter, if there is one of that name and it is a number."""
        return number(self.settings, name)

    @property
    def lacks_library(self) -> bool:
        """Whether it can't run for want of a library that the user can install."""
        return self.status is Status.FAILED and NOT_INSTALLED in self.message

    @property
    def latest(self) -> int:
        """The last iteration that was reached."""
        return len(self.losses) - 1

    @property
    def has_loss(self) -> bool:
        """False before the first iteration, and where a change of hyperparameters failed."""
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
        """∂total/∂W [V, V], or None for a model without gradient."""
        return self._read("gradient")

    def _read(self, part: str) -> Matrix | None:
        """A matrix of the model, copied where it is another device's; NaN if that was lost."""
        array = getattr(self.model, part, None)
        if array is None:
            return None
        try:
            return as_numpy(array)
        except RuntimeError:
            return np.full(tuple(array.shape), np.nan)

    def _loss(self, column: int) -> float:
        return float(self.losses[self.iteration, column]) if self.has_loss else np.nan

    @property
    def precision(self) -> float:
        """The distance of 1 from the next number of the backend's format."""
        try:
            dtype = np.dtype(self.dtype or np.float64)
        except TypeError:  # of no name that NumPy knows
            dtype = np.dtype(np.float64)
        return float(np.finfo(dtype if np.issubdtype(dtype, np.floating) else np.float64).eps)

    @property
    def nll(self) -> float:
        """Average negative log-likelihood of the training text, in nats."""
        return self._loss(NLL)

    @property
    def regularization(self) -> float:
        """The penalty on the weights."""
        return self._loss(REGULARIZATION)

    @property
    def total(self) -> float:
        """What a gradient step lowers: NLL + regularization."""
        return self.nll + self.regularization

    @property
    def perplexity(self) -> float:
        """exp(NLL)."""
        return perplexity(self.nll)

    @property
    def validation(self) -> float:
        """NLL of the validation lines; NaN without any."""
        return self._loss(VALIDATION)

    @property
    def seconds(self) -> float:
        """Time that the backend took for all iterations so far, its set-up included."""
        return float(self.losses[:, SECONDS].sum())

    @property
    def seconds_per_iteration(self) -> float:
        """The median of the last thousand updates; of the set-up where there was none."""
        seconds = self.losses[1:, SECONDS] if self.latest > 0 else self.losses[:, SECONDS]
        seconds = seconds[-1000:]
        return float(np.median(seconds)) if seconds.size else math.nan

    @property
    def device(self) -> str:
        """Where the backend keeps its table."""
        return "" if self.model is None else str(getattr(self.model.probabilities, "device", "cpu"))

    @property
    def dtype(self) -> str:
        """The backend's number format."""
        if self.model is None:
            return ""
        return str(self.model.probabilities.dtype).removeprefix("torch.")

    @cached_property
    def row_sums(self) -> tuple[float, float] | None:
        """The least and the largest sum of a row of P if they are not 1 within its precision."""
        if self.model is None or not self.has_loss:
            return None
        try:
            sums = row_sums(self.model.probabilities)
        except RuntimeError:  # its device was lost
            return math.nan, math.nan
        tolerance = 8 * len(sums) * self.precision
        return None if (abs(sums - 1) <= tolerance).all() else (sums.min(), sums.max())

    @cached_property
    def own_loss(self) -> float | None:
        """The total loss that the backend reports of itself, if it does."""
        if self.model is None or self.model.loss is None:
            return None
        try:
            return float(as_numpy(self.model.loss).item())
        except Exception:  # whatever a plugin gave
            return math.nan  # which agrees with nothing

    @property
    def cause(self) -> str:
        """Why it has diverged, as far as that is known; empty if it has not."""
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
        """Why what a run shows may not be what it seems; empty if it is."""
        if self.row_sums is not None and self.status is not Status.DIVERGED:
            least, most = self.row_sums
            if math.isnan(least):  # though it was finite when it was evaluated
                return f"{self.name}'s matrices can't be read from {self.device} any more"
            return f"the rows of {self.name}'s P sum to {least:.3g} up to {most:.3g}, not to 1"
        if self.disagrees:
            return (
                f"{self.name} reports a loss of {self.own_loss:.6g}; its P gives {self.total:.6g}"
            )
        return ""

    @property
    def disagrees(self) -> bool:
        """Whether the backend's own loss is not the one computed here, within its precision."""
        if self.own_loss is None or not np.isfinite(self.total):
            return False
        tolerance = math.sqrt(self.precision) * max(1.0, abs(self.total))
        return not abs(self.own_loss - self.total) <= tolerance
