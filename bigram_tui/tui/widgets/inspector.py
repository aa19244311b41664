"""The numbers of the bigram under the cursor, and what else may follow its first token."""

import math
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from bigram_tui.formatting.numbers import (
    gradient_text,
    percent,
    probability_text,
    quantity,
    weight_text,
)
from bigram_tui.formatting.printable import code_point, in_cells
from bigram_tui.model.bigrams import BOUNDARY, Bigrams, Matrix, Vocabulary
from bigram_tui.training.snapshot import Snapshot
from bigram_tui.tui.render.bars import Bar, columns, rows

TALL = 12
"""From this many lines on, characters are named and bars lie below each other."""


@dataclass(frozen=True, eq=False)
class Inspected:
    """A cell of the table of a run."""

    snapshot: Snapshot
    bigrams: Bigrams
    row: int
    column: int


class Inspector(Widget):
    """The numbers of a cell, in a few lines or in a whole column."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"inspector--bigram", "inspector--name", "inspector--marked"}

    inspected: reactive[Inspected | None] = reactive(None)

    def render(self) -> Text:
        """Write the numbers, then the row as bars; where there is room, also the cell in words."""
        shown, width, height = self.inspected, self.size.width, self.size.height
        if shown is None:
            return Text()
        lines = self._numbers(shown, width)
        table = shown.snapshot.probabilities
        if height >= 5:
            lines = [*_in_words(shown, table, width, height), *lines]
        if height >= TALL:
            lines = [*lines, *map(Text, _identities(shown)), Text()]
        room = height - len(lines)
        if table is not None and room >= 2:
            bars = _bars(shown, table[shown.row])
            draw = rows if height >= TALL else columns
            marked = self.get_component_rich_style("inspector--marked", partial=True)
            lines += draw(bars, width, room, marked)
        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)

    def _numbers(self, shown: Inspected, width: int) -> list[Text]:
        cell = (shown.row, shown.column)
        labels, counts = shown.bigrams.vocabulary.labels, shown.bigrams.counts
        run = shown.snapshot
        facts = [("N", f"{counts[cell]:,}")]
        if run.probabilities is not None:
            facts.append(("P", probability_text(float(run.probabilities[cell]))))
        if run.weights is not None:
            facts.append(("W", weight_text(run.weights[cell])))
        if run.gradient is not None:
            facts.append(("gradient", gradient_text(run.gradient[cell])))
        if run.probabilities is not None:
            row = run.probabilities[shown.row]
            rank = 1 + int(np.count_nonzero(row > row[shown.column]))
            facts.append(("rank", f"{rank} of {len(labels)}"))
        name = self.get_component_rich_style("inspector--name", partial=True)
        bigram = "".join(in_cells(labels[k], 2).rstrip() for k in cell)
        strong = self.get_component_rich_style("inspector--bigram", partial=True)
        lines = [Text.assemble((bigram, strong))]
        for fact, value in facts:
            text = Text.assemble("  ", (f"{fact} ", name), value)
            if lines[-1].cell_len + text.cell_len > width:
                lines.append(Text())
            lines[-1].append_text(text)
        return lines


def identity(token: int, vocabulary: Vocabulary) -> str:
    """Say what a token stands for, such as 'U+0065 LATIN SMALL LETTER E'."""
    if token == BOUNDARY:
        return "the start and the end of a line"
    if token > len(vocabulary.characters):
        return f"any of {quantity(len(vocabulary.rare), 'rare character')}"
    return code_point(vocabulary.labels[token])


def _in_words(shown: Inspected, table: Matrix | None, width: int, height: int) -> list[Text]:
    """Say what the cell means, in one line; in two if that is too long and there is room."""
    parts = [_frequency(shown)]
    if table is not None:
        parts.append(f"this model says {percent(float(table[shown.row, shown.column]))} %")
    if height < TALL or cell_len("; ".join(parts)) <= width:
        parts = ["; ".join(parts)]
    return [Text(part) for part in parts]


def _frequency(shown: Inspected) -> str:
    """Say how often the second token follows the first."""
    row, column = shown.row, shown.column
    seen, times = int(shown.bigrams.counts[row, column]), int(shown.bigrams.row_sums[row])
    if row == column == BOUNDARY:
        text = f"{seen:,} of {times:,} lines are empty"
    elif row == BOUNDARY:
        text = f"{_quoted(shown, column)} starts {seen:,} of {times:,} lines"
    else:
        following = "the line ends" if column == BOUNDARY else f"{_quoted(shown, column)} comes"
        text = f"after {_quoted(shown, row)}, {following} {seen:,} of {times:,} times"
    share = seen / times if times else math.nan
    text += f" ({percent(share)} %)" if times else ""
    return text[0].upper() + text[1:]


def _quoted(shown: Inspected, token: int) -> str:
    return f"“{in_cells(shown.bigrams.vocabulary.labels[token], 2).rstrip()}”"


def _identities(shown: Inspected) -> list[str]:
    vocabulary = shown.bigrams.vocabulary
    return [
        f"{in_cells(vocabulary.labels[k], 2)} is {identity(k, vocabulary)}"
        for k in dict.fromkeys((shown.row, shown.column))
    ]


def _bars(shown: Inspected, row: Matrix) -> list[Bar]:
    finite = np.clip(np.nan_to_num(row.astype(float), nan=0.0), 0, 1)
    labels = shown.bigrams.vocabulary.labels
    order = np.argsort(-finite, kind="stable")[:64].tolist()
    if shown.column not in order:
        order.append(shown.column)
    return [
        Bar(in_cells(labels[k], 2).rstrip(), float(finite[k]), k == shown.column) for k in order
    ]
