"""The keys and what the picture means, on one page that fits 80×24."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

TEXT = """\
[b]The picture[/b]  A row is a character, a column the one that follows it.
The brighter a cell, the more probable; {boundary} starts and ends a line.
[b]count[/b] divides the counts; [b]numpy[/b] and [b]torch[/b] start at random and get there by
gradient descent, each step lowering the loss. Names are made by drawing
one character after the other from the rows.

[b]s S x[/b]      step 1, 10, 100     [b]v[/b]       view: P, counts, W, gradient
[b]z Z[/b]        back 1, 10          [b]n[/b]       scale: linear, √, log
[b]space[/b]      run, pause          [b]arrows[/b]  move the cursor; h j k l too
[b], .[/b]        run slower, faster  [b]/[/b]       jump to a character, a bigram
[b]1…9 b[/b]      a backend, the next [b]+ -[/b]     size of the cells
[b]a A[/b]        step, run all       [b]y Y[/b]     log axis: loss, iteration
[b]r[/b]          reset, same start   [b]t[/b]       dark, light
[b]p[/b]          hyperparameters:    [b]g[/b]       other names
           ↑ ↓ choose, ← →     [b]ctrl+p[/b]  all actions, themes
           change, enter types [b]q[/b]       quit

A change of a hyperparameter in the past forks the timeline: the way that
was left stays on the plot, dim.             [dim]esc, ? or q closes this[/dim]"""


class HelpScreen(ModalScreen[None]):
    """Closed by escape, the key that opened it, or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", id="close-help")
    ]

    def __init__(self, boundary: str) -> None:
        """boundary: how the token at the ends of a line is written."""
        super().__init__()
        self._boundary = boundary

    def compose(self) -> ComposeResult:
        """One text."""
        help_text = Static(TEXT.format(boundary=f"'{self._boundary}'"), id="help")
        help_text.border_title = "help"
        yield help_text
