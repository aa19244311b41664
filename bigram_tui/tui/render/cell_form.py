"""The forms that a cell of a heatmap can have on screen, and the choice of one for a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bigram_tui.formatting.numbers import CELL_WIDTH
from bigram_tui.tui.render.colors import GLYPHS_ONLY, Depth

COARSE = 2
"""The largest block, in rows and columns, for which cells with labels that scroll show more."""


@dataclass(frozen=True)
class CellForm:
    """The size of a cell on screen, and what it shows besides its colour."""

    name: str
    width: int
    lines: int = 1
    halved: bool = False
    """Two rows share one line of the terminal, as ▀."""
    bigram: bool = False
    value: bool = False
    character: int = 1
    """The most columns that a character may take."""
    overview: bool = False
    """Whether it shows the whole table, and labels for some of its cells only."""
    block: int = 1
    """How many rows and columns of the table share one cell."""

    @property
    def label_width(self) -> int:
        """Columns at the left of each line for the label of its row, or of its two rows."""
        return 1 + (2 * self.character if self.halved and not self.overview else 2)

    def cells_of(self, size: int) -> int:
        """Return how many cells a row or a column of `size` tokens has."""
        return math.ceil(size / self.block)

    def width_of(self, size: int) -> int:
        """Return how many columns a table of `size` tokens takes, with its labels."""
        return self.label_width + self.cells_of(size) * self.width

    def height_of(self, size: int) -> int:
        """Return how many lines a table of `size` tokens takes, with the line of labels."""
        cells = self.cells_of(size)
        return 1 + (math.ceil(cells / 2) if self.halved else cells * self.lines)

    def row_at(self, line: int) -> int:
        """Return the row of cells at a line below the labels: the upper one, if there are two."""
        return line * 2 if self.halved else line // self.lines

    def line_of(self, row: int) -> int:
        """Return the first line of a row of cells, counted below the labels."""
        return row // 2 if self.halved else row * self.lines

    def fits(self, size: int, width: int, height: int) -> bool:
        """Whether a table of `size` tokens fits into so many columns and lines."""
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
    """Return the forms to choose from, smallest first; with glyphs, two rows can't share a line."""
    if wide:
        return (WIDE_TINY if depth is GLYPHS_ONLY else WIDE_HALF, WIDE_SMALL, MEDIUM, LARGE)
    return (TINY if depth is GLYPHS_ONLY else HALF, SMALL, MEDIUM, LARGE)


def forms_in(
    size: int, width: int, height: int, choice: Sequence[CellForm]
) -> tuple[CellForm, ...]:
    """Return the forms to choose from in some room; where none fits, an overview comes first."""
    smallest = choice[0]
    if smallest.fits(size, width, height):
        return tuple(choice)
    view = CellForm("overview", 1, halved=smallest.halved, overview=True)
    across = max(1, width - view.label_width)
    down = max(1, (height - 1) * (2 if view.halved else 1))
    return (replace(view, block=math.ceil(size / min(across, down))), *choice)


def best_form(size: int, width: int, height: int, choice: Sequence[CellForm]) -> CellForm:
    """Return the largest form in which the whole table fits; the smallest if none does.

    An overview that only saves a little scrolling gives way to the form after it.
    """
    smallest, *larger = choice
    fitting = [form for form in larger if form.fits(size, width, height)]
    if fitting:
        return fitting[-1]
    return larger[0] if smallest.overview and smallest.block <= COARSE else smallest
