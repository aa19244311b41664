"""The screen that derives a cell: the formulas with their numbers, and lines of the text."""

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
    """The derivation of one cell of a run."""

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
        self.tell(self._text())
        self.find_out(self._look_up if seen else self._look_ahead)

    def _look_ahead(self, tell: Callable[[Text], None], _: Callable[[], bool]) -> None:
        """Find out how the run goes on: most do by a plain step."""
        self._following = successor(self._run, self._bigrams)
        tell(self._text())

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
            excerpts = map(printable, map(_excerpt, lines, places))
            self._examples.append("  ".join(excerpts), "bold")
        tell(self._text())

    def _text(self) -> Text:
        steps = reasons(self._run, self._bigrams, self._cell, self._following)
        formulas = [Text(_formula(step)) for step in steps]
        columns = [
            Column("", [Text(step.name, "bold") for step in steps], right=False),
            Column("", [Text(whole_or_significant(step.value)) for step in steps]),
            Column("", formulas, right=False),
        ]
        width = WIDTH + max(text.cell_len for text in formulas)
        lines = table_lines(columns, width, Style.null())[1:]
        for line in lines:
            line.rstrip()
        return Text("\n").join([*lines, Text(), self._examples])


def _formula(step: Quantity) -> str:
    return f"{step.formula} = {step.numbers}" if step.formula else step.numbers


def _excerpt(line: str, place: int) -> str:
    """Cut a line that is too long to what is around a place."""
    if len(line) <= LONGEST_LINE:
        return line
    start = max(0, min(place - LONGEST_LINE // 2, len(line) - LONGEST_LINE))
    end = start + LONGEST_LINE
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")


def _never_seen(run: Snapshot, bigrams: Bigrams, cell: Cell) -> Text:
    """Say how a model comes to the P of a bigram that the text lacks."""
    text = "never seen in training"
    alpha, l2 = run.number("smoothing"), run.number("l2")
    if cell == (BOUNDARY, BOUNDARY):
        text = "never seen: blank lines are not read"
    elif not bigrams.row_sums[cell[0]]:
        text += ", nor is anything after this character: no data tell what follows it"
    elif run.weights is None and alpha is not None:
        text += f": all its probability is the α = {alpha:g} of smoothing" if alpha else ": P is 0"
    elif run.weights is not None and l2:
        text += ": the data only push its W down; λ pulls it back towards 0, and so P away from 0"
    elif run.weights is not None:
        text += ": the data only push its W down, towards P = 0, which it never reaches"
    return Text(text)
