"""A pane that shows a tensor of one word as a heatmap: labels, colours and numbers."""

from collections.abc import Sequence

import numpy as np
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from bigram_tui.formatting.numbers import compact_cell, count_cell, probability_cell, signed_cell
from bigram_tui.lessons.network import Pass, Tensor
from bigram_tui.tui.render.cell_form import HALF, MEDIUM, TINY, CellForm, forms
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.render.picture import ColorScale, Picture, paint
from bigram_tui.tui.widgets.heatmap import Heatmap
from bigram_tui.tui.widgets.legend import Legend

BLANK = "\N{BRAILLE PATTERN BLANK}"
"""An empty label; a space would be made visible."""

OF_TOKENS = frozenset({"W", "dW", "W′"})
"""The stages whose rows are tokens; the rows of the others are the bigrams of the word."""

Labels = tuple[Sequence[str], Sequence[str]]


def tensor_title(name: str, tensor: Tensor) -> str:
    """Write the name and the shape of a tensor."""
    return f"{name} {list(tensor.values.shape)}"


def labels_of(now: Pass, name: str) -> Labels:
    """Return the labels of the rows and of the columns of a stage."""
    characters = now.vocabulary.labels
    rows, columns = now.tensors[name].table.shape
    if name in OF_TOKENS:
        return characters, characters
    of_word = tuple(characters[x] for x in now.xs)
    return of_word if rows == len(of_word) else (BLANK,), characters if columns > 1 else (BLANK,)


def picture_of(name: str, tensor: Tensor) -> Picture:
    """Put the table of a tensor on the scale that suits it."""
    table = tensor.table
    if np.issubdtype(table.dtype, np.integer):
        return paint(table, ColorScale.LINEAR, count_cell)
    if name in ("P", "picked"):
        return paint(table, ColorScale.ROOT, probability_cell, most=1.0)
    if (table < 0).any():
        return paint(table, ColorScale.ROOT, signed_cell, diverging=True)
    return paint(table, ColorScale.LINEAR, compact_cell)


class ArrayPane(Vertical):
    """A heatmap of any shape over its legend."""

    def __init__(self, depth: Depth, *, points: bool, id: str) -> None:
        """Take the colours of the terminal. points: whether the mouse chooses a cell."""
        super().__init__(id=id)
        self._depth = depth
        self._points = points

    def compose(self) -> ComposeResult:
        """Compose the heatmap and the legend."""
        yield Heatmap((), self._depth, points=self._points)
        yield Legend()

    def show(
        self, title: str, picture: Picture, labels: Labels, cells: Sequence[tuple[int, int]]
    ) -> None:
        """Show a table; the first of `cells` is marked, and the labels of the rows of all."""
        heatmap = self.query_one(Heatmap)
        heatmap.labels = labels
        heatmap.picture = picture
        heatmap.border_title = Content(title)
        heatmap.marked = frozenset(row for row, _ in cells)
        heatmap.cursor = cells[0] if cells else (-1, -1)
        self.query_one(Legend).shown = picture, heatmap.heatmap_styles

    def fit(self, width: int, height: int, *, wide: bool) -> int:
        """Take the largest form that fits, and return the width that it needs.

        wide: whether a character may take two columns.
        """
        heatmap = self.query_one(Heatmap)
        rows, columns = map(len, heatmap.labels)
        smallest, *larger = forms(self._depth, wide=wide)
        choice = [smallest, *([TINY] if smallest is HALF else []), *larger]
        if columns == 1:
            choice = [MEDIUM]
        heatmap.form = _largest(choice, rows, columns, width, height)
        lines = heatmap.form.height_of(rows)
        needed = heatmap.form.width_of(columns) + (lines > height)
        taken = min(width, max(needed, LEAST_WIDTH))
        self.styles.width = taken
        heatmap.styles.height = 1 + min(height, lines + (needed > taken))
        return taken


LEAST_WIDTH = 20
"""Columns for the title and the legend of a narrow table."""


def _largest(
    choice: Sequence[CellForm], rows: int, columns: int, width: int, height: int
) -> CellForm:
    fitting = [
        form
        for form in choice
        if form.width_of(columns) <= width and form.height_of(rows) <= height
    ]
    return fitting[-1] if fitting else choice[0]
