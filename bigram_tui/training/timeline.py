"""The past of a run: the losses of every step, and the weights of some."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Losses = npt.NDArray[np.float64]
"""[n, 4]: a row for each step from 0 on; columns NLL, REGULARIZATION, VALIDATION and SECONDS."""

NLL, REGULARIZATION, VALIDATION, SECONDS = range(4)
LOSS_COLUMNS = 4

Span = tuple[int, Mapping[str, Any]]
"""A step, and the hyperparameters that hold from there to the next span."""

KEYFRAMES = 256
"""The most keyframes that a timeline keeps."""
KEYFRAME_BYTES = 64 * 2**20
"""The most memory for keyframes, unless SCARCE or FEWEST of them take more."""
SCARCE, SCARCE_BYTES = 4, 512 * 2**20
"""The number of large keyframes that are kept while they fit into so many bytes: V = 4,096."""
MOST_APPENDED = 256
"""The rows that are appended one by one before they are put into the table together."""
FEWEST = 2
"""The number of keyframes that are kept however large they are: the start and one more."""


def number(values: Mapping[str, Any], name: str) -> float | None:
    """Return a hyperparameter if there is one of that name and it is a number, else None."""
    value = values.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


class Rows:
    """A table that grows by rows. Views that it has returned never change."""

    def __init__(self, width: int) -> None:
        self._rows = np.empty((64, width))
        self._length = 0
        self._appended: list[tuple[float, ...]] = []  # one by one, and not in the table yet

    def __len__(self) -> int:
        return self._length + len(self._appended)

    def append(self, *row: float) -> None:
        self._appended.append(row)
        if len(self._appended) == MOST_APPENDED:
            self._settle()

    def _settle(self) -> None:
        """Put the rows that were appended into the table, all at once since each time costs."""
        if self._appended:
            rows, self._appended = np.array(self._appended, dtype=np.float64), []
            self.extend(rows)

    def extend(self, rows: npt.NDArray[np.float64]) -> None:
        """Append several rows, [n, width]."""
        self._settle()
        length = self._length + len(rows)
        if length > len(self._rows):
            spare = np.empty((max(length, 2 * self._length) - self._length, self._rows.shape[1]))
            self._rows = np.concatenate([self._rows[: self._length], spare])
        self._rows[self._length : length] = rows
        self._length = length

    def truncate(self, length: int) -> None:
        """Drop all rows from `length` on."""
        self._settle()
        if length < self._length:
            # In new memory, since returned views still show the rows that are dropped.
            spare = np.empty((64, self._rows.shape[1]))
            self._rows = np.concatenate([self._rows[:length], spare])
            self._length = length

    def row(self, index: int) -> list[float]:
        """Return the numbers of one row."""
        self._settle()
        return self._rows[index].tolist()  # type: ignore[no-any-return]

    def view(self) -> npt.NDArray[np.float64]:
        """Return all rows so far, read-only and without a copy."""
        self._settle()
        rows = self._rows[: self._length]
        rows.flags.writeable = False
        return rows


class Keyframes:
    """Checkpoints of some steps, from which the steps between can be replayed.

    Two sets are kept: the multiples of a stride, which doubles whenever they are too many, and the
    last few of a replay. Each set takes at most KEYFRAME_BYTES, or SCARCE_BYTES if fewer than
    SCARCE would fit, or the memory of FEWEST: for V = 10,000 in float64 twice 1.6 GB, including
    the start and the present weights, which are in memory anyway. Fewer keyframes only cost time,
    since every step can be replayed from the start. Arrays are kept where they are, those of a GPU
    in its memory.
    """

    def __init__(self) -> None:
        self.stride = 1
        """The steps between two keyframes that are kept."""
        self._kept: dict[int, Any] = {}
        self._recent: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def is_due(self, iteration: int) -> bool:
        """Return whether the checkpoint of a new step would be kept."""
        return iteration % self.stride == 0

    def offer(self, iteration: int, arrays: Any) -> None:
        """Keep the checkpoint of a new step if it is a multiple of the stride.

        arrays: an array, a tuple of arrays, or None for a training without checkpoints.
        """
        if arrays is None or not self.is_due(iteration):
            return
        self._kept[iteration] = arrays
        if len(self._kept) > max(_few(arrays), min(KEYFRAMES, KEYFRAME_BYTES // memory(arrays))):
            self.stride *= 2
            self._kept = {i: kept for i, kept in self._kept.items() if i % self.stride == 0}

    def pass_by(self, iteration: int, arrays: Any) -> None:
        """Keep the checkpoint of a replayed step, among the last few: users step back again."""
        if arrays is not None:
            self._recent[iteration] = arrays
            if len(self._recent) > _few(arrays):
                del self._recent[next(iter(self._recent))]

    def nearest(self, iteration: int) -> tuple[int, Any] | None:
        """Return the newest keyframe that is not after a step, and its step; None without any."""
        frames = [frame for frame in (self._kept | self._recent).items() if frame[0] <= iteration]
        return max(frames, key=lambda frame: frame[0], default=None)

    def truncate(self, length: int) -> None:
        """Drop all keyframes from the step `length` on."""
        self._kept = {i: kept for i, kept in self._kept.items() if i < length}
        self._recent = {i: kept for i, kept in self._recent.items() if i < length}


def _few(arrays: Any) -> int:
    """The number of keyframes of this size that are kept whatever KEYFRAME_BYTES is."""
    return max(FEWEST, min(SCARCE, SCARCE_BYTES // memory(arrays)))


def memory(arrays: Any) -> int:
    """Return the most bytes that an array of any library takes, or a nested tuple of arrays.

    Numbers count as float64; None takes nothing.
    """
    if isinstance(arrays, tuple):
        return sum(map(memory, arrays))
    return 0 if arrays is None else 8 * math.prod(getattr(arrays, "shape", ()))


class Settings:
    """The hyperparameters of a run, each set with the step from which on it holds."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._starts = [0]
        self._values = [MappingProxyType(dict(values))]

    @property
    def spans(self) -> tuple[Span, ...]:
        """The sets of hyperparameters, each with the step from which on it holds."""
        return tuple(zip(self._starts, self._values, strict=True))

    def at(self, iteration: int) -> Mapping[str, Any]:
        """Return the hyperparameters at a step: the same object as long as nothing changes."""
        return self._values[bisect_right(self._starts, iteration) - 1]

    def start(self, iteration: int) -> int:
        """Return the first step of the span that a step belongs to."""
        return self._starts[bisect_right(self._starts, iteration) - 1]

    def put(self, iteration: int, values: Mapping[str, Any]) -> None:
        """Set the hyperparameters from a step on, and drop those set for later steps."""
        kept = bisect_left(self._starts, iteration)
        self._starts[kept:] = [iteration]
        self._values[kept:] = [MappingProxyType(dict(values))]
