"""Why a cell of a table is what it is: the formulas with their numbers, and lines of the text."""

from collections.abc import Callable

from rich.style import Style
from rich.text import Text

from bigram_tui.bigrams import BOUNDARY, Bigrams
from bigram_tui.errors import UserError
from bigram_tui.printable import in_cells, printable
from bigram_tui.snapshot import Snapshot
from bigram_tui.tui.panel import WIDTH, Panel
from bigram_tui.tui.renderables.table import Column, table_lines
from bigram_tui.why import Cell, Step, lines_with, reasons


class WhyScreen(Panel):
    """The derivation of one cell."""

    def __init__(self, run: Snapshot, bigrams: Bigrams, cell: Cell, path: str) -> None:
        """path: of the text that the bigrams are of."""
        first, second = (in_cells(bigrams.vocabulary.labels[k], 2).rstrip() for k in cell)
        at = f"{printable(run.name)} at iteration {run.iteration:,}"
        super().__init__(f"why P({second} | {first})?  {at}")
        self._run = run
        self._bigrams = bigrams
        self._cell = cell
        self._path = path

    def on_mount(self) -> None:
        seen = self._bigrams.counts[self._cell] > 0
        self.tell(self._told(Text() if seen else _never_seen(self._run, self._cell)))
        if seen:
            self.find_out(self._look_up)

    def _look_up(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        vocabulary = self._bigrams.vocabulary
        try:
            lines = lines_with(self._cell, vocabulary, self._path, stop=closed)
        except UserError as error:
            found = Text(str(error))
        else:
            found = Text("the first lines with it:  ")
            found.append("  ".join(map(printable, lines)), "bold")
        tell(self._told(found))

    def _told(self, examples: Text) -> Text:
        steps = reasons(self._run, self._bigrams, self._cell)
        told = [Text(_formula(step)) for step in steps]
        columns = [
            Column("", [Text(step.name, "bold") for step in steps], right=False),
            Column("", [Text(_value(step)) for step in steps]),
            Column("", told, right=False),
        ]
        width = WIDTH + max(text.cell_len for text in told)
        lines = table_lines(columns, width, Style.null())[1:]
        for line in lines:
            line.rstrip()
        return Text("\n").join([*lines, Text(), examples])


def _formula(step: Step) -> str:
    return f"{step.formula} = {step.numbers}" if step.formula else step.numbers


def _value(step: Step) -> str:
    if float(step.value).is_integer() and abs(step.value) < 1e15:
        return f"{step.value:,.0f}"
    return f"{step.value:.6g}".replace("-", "−")


def _never_seen(run: Snapshot, cell: Cell) -> Text:
    """What a model makes of a bigram that the text does not have."""
    if cell == (BOUNDARY, BOUNDARY):
        return Text("never seen: blank lines are not read")
    told = "never seen in training"
    alpha, l2 = run.settings.get("smoothing"), run.settings.get("l2")
    if run.weights is None and alpha is not None:
        given = f"all its probability is the α = {alpha:g} of smoothing" if alpha else "P is 0"
        return Text(f"{told}: {given}")
    if l2:
        pull = f"λ = {l2:g} pulls W back towards 0, and so P away from 0"
        return Text(f"{told}: the data only push its W down; {pull}")
    return Text(f"{told}: the data only push its W down, towards P = 0, which it never reaches")
