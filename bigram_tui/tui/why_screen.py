"""Why a cell of a table is what it is: the formulas with their numbers, and lines of the text."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import get_current_worker

from bigram_tui.bigrams import BOUNDARY, Bigrams
from bigram_tui.errors import UserError
from bigram_tui.printable import in_cells, printable
from bigram_tui.snapshot import Snapshot
from bigram_tui.tui.renderables.table import Column, table_lines
from bigram_tui.why import Cell, Step, lines_with, reasons

WIDTH = 74


class WhyScreen(ModalScreen[None]):
    """Closed by escape or the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "close", id="close-why")
    ]

    def __init__(self, run: Snapshot, bigrams: Bigrams, cell: Cell, path: str) -> None:
        """path: of the text that the bigrams are of."""
        super().__init__()
        self._run = run
        self._bigrams = bigrams
        self._cell = cell
        self._path = path

    def compose(self) -> ComposeResult:
        """The derivation, then where the bigram stands in the text."""
        with VerticalScroll(id="why"):
            yield Static(self._derivation(), id="steps")
            yield Static(id="examples")

    def on_mount(self) -> None:
        labels = self._bigrams.vocabulary.labels
        first, second = (in_cells(labels[k], 2).rstrip() for k in self._cell)
        at = f"{printable(self._run.name)} at iteration {self._run.iteration:,}"
        self.query_one("#why").border_title = Text(f"why P({second} | {first})?  {at}").plain
        if self._bigrams.counts[self._cell]:
            self.run_worker(self._look_up, thread=True, exit_on_error=False)
        else:
            self._tell(_never_seen(self._run, self._bigrams, self._cell))

    def _derivation(self) -> Text:
        steps = reasons(self._run, self._bigrams, self._cell)
        told = [Text(_told(step)) for step in steps]
        columns = [
            Column("", [Text(step.name, "bold") for step in steps], right=False),
            Column("", [Text(_value(step)) for step in steps]),
            Column("", told, right=False),
        ]
        longest = max(text.cell_len for text in told)
        lines = table_lines(columns, WIDTH + longest, Style.null())[1:]
        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)

    def _look_up(self) -> None:
        worker = get_current_worker()
        bigram = self._cell
        try:
            lines = lines_with(
                bigram, self._bigrams.vocabulary, self._path, stop=lambda: worker.is_cancelled
            )
        except UserError as error:
            told = Text(str(error))
        else:
            told = Text("the first lines with it:  ")
            told.append("  ".join(map(printable, lines)), "bold")
        if not worker.is_cancelled:
            self.app.call_from_thread(self._tell, told)

    def _tell(self, text: Text) -> None:
        self.query_one("#examples", Static).update(text)


def _told(step: Step) -> str:
    return f"{step.formula} = {step.numbers}" if step.formula else step.numbers


def _value(step: Step) -> str:
    if float(step.value).is_integer() and abs(step.value) < 1e15:
        return f"{step.value:,.0f}"
    return f"{step.value:.6g}".replace("-", "−")


def _never_seen(run: Snapshot, bigrams: Bigrams, cell: Cell) -> Text:
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
