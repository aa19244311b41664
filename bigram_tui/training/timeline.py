"""What a run remembers of its past: the losses of every iteration and the weights of some."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Losses = npt.NDArray[np.float64]
"""[n, 4]: one row per iteration, with the columns NLL, REGULARIZATION, VALIDATION and SECONDS."""

NLL, REGULARIZATION, VALIDATION, SECONDS = range(4)
LOSS_COLUMNS = 4

Span = tuple[int, Mapping[str, Any]]
"""An iteration, and the hyperparameters that hold from there to the next span."""

KEYFRAMES = 256
"""The most keyframes that a timeline keeps."""
KEYFRAME_BYTES = 64 * 2**20
"""The most memory for them, unless even a few of them take more."""
SCARCE, SCARCE_BYTES = 4, 512 * 2**20
"""Of large ones 4 are kept while they take no more memory than this: for V = 4,096 in float64."""
FEWEST = 2
"""Of the largest two are kept: the start, which the run has anyway, and one on the way."""


def number(values: Mapping[str, Any], name: str) -> float | None:
    """A hyperparameter, if there is one of that name and it is a number."""
    value = values.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


class Rows:
    """A table that grows, one row per iteration; what it has handed out never changes."""

    def __init__(self, width: int) -> None:
        self._rows = np.empty((64, width))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, *row: float) -> None:
        if self._length == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._length] = row
        self._length += 1

    def extend(self, rows: npt.NDArray[np.float64]) -> None:
        """Append several rows. [n, width]"""
        length = self._length + len(rows)
        if length > len(self._rows):
            spare = np.empty((max(length, 2 * self._length) - self._length, self._rows.shape[1]))
            self._rows = np.concatenate([self._rows[: self._length], spare])
        self._rows[self._length : length] = rows
        self._length = length

    def truncate(self, length: int) -> None:
        """Forget all rows from `length` on."""
        if length < self._length:
            # A copy, since the rows after it belong to views that were handed out.
            spare = np.empty((64, self._rows.shape[1]))
            self._rows = np.concatenate([self._rows[:length], spare])
            self._length = length

    def row(self, iteration: int) -> list[float]:
        """The numbers of one iteration."""
        return self._rows[iteration].tolist()  # type: ignore[no-any-return]

    def view(self) -> npt.NDArray[np.float64]:
        """All rows so far, read-only and without a copy."""
        rows = self._rows[: self._length]
        rows.flags.writeable = False
        return rows


class Keyframes:
    """What a training can go on from, such as its weights: arrays, or tuples of them.

    Kept are multiples of a stride that doubles whenever there are too many of them, and the last
    few of a replay. Each of the two takes at most KEYFRAME_BYTES, or SCARCE_BYTES if those don't
    hold SCARCE, or what FEWEST take: for V = 10,000 in float64 twice 1.6 GB, the start and where
    the run stands included, which are there anyway. Any iteration can be replayed from the start,
    so that fewer keyframes cost time and nothing else. They are kept as they were yielded, those
    of a GPU in its memory.
    """

    def __init__(self) -> None:
        self.stride = 1
        self._kept: dict[int, Any] = {}
        self._recent: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, iteration: int, arrays: Any) -> None:
        """Keep those of an iteration if it is time to; None where a training has none."""
        if arrays is None or iteration % self.stride:
            return
        self._kept[iteration] = arrays
        if len(self._kept) > max(_few(arrays), min(KEYFRAMES, KEYFRAME_BYTES // memory(arrays))):
            self.stride *= 2
            self._kept = {i: kept for i, kept in self._kept.items() if i % self.stride == 0}

    def pass_by(self, iteration: int, arrays: Any) -> None:
        """Keep the last few of a replay too: who steps back once will do so again."""
        if arrays is not None:
            self._recent[iteration] = arrays
            if len(self._recent) > _few(arrays):
                del self._recent[next(iter(self._recent))]

    def nearest(self, iteration: int) -> tuple[int, Any] | None:
        """The newest keyframe that is not after an iteration."""
        frames = [frame for frame in (self._kept | self._recent).items() if frame[0] <= iteration]
        return max(frames, key=lambda frame: frame[0], default=None)

    def truncate(self, length: int) -> None:
        """Forget all keyframes from the iteration `length` on."""
        self._kept = {i: kept for i, kept in self._kept.items() if i < length}
        self._recent = {i: kept for i, kept in self._recent.items() if i < length}


def _few(arrays: Any) -> int:
    """How many are kept however large they are."""
    return max(FEWEST, min(SCARCE, SCARCE_BYTES // memory(arrays)))


def memory(arrays: Any) -> int:
    """The most bytes that an array takes, or a tuple of such; of any library, None is nothing."""
    if isinstance(arrays, tuple):
        return sum(map(memory, arrays))
    return 0 if arrays is None else 8 * math.prod(getattr(arrays, "shape", ()))


class Settings:
    """The hyperparameters of a run, and from which iteration on each set of them held."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._starts = [0]
        self._values = [MappingProxyType(dict(values))]

    @property
    def spans(self) -> tuple[Span, ...]:
        """What held, each from which iteration on."""
        return tuple(zip(self._starts, self._values, strict=True))

    def at(self, iteration: int) -> Mapping[str, Any]:
        """What holds at an iteration: the same object for as long as nothing changes."""
        return self._values[bisect_right(self._starts, iteration) - 1]

    def start(self, iteration: int) -> int:
        """From which iteration on that holds which holds at this one."""
        return self._starts[bisect_right(self._starts, iteration) - 1]

    def put(self, iteration: int, values: Mapping[str, Any]) -> None:
        """Let other values hold from an iteration on, and drop what was set for later ones."""
        kept = bisect_left(self._starts, iteration)
        self._starts[kept:] = [iteration]
        self._values[kept:] = [MappingProxyType(dict(values))]
