"""One row of a table as a list, a line for each cell; only lines in sight are drawn."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from rich.cells import set_cell_size
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bigram_tui.formatting.numbers import probability_text
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Matrix
from bigram_tui.tui.messages import LineClicked
from bigram_tui.tui.widgets.inspector import identity

NAME_WIDTH = 10
"""From this many columns on there is room for names."""


@dataclass(frozen=True, eq=False)
class Row:
    """One row of P, most probable first."""

    bigrams: Bigrams
    token: int
    order: npt.NDArray[np.intp]
    """The next tokens, most probable first. [V]"""
    probabilities: Matrix
    """Their probabilities, in that order. [V]"""
    ranks: npt.NDArray[np.intp]
    """1 plus how many are more probable; equally probable ones share a rank. [V]"""
    sums: Matrix
    """The cumulated probabilities, in that order. [V]"""

    @classmethod
    def from_table(cls, table: Matrix, bigrams: Bigrams, token: int) -> "Row":
        """Sort a row of P [V, V]: equally probable ones by code point, NaN last."""
        order = np.argsort(-table[token], kind="stable")
        probabilities = table[token][order]
        is_less = np.append(True, probabilities[1:] != probabilities[:-1])
        ranks = 1 + np.maximum.accumulate(np.where(is_less, np.arange(order.size), 0))
        sums = np.cumsum(probabilities, dtype=np.float64)
        return cls(bigrams, token, order, probabilities, ranks, sums)

    def name_of(self, line: int) -> str:
        """Say what the token of a line stands for."""
        token = int(self.order[line])
        return "the end" if token == BOUNDARY else identity(token, self.bigrams.vocabulary)


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """A list to choose from: rank, character, its name, N, P and the sum of P so far."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"row-list--title", "row-list--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="row-up"),
        Binding("down,j", "move(1)", "down", show=False, id="row-down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="row-page-up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="row-page-down"),
        Binding("home", "end(0)", "first", show=False, id="row-first"),
        Binding("end", "end(1)", "last", show=False, id="row-last"),
    ]

    chosen: var[int] = var(0)
    """The chosen line."""

    def __init__(self, row: Row, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row = row
        most = int(row.bigrams.counts[row.token].max())
        self._widths = len(str(len(row.order))), max(1, len(f"{most:,}"))

    def on_mount(self) -> None:
        self.virtual_size = Size(0, 1 + len(self._row.order))
        self.call_after_refresh(self._scroll_into_sight)

    def on_resize(self) -> None:
        self._scroll_into_sight()

    def validate_chosen(self, line: int) -> int:
        return min(max(line, 0), len(self._row.order) - 1)

    def watch_chosen(self, old: int, new: int) -> None:
        for line in (old, new):
            self.refresh(Region(0, 1 + line - self.scroll_offset.y, self.size.width, 1))
        self._scroll_into_sight()

    def _scroll_into_sight(self) -> None:
        room = self._lines
        if room > 0:
            y = max(min(self.scroll_offset.y, self.chosen), self.chosen + 1 - room)
            self.scroll_to(y=y, animate=False)

    @property
    def _lines(self) -> int:
        """How many lines fit below the titles."""
        return self.scrollable_content_region.height - 1

    def action_move(self, lines: int) -> None:
        """Choose another line."""
        self.chosen += lines

    def action_page(self, pages: int) -> None:
        """Choose the line a page farther."""
        self.chosen += pages * max(1, self._lines)

    def action_end(self, end: int) -> None:
        """Choose the first line or the last."""
        self.chosen = end * (len(self._row.order) - 1)

    def on_click(self, event: events.Click) -> None:
        point = event.get_content_offset(self)
        if point is not None and point.y >= 1:
            line = point.y - 1 + self.scroll_offset.y
            if line < len(self._row.order):
                self.post_message(LineClicked(self, line))

    def render_line(self, y: int) -> Strip:
        """Return a line: the titles at the top, then the lines in sight."""
        line = y - 1 + self.scroll_offset.y
        style = ""
        if y == 0:
            text = self._written("", "", "character", "N", "P", "sum of P")
            style = "title"
        elif line < len(self._row.order):
            text = self._line(line)
            style = "chosen" if line == self.chosen else ""
        else:
            text = ""
        shown = Text(set_cell_size(text, self.size.width), end="", no_wrap=True)
        if style:
            shown.stylize(self.get_component_rich_style(f"row-list--{style}", partial=True))
        strip = Strip(shown.render(self.app.console, end=""))
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _line(self, line: int) -> str:
        row, token = self._row, int(self._row.order[line])
        return self._written(
            str(row.ranks[line]),
            in_cells(row.bigrams.vocabulary.labels[token], 2).rstrip(),
            row.name_of(line),
            f"{row.bigrams.counts[row.token, token]:,}",
            probability_text(float(row.probabilities[line])),
            f"{row.sums[line]:.4f}",
        )

    def _written(self, rank: str, label: str, name: str, count: str, p: str, total: str) -> str:
        ranks, counts = self._widths
        numbers = f"  {count:>{counts}}  {p:>8}  {total:>8} "
        room = self.size.width - ranks - 6 - len(numbers)
        if room < NAME_WIDTH:
            name, room = name.partition(" ")[0], max(0, room)
        if len(name) > room:
            name = name[: max(0, room - 1)] + "…" if room else ""
        return f" {rank:>{ranks}}  {set_cell_size(label, 2)} {name:<{room}}{numbers}"
