"""Draws a table of numbers as lines of coloured cells; knows arrays and styles, no widget."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from bigram_tui.formatting.numbers import CELL_WIDTH, compact
from bigram_tui.formatting.printable import in_cells
from bigram_tui.tui.render.cell_form import CellForm
from bigram_tui.tui.render.colors import GLYPHS, GLYPHS_ONLY, LEVELS, halves_style, ramp
from bigram_tui.tui.render.heatmap_styles import CURSOR, OUTSIDE, HeatmapStyles
from bigram_tui.tui.render.picture import DECADES, NAN, ColorScale, Picture

LABEL_GAP = 4
"""Columns from one label to the next, where not every column has one."""


def header(
    labels: Sequence[str], columns: range, form: CellForm, styles: HeatmapStyles, cursor: int
) -> list[Segment]:
    """Draw the line of column labels."""
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
    """Draw one line below the column labels: the label of its row, then the cells of some columns.

    labels: of the rows, and of the columns unless these have labels of their own.
    marked: rows whose labels stand out like that of the cursor's row.
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
    """Draw the ramp in that many columns, with the values at its ends and its middle.

    block: how many rows and columns share a cell; if several do, the legend begins with that.
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
        text = f"max of {area}"
        for longer, least in ((f"largest of {area}", 6), (f"each cell: the largest of {area}", 16)):
            text = longer if room - len(longer) >= least else text
        segments.append(Segment(text, styles.label))
        room -= len(text)
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
    """Draw the label of the upper of two rows, or of the lower one if only that is marked."""
    shown = next((r for r in (row, row + 1) if r in marked and r < len(labels)), None)
    style = styles.label if shown is None else styles.cursor
    label = in_cells(labels[row if shown is None else shown], 2)
    return [Segment(label, style), Segment(" ", styles.label)]


def _some_labels(
    labels: Sequence[str], columns: range, styles: HeatmapStyles, cursor: int
) -> list[Segment]:
    """Draw the label of the cursor's column, and others at a distance, each over its cell."""
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
    """Centre a label or a bigram in a cell that is wide enough for a number."""
    indent = (CELL_WIDTH - cell_len(text.rstrip()) + 1) // 2
    return set_cell_size(" " * indent + text.rstrip(), CELL_WIDTH)


def _bigrams(first: str, labels: Sequence[str], columns: range, form: CellForm) -> list[str]:
    """Return the bigrams of a token and those of the columns, each as wide as a cell."""
    if form.value:
        start = in_cells(first, 2).rstrip()
        return [_centred(start + in_cells(labels[j], 2).rstrip()) for j in columns]
    start, width = in_cells(first, form.character), form.character
    return [start + in_cells(labels[j], width) for j in columns]


def _glyphs(level: int, diverging: bool, width: int) -> str:
    if level == NAN:
        return "×" * width
    place = level / (LEVELS - 1)
    if not diverging:
        return GLYPHS[round(place * (len(GLYPHS) - 1))] * width
    shade = GLYPHS[round(abs(2 * place - 1) * (len(GLYPHS) - 1))]
    if width == 1 or shade == " ":
        return shade * width
    return ("-" if place < 0.5 else "+") + shade * (width - 1)
