"""The names of all runs from the same uniforms, and what made them part."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap

import numpy as np
from rich.text import Text

from bigram_tui.formatting.printable import EMPTY, printable
from bigram_tui.model.bigrams import Vocabulary
from bigram_tui.model.sampling import NameBeside, Parting
from bigram_tui.tui.compare.sides import (
    NAME_WIDTH,
    Inks,
    Side,
    in_columns,
    in_room,
    label_of,
    reference_of,
    token_text,
)
from bigram_tui.tui.widgets.name_list import MARK

END = "■"
"""What stands for the end of a name that another one goes beyond."""

NUMBER = 3
"""Columns of the number of a name."""

PARTED = "where samples part: previous character, random number, interval that was hit"
"""What the lines below the names say."""


def name_lines(
    sides: Sequence[Side],
    names: Mapping[int, Sequence[NameBeside]],
    holds: Callable[[str], bool | None],
    vocabulary: Vocabulary,
    chosen: Side,
    width: int,
    height: int,
    inks: Inks,
) -> list[Text]:
    """A column of names for each run; below, what made those of the chosen one part.

    Each name begins where the reference's does in the stream of uniforms.
    names: by the number of the side, the same number of names for each.
    """
    if not names:
        return []
    shown = in_room(sides, chosen, width - NUMBER, NAME_WIDTH)
    room = (width - NUMBER) // max(1, len(shown))
    rows = min(len(next(iter(names.values()))), height - 1)
    explained = _explained(sides, names, chosen)
    parted = [] if explained is None else _parted(names[explained.number])
    if explained is not None:
        told = wrap(PARTED if parted else _the_same(explained, reference_of(sides)), width)
        while rows > height // 2 and 1 + rows + len(told) + _reasons(parted, rows) > height:
            rows -= 1
    lines = [_numbered("", in_columns([label_of(side) for side in shown], room), inks)]
    for k in range(rows):
        cells = [_name(names[side.number][k], holds, room - 1, inks) for side in shown]
        lines.append(_numbered(str(k + 1), in_columns(cells, room), inks))
    if explained is not None:
        reference = reference_of(sides)
        lines += [Text(line, inks.title, no_wrap=True) for line in told]
        for k, parting in parted:
            if k < rows:
                lines.append(_reason(k, parting, reference, explained, vocabulary, width, inks))
    return lines[:height]


def _parted(names: Sequence[NameBeside]) -> list[tuple[int, Parting]]:
    return [(k, name.parting) for k, name in enumerate(names) if name.parting is not None]


def _the_same(explained: Side, reference: Side) -> str:
    return f"{printable(explained.name)} draws the same as {printable(reference.name)}"


def _reasons(parted: Sequence[tuple[int, Parting]], rows: int) -> int:
    """How many of the names in sight part."""
    return sum(k < rows for k, _ in parted)


def _explained(
    sides: Sequence[Side], names: Mapping[int, Sequence[NameBeside]], chosen: Side
) -> Side | None:
    """The run whose partings are explained: the chosen one, or another if that is the reference."""
    others = [side for side in sides if not side.is_reference and side.number in names]
    return chosen if chosen in others else next(iter(others), None)


def _numbered(number: str, line: Text, inks: Inks) -> Text:
    text = Text(f"{number:>{NUMBER - 1}} ", inks.title, no_wrap=True)
    return Text(no_wrap=True).append_text(text).append_text(line)


def _name(beside: NameBeside, holds: Callable[[str], bool | None], room: int, inks: Inks) -> Text:
    """One name: marked if the corpus has it, its first character that is another's too."""
    name, parting = beside.name, beside.parting
    known = holds(name.text)
    text = Text(no_wrap=True)
    text.append(MARK if known else " ", inks.mark)
    if parting is None:
        text.append(printable(name.text) or EMPTY, inks.mark if known else inks.faint)
    else:
        rest = printable(name.text[parting.place :]) or END
        text.append(printable(name.text[: parting.place]), inks.faint)
        text.append(rest[:1], inks.strong).append(rest[1:])
    if not name.ended:
        text.append("…")
    text.truncate(room, overflow="ellipsis")
    return text


def _reason(
    k: int,
    parting: Parting,
    reference: Side,
    explained: Side,
    vocabulary: Vocabulary,
    width: int,
    inks: Inks,
) -> Text:
    """Which intervals of the cumulated P, one of each run, the uniform falls into."""
    for named in (True, False):  # with the names of the runs, or else with their numbers
        line = Text(f"{k + 1:>{NUMBER - 1}} ", inks.title, no_wrap=True)
        line.append(token_text(parting.after, vocabulary), inks.strong)
        line.append(f" {parting.uniform:.4f}")
        for side, token in ((reference, parting.reference_token), (explained, parting.token)):
            name = printable(side.name) if named else str(side.number)
            line.append("  ").append(name, side.color).append(" ")
            line.append(token_text(token, vocabulary), inks.strong)
            line.append(f" {_interval(side, parting.after, token)}")
        if line.cell_len <= width:
            break
    line.truncate(width, overflow="ellipsis")
    return line


def _interval(side: Side, after: int, token: int) -> str:
    """From where to where a token reaches in the cumulated row of P; its P is the difference."""
    assert side.run.probabilities is not None
    row = side.run.probabilities[after]
    sums = np.cumsum(row, dtype=np.float64)
    if not 0 < sums[-1] < np.inf:
        return "from no table"
    low = sums[token - 1] / sums[-1] if token else 0.0
    return "–".join(f"{end:.4f}".removeprefix("0") for end in (low, sums[token] / sums[-1]))
