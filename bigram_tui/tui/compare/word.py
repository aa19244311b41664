"""The surprise of a word under each run, bigram by bigram."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from bigram_tui.formatting.numbers import decimal
from bigram_tui.formatting.printable import in_cells, printable
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.model.surprise import Surprise
from bigram_tui.tui.compare.runs import (
    GAP,
    NAME_WIDTH,
    ComparedRun,
    in_columns,
    in_room,
    label_of,
    token_text,
)
from bigram_tui.tui.render.bars import across
from bigram_tui.tui.render.text_styles import TextStyles

LABEL = 5
"""Columns of the labels at the left of the numbers."""


def word_lines(
    runs: Sequence[ComparedRun],
    surprises: Mapping[int, Surprise],
    bigrams: Bigrams,
    chosen: ComparedRun,
    width: int,
    height: int,
    styles: TextStyles,
) -> list[Text]:
    """Write the surprise of a word, bigram by bigram, with a number and a bar for each run.

    The last line has the means.

    surprises: by the number of the run, of those that have a table.
    """
    able = [run for run in runs if run.number in surprises]
    if not able:
        return []
    shown = in_room(able, chosen, width - LABEL, NAME_WIDTH)
    room = (width - LABEL) // max(1, len(shown))
    labels = bigrams.vocabulary.labels
    tokens = surprises[shown[0].number].tokens
    finite = [v for run in shown for v in surprises[run.number].nats.tolist() if math.isfinite(v)]
    longest = max(finite, default=0.0) or 1.0
    header = [Text(" " * LABEL, no_wrap=True), in_columns([label_of(run) for run in shown], room)]
    lines = [Text("", no_wrap=True).join(header)]
    means = Text("mean ", styles.title, no_wrap=True)
    means.append_text(
        in_columns([Text(decimal(surprises[s.number].mean), styles.strong) for s in shown], room)
    )
    reasons = _impossible(shown, surprises, bigrams, width)
    pairs = list(pairwise(tokens))
    fitting = max(1, height - 2 - len(reasons))
    if len(pairs) > fitting:
        fitting = max(1, fitting - 1)
    for k, (first, second) in enumerate(pairs[:fitting]):
        label = f"{in_cells(labels[first], 2).rstrip()}{in_cells(labels[second], 2).rstrip()}"
        line = Text(label + " " * (LABEL - cell_len(label)), styles.title, no_wrap=True)
        cells = []
        for run in shown:
            value = float(surprises[run.number].nats[k])
            cell = Text(f"{decimal(value, 2):>5} ", styles.error if math.isinf(value) else "")
            share = value / longest if 0 < value < math.inf else 0.0
            cell.append(across(share, max(0, room - 6 - GAP)), run.color)
            cells.append(cell)
        lines.append(line.append_text(in_columns(cells, room)))
    if len(pairs) > fitting:
        lines.append(Text(f"… {len(pairs)} bigrams", styles.title, no_wrap=True))
    return [*lines, means, *(Text(reason, styles.faint) for reason in reasons)][:height]


def _impossible(
    runs: Sequence[ComparedRun], surprises: Mapping[int, Surprise], bigrams: Bigrams, width: int
) -> list[str]:
    """Say why a word has no finite surprise."""
    for run in runs:
        surprise = surprises[run.number]
        for (first, second), value in zip(pairwise(surprise.tokens), surprise.nats, strict=True):
            if math.isinf(value):
                bigram = "".join(token_text(k, bigrams.vocabulary) for k in (first, second))
                seen = int(bigrams.counts[first, second])
                cause = "never occurs" if not seen else f"occurs {seen:,} times"
                smoothing = run.snapshot.settings.get("smoothing")
                why = f" and α is {smoothing:g}" if isinstance(smoothing, float) else ""
                return wrap(f"{printable(run.name)}: “{bigram}” {cause}{why}, so P = 0", width)
    return []
