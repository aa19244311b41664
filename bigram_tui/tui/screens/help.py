"""The keys of a screen and what it shows, on one page that fits 80×24."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from bigram_tui.tui.window_size import FollowsWindow

EXPLORE_HELP = """\
[b]The picture[/b]  A row is a character, a column the one that follows it.
The {brighter} a cell, the more probable; {boundary} starts and ends a line.
[b]count[/b] divides the counts; [b]numpy[/b] and [b]torch[/b] start at random and get there by
gradient descent, each step lowering the loss. Names are made by drawing
one character after the other from the rows.

[b]s S x[/b]      step 1, 10, 100      [b]v[/b]       view: P, counts, W, gradient
[b]z Z[/b]        back 1, 10           [b]n[/b]       scale: linear, √, log
[b]space , .[/b]  run; slower, faster  [b]arrows[/b]  move the cursor; hjkl too
[b]1…9 b[/b]      a backend, the next  [b]/[/b]       go to a character, a bigram
[b]a A[/b]        step, run all        [b]+ - O[/b]   size of the cells; their order
[b]r[/b]          reset, same start    [b]d[/b]       what follows, sorted
[b]p[/b]          hyperparameters: ↑ ↓ [b]y Y[/b]     log axis: loss, iteration
           choose, ← → change,  [b]g t[/b]     other names; dark, light
           enter types          [b]E[/b]       export to a file
[b]c[/b]          compare side by side [b]enter[/b]   why is this cell so?
[b]L[/b]          all lessons          [b]ctrl+p q[/b] all actions, themes; quit
Lessons: [b]G[/b] theory, [b]T[/b] tensors of one word, [b]P[/b] pitfalls, [b]H[/b] presets,
[b]M[/b] meters, [b]F[/b] λ is not α, [b]N[/b] longer contexts

A change of a hyperparameter in the past forks the timeline: the way that
was left stays on the plot, dim.             [dim]esc, ? or q closes this[/dim]"""

COMPARE_HELP = """\
All runs move together. Each is held against the [b]reference[/b] (◎) at every
iteration: the largest difference in a cell of P or W, and in the NLL,
[b]now[/b] and the [b]worst[/b] so far; P and nll agree if that is no more than
rounding. [b]to best[/b]: how far the total is above the least that is possible,
with its λ or, counting, with α = 0. [b]Names[/b] begin at the reference's random
numbers; a bold character is where one parts, ■ where it ends.

[b]s S x[/b]     step all 1, 10, 100  [b]m[/b]         maps: all, or A, B, A−B
[b]z Z[/b]       all back 1, 10       [b]o[/b]         plot: nll, total, …, |Δ|
[b]space , .[/b] run; slower, faster  [b]i[/b]         more columns of the table
[b]\\[ ][/b]       along the plot       [b]tab[/b]       the next pane
[b]home end[/b]  first, last          [b]w[/b]         a word's surprise
[b]r[/b]         reset all            [b]v n + - O[/b] view, scale, size, order
[b]1…9 b[/b]     choose a run         [b]/ d enter[/b] go to a cell; its row; why?
[b]R[/b]         the new reference    [b]g y Y[/b]     other names; log axes
[b]p[/b]         its hyperparameters  [b]E t q[/b]     export; dark, light; quit
[b]C B D[/b]     copy, add, remove    [b]c[/b]         explore the chosen run
[b]J K[/b]       move it down, up     [b]L[/b]         all lessons:
[b]G[/b] theory, [b]T[/b] tensors of one word, [b]P[/b] pitfalls, [b]H[/b] presets, [b]M[/b] meters,
[b]F[/b] λ is not α, [b]N[/b] longer contexts
                                     [dim]esc, ? or q closes this[/dim]"""


NETWORK_HELP = """\
The network learns one word alone. The list has its tensors in the order
in which they are computed: forwards from [b]X[/b] to the loss, backwards to [b]dW[/b],
and the update, [b]W′[/b]. The line of code is the one that was run. Below it
stands where the number under the cursor comes from: the cells that are
marked at the left, in the tensor that it is made of.

[b]tab[/b]        the next stage; shift+tab the one before
[b]arrows[/b]     another cell; hjkl and the mouse too
[b]s S x[/b]      take 1, 10, 100 updates
[b]z Z r[/b]      back 1, 10; back to the start
[b]space[/b]      run, stop
[b]+ -[/b]        a larger, a smaller η from this update on
[b]w[/b]          another word
[b]t[/b]          dark, light

[b]least[/b] is the loss that no bigram model gets below on this word.
                                             [dim]esc, ? or q closes this[/dim]"""


class HelpScreen(FollowsWindow, ModalScreen[None]):
    """Closed by escape, the key that opened it, or q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", id="close-help")
    ]

    def __init__(self, text: str) -> None:
        """text: markup."""
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """One text."""
        help_text = Static(self._text, id="help")
        help_text.border_title = "help"
        yield help_text
