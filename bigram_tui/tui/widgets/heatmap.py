"""The table of a model as coloured cells with a cursor; only cells in sight are drawn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bigram_tui.analysis.ordering import TokenOrder
from bigram_tui.tui.messages import CellPointed, HeatmapResized
from bigram_tui.tui.render.cell_form import SMALL, CellForm
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.heatmap import body, header
from bigram_tui.tui.render.heatmap_styles import HeatmapStyles
from bigram_tui.tui.render.picture import Picture

Cell = tuple[int, int]
Labels = tuple[Sequence[str], Sequence[str]]


class Viewport(NamedTuple):
    """The part of the table that a frame shows: the same for all its lines."""

    width: int
    x: int
    y: int
    """How far the table is scrolled, with x."""
    columns: range
    cursor: Cell
    """Where the cursor is, counted in cells as they are drawn."""
    labels: tuple[Sequence[str], Sequence[str]]
    """The labels of the rows and of the columns, as they are drawn."""


class Heatmap(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows and columns of cells; their labels stay while the cells scroll.

    The arrow keys are left to the screen, which moves the cursor; the cells follow. To others a
    cell is a row and a column of the table; only the heatmap knows where it is drawn.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"heatmap--label", "heatmap--cursor", "heatmap--nan"}

    picture: var[Picture | None] = var(None)
    message: var[str] = var("")
    """Shown while there is no picture."""
    cursor: var[Cell] = var((0, 0))
    form: var[CellForm] = var(SMALL)
    labels: var[Labels] = var(((), ()))
    """The labels of the rows and of the columns."""
    marked: var[frozenset[int]] = var(frozenset())
    """Rows whose labels stand out as the cursor's does."""
    order: var[TokenOrder | None] = var(None)
    """The order of rows and columns; None for that of their numbers."""

    _drawn: Picture | None = None
    """The picture in this order, pooled if several cells of the table share one on screen."""
    _written: tuple[Sequence[str], list[str]] | None = None
    """The labels of an axis, and those of them that are drawn, in the order of the cells."""

    def __init__(
        self,
        labels: Sequence[str],
        depth: Depth,
        *,
        form: CellForm = SMALL,
        points: bool = True,
        id: str | None = None,
    ) -> None:
        """Take the labels of rows and columns.

        form: of the cells at first. points: whether the mouse chooses a cell.
        """
        super().__init__(id=id)
        self.set_reactive(Heatmap.form, form)
        self.set_reactive(Heatmap.labels, (labels, labels))
        self._depth = depth
        self._points = points
        self._heatmap_styles: HeatmapStyles | None = None
        self._grounded_cache: HeatmapStyles | None = None
        self._viewport: Viewport | None = None

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._forget_styles())
        self._measure()

    @property
    def heatmap_styles(self) -> HeatmapStyles:
        """The styles of the theme."""
        if self._heatmap_styles is None:
            self._heatmap_styles = HeatmapStyles(
                dark=self.app.current_theme.dark,
                depth=self._depth,
                label=self.get_component_rich_style("heatmap--label"),
                cursor=self.get_component_rich_style("heatmap--cursor"),
                nan=self.get_component_rich_style("heatmap--nan"),
            )
        return self._heatmap_styles

    @property
    def _grounded_styles(self) -> HeatmapStyles:
        """The styles of the theme on the style of the widget."""
        if self._grounded_cache is None:
            ground, styles = self.rich_style, self.heatmap_styles
            self._grounded_cache = replace(
                styles,
                label=ground + styles.label,
                cursor=ground + styles.cursor,
                nan=ground + styles.nan,
                ground=ground,
            )
        return self._grounded_cache

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme."""
        super().notify_style_update()
        self._heatmap_styles = self._grounded_cache = None

    def on_resize(self) -> None:
        self._scroll_into_sight()
        self.post_message(HeatmapResized())

    def _forget_styles(self) -> None:
        self._heatmap_styles = self._grounded_cache = None
        self.refresh()

    def watch_picture(self) -> None:
        old, new = self._drawn, self._arrange()
        if old is None or new is None or old.diverging is not new.diverging:
            self.refresh()
            return
        columns, rows = self._columns_in_sight(), self._rows_in_sight()
        common = range(rows.start, min(rows.stop, len(old.table), len(new.table)))
        new.prepare(common, columns)
        changed = {
            row
            for row in common
            if old.row(row, columns) != new.row(row, columns)
            or (
                self.form.value
                and not np.array_equal(old.values(row, columns), new.values(row, columns))
            )
        }
        self._refresh_rows(changed | {*rows} - {*common})

    def _arrange(self) -> Picture | None:
        """Order and pool the picture."""
        self._drawn = None if self.picture is None else self._ordered(self.picture)
        if self._drawn is not None and self.form.block > 1:
            self._drawn = self._drawn.pooled(self.form.block)
        return self._drawn

    def _ordered(self, picture: Picture) -> Picture:
        return picture.ordered(None if self.order is None else self.order.tokens)

    def _rows_in_sight(self) -> range:
        top = self.scroll_offset.y
        past = self.form.row_at(top + self.size.height) + 2  # two where they share a line
        rows = self.form.cells_of(len(self.labels[0]))
        return range(self.form.row_at(top), min(past, rows))

    def _columns_in_sight(self) -> range:
        columns = self.form.cells_of(len(self.labels[1]))
        # The place that is scrolled to is that of larger cells, until the next layout.
        first = min(self.scroll_offset.x // self.form.width, columns)
        past = first + (self.size.width - self.form.label_width) // self.form.width + 2
        return range(first, max(first, min(past, columns)))

    def watch_message(self) -> None:
        if self.picture is None:
            self.refresh()

    def watch_cursor(self, old: Cell, new: Cell) -> None:
        self._refresh_rows({self._place_of(old)[0], self._place_of(new)[0]})
        self.refresh(Region(0, 0, self.size.width, 1))
        self._scroll_into_sight()

    def watch_form(self) -> None:
        self._written = None
        self._arrange()
        self._measure()
        self.refresh()

    def watch_order(self) -> None:
        self._written = None
        self._arrange()
        self._measure()
        self.refresh()

    def watch_labels(self) -> None:
        self._measure()
        self.refresh()

    def watch_marked(self) -> None:
        self.refresh()

    def _measure(self) -> None:
        rows, columns = map(len, self.labels)
        self.virtual_size = Size(self.form.width_of(columns), self.form.height_of(rows))
        self.call_after_refresh(self._scroll_into_sight)

    def _scroll_into_sight(self) -> None:
        """Scroll as little as shows the cursor; labels cover the first line and columns."""
        room = self.scrollable_content_region.size
        room_x, room_y = room.width - self.form.label_width, room.height - 1
        if room_x <= 0 or room_y <= 0:
            return
        row, column = self._place_of(self.cursor)
        left, top = column * self.form.width, self.form.line_of(row)
        x, y = self.scroll_offset
        self.scroll_to(
            max(min(x, left), left + self.form.width - room_x),
            max(min(y, top), top + self.form.lines - room_y),
            animate=False,
        )

    def _refresh_rows(self, rows: set[int]) -> None:
        lines = {self.form.line_of(row) + k for row in rows for k in range(self.form.lines)}
        (width, height), top = self.size, self.scroll_offset.y
        places = (line - top + 1 for line in lines)
        regions = [Region(0, y, width, 1) for y in places if 0 < y < height]
        if regions:
            self.refresh(*regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a frame."""
        self._viewport = self._find_viewport()
        try:
            return super().render_lines(crop)
        finally:
            self._viewport = None

    def _find_viewport(self) -> Viewport:
        x, y = self.scroll_offset
        labels = self._labels_of(0), self._labels_of(1)
        columns, place = self._columns_in_sight(), self._place_of(self.cursor)
        return Viewport(self.size.width, x, y, columns, place, labels)

    def render_line(self, y: int) -> Strip:
        """Return one line: the column labels at the top, then rows."""
        form, styles = self.form, self._grounded_styles
        viewport = self._viewport or self._find_viewport()
        width, columns = viewport.width, viewport.columns
        used = form.label_width + len(columns) * form.width
        if self._drawn is None:
            text = f" {self.message}" if y == 1 else ""
            return Strip([Segment(text, styles.label)]).adjust_cell_length(width, styles.label)
        rows, above = viewport.labels
        if y == 0:
            segments = header(above, columns, form, styles, viewport.cursor[1])
        else:
            line = y - 1 + viewport.y
            if line >= form.height_of(len(self.labels[0])) - 1:
                return Strip([Segment(" " * width, styles.label)], width)
            segments = body(
                self._drawn,
                rows,
                line,
                columns,
                form,
                styles,
                viewport.cursor,
                column_labels=above,
                marked=self.marked,
            )
        cut = viewport.x % form.width
        strip = Strip(segments, used)
        if cut:
            first = form.label_width + form.width
            label, cells = strip.crop(0, form.label_width), strip.crop(first)
            rest = strip.crop(form.label_width + cut, first)
            if form.value or form.bigram:  # half a number would be read as another
                rest = Strip([Segment(" " * part.cell_length, part.style) for part in rest])
            strip = Strip([*label, *rest, *cells], used - cut)
        elif used < width:
            return Strip([*segments, Segment(" " * (width - used), styles.label)], width)
        return strip.adjust_cell_length(width, styles.label)

    # From cells to where they are drawn, and back

    def _place_of(self, cell: Cell) -> Cell:
        """Return where a cell is drawn, counted in cells as they are drawn."""
        row, column = cell
        if self.order is not None:
            row, column = int(self.order.places[row]), int(self.order.places[column])
        return row // self.form.block, column // self.form.block

    def _cell_of(self, place: Cell) -> Cell:
        """Return the cell drawn at a place; of several, the one that gives the place its colour."""
        block, picture = self.form.block, self.picture
        row, column = (part * block for part in place)
        if block > 1 and picture is not None:
            within = (
                range(first, min(first + block, len(labels)))
                for first, labels in zip((row, column), self.labels, strict=True)
            )
            row, column = self._ordered(picture).peak(*within)
        if self.order is None:
            return row, column
        return int(self.order.tokens[row]), int(self.order.tokens[column])

    def _labels_of(self, axis: int) -> Sequence[str]:
        """Return the labels of the rows (axis 0) or columns (axis 1), as they are drawn.

        Where several share a place, that of the first one is drawn, or that of the cursor's.
        """
        labels = self.labels[axis]
        if self.order is None and self.form.block == 1:
            return labels
        if self._written is None or self._written[0] is not labels:
            order = range(len(labels)) if self.order is None else self.order.tokens.tolist()
            self._written = labels, [labels[k] for k in order[:: self.form.block]]
        written = self._written[1]
        if self.form.block > 1:
            written = written.copy()
            written[self._place_of(self.cursor)[axis]] = labels[self.cursor[axis]]
        return written

    def beside(self, rows: int, columns: int) -> Cell:
        """Return the cell so many places from the cursor, at most at the edge."""
        place = self._place_of(self.cursor)
        last = [self.form.cells_of(len(labels)) - 1 for labels in self.labels]
        row, column = (
            min(max(part + step, 0), most)
            for part, step, most in zip(place, (rows, columns), last, strict=True)
        )
        return self.cursor if (row, column) == place else self._cell_of((row, column))

    def cell_at(self, x: int, y: int) -> Cell | None:
        """Return the cell that is drawn at a point of the widget; None if there is none.

        Of two cells in one character it is the upper one, unless the cursor is on the lower one.
        """
        place = self._place_at(x, y)
        if place is None:
            return None
        row, column = self._place_of(self.cursor)
        if self.form.halved and (row, column) == (place[0] + 1, place[1]):
            return self.cursor
        return self._cell_of(place)

    def _place_at(self, x: int, y: int) -> Cell | None:
        line = y - 1 + self.scroll_offset.y
        column = (x - self.form.label_width + self.scroll_offset.x) // self.form.width
        row = self.form.row_at(line)
        rows, columns = (self.form.cells_of(len(labels)) for labels in self.labels)
        inside = x >= self.form.label_width and y >= 1 and 0 <= row < rows and 0 <= column < columns
        return (row, column) if inside else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(event)

    def on_click(self, event: events.Click) -> None:
        self._point(event)

    def _point(self, event: events.MouseEvent) -> None:
        offset = event.get_content_offset(self) if self._points else None
        cell = self.cell_at(*offset) if offset is not None else None
        if cell is not None and cell != self.cursor:
            self.post_message(CellPointed(*cell))
