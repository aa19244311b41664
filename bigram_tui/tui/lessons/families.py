"""The ways of α and of λ from the counts to uniform, side by side."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bigram_tui.analysis.optimum import LEAST_L2
from bigram_tui.cancellation import CancelledError
from bigram_tui.formatting.numbers import significant
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.lessons.families import Families, LambdaMatch, families, match
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.messages import IterationPointed
from bigram_tui.tui.render.colors import run_color
from bigram_tui.tui.render.curve import Curve
from bigram_tui.tui.screens.panel import Panel
from bigram_tui.tui.stylesheet import style_files
from bigram_tui.tui.widgets.heatmap import Cell
from bigram_tui.tui.widgets.loss_curve import LossCurve, Plot

SAME = 1e-5
"""The largest |ΔP| of tables that count as equal, as their places are right to 1e-6."""

WHY = (
    "α adds the same to each count of a row; λ adds −2λBW/V²: the more, the less likely the "
    "cell, and less than 0 where W > 0."
)


class FamiliesScreen(Panel):
    """P of one cell on both ways, the distance of the tables, and the place of the λ of a run."""

    CSS_PATH = style_files("dialogue", "families")

    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-roomy")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "cell up", id="families-up"),
        Binding("down,j", "move(1, 0)", "cell down", id="families-down"),
        Binding("left,h", "move(0, -1)", "cell left", id="families-left"),
        Binding("right,l", "move(0, 1)", "cell right", id="families-right"),
        Binding("left_square_bracket", "go(-1)", "back along the way", id="families-back"),
        Binding("right_square_bracket", "go(1)", "along the way", id="families-forward"),
    ]

    def __init__(self, run: Snapshot, bigrams: Bigrams, cell: Cell) -> None:
        """Compare for a run. cell: the first one to look at."""
        super().__init__("λ is not α: two ways from the counts to uniform")
        self._run = run
        self._bigrams = bigrams
        self._cell = cell
        self._place = 0
        """The place on the way that is looked at."""
        self._families: Families | None = None
        self._match: LambdaMatch | None = None
        self._rows: dict[int, tuple[Matrix, Matrix]] = {}
        """The row that is looked at, by α and by λ."""

    def compose(self) -> ComposeResult:
        """Compose a plot of one cell, one of the largest difference, and a text."""
        with VerticalScroll(id="panel", can_focus=False) as panel:
            panel.border_title = Content(self._title)
            panel.border_subtitle = Content("←→↑↓ cell   [ ] along the way   esc close")
            yield LossCurve(id="way", classes="pane")
            yield LossCurve(id="apart", classes="pane")
            yield Static(id="text")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())
        self.find_out(self._solve)

    def _solve(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        def go_on(done: int, whole: int) -> None:
            if closed():
                raise CancelledError
            tell(Text(f"solving for λ at each place: {done} of {whole}"))

        l2 = self._run.number("l2")
        try:
            both = families(self._bigrams, go_on)
            here = match(self._bigrams, l2) if l2 and l2 >= LEAST_L2 else None
        except CancelledError:
            return
        if both is None:
            tell(Text("The counts are all but uniform already: there is nothing to smooth."))
        elif not closed():
            self.call_while_live(self._begin, both, here)

    def _begin(self, both: Families, here: LambdaMatch | None) -> None:
        self._families, self._match = both, here
        farthest = int(both.largest.argmax())
        self._place = farthest if here is None else round(here.share * both.steps)
        self._draw()

    # Keys and mouse

    def action_move(self, rows: int, columns: int) -> None:
        """Look at another cell."""
        last = len(self._bigrams.counts) - 1
        row, column = self._cell
        self._cell = min(max(row + rows, 0), last), min(max(column + columns, 0), last)
        self._draw()

    def action_go(self, places: int) -> None:
        """Look at another place on the way."""
        if self._families is not None:
            self._place = min(max(self._place + places, 0), self._families.steps)
            self._draw()

    @on(IterationPointed)
    def _point(self, event: IterationPointed) -> None:
        if self._families is not None:
            self._place = round(event.iteration / 100 * self._families.steps)
            self._draw()

    # From numbers to widgets

    def _draw(self) -> None:
        if self._families is None:
            return
        row, column = self._cell
        if row not in self._rows:
            self._rows = {row: self._families.row(row)}
        counting, gradient = (table[:, column] for table in self._rows[row])
        dark = self.app.current_theme.dark
        alpha, l2, most = (Style(color=run_color(number, dark)) for number in range(3))
        self._plot("#way", (counting, alpha), (gradient, l2))
        self._plot("#apart", (self._families.largest, most))
        name = _name(self._bigrams, self._cell)
        title = Text.assemble(f"{name}  ", ("━━", alpha), " by α  ", ("━━", l2), " by λ  ")
        for way in self.query("#way").results(LossCurve):
            way.border_title = Content.from_rich_text(title.append("over % of the way in NLL"))
        for apart in self.query("#apart").results(LossCurve):
            apart.border_title = Content("largest |ΔP| of the two tables")
        here = (name, float(counting[self._place]), float(gradient[self._place]))
        self.tell(families_text(self._families, self._place, here, self._run, self._match))

    def _plot(self, which: str, *curves: tuple[Matrix, Style]) -> None:
        assert self._families is not None
        percent = np.arange(101) / 100  # what a plot shows is one value for each whole number
        shown = [Curve(np.interp(percent, self._families.shares, p), ink) for p, ink in curves]
        marker = round(100 * self._place / self._families.steps)
        for plot in self.query(which).results(LossCurve):
            plot.plot = Plot(shown, marker)


def families_text(
    both: Families,
    place: int,
    here: tuple[str, float, float],
    run: Snapshot,
    match: LambdaMatch | None,
) -> Text:
    """Write the numbers at a place, where the families differ most, and where the λ of a run is.

    here: the name of a cell and its two probabilities at the place.
    """
    bigrams = both.bigrams
    name, counting, gradient = here
    percent = f"{100 * both.shares[place]:.0f} %"
    text = Text(f"at {percent}  ", "bold")
    text.append(
        f"α = {significant(both.smoothing[place], 4)} and λ = {significant(both.l2[place], 4)} "
        f"fit the text equally well. {name} is {counting:.4f} by α, {gradient:.4f} by λ; ",
        "not bold",
    )
    text.append(_most(both, place) + "\n\n", "not bold")
    worst = int(both.largest.argmax())
    if both.largest[worst] <= SAME:
        text.append("Both draw P to uniform, and on this text they take the same way.", "not bold")
    else:
        text.append(
            "Both draw P to uniform, but only the two ends are the same: at "
            f"{100 * both.shares[worst]:.0f} % {_most(both, worst)} {WHY}",
            "not bold",
        )
    if match is not None:
        nearest, name = match.nearest, _name(bigrams, match.nearest.farthest)
        text.append("\n\n").append(f"λ = {run.settings['l2']:g}  ", "bold")
        text.append(
            f"{printable(run.name)} descends to a minimum at {100 * match.share:.2f} %. The table "
            f"of counting that fits as well has α = {significant(match.equal, 4)}. The nearest one "
            f"(KL) has α = {significant(nearest.smoothing, 4)} and is at "
            f"{100 * match.nearest_share:.2f} %: {name} is {nearest.counting_probability:.4f} "
            f"there and {nearest.probability:.4f} here.",
            "not bold",
        )
    return text.append(f"\n\nsolved every {100 / both.steps:.0f} %, to 0.0001 %", "dim not bold")


def _most(both: Families, place: int) -> str:
    if not both.largest[place]:
        return "the tables are the same."
    row, column = both.farthest[place].tolist()
    name = _name(both.bigrams, (row, column))
    return f"the tables differ most in {name}, by {both.largest[place]:.3g}."


def _name(bigrams: Bigrams, cell: Cell) -> str:
    first, second = (in_cells(bigrams.vocabulary.labels[k], 2).rstrip() for k in cell)
    return f"P({second} | {first})"
