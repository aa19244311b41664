"""A table of numbers on a colour scale: from values to levels of a ramp; knows no style."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from bigram_tui.analysis.ordering import Permutation
from bigram_tui.model.bigrams import Counts, Matrix
from bigram_tui.tui.render.colors import LEVELS
from bigram_tui.tui.render.pooling import Table, extremes, pool

Levels = npt.NDArray[np.uint8]

NAN = 255
"""The level of a cell that holds no number."""

DECADES = 4
"""How many powers of ten the logarithmic scale shows."""


class ColorScale(Enum):
    """How values are spread over the colour ramp."""

    LINEAR = "linear"
    ROOT = "√"
    LOG = "log"

    def place(self, part: Matrix) -> Matrix:
        """Return the places on the ramp, 0 to 1, of parts of the largest value, 0 to 1."""
        if self is ColorScale.LINEAR:
            return part
        if self is ColorScale.ROOT:
            root: Matrix = np.sqrt(part)
            return root
        with np.errstate(divide="ignore"):
            place: Matrix = np.clip(1 + np.log10(part) / DECADES, 0, 1)
        return place

    def part(self, place: float) -> float:
        """Return the part of the largest value that has a place on the ramp."""
        if self is ColorScale.LINEAR:
            return place
        return place**2 if self is ColorScale.ROOT else 10 ** (DECADES * (place - 1))


@dataclass(frozen=True, eq=False)
class Picture:
    """A table and how it is drawn; the levels of a row are computed when it comes into sight."""

    table: Table
    """The numbers. [rows, columns]"""
    limit: float
    """The value at the end of the ramp."""
    scale: ColorScale
    diverging: bool
    text: Callable[[float], str]
    """Writes a number in CELL_WIDTH characters."""
    order: Permutation | None = None
    """The row and the column of the table at each place; None for the order of the table."""
    _levels: dict[int, tuple[range, list[int]]] = field(default_factory=dict, init=False)

    def values(self, row: int, columns: range) -> Matrix | Counts:
        """Return the numbers at some columns of a row."""
        part = slice(columns.start, columns.stop)
        values: Matrix | Counts
        if self.order is None:
            values = self.table[row, part]
        else:
            values = self.table[self.order[row], self.order[part]]
        return values

    def row(self, row: int, columns: range | None = None) -> list[int]:
        """Return the levels of a row at all columns or at some: each 0 to LEVELS − 1, or NAN."""
        if columns is None:
            columns = range(self.table.shape[1])
        known = self._levels.get(row)
        if known is None or known[0] != columns:
            self.prepare(range(row, row + 1), columns)
            known = self._levels[row]
        return known[1]

    def prepare(self, rows: range, columns: range) -> None:
        """Compute the levels of several rows at once, which takes hardly longer than of one."""
        part = slice(columns.start, columns.stop)
        block = slice(rows.start, rows.stop)
        if self.order is None:
            values = self.table[block, part]
        else:
            values = self.table[self.order[block, None], self.order[part]]
        for row, levels in zip(rows, self._paint(values).tolist(), strict=True):
            self._levels[row] = columns, levels

    def ordered(self, order: Permutation | None) -> "Picture":
        """Return the same table in another order."""
        return self if order is self.order else replace(self, order=order)

    def pooled(self, block: int) -> "Picture":
        """Return a table with one cell for each block: the number of largest magnitude in it."""
        return replace(self, table=pool(self.table, self.order, block), order=None)

    def peak(self, rows: range, columns: range) -> tuple[int, int]:
        """Return the place of the largest magnitude, or of the first cell that holds no number."""
        part = np.stack([self.values(row, columns) for row in rows])
        row, column = divmod(int(np.abs(part).argmax()), len(columns))
        return rows[row], columns[column]

    def _paint(self, values: Matrix | Counts) -> Levels:
        with np.errstate(invalid="ignore"):
            place = self.scale.place(np.clip(np.abs(values) / self.limit, 0, 1))
            if self.diverging:
                place = (1 + np.sign(values) * place) / 2
        levels = np.full(values.shape, NAN, dtype=np.uint8)
        drawable = ~np.isnan(place)
        levels[drawable] = np.rint(place[drawable] * (LEVELS - 1)).astype(np.uint8)
        return levels


def paint(
    table: Table,
    scale: ColorScale,
    text: Callable[[float], str],
    *,
    diverging: bool = False,
    most: float = math.inf,
) -> Picture:
    """Put a table on a scale whose limit is a round number, at most `most`."""
    low, high, _ = extremes(table)
    limit = min(most, round_up(max(-low, high, 0.0)))
    return Picture(table, limit, scale, diverging, text)


def round_up(value: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten, so that a scale changes seldom; 1 for 0."""
    if value == 0:
        return 1.0
    value = min(max(value, 1e-300), 1e300)  # so that neither the unit nor its multiples overflow
    unit = 10.0 ** math.floor(math.log10(value))
    return next((m * unit for m in (1, 2, 5, 10) if value <= m * unit * (1 + 1e-12)), 10 * unit)
