"""Draws a table of numbers as lines of coloured cells; knows arrays and styles, no widget."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from itertools import compress, count, islice, pairwise
from operator import ne

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from bigram_tui.analysis.ordering import Permutation
from bigram_tui.formatting.numbers import CELL_WIDTH, compact
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import Counts, Matrix
from bigram_tui.tui.render.colors import (
    GLYPHS,
    GLYPHS_ONLY,
    LEVELS,
    Depth,
    cell_styles,
    halves_style,
    ramp,
)
from bigram_tui.tui.render.pooling import Table, extremes, pool

Levels = npt.NDArray[np.uint8]

AMISS = 255
"""The level of a cell that holds no number."""
CURSOR, OUTSIDE = -1, -2
"""What is in the place of a level where the cursor is, and below the last row."""

DECADES = 4
"""How many powers of ten the logarithmic scale shows."""

COARSE = 2
"""Rows and columns of a block up to which cells with labels, though they scroll, tell more."""

LABEL_GAP = 4
"""Columns from one label to the next where not each has one."""

MOST_SEGMENTS = 1 << 16
"""How many are kept ready."""


class ColorScale(Enum):
    """How a value becomes a place on the colour ramp."""

    LINEAR = "linear"
    ROOT = "√"
    LOG = "log"

    def place(self, part: Matrix) -> Matrix:
        """Where parts of the largest value (0 to 1) stand on the ramp (0 to 1)."""
        if self is ColorScale.LINEAR:
            return part
        if self is ColorScale.ROOT:
            root: Matrix = np.sqrt(part)
            return root
        with np.errstate(divide="ignore"):
            place: Matrix = np.clip(1 + np.log10(part) / DECADES, 0, 1)
        return place

    def part(self, place: float) -> float:
        """The part of the largest value that stands at a place on the ramp."""
        if self is ColorScale.LINEAR:
            return place
        return place**2 if self is ColorScale.ROOT else 10 ** (DECADES * (place - 1))


@dataclass(frozen=True)
class CellForm:
    """The size of a cell on screen, and what is written into it."""

    name: str
    width: int
    lines: int = 1
    halved: bool = False
    """Two rows share one line of the terminal, as ▀."""
    bigram: bool = False
    value: bool = False
    character: int = 1
    """Columns that a character may take where it is written."""
    overview: bool = False
    """It shows the whole table, and has labels for some of its cells only."""
    block: int = 1
    """How many rows, and how many columns, of the table share one cell."""

    @property
    def label_width(self) -> int:
        """Columns at the left of each line for what its row, or its two rows, stand for."""
        return 1 + (2 * self.character if self.halved and not self.overview else 2)

    def cells_of(self, size: int) -> int:
        """Cells in a row or in a column for that many tokens."""
        return math.ceil(size / self.block)

    def width_of(self, size: int) -> int:
        """Columns for a table of that many tokens, labels included."""
        return self.label_width + self.cells_of(size) * self.width

    def height_of(self, size: int) -> int:
        """Lines for a table of that many tokens, the line of labels included."""
        cells = self.cells_of(size)
        return 1 + (math.ceil(cells / 2) if self.halved else cells * self.lines)

    def row_at(self, line: int) -> int:
        """The row of cells that is drawn at a line below the labels; the upper one of two."""
        return line * 2 if self.halved else line // self.lines

    def line_of(self, row: int) -> int:
        """The first line, below the labels, at which a row of cells is drawn."""
        return row // 2 if self.halved else row * self.lines

    def fits(self, size: int, width: int, height: int) -> bool:
        """Whether a table of that many tokens needs no more room."""
        return self.width_of(size) <= width and self.height_of(size) <= height


HALF = CellForm("half", 1, halved=True)
TINY = CellForm("tiny", 1)
SMALL = CellForm("small", 2, bigram=True)
MEDIUM = CellForm("medium", CELL_WIDTH, value=True, character=2)
LARGE = CellForm("large", CELL_WIDTH, lines=2, bigram=True, value=True, character=2)
# For characters that take two columns, as Chinese ones do.
WIDE_HALF = CellForm("wide half", 2, halved=True, character=2)
WIDE_TINY = CellForm("wide tiny", 2, character=2)
WIDE_SMALL = CellForm("wide small", 4, bigram=True, character=2)


def forms(depth: Depth, *, wide: bool = False) -> tuple[CellForm, ...]:
    """The forms to choose from, smallest first; glyphs can't share a line."""
    if wide:
        return (WIDE_TINY if depth is GLYPHS_ONLY else WIDE_HALF, WIDE_SMALL, MEDIUM, LARGE)
    return (TINY if depth is GLYPHS_ONLY else HALF, SMALL, MEDIUM, LARGE)


