"""Lays out columns of text, as many as there is room for; knows styles, no widget."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def table_lines(columns: Sequence[Column], width: int, title: Style) -> list[Text]:
    """A line of titles and one line per row, each of `width` cells.

    Columns that do not fit are left out; so are those that say nothing.
    """
    lines = [Text(no_wrap=True) for _ in range(1 + len(columns[0].cells))]
    used = 0
    for column in columns:
        if not any(cell.plain for cell in column.cells):
            continue
        cells = [Text(column.title, title), *column.cells]
        widths = [cell.cell_len for cell in cells]
        room = max(column.least, *widths)
        if used + room > width:
            break
        for line, cell, taken in zip(lines, cells, widths, strict=True):
            pad = " " * (room - taken)
            line.append(pad if column.right else "").append_text(cell)
            line.append(" " * GAP if column.right else pad + " " * GAP)
        used += room + GAP
    for line in lines:
        line.append(" " * (width - used)) if width > used else line.truncate(width)
    return lines
