"""Lays out columns of text, as many as there is room for; knows styles, no widget."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

GAP = 2


@dataclass(frozen=True)
class Column:
    """A title and one text per row."""

    title: str
    cells: Sequence[Text]
    right: bool = True
    """Whether texts stand at the right edge, as numbers do."""
    least: int = 0
    """Columns of the screen that it takes at least, so that it does not change its width."""

    @property
    def width(self) -> int:
        """Columns of the screen that it takes."""
        return max(self.least, cell_len(self.title), *(cell.cell_len for cell in self.cells), 1)


def table_lines(columns: Sequence[Column], width: int, title: Style) -> list[Text]:
    """A line of titles and one line per row, each of `width` cells.

    Columns that do not fit are left out; so are those that say nothing.
    """
    shown: list[Column] = []
    room = width
    for column in columns:
        if not any(cell.plain.strip() for cell in column.cells):
            continue
        if column.width > room:
            break
        shown.append(column)
        room -= column.width + GAP
    titles = [Text(column.title, title) for column in shown]
    rows = [[column.cells[k] for column in shown] for k in range(len(columns[0].cells))]
    return [_line(row, shown, width) for row in (titles, *rows)]


def _line(cells: Sequence[Text], columns: Sequence[Column], width: int) -> Text:
    line = Text(no_wrap=True)
    for number, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        pad = " " * (column.width - cell.cell_len)
        line.append(" " * GAP if number else "")
        if column.right:
            line.append(pad).append_text(cell)
        else:
            line.append_text(cell).append(pad)
    line.truncate(width, pad=True)
    return line