def forms_in(
    size: int, width: int, height: int, choice: Sequence[CellForm]
) -> tuple[CellForm, ...]:
    """The forms to choose from in some room: an overview too, first, where no other fits."""
    smallest = choice[0]
    if smallest.fits(size, width, height):
        return tuple(choice)
    view = CellForm("overview", 1, halved=smallest.halved, overview=True)
    across = max(1, width - view.label_width)
    down = max(1, (height - 1) * (2 if view.halved else 1))
    return (replace(view, block=math.ceil(size / min(across, down))), *choice)


def best_form(size: int, width: int, height: int, choice: Sequence[CellForm]) -> CellForm:
    """The largest form in which the whole table fits; the smallest if none does.

    An overview that would save no more than a little scrolling is not it.
    """
    smallest, *larger = choice
    fitting = [form for form in larger if form.fits(size, width, height)]
    if fitting:
        return fitting[-1]
    return larger[0] if smallest.overview and smallest.block <= COARSE else smallest


@dataclass(frozen=True, eq=False)
class Picture:
    """A table made ready to be drawn, row by row as they come into sight."""

    table: Table
    """[rows, columns], the numbers themselves."""
    limit: float
    """The value at the end of the ramp."""
    scale: ColorScale
    diverging: bool
    text: Callable[[float], str]
    """Writes a number in CELL_WIDTH characters."""
    order: Permutation | None = None
    """Which row and column of the table stands at each place; as they are if None."""
    _levels: dict[int, tuple[range, list[int]]] = field(default_factory=dict, init=False)

    def values(self, row: int, columns: range) -> Matrix | Counts:
        """The numbers at some columns of a row."""
        part = slice(columns.start, columns.stop)
        values: Matrix | Counts
        if self.order is None:
            values = self.table[row, part]
        else:
            values = self.table[self.order[row], self.order[part]]
        return values

    def row(self, row: int, columns: range | None = None) -> list[int]:
        """The levels of a row, at all columns or at some: each 0 to LEVELS − 1, or AMISS."""
        if columns is None:
            columns = range(self.table.shape[1])
        known = self._levels.get(row)
        if known is None or known[0] != columns:
            self.prepare(range(row, row + 1), columns)
            known = self._levels[row]
        return known[1]

    def prepare(self, rows: range, columns: range) -> None:
        """Find the levels of several rows at once, which takes hardly longer than one."""
        part = slice(columns.start, columns.stop)
        block = slice(rows.start, rows.stop)
        if self.order is None:
            values = self.table[block, part]
        else:
            values = self.table[self.order[block, None], self.order[part]]
        for row, levels in zip(rows, self._paint(values).tolist(), strict=True):
            self._levels[row] = columns, levels

    def ordered(self, order: Permutation | None) -> "Picture":
        """The same with other rows and columns at each place."""
        return self if order is self.order else replace(self, order=order)

    def pooled(self, block: int) -> "Picture":
        """The same with one cell for each block of cells: that of the largest magnitude."""
        return replace(self, table=pool(self.table, self.order, block), order=None)

    def peak(self, rows: range, columns: range) -> tuple[int, int]:
        """Where the cell of the largest magnitude is, or the first that holds no number."""
        part = np.stack([self.values(row, columns) for row in rows])
        row, column = divmod(int(np.abs(part).argmax()), len(columns))
        return rows[row], columns[column]

    def _paint(self, values: Matrix | Counts) -> Levels:
        with np.errstate(invalid="ignore"):
            place = self.scale.place(np.clip(np.abs(values) / self.limit, 0, 1))
            if self.diverging:
                place = (1 + np.sign(values) * place) / 2
        levels = np.full(values.shape, AMISS, dtype=np.uint8)
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
    """Choose a scale for a table: its limit is a round number, at most `most`."""
    low, high, _ = extremes(table)
    limit = min(most, round_up(max(-low, high, 0.0)))
    return Picture(table, limit, scale, diverging, text)


