"""What takes a look at every cell of a table: its extremes, and the largest cell of each block.

Each is computed once for a table, so that a table must not change once it was given here.
"""

import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from bigram_tui.analysis.ordering import Permutation
from bigram_tui.model.bigrams import Counts, Matrix
from bigram_tui.tui.render.memo import Memo

CHUNK = 1 << 15
"""Cells that are looked at together, so that they are read from memory once."""


class Table(Protocol):
    """An array [rows, columns], or one that computes the parts that it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: Any, /) -> Any: ...


class ValueRange(NamedTuple):
    """The least and the largest finite number of a table; 0 and 0 without any."""

    low: float
    high: float
    largest: float
    """The largest magnitude; it may be ∞, and is NaN if any cell is."""


Result = TypeVar("Result")

_results: Memo[dict[Hashable, Any]] = Memo(dict)
"""The results for each table, by what was asked."""


def extremes(table: Table) -> ValueRange:
    """Return the ends of the range of a table."""
    return _once(table, "extremes", lambda: _extremes(table))


def pool(table: Table, order: Permutation | None, block: int) -> Matrix | Counts:
    """Return the number of largest magnitude in each block of a square table; NaN if one is there.

    order: the row and the column at each place; None for the order of the table.
    block: rows and columns of a block; the last blocks may have fewer.
    Returns [n, n] with n = ⌈V / block⌉.
    """
    key = block, None if order is None else order.tobytes()
    return _once(table, key, lambda: _pool(table, order, block))


def _once(table: Table, key: Hashable, find: Callable[[], Result]) -> Result:
    known = _results[table]
    if key not in known:
        known[key] = find()
    result: Result = known[key]
    return result


def _extremes(table: Table) -> ValueRange:
    low, high, largest = math.inf, -math.inf, 0.0
    rows = max(1, CHUNK // max(1, table.shape[1]))
    for first in range(0, len(table), rows):
        part = table[first : first + rows]
        least, most = float(part.min()), float(part.max())
        largest = float(np.maximum(largest, max(-least, most)))  # which keeps NaN
        if not (math.isfinite(least) and math.isfinite(most)):
            part = part[np.isfinite(part)]
            if not part.size:
                continue
            least, most = float(part.min()), float(part.max())
        low, high = min(low, least), max(high, most)
    return ValueRange(low, high, largest) if low <= high else ValueRange(0.0, 0.0, largest)


def _pool(table: Table, order: Permutation | None, block: int) -> Matrix | Counts:
    starts = np.arange(0, len(table), block)
    is_positive = extremes(table).low >= 0 and math.isfinite(extremes(table).largest)
    kinds = (np.maximum,) if is_positive else (np.maximum, np.minimum)
    # Rows first, as they lie in memory; only what is left of them is put into order.
    rows = np.empty((len(kinds), len(starts), len(table)), table.dtype)
    for place, start in enumerate(starts):
        some = slice(start, start + block)
        part = table[some if order is None else order[some]]
        for kind, largest in enumerate(kinds):
            largest.reduce(part, axis=0, out=rows[kind, place])
    if order is not None:
        rows = rows[:, :, order]
    high, *low = (
        largest.reduceat(part, starts, axis=1) for largest, part in zip(kinds, rows, strict=True)
    )
    # The comparison is false, and both are NaN, where a cell holds no number.
    pooled: Matrix | Counts = np.where(high >= -low[0], high, low[0]) if low else high
    return pooled
