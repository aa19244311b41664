"""The cell under the cursor, in the tables of all runs."""

import math
from collections.abc import Callable, Sequence

from rich.text import Text

from bigram_tui.formatting.numbers import decimal, gradient_text, probability_text, weight_text
from bigram_tui.formatting.printable import in_cells
from bigram_tui.model.bigrams import Bigrams, Matrix
from bigram_tui.tui.compare.runs import ComparedRun, label_of
from bigram_tui.tui.render.table import Column, table_lines
from bigram_tui.tui.render.text_styles import TextStyles


def cell_lines(
    runs: Sequence[ComparedRun],
    cell: tuple[int, int],
    bigrams: Bigrams,
    width: int,
    styles: TextStyles,
) -> list[Text]:
    """Write N, and P, W and the gradient of each run, in columns or one below the other."""
    labels = bigrams.vocabulary.labels
    bigram = "".join(in_cells(labels[k], 2).rstrip() for k in cell)
    times = int(bigrams.row_sums[cell[0]])
    first = Text.assemble(
        (bigram, styles.strong), f"  N {int(bigrams.counts[cell]):,} of {times:,}"
    )
    parts = [
        ("P", [_of_cell(run.snapshot.probabilities, cell, probability_text) for run in runs]),
        ("W", [_of_cell(run.snapshot.weights, cell, weight_text) for run in runs]),
        ("gradient", [_of_cell(run.snapshot.gradient, cell, gradient_text) for run in runs]),
        ("surprise", [_of_cell(run.snapshot.probabilities, cell, _surprise_text) for run in runs]),
    ]
    names = [label_of(run) for run in runs]
    if width >= 48:
        held = [(title, cells) for title, cells in parts if any(cells)]
        columns = [Column(title, list(map(Text, cells)), least=8) for title, cells in held]
        names_first = [Column("", names, right=False), *columns]
        return [first, *table_lines(names_first, width, styles.title)]
    lines = [first]
    for title, cells in parts:
        if not any(cells):
            continue
        lines.append(Text(title, styles.title))
        for name, value in zip(names, cells, strict=True):
            if value:
                line = Text(no_wrap=True).append_text(name)
                line.truncate(max(1, width - len(value) - 1), overflow="ellipsis", pad=True)
                lines.append(line.append(f" {value}"))
    return lines


def _of_cell(table: Matrix | None, cell: tuple[int, int], text: Callable[[float], str]) -> str:
    return "" if table is None else text(float(table[cell]))


def _surprise_text(probability: float) -> str:
    return decimal(math.inf if probability <= 0 else -math.log(probability))