def round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten, so that a scale changes seldom; 1 for 0."""
    if value == 0:
        return 1.0
    value = min(max(value, 1e-300), 1e300)  # so that neither the unit nor its multiples overflow
    unit = 10.0 ** math.floor(math.log10(value))
    return next((m * unit for m in (1, 2, 5, 10) if value <= m * unit * (1 + 1e-12)), 10 * unit)


Kind = int | tuple[int, int]
"""What gives a cell its style: a level or a sign such as CURSOR; two where rows share a line."""


class Cells(dict[tuple[str, Kind], Segment]):
    """Segments by their text and the kind of their cell: each is made once, for all frames."""

    def __init__(self, style_of: Callable[[Kind], Style]) -> None:
        super().__init__()
        self._style_of = style_of

    def __missing__(self, key: tuple[str, Kind]) -> Segment:
        if len(self) >= MOST_SEGMENTS:
            self.clear()
        segment = self[key] = Segment(key[0], self._style_of(key[1]))
        return segment

    def line(self, texts: Sequence[str], kinds: Sequence[Kind]) -> list[Segment]:
        """Some cells: neighbours of one kind are one segment, as each costs time downstream."""
        cuts = compress(count(1), map(ne, kinds, islice(kinds, 1, None)))
        bounds = [0, *cuts, len(kinds)]
        if len(bounds) > len(kinds):
            return [self[cell] for cell in zip(texts, kinds, strict=True)]
        return [
            self[texts[a] if b == a + 1 else "".join(texts[a:b]), kinds[a]]
            for a, b in pairwise(bounds)
        ]


@dataclass(frozen=True)
class HeatmapStyles:
    """The styles of a heatmap that do not come from its numbers."""

    dark: bool
    depth: Depth
    label: Style
    cursor: Style
    amiss: Style
    ground: Style = field(default_factory=Style.null)
    """Of the widget, where a cell has no style of its own."""

    @cached_property
    def sequential(self) -> Cells:
        """Cells for numbers from 0 on."""
        return self._cells(diverging=False)

    @cached_property
    def diverging(self) -> Cells:
        """Cells for numbers on both sides of 0."""
        return self._cells(diverging=True)

    @cached_property
    def sequential_halves(self) -> Cells:
        """The same for two rows that share a line."""
        return self._halves(diverging=False)

    @cached_property
    def diverging_halves(self) -> Cells:
        """The same for two rows that share a line."""
        return self._halves(diverging=True)

    def _cells(self, *, diverging: bool) -> Cells:
        styles = cell_styles(diverging, self.dark, self.depth)
        signs = {AMISS: self.amiss, CURSOR: self.cursor}

        def style_of(kind: Kind) -> Style:
            assert isinstance(kind, int)
            return self.ground + (signs[kind] if kind in signs else styles[kind])

        return Cells(style_of)

    def _halves(self, *, diverging: bool) -> Cells:
        colors = ramp(diverging, self.dark, self.depth)
        signs = {
            AMISS: self.amiss.color,
            CURSOR: self.cursor.bgcolor,
            OUTSIDE: self.label.bgcolor,
        }

        def style_of(kind: Kind) -> Style:
            assert isinstance(kind, tuple)
            upper, lower = (signs[k] if k in signs else colors[k] for k in kind)
            return self.ground + halves_style(upper, lower)

        return Cells(style_of)


def header(
    labels: Sequence[str], columns: range, form: CellForm, styles: HeatmapStyles, cursor: int
) -> list[Segment]:
    """The line of column labels."""
    segments = [Segment(" " * form.label_width, styles.label)]
    if form.overview:
        return [*segments, *_some_labels(labels, columns, styles, cursor)]
    for j in columns:
        text = labels[j]
        shown = _centred(in_cells(text, 2)) if form.value else in_cells(text, form.width)
        segments.append(Segment(shown, styles.cursor if j == cursor else styles.label))
    return segments


def body(
    picture: Picture,
    labels: Sequence[str],
    line: int,
    columns: range,
    form: CellForm,
    styles: HeatmapStyles,
    cursor: tuple[int, int],
    *,
    column_labels: Sequence[str] | None = None,
    marked: Collection[int] = (),
) -> list[Segment]:
    """One line below the labels: what its row stands for, then the cells of some columns.

    labels: of the rows, and of the columns if those have none of their own. marked: rows whose
    label stands out as that of the cursor's does.
    """
    row = form.row_at(line)
    marked = {cursor[0], *marked}
    if form.halved:
        label = (_one_label if form.overview else _halved_label)(labels, row, form, styles, marked)
        return [*label, *_halved_cells(picture, row, columns, form, styles, cursor)]
    writes_bigram = form.bigram and form.line_of(row) == line
    shown = in_cells(labels[row], 2) if form.line_of(row) == line else "  "
    segments = [Segment(f"{shown} ", styles.cursor if row in marked else styles.label)]
    levels: Sequence[int] = picture.row(row, columns)
    texts: Sequence[str]
    if styles.depth is GLYPHS_ONLY and not form.value:
        texts = [_glyphs(level, picture.diverging, form.width) for level in levels]
    elif writes_bigram:
        texts = _bigrams(labels[row], column_labels or labels, columns, form)
    elif form.value:
        texts = [picture.text(value) for value in picture.values(row, columns).tolist()]
    else:
        texts = (" " * form.width,) * len(columns)
    if row == cursor[0] and cursor[1] in columns:
        place = cursor[1] - columns.start
        levels = [*levels[:place], CURSOR, *levels[place + 1 :]]
        if styles.depth is GLYPHS_ONLY and not form.value:  # where colours can't be told apart
            texts = [*texts[:place], "◆".ljust(form.width), *texts[place + 1 :]]
    cells = styles.diverging if picture.diverging else styles.sequential
    return [*segments, *cells.line(texts, levels)]


def legend(picture: Picture, width: int, styles: HeatmapStyles, block: int = 1) -> list[Segment]:
    """The ramp with the values at its ends and its middle, in that many columns.

    block: how many rows and columns share a cell, which is said before.
    """
    places = (0.0, 0.5, 1.0)
    if picture.diverging:
        end = compact(picture.limit)
        marks = [f"−{end}", "0", f"+{end}"]
    else:
        low = (
            "0"
            if picture.scale is not ColorScale.LOG
            else f"≤{compact(picture.limit / 10**DECADES)}"
        )
        marks = [low, *(compact(picture.limit * picture.scale.part(p)) for p in places[1:])]
    room = width - sum(len(mark) + 1 for mark in marks) - 1
    segments = []
    if block > 1:
        area = f"{block}×{block}  "
        told = f"max of {area}"
        for longer, least in ((f"largest of {area}", 6), (f"each cell: the largest of {area}", 16)):
            told = longer if room - len(longer) >= least else told
        segments.append(Segment(told, styles.label))
        room -= len(told)
    for half in (0, 1):
        segments.append(Segment(marks[half] + " ", styles.label))
        cells = max(1, room // 2)
        for k in range(cells):
            level = round((half + (k + 0.5) / cells) / 2 * (LEVELS - 1))
            if styles.depth is GLYPHS_ONLY:
                segments.append(Segment(_glyphs(level, picture.diverging, 1), styles.label))
            else:
                color = ramp(picture.diverging, styles.dark, styles.depth)[level]
                segments.append(Segment("█", halves_style(color, color)))
        segments.append(Segment(" ", styles.label))
    return [*segments, Segment(marks[2], styles.label)]


def _halved_label(
    labels: Sequence[str], row: int, form: CellForm, styles: HeatmapStyles, marked: Collection[int]
) -> list[Segment]:
    segments = []
    for r in (row, row + 1):
        inside = r < len(labels)
        text = in_cells(labels[r], form.character) if inside else " " * form.character
        segments.append(Segment(text, styles.cursor if inside and r in marked else styles.label))
    return [*segments, Segment(" ", styles.label)]


def _one_label(
    labels: Sequence[str], row: int, form: CellForm, styles: HeatmapStyles, marked: Collection[int]
) -> list[Segment]:
    """The label of the upper of two rows, unless only the lower one is marked."""
    found = [r for r in (row, row + 1) if r in marked and r < len(labels)]
    style = styles.cursor if found else styles.label
    label = in_cells(labels[found[0] if found else row], 2)
    return [Segment(label, style), Segment(" ", styles.label)]


def _some_labels(
    labels: Sequence[str], columns: range, styles: HeatmapStyles, cursor: int
) -> list[Segment]:
    """The label of the cursor's column, and as many others as stand apart, each over its cell."""
    segments = []
    past = columns.start
    for j in columns:
        apart = j == cursor or (j % LABEL_GAP == 0 and not 0 < abs(j - cursor) < LABEL_GAP - 1)
        if j < past or not apart:
            continue
        room = min(2, columns.stop - j)
        segments.append(Segment(" " * (j - past), styles.label))
        segments.append(
            Segment(in_cells(labels[j], room), styles.cursor if j == cursor else styles.label)
        )
        past = j + room
    return [*segments, Segment(" " * (columns.stop - past), styles.label)]


