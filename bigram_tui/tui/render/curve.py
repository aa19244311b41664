"""Draws curves over iterations as Strips of braille dots; knows series and styles, no widget."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, nan

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bigram_tui.formatting.numbers import axis_label
from bigram_tui.tui.render.series import Floats, Integers, Mask, Series, measurable

Glyphs = npt.NDArray[np.str_]

PLAIN = Style.null()
BACKGROUND, AXIS = 0, -1  # places in the list of styles; that of curve k is k + 1
DOTS_ACROSS, DOTS_DOWN = 2, 4  # of a cell
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
BRAILLE = np.array([" ", *map(chr, range(0x2801, 0x2900))])
BARS = np.array(list("▁▂▃▄▅▆▇█"))
UNDRAWABLE = "×"


@dataclass(frozen=True, eq=False)
class Curve:
    """One value per iteration from `start`, or one level for all iterations if `constant`.

    values: float64 [n], or a series, whose extremes are known from frame to frame. A value that is
    not finite gets a mark where it stands.
    background: the curve does not widen the axes, and shows only where it fits between them.
    """

    values: Floats | Series
    style: Style
    start: int = 0
    constant: bool = False
    background: bool = False

    @cached_property
    def series(self) -> Series:
        """The values as a series."""
        return self.values if isinstance(self.values, Series) else Series.from_values(self.values)


@dataclass(frozen=True)
class YAxis:
    """A y axis from `low` to `high`; there is nothing to measure where `low` is above `high`."""

    low: float = inf
    high: float = -inf
    log: bool = False

    def depth(self, values: Floats) -> Floats:
        """Return how far below the top: 0 for `high`, 1 for `low`, ½ where both are the same."""
        if self.low >= self.high:
            return np.where(np.isnan(values), nan, 0.5)
        if self.log:
            bottom, top, heights = np.log(self.low), np.log(self.high), np.log(values)
        else:  # in units of the largest, as the difference of huge values overflows
            unit = max(abs(self.low), abs(self.high))
            bottom, top, heights = self.low / unit, self.high / unit, values / unit
        span = top - bottom or 1.0  # the logarithms of neighbouring floats may be the same
        return np.asarray((top - heights) / span)

    def value(self, depth: float) -> float:
        """Return the value at a depth."""
        if self.log:
            return float(self.high ** (1 - depth) * self.low**depth)
        return self.high * (1 - depth) + self.low * depth


@dataclass(frozen=True)
class Columns:
    """An x axis: the iterations 0 to `last` over so many columns of dots, at least two.

    log: by the logarithm of the iteration + 1.
    """

    last: int
    across: int
    log: bool = False

    @cached_property
    def _bounds(self) -> Integers:
        """The first iteration of each column; an empty column has that of the next."""
        bounds: Integers
        if self.log and self.last:
            step = np.log1p(self.last) / (self.across - 1)
            bounds = np.ceil(np.expm1((np.arange(self.across) - 0.5) * step)).astype(np.int64)
        else:
            bounds = -((1 - 2 * np.arange(self.across)) * self.last // (2 * (self.across - 1)))
        bounds[0] = 0
        return bounds

    def of(self, iterations: Integers) -> Integers:
        """Return the column that is nearest to each iteration."""
        if self.log and self.last:
            return np.asarray(np.searchsorted(self._bounds, iterations, side="right") - 1)
        return (2 * iterations * (self.across - 1) + self.last) // max(2 * self.last, 1)

    def iteration(self, column: int) -> int:
        """Return the iteration that is nearest to a column."""
        place = column / (self.across - 1)
        nearest = np.expm1(place * np.log1p(self.last)) if self.log else place * self.last
        return int(np.clip(np.rint(nearest), 0, self.last))

    def firsts(self, start: int, stop: int) -> Integers:
        """Return the first iteration in each column, from `start` to before `stop`."""
        # From the bounds, so that the cost does not grow with the number of iterations.
        firsts = np.maximum(self._bounds, start)
        return firsts[(np.diff(firsts, prepend=-1) > 0) & (firsts < stop)]


def curve_strips(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    log: bool = False,
    log_x: bool = False,
    marker: int | None = None,
    axis_style: Style = PLAIN,
    background: Style = PLAIN,
) -> list[Strip]:
    """Draw a plot of `height` Strips, each `width` cells wide, with axes at the left and below.

    The last curve is in front. A cell that several curves pass takes their colours in turn, so that
    curves that coincide show as one line of alternating colours. marker: an iteration.
    """
    glyphs = np.full((max(height, 0), max(width, 0)), " ")
    paint = np.full(glyphs.shape, BACKGROUND)
    rows = height - 1
    if rows > 0 and width > 0:
        axes = _axes(curves, width, height, log, log_x)
        gutter, x = axes.gutter, axes.x
        plot = np.s_[:rows, gutter:]
        glyphs[plot], paint[plot] = _plot(curves, axes.scale, x, rows)
        if marker is not None and 0 <= marker <= x.last:
            column = gutter + x.of(np.array([marker]))[0] // DOTS_ACROSS
            free = np.flatnonzero(glyphs[:rows, column] == " ")
            glyphs[free, column], paint[free, column] = "│", AXIS
        for row, label in axes.labels.items():
            _write(glyphs[row], paint[row], label.rjust(gutter - 1))
        _write(glyphs[rows, gutter:], paint[rows, gutter:], _iterations(x.last, width - gutter))
    styles = [background, *(background + curve.style for curve in curves), background + axis_style]
    return [_strip(*row, styles) for row in zip(glyphs, paint, strict=True)]


def iteration_at(
    curves: Sequence[Curve],
    width: int,
    height: int,
    column: int,
    *,
    log: bool = False,
    log_x: bool = False,
) -> int | None:
    """Return the iteration that a column of such a plot shows; None left of the curves."""
    if height < 2 or width < 1:
        return None
    axes = _axes(curves, width, height, log, log_x)
    inside = column - axes.gutter
    if not 0 <= inside < width - axes.gutter:
        return None
    # Of a cell's two columns of dots the first one at the left end, the second one at the right;
    # the other where an iteration stands only there.
    first = round(inside / max(1, width - axes.gutter - 1))
    nearest = [axes.x.iteration(DOTS_ACROSS * inside + dot) for dot in (first, 1 - first)]
    columns = axes.x.of(np.array(nearest)) // DOTS_ACROSS
    return nearest[1] if columns[0] != inside == columns[1] else nearest[0]


@dataclass(frozen=True)
class Axes:
    """The axes of a plot and their labels."""

    scale: YAxis
    labels: dict[int, str]
    """The labels of the y axis, by row."""
    gutter: int
    """Columns that the labels of the y axis take."""
    x: Columns


def _axes(curves: Sequence[Curve], width: int, height: int, log: bool, log_x: bool) -> Axes:
    spanning = [curve for curve in curves if not curve.background]
    scale = _scale(spanning, log)
    labels = _labels(scale, height - 1)
    gutter = max(map(len, labels.values()), default=-1) + 1
    if gutter > width // 2:
        labels, gutter = {}, 0
    ends = [each.start + len(each.values) - 1 for each in spanning if not each.constant]
    x = Columns(max([0, *ends]), DOTS_ACROSS * (width - gutter), log_x)
    return Axes(scale, labels, gutter, x)


def sparkline(values: Floats | Series, width: int) -> str:
    """Draw values as one line of bars, each as high as the largest of its iterations."""
    if width <= 0 or len(values) == 0:
        return " " * width
    curve = Curve(values, PLAIN)
    # Where bars outnumber iterations, several show the one that each falls into.
    firsts = np.arange(width) * len(values) // width
    is_other = np.diff(firsts, prepend=-1) > 0
    highs = curve.series.extremes(firsts[is_other], log=False).high[np.cumsum(is_other) - 1]
    depths = _scale([curve], log=False).depth(highs)
    levels = np.rint((1 - np.nan_to_num(depths)) * (len(BARS) - 1)).astype(np.int64)
    return "".join(np.where(np.isnan(depths), UNDRAWABLE, BARS[levels]))


def _scale(curves: Sequence[Curve], log: bool) -> YAxis:
    ranges = [curve.series.range(log) for curve in curves]
    low = min((low for low, _ in ranges), default=inf)
    return YAxis(low, max((high for _, high in ranges), default=-inf), log)


def _labels(scale: YAxis, rows: int) -> dict[int, str]:
    """Return the labels at the top, the bottom and, given room, the middle; no two look alike."""
    middle = rows // 2
    if scale.low >= scale.high:
        values = {middle: scale.low} if scale.low == scale.high else {}
    else:
        values = {rows - 1: scale.low, 0: scale.high}
        if rows >= 6:
            centre = DOTS_DOWN * middle + (DOTS_DOWN - 1) / 2
            values[middle] = scale.value(centre / (DOTS_DOWN * rows - 1))
    for digits in range(3, 18):
        texts = {row: axis_label(value, digits) for row, value in values.items()}
        if len(set(texts.values())) == len(texts):
            break
    return texts


def _iterations(last: int, width: int) -> str:
    """Return the ends of the x axis as text, empty where there is no room for both."""
    text = "0" + f" {last:,}".rjust(width - 1) if last else "0"
    return text if len(text) <= width else ""


def _write(glyphs: Glyphs, paint: Integers, text: str) -> None:
    glyphs[: len(text)] = list(text)
    paint[: len(text)] = AXIS


def _plot(curves: Sequence[Curve], scale: YAxis, x: Columns, rows: int) -> tuple[Glyphs, Integers]:
    """Draw the cells between the axes, [rows, columns], and the places of their styles."""
    columns = x.across // DOTS_ACROSS
    dots = np.zeros((len(curves), rows, DOTS_DOWN, columns, DOTS_ACROSS), dtype=np.bool_)
    marks = np.zeros((len(curves), rows, columns), dtype=np.bool_)
    for curve, curve_dots, curve_marks in zip(curves, dots, marks, strict=True):
        line = _line(curve, scale, x, DOTS_DOWN * rows)
        if line is not None:
            curve_dots[:] = line.dots.reshape(curve_dots.shape)
            curve_marks[0, line.above // DOTS_ACROSS] = True
            curve_marks[-1, line.below // DOTS_ACROSS] = True
    braille = BRAILLE[np.einsum("rdca,da->rc", dots.any(axis=0), BRAILLE_BITS)]
    marked = marks.any(axis=0)
    glyphs = np.where(marked, UNDRAWABLE, braille)
    return glyphs, np.where(marked, _owners(marks), _owners(np.any(dots, axis=(2, 4))))


def _laid_out(curve: Curve, x: Columns) -> tuple[Series, int, Columns]:
    """Return the values to draw, the first iteration and the axis; a lone value becomes a level."""
    series = curve.series
    if curve.background:
        series = series.until(max(x.last + 1 - curve.start, 0))
    if not len(series) or (len(series) != 1 and not curve.constant):
        return series, curve.start, x
    # All the way, or two cells, as a single dot is easily overlooked.
    length = x.across if curve.constant else min(2 * DOTS_ACROSS, x.across)
    column = 0 if curve.constant else int(x.of(np.array([curve.start]))[0])
    by_column = Columns(x.across - 1, x.across)
    level = Series.from_values(np.repeat(series.at(np.array([0])), length))
    return level, min(column, x.across - length), by_column


@dataclass(frozen=True)
class Line:
    """The dots of a curve."""

    dots: Mask
    """[down, across]"""
    above: Integers
    """Columns with values above the plot; below: with values below it."""
    below: Integers


def _line(curve: Curve, scale: YAxis, x: Columns, down: int) -> Line | None:
    """Draw a line through all values that have a place, broken at the others."""
    series, start, x = _laid_out(curve, x)
    if not len(series):
        return None
    # All that shows of a column is its extremes, and its ends, which lead to its neighbours.
    starts = x.firsts(start, start + len(series))
    columns = x.of(starts)
    firsts = starts - start
    lasts = np.append(firsts[1:], len(series)) - 1
    between = (scale.low, scale.high) if curve.background else None
    extremes = series.extremes(firsts, scale.log, between)

    def row_of(values: Floats) -> Floats:
        return scale.depth(values) * (down - 1)

    at_ends = measurable(series.at(np.column_stack((firsts, lasts)).ravel()), scale.log)
    if curve.background:
        fits = (at_ends >= scale.low) & (at_ends <= scale.high)
        at_ends = np.where(fits, at_ends, nan)
    ends = row_of(at_ends)

    def height_at(places: Floats) -> Floats:
        return np.asarray(np.interp(places, np.repeat(columns, 2), ends, left=nan, right=nan))

    centres = np.arange(x.across, dtype=np.float64)
    upper = height_at(centres)
    lower = upper.copy()
    upper[columns] = row_of(extremes.high)
    lower[columns] = row_of(extremes.low)
    # A steep line fills each column as far as it climbs between the edges of the column.
    left, right = height_at(centres - 0.5), height_at(centres + 0.5)
    top = np.fmin.reduce((upper, left, right))
    bottom = np.fmax.reduce((lower, left, right))
    row = np.arange(down)[:, None]
    passed: Mask = (top <= row) & (row <= bottom)
    dots = passed | ((np.rint(upper) <= row) & (row <= np.rint(lower)))
    is_marked = not curve.background
    return Line(dots, columns[extremes.above & is_marked], columns[extremes.below & is_marked])


def _owners(layers: Mask) -> Integers:
    """Return whose style each cell has: its curves, [curves, rows, columns], take turns."""
    sharing = layers.sum(axis=0)
    row, column = np.indices(sharing.shape)
    # By two cells, whether the curves run across or fall, and wherever the stretch begins.
    turn = (row + column) // 2 % np.maximum(sharing, 1)
    from_front = layers[::-1].cumsum(axis=0)[::-1] - 1
    place = np.arange(1, len(layers) + 1)[:, None, None]
    return np.asarray(np.sum(place * (layers & (from_front == turn)), axis=0))


def _strip(glyphs: Glyphs, paint: Integers, styles: Sequence[Style]) -> Strip:
    """Join the cells of a row: one Segment for neighbours of one style."""
    text = "".join(glyphs)
    cuts = [0, *(np.flatnonzero(np.diff(paint)) + 1).tolist(), len(text)]
    runs = [Segment(text[a:b], styles[paint[a]]) for a, b in pairwise(cuts) if a < b]
    return Strip(runs, len(text))
