"""Values by iteration, and the extremes of stretches of them, which a plot needs; knows no screen.

The extremes of blocks are computed once and kept while a run grows: a frame then costs as much as
the plot has columns, whatever the number of iterations.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.tui.render.memo import IdentityRef, Memo

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BLOCK = 64
"""Iterations in a block: about √(iterations / columns) where that matters."""
CHUNK = 1 << 16
"""Iterations that are read at once while blocks are computed; whole blocks."""


def measurable(values: Floats, log: bool) -> Floats:
    """Return the values that have a place on an axis, linear or log, and NaN for the others."""
    return np.where(np.isfinite(values) & ((values > 0) | (not log)), values, nan)


@dataclass(frozen=True)
class BinRanges:
    """The least and the largest measurable value of each of some stretches, NaN without any.

    above, below: whether a stretch has a value that is not measurable, and stands above or below.
    """

    low: Floats
    high: Floats
    above: Mask
    below: Mask

    @classmethod
    def from_values(cls, values: Floats, log: bool) -> "BinRanges":
        """Return each value as a stretch of its own."""
        shown = measurable(values, log)
        absent = np.isnan(shown)
        below = absent & ((values == -inf) | ((values <= 0) & log))
        return cls(shown, shown, absent & ~below, below)

    def inside(self, low: float, high: float) -> "BinRanges":
        """Drop the stretches outside of two values; each is inside or outside as a whole."""
        fits = (self.low >= low) & (self.high <= high)
        return replace(self, low=np.where(fits, self.low, nan), high=np.where(fits, self.high, nan))

    def joined(self, starts: Integers) -> "BinRanges":
        """Join neighbours to longer stretches, which begin at `starts`, at least one."""
        return BinRanges(
            np.fmin.reduceat(self.low, starts),
            np.fmax.reduceat(self.high, starts),
            np.logical_or.reduceat(self.above, starts),
            np.logical_or.reduceat(self.below, starts),
        )

    def __getitem__(self, part: slice | Mask) -> "BinRanges":
        return BinRanges(self.low[part], self.high[part], self.above[part], self.below[part])

    def merged(self, others: "BinRanges", is_own: Mask) -> "BinRanges":
        """Return these and others in one order. is_own: which places are for these."""

        def merge(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
            merged = np.empty(len(is_own), dtype=own.dtype)
            merged[is_own], merged[~is_own] = own, other
            return merged

        return BinRanges(
            merge(self.low, others.low),
            merge(self.high, others.high),
            merge(self.above, others.above),
            merge(self.below, others.below),
        )

    @classmethod
    def chain(cls, parts: "Sequence[BinRanges]") -> "BinRanges":
        """Join parts, one after the other."""
        return cls(
            np.concatenate([part.low for part in parts]),
            np.concatenate([part.high for part in parts]),
            np.concatenate([part.above for part in parts]),
            np.concatenate([part.below for part in parts]),
        )


NONE = BinRanges.from_values(np.empty(0), False)


@dataclass(eq=False)
class Summary:
    """The extremes of all whole blocks so far, on a linear and on a logarithmic axis."""

    key: Hashable
    blocks: dict[bool, BinRanges] = field(default_factory=lambda: {False: NONE, True: NONE})

    def up_to(self, length: int, at: Callable[[Integers], Floats], log: bool) -> BinRanges:
        """Return the extremes of the whole blocks below a length; compute those that are new."""
        known = self.blocks[log]
        done, whole = len(known.low) * BLOCK, length // BLOCK * BLOCK
        parts = [known]
        for start in range(done, whole, CHUNK):
            values = at(np.arange(start, min(start + CHUNK, whole)))
            parts.append(
                BinRanges.from_values(values, log).joined(np.arange(0, len(values), BLOCK))
            )
        if len(parts) > 1:
            known = self.blocks[log] = BinRanges.chain(parts)
        return known[: length // BLOCK]


_summaries: Memo[dict[Hashable, Summary]] = Memo(dict)
"""The summaries of each table that grows, by what they are of and the address of the first row."""


def _summary(tables: Sequence[Floats], kind: Hashable, key: Hashable) -> Summary:
    # Each table is a view of one that grows: its rows never change, and another replaces it.
    grown, *others = [table if table.base is None else table.base for table in tables]
    begin, *begins = [table.__array_interface__["data"][0] for table in tables]
    key = key, *map(IdentityRef, others), *begins
    summaries = _summaries[grown]
    summary = summaries.get((kind, begin))
    if summary is None or summary.key != key:
        summary = summaries[kind, begin] = Summary(key)
    return summary


@dataclass(frozen=True, eq=False)
class Series:
    """One value for each iteration from 0 on, computed where it is looked at."""

    length: int
    at: Callable[[Integers], Floats]
    """Returns the values at some iterations."""
    summary: Summary | None = None
    """The extremes that earlier frames computed."""

    @classmethod
    def from_values(cls, values: Floats) -> "Series":
        """Return the series of an array; its extremes are not kept."""
        return cls(len(values), lambda places: values[places])

    @classmethod
    def from_tables(
        cls,
        length: int,
        at: Callable[[Integers], Floats],
        tables: Sequence[Floats],
        kind: Hashable,
        key: Hashable = None,
    ) -> "Series":
        """Return a series computed from tables that grow, each a view of rows that never change.

        kind: what is computed; the newest summary of a kind is kept. key: what else it depends on.
        """
        return cls(length, at, _summary(tables, kind, key))

    @classmethod
    def column(cls, table: Floats, column: int) -> "Series":
        """Return a column of a table that grows."""
        return cls.from_tables(
            len(table), lambda places: table[places, column], [table], ("column", column)
        )

    def __len__(self) -> int:
        return self.length

    def all(self) -> Floats:
        """Return all values."""
        return self.at(np.arange(self.length))

    def until(self, length: int) -> "Series":
        """Return the first values, `length` at most."""
        return replace(self, length=min(self.length, length))

    def range(self, log: bool) -> tuple[float, float]:
        """Return the least and the largest measurable value; ∞ and −∞ if there is none."""
        known = self._known(log)
        tail = BinRanges.from_values(self.at(np.arange(len(known.low) * BLOCK, self.length)), log)
        low = min(float(np.fmin.reduce(each.low, initial=inf)) for each in (known, tail))
        high = max(float(np.fmax.reduce(each.high, initial=-inf)) for each in (known, tail))
        return low, high

    def extremes(
        self, starts: Integers, log: bool, between: tuple[float, float] | None = None
    ) -> BinRanges:
        """Return the extremes of the stretches that begin at `starts`; the last is up to the end.

        starts: ascending, from 0 on, each once. between: leave out what is not between these two.
        """
        known = self._known(log)
        whole = len(known.low)
        # Blocks in which a stretch begins are looked at value by value, the others as they are.
        block = np.minimum(starts // BLOCK, whole)
        inside = starts - block * BLOCK
        split = np.zeros(whole + 1, dtype=np.bool_)
        split[block[inside > 0]] = True
        split = split[:whole]
        if between is not None:
            low, high = between
            crosses = (known.low < low) & (known.high >= low)
            crosses |= (known.low <= high) & (known.high > high)
            split |= crosses
        sizes = np.where(split, BLOCK, 1)
        single = (np.flatnonzero(split)[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        tail = np.arange(whole * BLOCK, self.length)
        values = BinRanges.from_values(self.at(np.concatenate((single, tail))), log)
        is_block = np.append(np.repeat(~split, sizes), np.zeros(len(tail), dtype=np.bool_))
        pieces = known[~split].merged(values, is_block)
        if between is not None:
            pieces = pieces.inside(*between)
        return pieces.joined(np.append(0, np.cumsum(sizes))[block] + inside)

    def _known(self, log: bool) -> BinRanges:
        return NONE if self.summary is None else self.summary.up_to(self.length, self.at, log)
