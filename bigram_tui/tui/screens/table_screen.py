"""A screen of heatmaps: their table, scale, order and size of cells, and the cursor."""

from asyncio import ensure_future, shield, to_thread
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual import on

from bigram_tui.analysis.ordering import ORDERS, TokenOrder
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.formatting.numbers import quantity
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.training.session import Session
from bigram_tui.tui.messages import CellPointed
from bigram_tui.tui.render.cell_form import CellForm, best_form, forms, forms_in
from bigram_tui.tui.render.colors import Depth
from bigram_tui.tui.screens.run_screen import RunScreen
from bigram_tui.tui.view_state import ViewState
from bigram_tui.tui.widgets.heatmap import Cell, Heatmap

if TYPE_CHECKING:
    from bigram_tui.tui.screens.export import Export


class TableScreen(RunScreen):
    """A screen whose heatmaps share the cursor, the view and the order of tokens."""

    def __init__(
        self, session: Session, lineup: Lineup, view_state: ViewState, fps: int, depth: Depth
    ) -> None:
        super().__init__(session, lineup, view_state, fps)
        self._depth = depth
        labels = session.corpus.train.vocabulary.labels
        self._detailed = forms(depth, wide=any(cell_len(printable(label)) > 1 for label in labels))
        self._forms = self._detailed  # and an overview where none of them fits
        self._form: CellForm | None = None  # the largest that fits, unless the user chose one
        self._fit_is_due = False

    def on_mount(self) -> None:
        self.action_focus_heatmap()

    def resume_view(self) -> None:
        """Show what was done on another screen."""
        self._place_cursor()
        self._arrange()
        super().resume_view()

    @property
    def heatmap(self) -> Heatmap:
        """The heatmap in which the keys move the cursor."""
        return self.query(Heatmap).first()

    @property
    def cursor(self) -> Cell:
        """The cell that is looked at, in all tables."""
        return self.view_state.cursor

    @cursor.setter
    def cursor(self, cell: Cell) -> None:
        self.view_state.cursor = cell
        self._place_cursor()
        self.show_soon()

    def _place_cursor(self) -> None:
        for heatmap in self.query(Heatmap):
            heatmap.cursor = self.cursor

    def _arrange(self) -> None:
        for heatmap in self.query(Heatmap):
            heatmap.order = self.view_state.order

    # The size of the cells

    def fit(self) -> None:
        """Choose the size of the cells, and of what is around them."""

    def _choose_form(self, width: int, height: int) -> CellForm:
        """Choose the form that the user chose, or else the largest that shows the whole table."""
        size = len(self._session.corpus.train.vocabulary)
        self._forms = forms_in(size, width, height, self._detailed)
        wanted = "" if self._form is None else self._form.name
        chosen = [form for form in self._forms if form.name == wanted]
        return chosen[0] if chosen else best_form(size, width, height, self._forms)

    def on_window_resized(self) -> None:
        if not self._fit_is_due:  # several sizes may pass before the next layout
            self._fit_is_due = True
            self.call_after_refresh(self._fit_window)

    def _fit_window(self) -> None:
        self._fit_is_due = False
        self.fit()
        self.redraw()

    def action_grow(self, change: int) -> None:
        """Show larger or smaller cells."""
        names = [form.name for form in self._forms]
        size = names.index(self.heatmap.form.name) + change
        self._form = self._forms[min(max(size, 0), len(self._forms) - 1)]
        self.fit()

    # Keys: what is looked at

    def action_focus_heatmap(self) -> None:
        """Go back to the heatmap."""
        self.set_focus(self.query(Heatmap).first())

    def action_next_view(self) -> None:
        """Show another table of the model."""
        self.view_state.next_view()
        self.show_soon()

    def action_next_scale(self) -> None:
        """Colour the table on another scale."""
        self.view_state.next_scale()
        self.show_soon()

    def action_next_order(self) -> None:
        """Show the tokens in another order."""
        name = self.view_state.next_order()
        # Not a coroutine: it would never be awaited if the next key came before it began.
        arrange: Any = partial(self._arrange_by, name)
        self.run_worker(arrange, group="order", exclusive=True)

    async def _arrange_by(self, name: str) -> None:
        """Show an order when it is computed, which takes a moment where there are many tokens."""
        orders, order = self.view_state.orders, None
        if name != next(iter(ORDERS)):
            if name not in orders:
                bigrams = self._session.corpus.train
                orders[name] = ensure_future(to_thread(TokenOrder.named, name, bigrams))
            order = await shield(orders[name])  # which goes on when another order is wanted
        if not self.is_live:
            return
        self.view_state.order = order
        self._arrange()
        self.show_soon()

    def action_log(self, axis: str) -> None:
        """Switch the axis of the losses or that of the steps to logarithmic, and back."""
        if axis == "loss":
            self.view_state.log = not self.view_state.log
        else:
            self.view_state.log_x = not self.view_state.log_x
        self.show_soon()

    def action_sample(self) -> None:
        """Draw other samples."""
        self.view_state.draw += 1
        self.show_soon()

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor."""
        self.cursor = self.heatmap.beside(rows, columns)

    @on(CellPointed)
    def _point(self, event: CellPointed) -> None:
        self.cursor = (event.row, event.column)

    def action_jump(self) -> None:
        """Ask for a character or a bigram and go there."""
        self._ask("go to character, bigram or U+code", "", self._jump)

    def _jump(self, text: str) -> str | None:
        from bigram_tui.tui.jumping import characters_of, tokens_of_jump

        vocabulary = self._session.corpus.train.vocabulary
        try:
            tokens = tokens_of_jump(text, vocabulary)
        except ValueError as error:
            return str(error)
        self.cursor = (tokens[0], tokens[1] if len(tokens) == 2 else self.cursor[1])
        rare = [character for character in characters_of(text) if character in vocabulary.rare]
        if rare:
            others = quantity(len(vocabulary.rare) - 1, "other")
            self._say(
                f"“{in_cells(rare[0], 2).rstrip()}” is rare: "
                f"it is counted as {vocabulary.rare_label}, with {others}"
            )
        return None

    def action_row(self) -> None:
        """List what follows the first character of the cursor's bigram."""
        from bigram_tui.tui.screens.row import RowScreen

        run, row = self.snapshot, self.cursor[0]
        if run.probabilities is None:
            self._say(f"{run.name} has no table yet")
            return

        def go(column: int | None) -> None:
            if column is not None:
                self.cursor = (row, column)

        self.app.push_screen(RowScreen(run, self._session.corpus.train, self.cursor), go)

    def action_export(self) -> None:
        """Choose what to write to a file, and where to."""
        from bigram_tui.tui.screens.export import choose_export

        choose_export(self, self._exports())

    def _exports(self) -> "list[Export]":
        """List what can be written: the losses, the table that is shown, the screen."""
        from bigram_tui.tui.screens.export import (
            export_of_losses,
            export_of_screen,
            export_of_table,
        )

        return [
            export_of_losses(self._lineup.history()),
            export_of_table(self.snapshot, self.view_state.view, self._session.corpus.train),
            export_of_screen(self.app),
        ]
