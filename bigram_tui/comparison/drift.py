"""The drift of a run from the reference: the largest differences up to each iteration."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from bigram_tui.training.snapshot import Snapshot
from bigram_tui.training.timeline import Rows, Span

Floats = npt.NDArray[np.float64]
Spans = tuple[Span, ...]


@dataclass(frozen=True)
class MaxDifference:
    """The largest differences of a run from the reference up to some iteration."""

    since: int
    """The first iteration at which they were compared."""
    probability: float
    weight: float
    """NaN unless both have weights."""
    nll: float

    @property
    def differences(self) -> tuple[float, float, float]:
        """|ΔP|, |ΔW| and |Δnll|."""
        return self.probability, self.weight, self.nll


@dataclass(frozen=True, eq=False)
class Drift:
    """The running maxima of the differences of two runs, from the iteration `start` on."""

    start: int
    maxima: Floats
    """[n, 3]: of |ΔP|, |ΔW| and |Δnll|."""

    def up_to(self, iteration: int) -> MaxDifference | None:
        """Get the largest differences up to an iteration; None where it was not compared."""
        place = iteration - self.start
        if not 0 <= place < len(self.maxima):
            return None
        return MaxDifference(self.start, *self.maxima[place].tolist())

    @property
    def end(self) -> int:
        """The last iteration that was compared."""
        return self.start + len(self.maxima) - 1


class DriftRecorder:
    """Records the drift of one run from the reference, iteration by iteration."""

    def __init__(
        self, start: int, here: tuple[float, float, float], runs: tuple[Snapshot, Snapshot]
    ) -> None:
        """here: |ΔP|, |ΔW| and |Δnll| of the runs at the first iteration."""
        self.start = start
        self._spans = [run.spans for run in runs]
        self._rows = Rows(3)
        self._rows.append(*here)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end(self) -> int:
        """The last iteration that was compared."""
        return self.start + len(self._rows) - 1

    def follow(self, runs: tuple[Snapshot, Snapshot]) -> None:
        """Forget the steps that a change of hyperparameters has undone in one of the runs."""
        for place, run in enumerate(runs):
            old, new = self._spans[place], run.spans
            if old is not new and old != new:
                # Weights are still the same where others begin to act on them.
                kept = _parted(old, new) + (run.model is not None and run.model.weights is not None)
                self._rows.truncate(max(0, kept - self.start))
            self._spans[place] = new

    def extend(self, iteration: int, differences: Floats) -> None:
        """Add the differences [n, 3] after an iteration; steps that were compared before stay."""
        if iteration + len(differences) <= self.end:
            return
        self._rows.truncate(iteration - self.start + 1)
        before = self._rows.row(len(self._rows) - 1)
        self._rows.extend(np.fmax.accumulate(np.vstack([before, differences]), axis=0)[1:])

    def view(self) -> Drift:
        return Drift(self.start, self._rows.view())


def _parted(old: Spans, new: Spans) -> int:
    """Find the first iteration at which other hyperparameters held."""
    for first, second in zip_longest(old, new):
        if first != second:
            return min(span[0] for span in (first, second) if span is not None)
    return 0
