"""The keys of a screen, what it shows, and what its words mean; the keys fit 80×24."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from bigram_tui.tui.window_size import FollowsWindow

EXPLORE_HELP = """\
[b]The picture[/b]  A row is a character, a column the one that follows it.
The {brighter} a cell, the more probable; {boundary} starts and ends a line.
[b]count[/b] divides the counts; [b]numpy[/b] and [b]torch[/b] start at random and get there
by gradient descent, step by step. Samples are drawn from the rows, one
character after the other.

[b]s S x[/b]      step 1, 10, 100      [b]v[/b]       view: P, counts, W, gradient
[b]z Z[/b]        back 1, 10           [b]n[/b]       scale: linear, √, log
[b]space , .[/b]  run; slower, faster  [b]arrows[/b]  move the cursor; hjkl too
[b]1…9 b[/b]      a backend, the next  [b]/[/b]       go to a character, a bigram
[b]a A[/b]        step, run all        [b]+ - O[/b]   size of the cells; their order
[b]r[/b]          reset, same start    [b]d[/b]       what follows, sorted
[b]p[/b]          hyperparameters: ↑ ↓ [b]y Y[/b]     log axis: loss, step
           choose, ← → change,  [b]g t[/b]     other samples; dark, light
           enter types          [b]E[/b]       export to a file
[b]c[/b]          compare side by side [b]enter[/b]   why is this cell so?
[b]L[/b]          all lessons          [b]ctrl+p q ctrl+z[/b] all actions, quit, suspend
Lessons: [b]G[/b] theory, [b]T[/b] tensors of one word, [b]P[/b] pitfalls, [b]H[/b] presets,
[b]M[/b] meters, [b]F[/b] λ is not α, [b]N[/b] longer contexts

A change of a hyperparameter in the past forks the timeline: the way that
was left stays on the plot, dim."""

COMPARE_HELP = """\
All runs move together. Each is held against the [b]reference[/b] (◎) at every
step: the largest difference in a cell of P or W, and in the nll, [b]now[/b]
and the [b]worst[/b] so far; P and nll agree if that is no more than rounding.
[b]gap[/b]: total − best total, the least that λ allows or, counting, α = 0.
[b]Samples[/b] of all runs begin at the same random number; a bold character
is where one parts from the reference's, ■ where it ends.

[b]s S x[/b]     step all 1, 10, 100  [b]m[/b]         maps: all, or A, B, A−B
[b]z Z[/b]       all back 1, 10       [b]o[/b]         plot: nll, total, …, |Δ|
[b]space , .[/b] run; slower, faster  [b]i[/b]         more columns of the table
[b]\\[ ][/b]       along the plot       [b]tab[/b]       the next pane
[b]home end[/b]  first, last          [b]w[/b]         a word's surprise
[b]r[/b]         reset all            [b]v n + - O[/b] view, scale, size, order
[b]1…9 b[/b]     choose a run         [b]/ d enter[/b] go to a cell; its row; why?
[b]R[/b]         the new reference    [b]g y Y[/b]     other samples; log axes
[b]p[/b]         its hyperparameters  [b]E t q[/b]     export; dark, light; quit
[b]C B D[/b]     copy, add, remove    [b]c[/b]         explore the chosen run
[b]J K[/b]       move it down, up     [b]L[/b]         all lessons:
[b]G[/b] theory, [b]T[/b] tensors of one word, [b]P[/b] pitfalls, [b]H[/b] presets, [b]M[/b] meters,
[b]F[/b] λ is not α, [b]N[/b] longer contexts"""


NETWORK_HELP = """\
The network learns one word alone. The list has its tensors in the order
in which they are computed: forwards from [b]X[/b] to the loss, backwards to [b]dW[/b],
and the step, [b]W′[/b]. The line of code is the one that was run. Below it
stands where the number under the cursor comes from: the cells that are
marked at the left, in the tensor that it is made of.

[b]tab[/b]        the next stage; shift+tab the one before
[b]arrows[/b]     another cell; hjkl and the mouse too
[b]s S x[/b]      take 1, 10, 100 steps
[b]z Z r[/b]      back 1, 10; back to the start
[b]space[/b]      run, stop
[b]+ -[/b]        a larger, a smaller η from this step on
[b]w[/b]          another word
[b]t[/b]          dark, light

[b]best[/b] is the loss that no bigram model gets below on this word."""

GLOSSARY = """\


[b]Words[/b]
[b]run[/b]        a backend in training, with its hyperparameters and its past
[b]step[/b]       one update of the weights: W − η · gradient
[b]nll[/b]        the average of −log P over all bigrams of the text, in nats
[b]penalty[/b]    λ · mean(W²): what large weights cost
[b]total[/b]      nll + penalty: what training lowers
[b]gap[/b]        total − best total: what training can still gain
[b]surprise[/b]   −log P of one bigram, in nats
[b]samples[/b]    texts that are drawn from P, a character at a time"""


class HelpScreen(FollowsWindow, ModalScreen[None]):
    """Closed by escape, the key that opened it, or q; the arrow keys scroll to the words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", id="close-help")
    ]

    def __init__(self, text: str) -> None:
        """text: markup."""
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text, and below it the words."""
        with VerticalScroll(id="help") as help_pane:
            help_pane.border_title = "help"
            help_pane.border_subtitle = "↑↓ scroll to the words   esc, ? or q closes"
            yield Static(self._text + GLOSSARY)
