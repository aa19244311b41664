"""The names of all runs from the same uniforms, and what made them part."""

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap

from rich.text import Text

from bigram_tui.bigrams import Vocabulary
from bigram_tui.printable import EMPTY, printable
from bigram_tui.sampling import NameBeside
from bigram_tui.tui.side_by_side.sides import (
    GAP,
    NAME_WIDTH,
    Inks,
    Side,
    in_columns,
    in_room,
    label_of,
    reference_of,
    token_text,
)
from bigram_tui.tui.widgets.inspector import number
from bigram_tui.tui.widgets.name_list import MARK

END = "■"
"""What stands for the end of a name that another one goes beyond."""


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

    names: by the number of the side, the same number of names for each.
    """
    shown = in_room(sides, chosen, width, NAME_WIDTH)
    room = width // max(1, len(shown))
    lines = [in_columns([label_of(side) for side in shown], room)]
    asked = next((side for side in sides if side is not chosen), chosen)
    explained = asked if chosen.is_reference else chosen
    reasons = _reasons(sides, names, vocabulary, explained, width, inks)
    count = max(map(len, names.values()), default=0)
    rows = max(1, min(count, height - 1 - min(len(reasons), max(0, (height - 2) // 2))))
    for k in range(min(rows, count)):
        cells = [_name(names[side.number], k, holds, room - GAP, inks) for side in shown]
        lines.append(in_columns(cells, room))
    return [*lines, *reasons][:height]


def _name(
    names: Sequence[NameBeside],
    k: int,
    holds: Callable[[str], bool | None],
    room: int,
    inks: Inks,
) -> Text:
    """One name: marked if the corpus has it, its first character that is another's too."""
    if k >= len(names):
        return Text("")
    name, parting = names[k].name, names[k].parting
    known = holds(name.text)
    text = Text(no_wrap=True)
    text.append(MARK if known else " ", inks.mark)
    if parting is None:
        text.append(printable(name.text) or EMPTY, inks.mark if known else inks.faint)
    else:
        shared = printable(name.text[: parting.place])
        rest = printable(name.text[parting.place :]) or END
        text.append(shared, inks.faint).append(rest[:1], inks.strong).append(rest[1:])
    if not name.ended:
        text.append("…")
    text.truncate(room, overflow="ellipsis")
    return text


def _reasons(
    sides: Sequence[Side],
    names: Mapping[int, Sequence[NameBeside]],
    vocabulary: Vocabulary,
    chosen: Side,
    width: int,
    inks: Inks,
) -> list[Text]:
    """Which uniform and which probabilities parted the names of a run from the reference's."""
    reference = reference_of(sides)
    if chosen.number not in names:
        return []
    own = names[chosen.number]
    parted = [(k, each.parting) for k, each in enumerate(own) if each.parting]
    lines = []
    for k, parting in parted:
        draws = (
            (reference.name, parting.reference_token, parting.reference_probability),
            (chosen.name, parting.token, parting.probability),
        )
        line = Text(f"{k + 1} after ", inks.faint, no_wrap=True)
        line.append(token_text(parting.after, vocabulary), inks.strong)
        line.append(f", {parting.uniform:.4f}:")
        for name, token, probability in draws:
            line.append(f" {printable(name)} ")
            line.append(token_text(token, vocabulary), inks.strong)
            line.append(f" {number(probability)}")
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    if parted:
        told = "where names part: after which character, the random number, who draws what (P)"
        lines = [Text(line, inks.title) for line in wrap(told, width)] + lines
    elif own:
        same = f"{printable(chosen.name)} draws the same names as {printable(reference.name)}"
        lines.append(Text(same, inks.faint, no_wrap=True))
    return lines
