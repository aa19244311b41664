"""The samples of all runs from the same uniforms, and why they part."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap

import numpy as np
from rich.text import Text

from bigram_tui.formatting.printable import EMPTY, printable
from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.model.sampling import Divergence, PairedSample
from bigram_tui.tui.compare.runs import (
    NAME_WIDTH,
    ComparedRun,
    in_columns,
    in_room,
    label_of,
    reference_of,
    token_text,
)
from bigram_tui.tui.render.text_styles import TextStyles
from bigram_tui.tui.widgets.sample_list import MARK

END = "■"
"""The end of a sample where the reference's goes on."""

NUMBER = 3
"""Columns of the number of a sample."""

PARTED = "where samples part: previous character, random number, interval that was hit"
"""The title of the lines below the samples."""


def name_lines(
    runs: Sequence[ComparedRun],
    names: Mapping[int, Sequence[PairedSample]],
    holds: Callable[[str], bool | None],
    vocabulary: Vocabulary,
    chosen: ComparedRun,
    width: int,
    height: int,
    styles: TextStyles,
) -> list[Text]:
    """Write a column of samples for each run, and below, why those of the chosen one part.

    Each sample begins where the reference's does in the stream of uniforms.
    names: by the number of the run, equally many samples of each.
    """
    if not names:
        return []
    shown = in_room(runs, chosen, width - NUMBER, NAME_WIDTH)
    room = (width - NUMBER) // max(1, len(shown))
    rows = min(len(next(iter(names.values()))), height - 1)
    explained = _explained(runs, names, chosen)
    parted = [] if explained is None else _parted(names[explained.number])
    if explained is not None:
        told = wrap(PARTED if parted else _the_same(explained, reference_of(runs)), width)
        while rows > height // 2 and 1 + rows + len(told) + _reasons(parted, rows) > height:
            rows -= 1
    lines = [_numbered("", in_columns([label_of(run) for run in shown], room), styles)]
    for k in range(rows):
        cells = [_sample_text(names[run.number][k], holds, room - 1, styles) for run in shown]
        lines.append(_numbered(str(k + 1), in_columns(cells, room), styles))
    if explained is not None:
        reference = reference_of(runs)
        lines += [Text(line, styles.title, no_wrap=True) for line in told]
        for k, divergence in parted:
            if k < rows:
                lines.append(
                    _reason(k, divergence, reference, explained, vocabulary, width, styles)
                )
    return lines[:height]


def _parted(names: Sequence[PairedSample]) -> list[tuple[int, Divergence]]:
    return [(k, name.divergence) for k, name in enumerate(names) if name.divergence is not None]


def _the_same(explained: ComparedRun, reference: ComparedRun) -> str:
    return f"{printable(explained.name)} draws the same as {printable(reference.name)}"


def _reasons(parted: Sequence[tuple[int, Divergence]], rows: int) -> int:
    """Count the samples in sight that part."""
    return sum(k < rows for k, _ in parted)


def _explained(
    runs: Sequence[ComparedRun], names: Mapping[int, Sequence[PairedSample]], chosen: ComparedRun
) -> ComparedRun | None:
    """Choose the run that is explained: the chosen one, or another if that is the reference."""
    others = [run for run in runs if not run.is_reference and run.number in names]
    return chosen if chosen in others else next(iter(others), None)


def _numbered(number: str, line: Text, styles: TextStyles) -> Text:
    text = Text(f"{number:>{NUMBER - 1}} ", styles.title, no_wrap=True)
    return Text(no_wrap=True).append_text(text).append_text(line)


def _sample_text(
    paired: PairedSample, holds: Callable[[str], bool | None], room: int, styles: TextStyles
) -> Text:
    """Write a sample; a mark shows that the text has it, bold where it parts."""
    sample, divergence = paired.sample, paired.divergence
    known = holds(sample.text)
    text = Text(no_wrap=True)
    text.append(MARK if known else " ", styles.mark)
    if divergence is None:
        text.append(printable(sample.text) or EMPTY, styles.mark if known else styles.faint)
    else:
        rest = printable(sample.text[divergence.place :]) or END
        text.append(printable(sample.text[: divergence.place]), styles.faint)
        text.append(rest[:1], styles.strong).append(rest[1:])
    if not sample.ended:
        text.append("…")
    text.truncate(room, overflow="ellipsis")
    return text


def _reason(
    k: int,
    divergence: Divergence,
    reference: ComparedRun,
    explained: ComparedRun,
    vocabulary: Vocabulary,
    width: int,
    styles: TextStyles,
) -> Text:
    """Write the intervals of the cumulative P, one of each run, that the uniform falls into."""
    for named in (True, False):  # with the names of the runs, or else with their numbers
        line = Text(f"{k + 1:>{NUMBER - 1}} ", styles.title, no_wrap=True)
        line.append(token_text(divergence.after, vocabulary), styles.strong)
        line.append(f" {divergence.uniform:.4f}")
        for run, token in ((reference, divergence.reference_token), (explained, divergence.token)):
            name = printable(run.name) if named else str(run.number)
            line.append("  ").append(name, run.color).append(" ")
            line.append(token_text(token, vocabulary), styles.strong)
            line.append(f" {_interval(run, divergence.after, token)}")
        if line.cell_len <= width:
            break
    line.truncate(width, overflow="ellipsis")
    return line


def _interval(run: ComparedRun, after: int, token: int) -> str:
    """Write the interval of a token in the cumulative row of P; its length is its P."""
    assert run.snapshot.probabilities is not None
    row = run.snapshot.probabilities[after]
    sums = np.cumsum(row, dtype=np.float64)
    if not 0 < sums[-1] < np.inf:
        return "from no table"
    low = sums[token - 1] / sums[-1] if token else 0.0
    return "–".join(f"{end:.4f}".removeprefix("0") for end in (low, sums[token] / sums[-1]))
