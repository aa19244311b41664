"""How far two runs were from each other on their way: at each iteration, the most so far."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from bigram_tui.timeline import Rows, Span

Floats = npt.NDArray[np.float64]
Spans = tuple[Span, ...]


@dataclass(frozen=True)
class Farthest:
    """The largest differences of a run from the reference on the way to some iteration."""

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
class Trail:
    """What two runs had at most between them, from the iteration `start` on."""

    start: int
    farthest: Floats
    """[n, 3]: the running maxima of |ΔP|, |ΔW| and |Δnll|."""

    def up_to(self, iteration: int) -> Farthest | None:
        """The largest differences up to an iteration; None where it was not compared."""
        place = iteration - self.start
        if not 0 <= place < len(self.farthest):
            return None
        return Farthest(self.start, *self.farthest[place].tolist())

    @property
    def end(self) -> int:
        """The last iteration that was compared."""
        return self.start + len(self.farthest) - 1


class GrowingTrail:
    """A trail that goes on."""

    def __init__(
        self, start: int, here: tuple[float, float, float], spans: tuple[Spans, Spans]
    ) -> None:
        """spans: the hyperparameters of both runs, and from when on they held."""
        self.start = start
        self._spans = spans
        self._rows = Rows(3)
        self._rows.append(*here)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def end(self) -> int:
        """The last iteration that was compared."""
        return self.start + len(self._rows) - 1

    def follow(self, spans: tuple[Spans, Spans]) -> None:
        """Forget what was compared of a way that has been left since."""
        for old, new in zip(self._spans, spans, strict=True):
            if old is not new and old != new:
                self._rows.truncate(max(0, _parted(old, new) - self.start))
        self._spans = spans

    def extend(self, iteration: int, differences: Floats) -> None:
        """What came after an iteration. differences: [n, 3]."""
        self._rows.truncate(iteration - self.start + 1)
        before = self._rows.row(len(self._rows) - 1)
        self._rows.extend(np.fmax.accumulate(np.vstack([before, differences]), axis=0)[1:])

    def view(self) -> Trail:
        return Trail(self.start, self._rows.view())


def _parted(old: Spans, new: Spans) -> int:
    """The first iteration at which other hyperparameters held."""
    for first, second in zip_longest(old, new):
        if first != second:
            return min(span[0] for span in (first, second) if span is not None)
    return 0