def _halved_cells(
    picture: Picture,
    row: int,
    columns: range,
    form: CellForm,
    styles: HeatmapStyles,
    cursor: tuple[int, int],
) -> list[Segment]:
    def kinds(r: int) -> list[int]:
        if r >= len(picture.table):
            return [OUTSIDE] * len(columns)
        levels = picture.row(r, columns)
        if r != cursor[0] or cursor[1] not in columns:
            return levels
        place = cursor[1] - columns.start
        return [*levels[:place], CURSOR, *levels[place + 1 :]]

    halves = list(zip(kinds(row), kinds(row + 1), strict=True))
    cells = styles.diverging_halves if picture.diverging else styles.sequential_halves
    return cells.line(("▀" * form.width,) * len(columns), halves)


def _centred(text: str) -> str:
    """A label or a bigram in a cell that is wide enough for a number."""
    indent = (CELL_WIDTH - cell_len(text.rstrip()) + 1) // 2
    return set_cell_size(" " * indent + text.rstrip(), CELL_WIDTH)


def _bigrams(first: str, labels: Sequence[str], columns: range, form: CellForm) -> list[str]:
    """What a token and each of the columns' make up, cell by cell."""
    if form.value:
        start = in_cells(first, 2).rstrip()
        return [_centred(start + in_cells(labels[j], 2).rstrip()) for j in columns]
    start, width = in_cells(first, form.character), form.character
    return [start + in_cells(labels[j], width) for j in columns]


def _glyphs(level: int, diverging: bool, width: int) -> str:
    if level == AMISS:
        return "×" * width
    place = level / (LEVELS - 1)
    if not diverging:
        return GLYPHS[round(place * (len(GLYPHS) - 1))] * width
    shade = GLYPHS[round(abs(2 * place - 1) * (len(GLYPHS) - 1))]
    if width == 1 or shade == " ":
        return shade * width
    return ("-" if place < 0.5 else "+") + shade * (width - 1)
