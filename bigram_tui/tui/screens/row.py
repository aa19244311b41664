"""The list of what follows a character, sorted by P; it leads to each cell of the row."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from bigram_tui.formatting.numbers import quantity
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.model.bigrams import BOUNDARY, Bigrams
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.live_screen import LiveScreen
from bigram_tui.tui.messages import LineClicked
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.row_list import Row, RowList


class RowScreen(LiveScreen, ModalScreen[int | None]):
    """A row as a list: enter goes to a cell, escape to none; it shows the run as it was opened."""

    CSS_PATH = style_files("dialogue")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "go there", id="row-take"),
        Binding("escape,q,d", "dismiss(None)", "close", id="close-row"),
    ]

    def __init__(self, run: Snapshot, bigrams: Bigrams, cell: tuple[int, int]) -> None:
        """run: one that has a table. cell: its row is listed, its column is chosen at first."""
        super().__init__()
        assert run.probabilities is not None
        self._row = Row.from_table(run.probabilities, bigrams, cell[0])
        self._chosen = int((self._row.order == cell[1]).argmax())
        self._at = f"{printable(run.name)} at step {run.iteration:,}"

    def compose(self) -> ComposeResult:
        """Show the list."""
        rows = RowList(self._row, id="row")
        rows.border_title = Content(f"{row_title(self._row)}  {self._at}")
        rows.border_subtitle = "↑↓ choose   enter goes there   esc close"
        rows.set_reactive(RowList.chosen, self._chosen)
        yield rows

    def action_take(self) -> None:
        """Close the list and go to the chosen cell."""
        self.dismiss(int(self._row.order[self.query_one(RowList).chosen]))

    @on(LineClicked)
    def _take(self, event: LineClicked) -> None:
        self.dismiss(int(self._row.order[event.line]))


def row_title(row: Row) -> str:
    """Name the row and say what it holds."""
    vocabulary = row.bigrams.vocabulary
    first = "at the start"
    if row.token != BOUNDARY:
        first = f"after “{in_cells(vocabulary.labels[row.token], 2).rstrip()}”"
    what = f"{quantity(len(vocabulary.characters), 'character')} and the end"
    if vocabulary.rare:
        what = f"{len(vocabulary):,} tokens"
    return f"{first}, {what}"
