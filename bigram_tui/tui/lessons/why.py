"""Why a cell of a table is what it is: the formulas with their numbers, and lines of the text."""

from collections.abc import Callable

from rich.style import Style
from rich.text import Text

from bigram_tui.backend import Iteration
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.errors import UserError
from bigram_tui.formatting.numbers import whole_or_significant
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.lessons.derivation import Cell, Quantity, lines_with, reasons, successor
from bigram_tui.model.bigrams import BOUNDARY, Bigrams
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.render.table import Column, table_lines
from bigram_tui.tui.screens.panel import WIDTH, Panel

LONGEST_LINE = 60


class WhyScreen(Panel):
    """The derivation of one cell."""

    def __init__(self, run: Snapshot, corpus: Corpus, cell: Cell) -> None:
        bigrams = corpus.train
        first, second = (in_cells(bigrams.vocabulary.labels[k], 2).rstrip() for k in cell)
        at = f"{printable(run.name)} at step {run.iteration:,}"
        super().__init__(f"why P({second} | {first})?  {at}")
        self._run = run
        self._bigrams = bigrams
        self._cell = cell
        self._corpus = corpus
        self._following: Iteration | None = None
        self._examples = Text()

    def on_mount(self) -> None:
        seen = self._bigrams.counts[self._cell] > 0
        self._examples = Text() if seen else _never_seen(self._run, self._bigrams, self._cell)
        self.tell(self._told())
        self.find_out(self._look_up if seen else self._look_ahead)

    def _look_ahead(self, tell: Callable[[Text], None], _: Callable[[], bool]) -> None:
        """See whether the run goes on by a plain step, as most do."""
        self._following = successor(self._run, self._bigrams)
        tell(self._told())

    def _look_up(self, tell: Callable[[Text], None], closed: Callable[[], bool]) -> None:
        self._look_ahead(tell, closed)
        vocabulary = self._bigrams.vocabulary
        sought = "".join(vocabulary.labels[k] for k in self._cell if k != BOUNDARY)
        try:
            paths, until = self._corpus.paths, self._corpus.until
            lines = lines_with(self._cell, vocabulary, paths, stop=closed, until=until)
        except UserError as error:
            self._examples = Text(str(error))
        else:
            self._examples = Text("the first lines with it:  ")
            find = str.rfind if self._cell[1] == BOUNDARY else str.find
            places = [find(vocabulary.fold(line), sought) for line in lines]
            found = "  ".join(map(printable, map(_excerpt, lines, places)))
            self._examples.append(found, "bold")
        tell(self._told())

    def _told(self) -> Text:
        steps = reasons(self._run, self._bigrams, self._cell, self._following)
        told = [Text(_formula(step)) for step in steps]
        columns = [
            Column("", [Text(step.name, "bold") for step in steps], right=False),
            Column("", [Text(whole_or_significant(step.value)) for step in steps]),
            Column("", told, right=False),
        ]
        width = WIDTH + max(text.cell_len for text in told)
        lines = table_lines(columns, width, Style.null())[1:]
        for line in lines:
            line.rstrip()
        return Text("\n").join([*lines, Text(), self._examples])


def _formula(step: Quantity) -> str:
    return f"{step.formula} = {step.numbers}" if step.formula else step.numbers


def _excerpt(line: str, place: int) -> str:
    """What stands around a place in a line that is too long to be shown."""
    if len(line) <= LONGEST_LINE:
        return line
    start = max(0, min(place - LONGEST_LINE // 2, len(line) - LONGEST_LINE))
    end = start + LONGEST_LINE
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")


def _never_seen(run: Snapshot, bigrams: Bigrams, cell: Cell) -> Text:
    """What a model makes of a bigram that the text does not have."""
    told = "never seen in training"
    alpha, l2 = run.number("smoothing"), run.number("l2")
    if cell == (BOUNDARY, BOUNDARY):
        told = "never seen: blank lines are not read"
    elif not bigrams.row_sums[cell[0]]:
        told += ", nor is anything after this character: no data tell what follows it"
    elif run.weights is None and alpha is not None:
        told += f": all its probability is the α = {alpha:g} of smoothing" if alpha else ": P is 0"
    elif run.weights is not None and l2:
        told += ": the data only push its W down; λ pulls it back towards 0, and so P away from 0"
    elif run.weights is not None:
        told += ": the data only push its W down, towards P = 0, which it never reaches"
    return Text(told)
