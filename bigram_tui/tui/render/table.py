"""Lays out columns of text, as many as there is room for; knows styles, no widget."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

GAP = 2


@dataclass(frozen=True)
class Column:
    """A column of a table: a title and one text per row."""

    title: str
    cells: Sequence[Text]
    right: bool = True
    """Whether texts are aligned to the right, as numbers are."""
    least: int = 0
    """The least width on screen, so that it does not change while numbers do."""

    @property
    def width(self) -> int:
        """The width on screen."""
        return max(self.least, cell_len(self.title), *(cell.cell_len for cell in self.cells))


def fitting(columns: Sequence[Column], width: int) -> int:
    """Return how many columns, from the first on, fit into a width."""
    used = -GAP
    for number, column in enumerate(columns):
        used += GAP + column.width
        if used > width:
            return number
    return len(columns)


def table_lines(columns: Sequence[Column], width: int, title: Style) -> list[Text]:
    """Return a line of titles and one line per row, `width` cells each, of the columns that fit."""
    lines = [Text(no_wrap=True) for _ in range(1 + len(columns[0].cells))]
    for column in columns[: fitting(columns, width)]:
        room = column.width
        for line, cell in zip(lines, [Text(column.title, title), *column.cells], strict=True):
            pad = " " * (room - cell.cell_len)
            line.append(" " * GAP if line.plain else "").append(pad if column.right else "")
            line.append_text(cell).append("" if column.right else pad)
    for line in lines:
        line.truncate(width, pad=True)
    return lines
